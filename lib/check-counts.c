/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A check, after a collection that counts, that no count is too small: a reference that was
 * written without the barrier is found out here. */
#include <stdio.h>

#include "lib/counts.h"
#include "lib/verify.h"

/* The references that objects hold, at the place of what they are to, as states have counts. */
static void tally(const slh_heap *heap, const struct counts *counts, uint32_t *found)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t end = heap->data.bump;
  struct object object;

  for (uint64_t at = counts->first;
       at < end && slhi_object_read(shapes, heap->data.base + at, end - at, &object);
       at += object.bytes) {
    struct references references = slhi_references(&object, 0);
    uint64_t offset;

    while (slhi_next_reference(&references, &offset)) {
      uint32_t ref = slhi_load_word(heap->data.base + at + offset);

      if (slhi_is_countable(heap, ref, end))
        found[(ref - counts->first) / SLHI_OBJECT_ALIGN] += SLHI_STATE_ONE;
    }
  }
}

static slh_status complain(const struct counts *counts, size_t i, uint32_t found)
{
  fprintf(stderr,
          "slotheap: after a collection: %u references to the object at offset %#llx, and %u are "
          "counted: one was written without the barrier\n",
          (unsigned)(found / SLHI_STATE_ONE),
          (unsigned long long)(counts->first + SLHI_OBJECT_ALIGN * i),
          (unsigned)(counts->states[i] / SLHI_STATE_ONE));
  return SLH_E_CORRUPT;
}

slh_status slhi_check_counts(slh_heap *heap)
{
  const slh_allocator *allocator = &heap->data.runtime->allocator;
  const struct counts *counts = slhi_counts(heap);
  size_t words = (heap->data.bump - counts->first) / SLHI_OBJECT_ALIGN;
  slh_status status = SLH_OK;
  uint32_t *found;

  if (!slhi_checks(heap))
    return SLH_OK;
  found = slhi_allocate(allocator, words * sizeof *found + 1);
  if (!found)
    return SLH_OK;
  memset(found, 0, words * sizeof *found);
  tally(heap, counts, found);
  for (size_t i = 0; i < words && status == SLH_OK; i++) {
    if (found[i] > counts->states[i])
      status = complain(counts, i, found[i]);
  }
  slhi_free(allocator, found);
  return status;
}
