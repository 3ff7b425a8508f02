/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Objects as such: kinds, ranges, raw allocation, views. */
#include <slotheap/view.h>
#include <slotheap/object.h>

#include "lib/counts.h"
#include "lib/find.h"
#include "lib/growth.h"
#include "lib/hide.h"

/* ---- kinds ---- */

static bool kind_is(slh_kind kind, slh_abstract of)
{
  switch (of) {
  case SLH_ANY:
    return kind != SLH_KIND_EXN;
  case SLH_EQ:
    return kind == SLH_KIND_STRUCT || kind == SLH_KIND_ARRAY;
  case SLH_STRUCT:
    return kind == SLH_KIND_STRUCT;
  case SLH_ARRAY:
    return kind == SLH_KIND_ARRAY;
  case SLH_EXTERN:
    return kind != SLH_KIND_EXN;
  case SLH_EXN:
    return kind == SLH_KIND_EXN;
  case SLH_I31:
  case SLH_NONE:
    break;
  }
  return false;
}

bool slh_ref_is(const slh_heap *heap, slh_ref ref, slh_abstract of, bool nullable)
{
  struct object object;

  if (slh_is_null(ref))
    return nullable;
  if (slh_is_i31(ref))
    return of == SLH_ANY || of == SLH_EQ || of == SLH_I31 || of == SLH_EXTERN;
  return slhi_find_object(heap, ref, &object) == SLH_OK &&
         kind_is(slhi_shape_kind(object.shape), of);
}

/* ---- what lies where ---- */

slh_status slh_object_type(const slh_heap *heap, slh_ref ref, const slh_type **out)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status == SLH_OK)
    *out = slhi_object_type(heap, &object);
  return status;
}

slh_status slh_object_size(const slh_heap *heap, slh_ref ref, uint64_t *out)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status == SLH_OK)
    *out = object.bytes;
  return status;
}

slh_status slh_object_range(const slh_heap *heap, slh_ref ref, uint64_t *start, uint64_t *end)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status != SLH_OK)
    return status;
  *start = ref.bits;
  *end = ref.bits + object.bytes;
  return SLH_OK;
}

bool slh_object_is(const slh_heap *heap, slh_ref ref, const slh_type *type)
{
  const slh_type *found;

  return slh_object_type(heap, ref, &found) == SLH_OK && slh_type_is(found, type);
}

slh_status slh_object_header(slh_heap *heap, slh_ref ref, uint32_t **out)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status == SLH_OK)
    *out = (uint32_t *)(void *)(heap->data.base + ref.bits);
  return status;
}

slh_status slh_array_len(const slh_heap *heap, slh_ref ref, uint32_t *out)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status != SLH_OK)
    return status;
  if (slhi_shape_kind(object.shape) != SLH_KIND_ARRAY)
    return SLH_E_TYPE;
  *out = object.word;
  return SLH_OK;
}

slh_status slh_exn_tag(const slh_heap *heap, slh_ref ref, uint32_t *instance, uint32_t *index)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status != SLH_OK)
    return status;
  if (slhi_shape_kind(object.shape) != SLH_KIND_EXN)
    return SLH_E_TYPE;
  *instance = slhi_load_word(heap->data.base + ref.bits + SLH_EXN_TAG_INSTANCE_OFFSET);
  *index = slhi_load_word(heap->data.base + ref.bits + SLH_EXN_TAG_INDEX_OFFSET);
  return SLH_OK;
}

slh_status slh_heap_index(const slh_heap *heap, uint64_t at, uint64_t bytes, void **out)
{
  uint64_t end = slhi_heap_end(heap);

  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (at < slhi_heap_first(heap) || at > end || bytes > end - at)
    return SLH_E_BOUNDS;
  *out = heap->data.base + at;
  return SLH_OK;
}

void slh_heap_slice(const slh_heap *heap, void **bytes, uint64_t *length)
{
  *bytes = heap->data.base + slhi_heap_first(heap);
  *length = slhi_heap_end(heap) - slhi_heap_first(heap);
}

/* ---- raw allocation ---- */

slh_status slh_alloc_raw(slh_heap *heap, uint32_t header, uint64_t bytes, uint32_t alignment,
                         uint32_t length, slh_ref *out)
{
  const slh_type *type = slh_runtime_type(heap->data.runtime, header >> SLHI_INDEX_SHIFT);

  if (alignment > SLHI_OBJECT_ALIGN || alignment == 0 || (alignment & (alignment - 1)) != 0)
    return SLH_E_UNSUPPORTED;
  if (!type || type->header != header)
    return SLH_E_TYPE;
  if (type->kind == SLH_KIND_ARRAY) {
    if (bytes != slhi_array_bytes(type->size, length))
      return SLH_E_TYPE;
    return slh_alloc_array_uninit(heap, type, length, out);
  }
  if (type->kind == SLH_KIND_EXTERN || bytes != type->size || length != 0)
    return SLH_E_TYPE;
  return slh_alloc_struct_uninit(heap, type, out);
}

slh_status slh_dealloc(slh_heap *heap, slh_ref ref)
{
  slh_heap_data *data = &heap->data;
  struct object object;
  slh_status status;

  slhi_require_idle(heap, "slh_dealloc");
  status = slhi_find_object(heap, ref, &object);
  if (status != SLH_OK)
    return status;
  if (slhi_shape_kind(object.shape) == SLH_KIND_EXTERN)
    return SLH_E_TYPE;
  /* What is counted ends by its counts. */
  if (slhi_heap_counts(heap) && slhi_counts(heap) &&
      slhi_has_state(slhi_counts(heap), ref.bits, SLHI_STATE_COUNTED, slhi_heap_end(heap)))
    return SLH_OK;
  /* Nothing new may lie among the old objects, or those of an image. */
  if (ref.bits + object.bytes == data->bump && ref.bits >= slhi_heap_young(heap) &&
      ref.bits >= data->start) {
    /* What was written is still to be scrubbed. */
    if (data->dirty < data->bump)
      data->dirty = data->bump;
    data->bump = ref.bits;
    slhi_hide(heap, data->bump, data->bump + object.bytes);
    slhi_heap_set_limit(heap);
    return SLH_OK;
  }
  slhi_store_filler(data->base + ref.bits, (uint32_t)object.bytes);
  return SLH_OK;
}

/* ---- views ---- */

slh_status slh_object_data(const slh_heap *heap, slh_ref ref, slh_object_view *out)
{
  struct object object;
  slh_status status = slhi_find_object(heap, ref, &object);

  if (status != SLH_OK)
    return status;
  out->bytes = heap->data.base + ref.bits;
  out->length = object.bytes;
  return SLH_OK;
}

slh_status slh_object_data_pair(const slh_heap *heap, slh_ref a, slh_ref b, slh_object_view *a_out,
                                slh_object_view *b_out)
{
  slh_object_view first, second;
  slh_status status = slh_object_data(heap, a, &first);

  if (status == SLH_OK)
    status = slh_object_data(heap, b, &second);
  if (status != SLH_OK)
    return status;
  if (first.bytes < second.bytes + second.length && second.bytes < first.bytes + first.length)
    return SLH_E_INVALID;
  *a_out = first;
  *b_out = second;
  return SLH_OK;
}
