/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Allocation by bump; the uninitialised structs are inline in <slotheap/allocate.h>. */
#include "lib/allocate.h"

#include <slotheap/collection.h>

#include "lib/growth.h"
#include "lib/object.h"
#include "lib/policy.h"

/* How a call makes room. */
typedef slh_status make_room_fn(slh_heap *heap, uint64_t bytes);

/* Collects as the policy decides. `*enough`: there is room now. */
static slh_status collect_for(slh_heap *heap, uint64_t bytes, bool *enough)
{
  slh_policy_action action = slhi_policy_act(heap, bytes);
  slh_status status;

  if (action == SLH_POLICY_GROW) {
    *enough = slhi_heap_grow_for(heap, bytes, SLH_OK) == SLH_OK;
    if (*enough)
      return SLH_OK;
  }
  if (action == SLH_POLICY_YOUNG) {
    status = slh_heap_collect_young(heap, NULL);
    /* Without raising the soft limit: that is for who has collected all. */
    *enough = status == SLH_OK && heap->data.bump + bytes <= heap->soft &&
              slh_heap_grow(heap, bytes) == SLH_OK;
    if (status != SLH_OK || *enough)
      return status;
  }
  status = slh_heap_collect(heap, NULL);
  if (status == SLH_OK && heap->data.runtime->collector->has_room)
    *enough = heap->data.runtime->collector->has_room(heap, bytes);
  return status;
}

slh_status slh_heap_make_room(slh_heap *heap, uint64_t bytes)
{
  slh_status status = slh_heap_extend(heap, bytes);
  bool enough = false;

  /* SLH_E_NOMEM, too: a collection needs no new memory in the heap. */
  if (status != SLH_E_COLLECT && status != SLH_E_NOMEM)
    return status;
  if (heap->no_gc != 0)
    return status == SLH_E_NOMEM ? status : slhi_heap_grow_for(heap, bytes, SLH_OK);
  status = collect_for(heap, bytes, &enough);
  if (status != SLH_OK && status != SLH_E_BUSY && status != SLH_E_NOMEM)
    return status;
  if (!enough)
    status = slhi_heap_grow_for(heap, bytes, status);
  heap->zealous = 0; /* this was the next allocation */
  return status;
}

/* Room for an object of `bytes`, at *at; its header is written. */
static inline slh_status place(slh_heap *heap, const slh_type *type, uint64_t bytes,
                               make_room_fn *make_room, uint64_t *at)
{
  /* The limit is 0 where every allocation has to come here. */
  if (SLH_UNLIKELY(heap->data.bump + bytes > heap->data.limit)) {
    slh_status status = make_room(heap, bytes);

    if (status != SLH_OK)
      return status;
  }
  *at = heap->data.bump;
  heap->data.bump = *at + bytes;
  slhi_store_word(heap->data.base + *at, type->header);
  return SLH_OK;
}

/* Bytes of [at, end) that may not be zero are those below the dirty mark. */
static inline void zero(slh_heap *heap, uint64_t at, uint64_t end)
{
  if (SLH_UNLIKELY(at < heap->data.dirty)) {
    uint64_t stop = end < heap->data.dirty ? end : heap->data.dirty;

    memset(heap->data.base + at, 0, stop - at);
  }
}

/* ---- structs ---- */

static slh_status new_struct(slh_heap *heap, const slh_type *type, make_room_fn *make_room,
                             slh_ref *out)
{
  uint64_t at;
  slh_status status;

  if (type->kind != SLH_KIND_STRUCT && type->kind != SLH_KIND_EXN)
    return SLH_E_TYPE;
  status = place(heap, type, type->size, make_room, &at);
  if (status != SLH_OK)
    return status;
  out->bits = (uint32_t)at;
  return SLH_OK;
}

static slh_status new_zeroed_struct(slh_heap *heap, const slh_type *type, make_room_fn *make_room,
                                    slh_ref *out)
{
  slh_status status = new_struct(heap, type, make_room, out);

  if (status == SLH_OK)
    zero(heap, out->bits + UINT64_C(4), heap->data.bump);
  return status;
}

slh_status slh_alloc_struct(slh_heap *heap, const slh_type *type, slh_ref *out)
{
  return new_zeroed_struct(heap, type, slh_heap_extend, out);
}

slh_status slh_new_struct(slh_heap *heap, const slh_type *type, slh_ref *out)
{
  return new_zeroed_struct(heap, type, slh_heap_make_room, out);
}

slh_status slhi_alloc_externref(slh_heap *heap, bool collect, slh_ref *out)
{
  const slh_type *type = slh_externref_type(heap->data.runtime);
  uint64_t at;
  slh_status status =
      place(heap, type, type->size, collect ? slh_heap_make_room : slh_heap_extend, &at);

  if (status == SLH_OK)
    out->bits = (uint32_t)at;
  return status;
}

/* ---- arrays ---- */

static slh_status new_array(slh_heap *heap, const slh_type *type, uint32_t length,
                            make_room_fn *make_room, slh_ref *out)
{
  uint64_t at;
  slh_status status;

  if (type->kind != SLH_KIND_ARRAY)
    return SLH_E_TYPE;
  status = place(heap, type, slhi_array_bytes(type->size, length), make_room, &at);
  if (status != SLH_OK)
    return status;
  slhi_store_word(heap->data.base + at + SLH_ARRAY_LENGTH_OFFSET, length);
  out->bits = (uint32_t)at;
  return SLH_OK;
}

static slh_status new_zeroed_array(slh_heap *heap, const slh_type *type, uint32_t length,
                                   make_room_fn *make_room, slh_ref *out)
{
  slh_status status = new_array(heap, type, length, make_room, out);

  if (status == SLH_OK)
    zero(heap, out->bits + (uint64_t)SLH_ARRAY_DATA_OFFSET, heap->data.bump);
  return status;
}

slh_status slh_alloc_array(slh_heap *heap, const slh_type *type, uint32_t length, slh_ref *out)
{
  return new_zeroed_array(heap, type, length, slh_heap_extend, out);
}

slh_status slh_new_array(slh_heap *heap, const slh_type *type, uint32_t length, slh_ref *out)
{
  return new_zeroed_array(heap, type, length, slh_heap_make_room, out);
}

slh_status slh_alloc_array_uninit(slh_heap *heap, const slh_type *type, uint32_t length,
                                  slh_ref *out)
{
  return new_array(heap, type, length, slh_heap_extend, out);
}

slh_status slh_new_array_uninit(slh_heap *heap, const slh_type *type, uint32_t length, slh_ref *out)
{
  return new_array(heap, type, length, slh_heap_make_room, out);
}
