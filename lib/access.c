/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Checked access: whatever bits a reference has, a status and no fault. */
#include <slotheap/checked.h>
#include <slotheap/access.h>

#include "lib/counted.h"
#include "lib/find.h"
#include "lib/remembered.h"

/* ---- values ---- */

static void load(const char *at, slh_storage storage, slh_value *out)
{
  out->storage = storage;
  switch (storage) {
#define LOAD(STORAGE, T, member)                                                                   \
  case STORAGE: {                                                                                  \
    T value;                                                                                       \
    memcpy(&value, at, sizeof value);                                                              \
    out->member = value;                                                                           \
    break;                                                                                         \
  }
    LOAD(SLH_I8, int8_t, integer)
    LOAD(SLH_I16, int16_t, integer)
    LOAD(SLH_I32, int32_t, integer)
    LOAD(SLH_I64, int64_t, integer)
    LOAD(SLH_F32, float, f32)
    LOAD(SLH_F64, double, f64)
    LOAD(SLH_V128, slh_v128, v128)
    LOAD(SLH_REF, slh_ref, ref)
    LOAD(SLH_FUNCREF, uint32_t, integer)
  }
}

/* What may be written into a field or an element of `storage`. */
static slh_status check(const slh_heap *heap, slh_storage storage, const slh_value *value)
{
  struct object object;

  if (value->storage != storage)
    return SLH_E_TYPE;
  if (storage != SLH_REF || slh_is_null(value->ref) || slh_is_i31(value->ref))
    return SLH_OK;
  return slhi_find_object(heap, value->ref, &object);
}

/* A value that was checked; without barriers. */
static void store(char *at, const slh_value *value)
{
  switch (value->storage) {
#define STORE(STORAGE, T, member)                                                                  \
  case STORAGE: {                                                                                  \
    T bits = (T)value->member;                                                                     \
    memcpy(at, &bits, sizeof bits);                                                                \
    break;                                                                                         \
  }
    STORE(SLH_I8, uint8_t, integer)
    STORE(SLH_I16, uint16_t, integer)
    STORE(SLH_I32, uint32_t, integer)
    STORE(SLH_I64, uint64_t, integer)
    STORE(SLH_FUNCREF, uint32_t, integer)
    STORE(SLH_F32, float, f32)
    STORE(SLH_F64, double, f64)
  case SLH_V128:
    memcpy(at, &value->v128, sizeof value->v128);
    break;
  case SLH_REF:
    slhi_store_word(at, value->ref.bits);
    break;
  }
}

/* ---- fields and elements ---- */

/* Address and storage of a struct's field or an array's element. */
static slh_status locate(const slh_heap *heap, slh_ref ref, slh_kind kind, uint32_t index,
                         char **at, slh_storage *storage)
{
  struct object object;
  const slh_type *type;
  uint64_t offset;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status != SLH_OK)
    return status;
  type = slhi_object_type(heap, &object);
  /* Exceptions have fields as structs do. */
  if ((type->kind == SLH_KIND_EXN ? SLH_KIND_STRUCT : type->kind) != kind)
    return SLH_E_TYPE;
  if (index >= (kind == SLH_KIND_STRUCT ? type->field_count : object.word))
    return SLH_E_BOUNDS;
  if (kind == SLH_KIND_STRUCT) {
    offset = type->fields[index].offset;
    *storage = type->fields[index].storage;
  } else {
    offset = SLH_ARRAY_DATA_OFFSET + (uint64_t)index * type->size;
    *storage = type->fields[0].storage;
  }
  *at = heap->data.base + ref.bits + offset;
  return SLH_OK;
}

static slh_status get(const slh_heap *heap, slh_ref ref, slh_kind kind, uint32_t index,
                      slh_value *out)
{
  slh_storage storage;
  char *at;
  slh_status status = locate(heap, ref, kind, index, &at, &storage);

  if (status == SLH_OK)
    load(at, storage, out);
  return status;
}

static slh_status set(slh_heap *heap, slh_ref ref, slh_kind kind, uint32_t index,
                      const slh_value *value)
{
  slh_storage storage;
  char *at;
  slh_status status = locate(heap, ref, kind, index, &at, &storage);

  if (status == SLH_OK)
    status = check(heap, storage, value);
  if (status != SLH_OK)
    return status;
  if (storage == SLH_REF && slhi_heap_counts(heap)) {
    slh_counted_set(heap, ref, (uint64_t)(at - heap->data.base), value->ref);
    return SLH_OK;
  }
  store(at, value);
  if (storage == SLH_REF && kind == SLH_KIND_ARRAY)
    slh_array_barrier(heap, ref, index, value->ref);
  else if (storage == SLH_REF)
    slh_barrier(heap, ref, value->ref);
  return SLH_OK;
}

slh_status slh_struct_get(const slh_heap *heap, slh_ref object, uint32_t field, slh_value *out)
{
  return get(heap, object, SLH_KIND_STRUCT, field, out);
}

slh_status slh_struct_set(slh_heap *heap, slh_ref object, uint32_t field, const slh_value *value)
{
  return set(heap, object, SLH_KIND_STRUCT, field, value);
}

slh_status slh_array_get(const slh_heap *heap, slh_ref array, uint32_t index, slh_value *out)
{
  return get(heap, array, SLH_KIND_ARRAY, index, out);
}

slh_status slh_array_set(slh_heap *heap, slh_ref array, uint32_t index, const slh_value *value)
{
  return set(heap, array, SLH_KIND_ARRAY, index, value);
}

slh_status slh_array_data(const slh_heap *heap, slh_ref array, slh_storage element, void **data,
                          uint32_t *length)
{
  struct object object;
  const slh_type *type;
  slh_status status = slhi_find_object(heap, array, &object);

  if (status != SLH_OK)
    return status;
  type = slhi_object_type(heap, &object);
  if (type->kind != SLH_KIND_ARRAY || type->fields[0].storage != element)
    return SLH_E_TYPE;
  *data = heap->data.base + array.bits + SLH_ARRAY_DATA_OFFSET;
  *length = object.word;
  return SLH_OK;
}

/* ---- in bulk ---- */

/* Some elements of an array. */
struct elements {
  char *at;
  uint64_t bytes;
  slh_storage storage;
};

static slh_status find_elements(const slh_heap *heap, slh_ref array, uint32_t index, uint32_t count,
                                struct elements *out)
{
  struct object object;
  const slh_type *type;
  slh_status status = slhi_find_object(heap, array, &object);

  if (status != SLH_OK)
    return status;
  type = slhi_object_type(heap, &object);
  if (type->kind != SLH_KIND_ARRAY)
    return SLH_E_TYPE;
  if (index > object.word || count > object.word - index)
    return SLH_E_BOUNDS;
  out->at = heap->data.base + array.bits + SLH_ARRAY_DATA_OFFSET + (uint64_t)index * type->size;
  out->bytes = (uint64_t)count * type->size;
  out->storage = type->fields[0].storage;
  return SLH_OK;
}

slh_status slh_array_copy(slh_heap *heap, slh_ref to, uint32_t to_index, slh_ref from,
                          uint32_t from_index, uint32_t count)
{
  struct elements target, source;
  slh_status status = find_elements(heap, to, to_index, count, &target);

  if (status == SLH_OK)
    status = find_elements(heap, from, from_index, count, &source);
  if (status != SLH_OK)
    return status;
  if (target.storage != source.storage)
    return SLH_E_TYPE;
  if (target.storage == SLH_REF && slhi_heap_counts(heap) &&
      slhi_counted_set_elements(heap, to, target.at, source.at, 4, count))
    return SLH_OK;
  memmove(target.at, source.at, target.bytes);
  if (target.storage == SLH_REF && !slhi_heap_counts(heap))
    slhi_remember_elements(heap, to, to_index, count);
  return SLH_OK;
}

slh_status slh_array_fill(slh_heap *heap, slh_ref array, uint32_t index, uint32_t count,
                          const slh_value *value)
{
  struct elements target;
  uint64_t done;
  slh_status status = find_elements(heap, array, index, count, &target);

  if (status == SLH_OK && value->storage != target.storage)
    status = SLH_E_TYPE;
  if (status != SLH_OK || count == 0)
    return status;
  status = check(heap, target.storage, value);
  if (status != SLH_OK)
    return status;
  if (target.storage == SLH_REF && slhi_heap_counts(heap) &&
      slhi_counted_set_elements(heap, array, target.at, (const char *)&value->ref, 0, count))
    return SLH_OK;
  /* The first is stored; then what is there is doubled. */
  store(target.at, value);
  for (done = target.bytes / count; done < target.bytes;) {
    uint64_t some = done < target.bytes - done ? done : target.bytes - done;

    memcpy(target.at + done, target.at, some);
    done += some;
  }
  if (target.storage == SLH_REF && !slhi_heap_counts(heap) &&
      slh_is_old_to_young(heap, array, value->ref))
    slhi_remember_elements(heap, array, index, count);
  return SLH_OK;
}

slh_status slh_array_init(slh_heap *heap, slh_ref array, uint32_t index, uint32_t count,
                          const void *from)
{
  struct elements target;
  slh_status status = find_elements(heap, array, index, count, &target);

  if (status != SLH_OK)
    return status;
  if (target.storage == SLH_REF)
    return SLH_E_TYPE;
  if (target.bytes != 0)
    memcpy(target.at, from, target.bytes);
  return SLH_OK;
}
