/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The uses of a pool's slots: taking them, scrubbing what was written, releasing them. */
#include "pool/magazine.h"
#include "pool/pool.h"
#include "pool/residency.h"
#include "pool/template.h"

struct slot *slhi_pool_take(slh_pool *pool, uint32_t tag, uint64_t nanoseconds)
{
  return slhi_take(&pool->heaps[0], tag, nanoseconds);
}

/* ---- scrubbing ---- */

/* Readies the memory of a slot for its next user; what is left to be given back. */
static struct extent reset(struct slot *memory, char *start, uint64_t dirty, uint64_t keep,
                           slh_isolation isolation)
{
  slh_pool *pool = slhi_pool_of(memory);
  struct extent extent = slhi_slot_reset(memory, start, dirty, keep, isolation);

  if (SLH_UNLIKELY(atomic_load_explicit(&pool->resident, memory_order_relaxed) >
                   pool->plan.resident_budget_bytes)) {
    slhi_residency_relieve(pool);
    if (atomic_load_explicit(&pool->resident, memory_order_relaxed) >
        pool->plan.resident_budget_bytes)
      slhi_slot_give_up(memory, &extent);
  }
  return extent;
}

/* What is to be scrubbed is behind the front, which is renewed. */
static void leave_front(struct slot *slot, char **start, uint64_t *dirty)
{
  uint64_t front = slhi_slot_front(slot);

  slhi_slot_renew_front(slot);
  *start += front;
  *dirty -= slhi_at_most(front, *dirty);
}

void slhi_pool_scrub(struct slot *slot, char *start, uint64_t dirty)
{
  struct slot *memory = slhi_slot_memory(slot);
  const slh_pool_plan *plan = &slhi_pool_of(slot)->plan;
  struct extent extent;

  SLHI_ASSERT(slhi_slot_is_taken(slot));
  if (slot->has_front)
    leave_front(slot, &start, &dirty);
  extent = reset(memory, start, dirty, plan->keep_resident_bytes, plan->isolation);
  slot->stale = memory->stale;
  slhi_slab_count_scrubbed(memory->slab, extent.scrubbed);
  if (extent.from < extent.to)
    slhi_residency_drop(memory, extent);
  /* It goes on without what it had begun with. */
  if (slot->has_front)
    slhi_slot_blank_front(slot);
}

void slhi_slot_release(struct slot *memory, char *start, uint64_t dirty, uint64_t keep,
                       slh_isolation isolation)
{
  struct extent extent = reset(memory, start, dirty, keep, isolation);

  if (SLH_UNLIKELY(extent.from < extent.to))
    slhi_residency_put(memory->slab, memory, extent);
  else
    slhi_slab_put(memory->slab, memory, extent.scrubbed);
}

void slhi_pool_release_memory(struct slot *memory, char *start, uint64_t dirty)
{
  const slh_pool_plan *plan = &slhi_pool_of(memory)->plan;

  slhi_slot_release(memory, start, dirty, plan->keep_resident_bytes, plan->isolation);
}

static __attribute__((noinline)) void release_slowly(struct slot *slot, char *start, uint64_t dirty)
{
  struct slot *memory = slhi_slot_memory(slot);

  if (slot->has_front)
    leave_front(slot, &start, &dirty);
  slhi_pool_release_memory(memory, start, dirty);
  if (memory != slot) {
    slhi_slot_own(slot);
    slot->stale = 0; /* see dense.c */
    slhi_slab_put(slot->slab, slot, 0);
  }
}

void slhi_pool_release(struct slot *slot, char *start, uint64_t dirty)
{
  struct slab *slab = slot->slab;

  SLHI_ASSERT(slhi_slot_is_taken(slot));
  SLHI_ASSERT_EQ(slot->space, 0);
  /* Mostly there is nothing to it but the memset. */
  if (SLH_UNLIKELY(slot->resident >= slab->quick || dirty > slot->resident ||
                   slhi_slot_has_borrowed(slot) || slot->has_front)) {
    release_slowly(slot, start, dirty);
    return;
  }
  slhi_slot_scrub(slot, start, dirty);
  slhi_put(slab, slot, dirty);
}
