/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Slots of dense pools that were outgrown: heaps move to larger ones. */
#include <string.h>

#include "pool/pool.h"
#include "pool/residency.h"

/* What size the borrowed one is shows in `committed`. */
struct slot *slhi_slot_borrowed(struct slot *slot)
{
  struct slab *slab = slot->slab;

  SLHI_ASSERT(slhi_slot_is_taken(slot) && slhi_slot_has_borrowed(slot));
  while (slab->max != slhi_slot_committed(slot))
    slab++;
  return &slab->slots[atomic_load_explicit(&slot->borrowed, memory_order_relaxed) - 1];
}

static void set_memory(struct slot *slot, const struct slot *memory, uint32_t borrowed)
{
  atomic_store_explicit(&slot->borrowed, borrowed, memory_order_relaxed);
  atomic_store_explicit(&slot->committed, (uint32_t)memory->slab->max, memory_order_relaxed);
}

void slhi_slot_own(struct slot *slot)
{
  set_memory(slot, slot, 0);
}

/* The smallest slot that has so many bytes and is free. */
static slh_status take_larger(slh_pool *pool, uint64_t bytes, struct slot **out)
{
  slh_status status = SLH_E_LIMIT;

  for (uint64_t size = 1; size < pool->plan.sizes; size++) {
    struct slab *slab = &pool->heaps[size];

    if (slab->max < bytes)
      continue;
    *out = slhi_slab_take(slab, 0, 0);
    status = *out ? slhi_slot_grow(*out, bytes) : SLH_E_FULL;
    if (status == SLH_OK)
      return SLH_OK;
    if (*out)
      slhi_slab_put(slab, *out, 0);
  }
  return status;
}

/* The memory that a heap has left; all of it but the slot's own is free. */
static void leave(struct slot *slot, struct slot *memory, char *start, uint64_t used)
{
  if (memory != slot) {
    slhi_pool_release_memory(memory, start, used);
    return;
  }
  slhi_pool_scrub(slot, start, used);
  /* Nobody remembers what is stale here, while the heap is elsewhere. */
  slhi_slot_scrub(slot, start, slot->stale);
}

/* [promise relative] */
slh_status slhi_pool_grow(struct slot *slot, uint64_t bytes, uint64_t used, char **start,
                          uint64_t *width)
{
  struct slot *memory = slhi_slot_memory(slot);
  slh_status status = slhi_slot_grow(memory, bytes);
  struct slot *larger;

  if (status != SLH_E_LIMIT || !slhi_pool_is_dense(slhi_pool_of(slot)))
    return status;
  status = take_larger(slhi_pool_of(slot), bytes, &larger);
  if (status != SLH_OK)
    return status;
  memcpy(slhi_slot_start(larger), *start, used);
  leave(slot, memory, *start, used);
  larger->borrower = slhi_slot_number(slot); /* for who has an address only */
  slot->stale = larger->stale;
  set_memory(slot, larger, slhi_slot_number(larger) + 1);
  *start = slhi_slot_start(larger);
  *width = larger->slab->stride;
  return SLH_OK;
}
