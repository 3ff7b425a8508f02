/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* JSON values as objects of a heap, and the stack that roots them. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

/* ---- types ---- */

struct field_plan {
  const char *name;
  slh_storage storage;
  uint32_t offset; /* where the code of this workload expects it */
};

static slh_status register_struct(slh_runtime *runtime, const char *name,
                                  const struct field_plan *plan, size_t count, const slh_type **out,
                                  slh_error *error)
{
  slh_field fields[4] = {{NULL, SLH_REF, 0}};
  slh_status status;

  for (size_t i = 0; i < count; i++) {
    fields[i].name = plan[i].name;
    fields[i].storage = plan[i].storage;
  }
  status = slh_struct_type_new(runtime, name, NULL, fields, count, out, error);
  if (status != SLH_OK)
    return status;
  for (size_t i = 0; i < count; i++) {
    if ((*out)->fields[i].offset != plan[i].offset) {
      error->status = SLH_E_UNSUPPORTED;
      strcpy(error->message, "a field does not lie where the documented layout puts it");
      return SLH_E_UNSUPPORTED;
    }
  }
  return SLH_OK;
}

slh_status json_types_register(slh_runtime *runtime, struct json_types *types, slh_error *error)
{
  static const struct field_plan object[] = {{"members", SLH_REF, JSON_OBJECT_MEMBERS}};
  static const struct field_plan number[] = {{"value", SLH_F64, JSON_NUMBER_VALUE}};
  static const struct field_plan boolean[] = {{"value", SLH_I32, JSON_BOOLEAN_VALUE}};
  static const struct field_plan group[] = {{"key", SLH_REF, JSON_GROUP_KEY},
                                            {"next", SLH_REF, JSON_GROUP_NEXT},
                                            {"hash", SLH_I32, JSON_GROUP_HASH},
                                            {"count", SLH_I32, JSON_GROUP_COUNT}};
  slh_status status;

  status = slh_array_type_new(runtime, "json string", SLH_I8, &types->string, error);
  if (status == SLH_OK)
    status = slh_array_type_new(runtime, "json list", SLH_REF, &types->list, error);
  if (status == SLH_OK)
    status = slh_array_type_new(runtime, "json members", SLH_REF, &types->members, error);
  if (status == SLH_OK)
    status = register_struct(runtime, "json object", object, 1, &types->object, error);
  if (status == SLH_OK)
    status = register_struct(runtime, "json number", number, 1, &types->number, error);
  if (status == SLH_OK)
    status = register_struct(runtime, "json boolean", boolean, 1, &types->boolean, error);
  if (status == SLH_OK)
    status = register_struct(runtime, "query group", group, 4, &types->group, error);
  return status;
}

/* ---- the value stack ---- */

slh_status json_stack_grow(struct json_stack *stack)
{
  uint32_t capacity = stack->capacity == 0 ? 256 : stack->capacity * 2;
  slh_ref *values;

  /* Positions on the stack are kept in i31s while a document is parsed. */
  if (capacity > 1u << 30)
    return SLH_E_LIMIT;
  values = realloc(stack->values, capacity * sizeof *values);
  if (values == NULL)
    return SLH_E_NOMEM;
  stack->values = values;
  stack->capacity = capacity;
  return SLH_OK;
}

void json_stack_free(struct json_stack *stack)
{
  free(stack->values);
  *stack = (struct json_stack){NULL, 0, 0};
}

void json_enumerate_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct json_stack *stack = host;

  (void)heap;
  if (stack->count > 0)
    (void)slh_roots_add(roots, SLH_ROOT_STACK, stack->values, stack->count, "JSON value stack");
}

/* ---- making values ---- */

slh_status json_push_string(struct json_store *store, const void *bytes, size_t length)
{
  slh_ref string;
  slh_status status;

  if (length > UINT32_MAX)
    return SLH_E_TOO_LARGE;
  status = slh_new_array_uninit(store->heap, store->types->string, (uint32_t)length, &string);
  if (status != SLH_OK)
    return status;
  memcpy(slh_address(store->heap, string, SLH_ARRAY_DATA_OFFSET), bytes, length);
  return json_push(store, string);
}

slh_status json_push_integer(struct json_store *store, long long integer)
{
  /* 31 bits, signed; what does not fit becomes a double, as in JavaScript. */
  if (integer < -(1ll << 30) || integer >= 1ll << 30)
    return json_push_number(store, (double)integer);
  return json_push(store, slh_i31((int32_t)integer));
}

slh_status json_push_number(struct json_store *store, double number)
{
  slh_ref object;
  slh_status status = slh_new_struct_uninit(store->heap, store->types->number, &object);

  if (status != SLH_OK)
    return status;
  slh_set_f64(store->heap, object, JSON_NUMBER_VALUE, number);
  return json_push(store, object);
}

slh_status json_push_boolean(struct json_store *store, bool boolean)
{
  slh_ref object;
  slh_status status = slh_new_struct_uninit(store->heap, store->types->boolean, &object);

  if (status != SLH_OK)
    return status;
  slh_set_i32(store->heap, object, JSON_BOOLEAN_VALUE, boolean);
  return json_push(store, object);
}

/* Replaces the values from `first` on by an array of them. */
static slh_status make_array(struct json_store *store, const slh_type *type, uint32_t first)
{
  struct json_stack *stack = store->stack;
  uint32_t count = stack->count - first;
  slh_ref array;
  slh_status status = slh_new_array_uninit(store->heap, type, count, &array);

  if (status != SLH_OK)
    return status;
  for (uint32_t i = 0; i < count; i++)
    slh_init_ref(store->heap, slh_element(array, i, 4), 0, stack->values[first + i]);
  stack->count = first;
  return json_push(store, array);
}

slh_status json_make_list(struct json_store *store, uint32_t first)
{
  return make_array(store, store->types->list, first);
}

slh_status json_make_object(struct json_store *store, uint32_t first)
{
  slh_ref object;
  slh_status status = make_array(store, store->types->members, first);

  if (status != SLH_OK)
    return status;
  status = slh_new_struct_uninit(store->heap, store->types->object, &object);
  if (status != SLH_OK)
    return status;
  slh_init_ref(store->heap, object, JSON_OBJECT_MEMBERS, store->stack->values[first]);
  store->stack->values[first] = object;
  return SLH_OK;
}

/* ---- reading values ---- */

struct json_text json_text_of(const char *string)
{
  struct json_text text = {string, (uint32_t)strlen(string)};

  return text;
}

bool json_object_get_member(const struct json_store *store, slh_ref object, struct json_text key,
                            slh_ref *value)
{
  slh_ref members;

  if (!json_is(store, object, store->types->object))
    return false;
  members = slh_get_ref(store->heap, object, JSON_OBJECT_MEMBERS);
  for (uint32_t i = slh_array_length(store->heap, members); i >= 2; i -= 2) {
    slh_ref name = json_element(store, members, i - 2);
    if (json_text_equal(json_string_text(store, name), key)) {
      *value = json_element(store, members, i - 1);
      return true;
    }
  }
  return false;
}
