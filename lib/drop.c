/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Reclaiming what has lost its last count, without recursion. */
#include "lib/drop.h"

#include "lib/counts.h"
#include "lib/verify.h"

/* Work for one object, in bytes. */
#define DROP_WORK 16

void slhi_drop_add(struct counts *counts, uint32_t at)
{
  *slhi_state(counts, at) = counts->drop.first | SLHI_STATE_DYING;
  counts->drop.first = at;
}

/* What comes behind the first. Where forged objects overlap, its link can have become
 * something else: then the rest waits for a sweep. */
static uint32_t next_dying(const struct counts *counts, uint64_t end)
{
  uint32_t next = *slhi_state(counts, counts->drop.first) & ~SLHI_STATE_KIND;

  return slhi_has_state(counts, next, SLHI_STATE_DYING, end) ? next : 0;
}

/* Drops some references of the first, which `object` is. True: all are done. */
static bool drop_references(slh_heap *heap, struct counts *counts, const char *at,
                            const struct object *object, uint64_t end, uint64_t *budget)
{
  struct references references = slhi_references(object, counts->drop.part);
  uint32_t first = counts->drop.first;
  uint64_t offset, work = DROP_WORK, most = slhi_saturating_add(*budget, DROP_WORK + 1);
  bool more = false;

  /* What they refer to comes behind it. */
  counts->drop.first = next_dying(counts, end);
  while (work < most && (more = slhi_next_reference(&references, &offset))) {
    slhi_count_down(heap, counts, slhi_load_word(at + offset), end);
    work += 4;
  }
  slhi_drop_add(counts, first);
  counts->drop.part = more ? references.next : 0;
  *budget -= slhi_at_most(work, *budget);
  return !more;
}

/* The first is no more: a hole, if there is an object. */
static void reclaim(slh_heap *heap, struct counts *counts, const struct object *object,
                    uint64_t end)
{
  uint32_t at = counts->drop.first;

  counts->drop.first = next_dying(counts, end);
  *slhi_state(counts, at) = SLHI_STATE_NEW;
  if (!object)
    return;
  slhi_poison(heap, at, object->bytes);
  slhi_hole_add(heap, counts, at, (uint32_t)object->bytes);
  counts->drop.bytes += (uint32_t)object->bytes;
  heap->reclaimed += object->bytes;
}

bool slhi_drop_some(slh_heap *heap, struct counts *counts, uint64_t *budget)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t end = slhi_heap_end(heap);

  while (counts->drop.first != 0 && *budget > 0) {
    const char *at = heap->data.base + counts->drop.first;
    uint32_t number;
    struct object object;

    if (!slhi_object_read(shapes, at, end - counts->drop.first, &object) ||
        slhi_shape_kind(object.shape) == SLH_KIND_FILLER) {
      counts->drop.part = 0;
      reclaim(heap, counts, NULL, end);
      continue;
    }
    if (!drop_references(heap, counts, at, &object, end, budget))
      continue;
    number = object.word;
    reclaim(heap, counts, &object, end);
    /* Last, for it can jump out. */
    if (slhi_shape_kind(object.shape) == SLH_KIND_EXTERN)
      slhi_host_data_drop(heap, number);
  }
  return counts->drop.first == 0;
}

void slhi_drop_all(slh_heap *heap, struct counts *counts)
{
  uint64_t budget = UINT64_MAX;

  while (counts->drop.first != 0 && !slhi_drop_some(heap, counts, &budget))
    budget = UINT64_MAX;
}
