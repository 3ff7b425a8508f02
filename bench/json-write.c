/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A value to text, with yajl's generator. Allocates nothing in the heap. */
#include "json.h"

static slh_status status_of(yajl_gen_status status)
{
  switch (status) {
  case yajl_gen_status_ok:
    return SLH_OK;
  case yajl_max_depth_exceeded:
    return SLH_E_LIMIT;
  default:
    return SLH_E_INVALID;
  }
}

static yajl_gen_status write_string(yajl_gen generator, struct json_text text)
{
  return yajl_gen_string(generator, (const unsigned char *)text.bytes, text.length);
}

static slh_status write_list(const struct json_store *store, slh_ref list, yajl_gen generator)
{
  uint32_t count = slh_array_length(store->heap, list);
  slh_status status = status_of(yajl_gen_array_open(generator));

  for (uint32_t i = 0; i < count && status == SLH_OK; i++)
    status = json_write(store, json_element(store, list, i), generator);
  return status == SLH_OK ? status_of(yajl_gen_array_close(generator)) : status;
}

static slh_status write_object(const struct json_store *store, slh_ref object, yajl_gen generator)
{
  slh_ref members = slh_get_ref(store->heap, object, JSON_OBJECT_MEMBERS);
  uint32_t count = slh_array_length(store->heap, members);
  slh_status status = status_of(yajl_gen_map_open(generator));

  for (uint32_t i = 0; i < count && status == SLH_OK; i++)
    status = json_write(store, json_element(store, members, i), generator);
  return status == SLH_OK ? status_of(yajl_gen_map_close(generator)) : status;
}

/* Recursive, but no deeper than the generator allows (YAJL_MAX_DEPTH). */
slh_status json_write(const struct json_store *store, slh_ref value, yajl_gen generator)
{
  const struct json_types *types = store->types;

  if (slh_is_null(value))
    return status_of(yajl_gen_null(generator));
  if (slh_is_i31(value))
    return status_of(yajl_gen_integer(generator, slh_i31_signed(value)));
  if (json_is(store, value, types->string))
    return status_of(write_string(generator, json_string_text(store, value)));
  if (json_is(store, value, types->list))
    return write_list(store, value, generator);
  if (json_is(store, value, types->object))
    return write_object(store, value, generator);
  if (json_is(store, value, types->number))
    return status_of(
        yajl_gen_double(generator, slh_get_f64(store->heap, value, JSON_NUMBER_VALUE)));
  if (json_is(store, value, types->boolean))
    return status_of(yajl_gen_bool(generator, slh_get_i32(store->heap, value, JSON_BOOLEAN_VALUE)));
  return SLH_E_TYPE;
}
