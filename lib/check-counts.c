/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Checks after a collection that counts: no count is too small, so a reference that was
 * written without the barrier is found out here; and no byte is in two holes. */
#include <stdio.h>

#include "lib/counts.h"
#include "lib/verify.h"

/* The references that objects hold, at the place of what they are to, as states have counts.
 * Returns the bytes of fillers, which all holes are. */
static uint64_t tally(const slh_heap *heap, const struct counts *counts, uint32_t *found)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t end = heap->data.bump, fillers = 0;
  struct object object;

  for (uint64_t at = counts->first;
       at < end && slhi_object_read(shapes, heap->data.base + at, end - at, &object);
       at += object.bytes) {
    struct references references = slhi_references(&object, 0);
    uint64_t offset;

    if (slhi_shape_kind(object.shape) == SLH_KIND_FILLER)
      fillers += object.bytes;
    while (slhi_next_reference(&references, &offset)) {
      uint32_t ref = slhi_load_word(heap->data.base + at + offset);

      if (slhi_is_countable(heap, ref, end))
        found[(ref - counts->first) / SLHI_OBJECT_ALIGN] += SLHI_STATE_ONE;
    }
  }
  return fillers;
}

static slh_status complain_of_holes(const struct counts *counts, uint64_t fillers)
{
  fprintf(stderr,
          "slotheap: after a collection: holes of %llu bytes, and %llu are free: some are in two\n",
          (unsigned long long)counts->holes.bytes, (unsigned long long)fillers);
  return SLH_E_CORRUPT;
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
  uint64_t fillers;
  uint32_t *found;

  if (!slhi_checks(heap))
    return SLH_OK;
  found = slhi_allocate(allocator, words * sizeof *found + 1);
  if (!found)
    return SLH_OK;
  memset(found, 0, words * sizeof *found);
  fillers = tally(heap, counts, found);
  if (counts->holes.bytes > fillers)
    status = complain_of_holes(counts, fillers);
  for (size_t i = 0; i < words && status == SLH_OK; i++) {
    if (found[i] > counts->states[i])
      status = complain(counts, i, found[i]);
  }
  slhi_free(allocator, found);
  return status;
}
