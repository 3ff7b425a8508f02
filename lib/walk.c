/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Visiting every object of a heap. */
#include <slotheap/inspect.h>

#include "lib/heap.h"
#include "lib/holes.h"
#include "lib/object.h"

slh_status slh_heap_walk(const slh_heap *heap, slh_visit_object_fn *visit, void *context)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t at = slhi_heap_first(heap), end = slhi_heap_end(heap);

  slhi_require_idle(heap, "slh_heap_walk");
  if (heap->corrupt)
    return SLH_E_CORRUPT;
  slhi_holes_seal(heap);
  while (at < end) {
    slh_ref ref = {(uint32_t)at};
    struct object object;

    if (!slhi_object_read(shapes, heap->data.base + at, end - at, &object))
      return SLH_E_CORRUPT;
    if (slhi_shape_kind(object.shape) != SLH_KIND_FILLER) {
      const slh_type *type =
          slh_runtime_type(heap->data.runtime, object.shape->header >> SLHI_INDEX_SHIFT);

      if (!visit(context, ref, type, object.bytes))
        return SLH_OK;
    }
    at += object.bytes;
  }
  return SLH_OK;
}
