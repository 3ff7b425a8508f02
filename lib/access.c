/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Checked access: whatever bits a reference has, a status and no fault. */
#include <slotheap/access.h>

#include "lib/heap.h"
#include "lib/object.h"

/* Checks that `ref` points at an object; `out` describes it. */
static slh_status find(const slh_heap *heap, slh_ref ref, struct object *out)
{
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (slh_is_null(ref) || slh_is_i31(ref))
    return SLH_E_TYPE;
  if (ref.bits % SLHI_OBJECT_ALIGN != 0 || ref.bits < SLHI_START || ref.bits >= heap->data.bump)
    return SLH_E_CORRUPT;
  if (!slhi_object_read(slhi_shapes(heap->runtime), heap->data.base + ref.bits,
                        heap->data.bump - ref.bits, out))
    return SLH_E_CORRUPT;
  return slhi_shape_kind(out->shape) == SLH_KIND_FILLER ? SLH_E_CORRUPT : SLH_OK;
}

static const slh_type *type_of(const slh_heap *heap, const struct object *object)
{
  return slh_runtime_type(heap->runtime, object->shape->header >> SLHI_INDEX_SHIFT);
}

slh_status slh_object_type(const slh_heap *heap, slh_ref ref, const slh_type **out)
{
  struct object object;
  slh_status status = find(heap, ref, &object);

  if (status == SLH_OK)
    *out = type_of(heap, &object);
  return status;
}

slh_status slh_object_size(const slh_heap *heap, slh_ref ref, uint64_t *out)
{
  struct object object;
  slh_status status = find(heap, ref, &object);

  if (status == SLH_OK)
    *out = object.bytes;
  return status;
}

bool slh_object_is(const slh_heap *heap, slh_ref ref, const slh_type *type)
{
  const slh_type *found;

  return slh_object_type(heap, ref, &found) == SLH_OK && slh_type_is(found, type);
}

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

static slh_status store(slh_heap *heap, char *at, slh_storage storage, const slh_value *value)
{
  struct object object;

  if (value->storage != storage)
    return SLH_E_TYPE;
  switch (storage) {
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
    if (!slh_is_null(value->ref) && !slh_is_i31(value->ref)) {
      slh_status status = find(heap, value->ref, &object);

      if (status != SLH_OK)
        return status;
    }
    slhi_store_word(at, value->ref.bits);
    break;
  }
  return SLH_OK;
}

/* ---- fields and elements ---- */

/* Address and storage of a struct's field or an array's element. */
static slh_status locate(const slh_heap *heap, slh_ref ref, slh_kind kind, uint32_t index,
                         char **at, slh_storage *storage)
{
  struct object object;
  const slh_type *type;
  uint64_t offset;
  slh_status status = find(heap, ref, &object);

  if (status != SLH_OK)
    return status;
  type = type_of(heap, &object);
  if (type->kind != kind)
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

  return status == SLH_OK ? store(heap, at, storage, value) : status;
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
  slh_status status = find(heap, array, &object);

  if (status != SLH_OK)
    return status;
  type = type_of(heap, &object);
  if (type->kind != SLH_KIND_ARRAY || type->fields[0].storage != element)
    return SLH_E_TYPE;
  *data = heap->data.base + array.bits + SLH_ARRAY_DATA_OFFSET;
  *length = object.word;
  return SLH_OK;
}
