/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Objects by reference, checked. */
#ifndef SLOTHEAP_LIB_FIND_H
#define SLOTHEAP_LIB_FIND_H

#include "lib/heap.h"
#include "lib/object.h"

/* Checks that `ref` points at an object, and describes it. SLH_E_TYPE (null or
 * an i31), SLH_E_CORRUPT. [promise checked] */
static inline slh_status slhi_find_object(const slh_heap *heap, slh_ref ref, struct object *out)
{
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  if (slh_is_null(ref) || slh_is_i31(ref))
    return SLH_E_TYPE;
  if (ref.bits % SLHI_OBJECT_ALIGN != 0 || ref.bits < slhi_heap_first(heap) ||
      ref.bits >= slhi_heap_end(heap))
    return SLH_E_CORRUPT;
  if (!slhi_object_read(slhi_shapes(heap->data.runtime), heap->data.base + ref.bits,
                        slhi_heap_end(heap) - ref.bits, out))
    return SLH_E_CORRUPT;
  return slhi_shape_kind(out->shape) == SLH_KIND_FILLER ? SLH_E_CORRUPT : SLH_OK;
}

/* The public type of an object that was found. */
static inline const slh_type *slhi_object_type(const slh_heap *heap, const struct object *object)
{
  return slh_runtime_type(heap->data.runtime, object->shape->header >> SLHI_INDEX_SHIFT);
}

#endif
