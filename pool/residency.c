/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/residency.h"

#include "pool/os.h"
#include "pool/pool.h"
#include "pool/template.h"

/* The queue is emptied when it holds so much. */
#define QUEUE_BYTES (UINT64_C(8) << 20)

/* Beyond this one call for many is no cheaper than one for each
 * (doc/residency.md), and the slot that was just used is the warmest. */
#define WORTH_BATCHING (UINT64_C(256) * 1024)

/* Records that are looked at while nobody can take a slot. */
#define VISIT_SLOTS 1024

static struct slhi_range range_of(struct slot *slot, struct extent extent)
{
  SLHI_ASSERT_LT(extent.from, extent.to);
  SLHI_ASSERT_LE(slhi_slot_front(slot) + extent.to,
                 slot->slab->open ? slot->slab->max : slhi_slot_committed(slot));
  return (struct slhi_range){slhi_slot_start(slot) + slhi_slot_front(slot) + extent.from,
                             extent.to - extent.from, slot};
}

/* All that can be given back of a slot: what lies behind its front. There may be none. */
static struct extent behind_front(const struct slot *slot)
{
  return (struct extent){0, (uint32_t)(slhi_slot_committed(slot) - slhi_slot_front(slot)), 0};
}

/* What it keeps of that; a slot with a front says more. */
static struct extent all_kept(const struct slot *slot)
{
  struct extent all = behind_front(slot);

  all.to = (uint32_t)slhi_at_most(slot->resident, all.to);
  return all;
}

/* ---- slots on their way back ---- */

void slhi_residency_flush(struct slab *slab)
{
  uint32_t count = slab->queued;

  slhi_slab_assert_locked(slab);
  if (count != 0) {
    slhi_decommit_now(&slab->decommit, slab->queue, count);
    slab->queued = 0;
    slab->queued_bytes = 0;
    for (uint32_t i = 0; i < count; i++)
      slhi_slab_put_locked(slab, slab->queue[i].owner);
  }
  while (slhi_residency_reap(slab, true))
    ;
}

bool slhi_residency_reap(struct slab *slab, bool wait)
{
  void *owners[SLHI_QUEUE_SLOTS];
  uint32_t count = 0;

  slhi_slab_assert_locked(slab);
  if (slhi_decommit_in_flight(&slab->decommit) != 0)
    count = slhi_decommit_reap(&slab->decommit, owners, SLHI_QUEUE_SLOTS, wait);
  for (uint32_t i = 0; i < count; i++)
    slhi_slab_put_locked(slab, owners[i]);
  return count != 0;
}

/* Whether it is worth waiting until there are more. */
static bool is_for_queue(slh_decommit engine, uint64_t bytes)
{
  switch (engine) {
  case SLH_DECOMMIT_AUTO:
    return bytes <= WORTH_BATCHING;
  case SLH_DECOMMIT_BATCH:
  case SLH_DECOMMIT_RUNS:
    return bytes <= QUEUE_BYTES;
  default:
    return engine == SLH_DECOMMIT_URING;
  }
}

/* Whether the slot was taken care of. */
static bool enqueue(struct slab *slab, struct slot *slot, const struct slhi_range *range)
{
  slh_decommit engine = slab->decommit.engine;
  bool taken = false;

  if (!is_for_queue(engine, range->bytes) || !slhi_slab_try_lock(slab))
    return false;
  /* First: a fork meanwhile must not find it taken. */
  slhi_slot_set_state(slot, SLOT_WAITING);
  if (engine == SLH_DECOMMIT_URING) {
    (void)slhi_residency_reap(slab, false);
    /* Nobody would tell who waits when it is done. */
    taken = !slab->first_waiter && slhi_decommit_start(&slab->decommit, range);
  } else if (!slab->first_waiter) {
    slab->queue[slab->queued++] = *range;
    slab->queued_bytes += range->bytes;
    taken = true;
  }
  if (!taken)
    slhi_slot_set_state(slot, SLOT_TAKEN);
  if (slab->queued == SLHI_QUEUE_SLOTS || slab->queued_bytes > QUEUE_BYTES)
    slhi_residency_flush(slab);
  slhi_slab_unlock(slab);
  return taken;
}

void slhi_residency_put(struct slab *slab, struct slot *slot, struct extent extent)
{
  struct slhi_range range = range_of(slot, extent);

  if (enqueue(slab, slot, &range)) {
    slhi_slab_count_scrubbed(slab, extent.scrubbed);
    return;
  }
  slhi_decommit_now(&slab->decommit, &range, 1);
  slhi_slab_put(slab, slot, extent.scrubbed);
}

void slhi_residency_drop(struct slot *slot, struct extent extent)
{
  struct slhi_range range = range_of(slot, extent);

  slhi_decommit_now(&slot->slab->decommit, &range, 1);
}

void slhi_residency_after_fork(struct slab *slab)
{
  void *owners[SLHI_QUEUE_SLOTS];

  slhi_decommit_after_fork(&slab->decommit);
  while (slhi_decommit_in_flight(&slab->decommit) != 0)
    (void)slhi_decommit_reap(&slab->decommit, owners, SLHI_QUEUE_SLOTS, true);
  slab->queued = 0;
  slab->queued_bytes = 0;
  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;) {
    struct slot *slot = &slab->slots[i];

    if (!slhi_slot_is_in_state(slot, SLOT_WAITING))
      continue;
    slhi_residency_drop(slot, behind_front(slot)); /* not empty: it waits for that */
    slhi_slot_set_resident(slot, 0);
    slhi_slot_set_state(slot, SLOT_FREE);
  }
}

/* ---- idle slots ---- */

/* Gives all pages of some slots back. Those that are all front have none. Bytes that
 * they keep no more: 0 if the system takes no front away. */
static uint64_t empty(struct slab *slab, struct slot *const *slots, uint32_t count)
{
  struct slhi_range ranges[SLHI_QUEUE_SLOTS];
  uint64_t given_up = 0;
  uint32_t some = 0;

  for (uint32_t i = 0; i < count; i++) {
    struct extent kept = all_kept(slots[i]);

    given_up += slots[i]->resident;
    if (kept.to != 0)
      ranges[some++] = range_of(slots[i], kept);
  }
  slhi_decommit_now(&slab->decommit, ranges, some);
  for (uint32_t i = 0; i < count; i++) {
    slots[i]->stale = 0;
    slhi_slot_set_resident(slots[i], 0);
    if (slots[i]->has_front)
      (void)slhi_slot_drop_front(slots[i]);
    given_up -= slots[i]->resident;
    slhi_slab_put_locked(slab, slots[i]);
  }
  return given_up;
}

/* Gives pages of idle slots back, of some slots at a time, until the pool keeps
 * no more than `bytes`. Whether there may be more. */
static bool empty_some(struct slab *slab, bool hot, uint64_t bytes)
{
  _Atomic uint64_t *resident = &slab->pool->resident;
  uint64_t kept = atomic_load_explicit(resident, memory_order_relaxed);
  struct slot *slots[SLHI_QUEUE_SLOTS];
  uint32_t count = 0;

  while (count < SLHI_QUEUE_SLOTS && kept > bytes) {
    struct slot *slot = slhi_shards_take_idle(slab, hot);

    if (!slot)
      break;
    slots[count++] = slot;
    kept -= slhi_at_most(slot->resident, kept);
  }
  return count != 0 && empty(slab, slots, count) != 0 && count == SLHI_QUEUE_SLOTS;
}

static void relieve(struct slab *slab)
{
  const _Atomic uint64_t *resident = &slab->pool->resident;
  uint64_t budget = slab->pool->plan.resident_budget_bytes;

  if (slab->stride < slab->page || slab->decommit.engine == SLH_DECOMMIT_MEMSET)
    return;
  do {
    if (!slhi_slab_try_lock(slab))
      return;
    while (empty_some(slab, true, budget))
      ;
    slhi_slab_unlock(slab);
    /* What this thread has is idle, too. */
  } while (atomic_load_explicit(resident, memory_order_relaxed) > budget &&
           slhi_slab_share_one(slab));
}

void slhi_residency_relieve(slh_pool *pool)
{
  relieve(&pool->spaces);
  for (uint64_t size = pool->plan.sizes; size-- > 0;)
    relieve(&pool->heaps[size]);
}

/* ---- slots that share pages ---- */

/* Whether none of some slots is taken. */
static bool are_free(const struct slab *slab, uint64_t first, uint64_t end)
{
  bool taken = false;

  for (; first < end && !taken; first++)
    taken = slhi_slot_is_taken(&slab->slots[first]);
  return !taken;
}

static void empty_run(struct slab *slab, uint64_t first, uint64_t end)
{
  struct slhi_range range = {slab->memory + slab->lead + first * slab->stride,
                             slhi_round_up((end - first) * slab->stride, slab->page), NULL};

  if (first < end)
    slhi_decommit_now(&slab->decommit, &range, 1);
  for (; first < end; first++)
    slhi_slot_set_resident(&slab->slots[first], 0);
}

/* Runs of pages whose slots are all free are given back; these slots stay where
 * they are. Some at a time: nobody can take or put one meanwhile. */
static bool empty_pages(struct slab *slab, void *context)
{
  uint64_t *next = context;
  uint64_t each = slab->page / slab->stride;
  uint64_t touched = slhi_slab_touched(slab);
  uint64_t stop = slhi_at_most(*next + VISIT_SLOTS, touched);
  uint64_t first = *next;

  for (uint64_t i = first; i < stop; i += each) {
    if (are_free(slab, i, slhi_at_most(i + each, touched)))
      continue;
    empty_run(slab, first, i);
    first = i + each;
  }
  empty_run(slab, first, stop);
  *next = stop;
  return stop < touched;
}

void slhi_residency_decay(struct slab *slab, bool all)
{
  bool shared = slab->stride < slab->page;
  uint64_t next = 0;

  if (slab->decommit.engine == SLH_DECOMMIT_MEMSET) /* nothing goes back */
    return;
  slhi_slab_lock(slab);
  slhi_residency_flush(slab);
  slhi_slab_drain(slab, !all);
  while (shared ? slhi_slab_visit_alone(slab, empty_pages, &next) : empty_some(slab, all, 0)) {
    /* Who waits for the lock gets it. */
    slhi_slab_unlock(slab);
    slhi_slab_lock(slab);
  }
  slhi_slab_cool(slab);
  slhi_slab_unlock(slab);
}
