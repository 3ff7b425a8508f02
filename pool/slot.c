/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/slot.h"

#include <string.h>

#include "pool/assert.h"
#include "pool/os.h"
#include "pool/pool.h"

/* The first growth; each later one doubles. */
#define FIRST_GROWTH (UINT64_C(64) * 1024)

/* A heap gets pages ahead of its needs from this size on: a quarter more, but no
 * more than this at a time. */
#define WORTH_IT (UINT64_C(64) * 1024)
#define MOST_AHEAD (UINT64_C(1) << 20)

/* Slots from this size on get huge pages, if any do. */
#define LARGE (UINT64_C(4) << 20)

/* All of a dense pool's slot but its guard is accessible from the beginning. */
static slh_status open_slot(struct slot *slot)
{
  const struct slab *slab = slot->slab;
  char *end = slhi_slot_start(slot) + slab->stride - slab->guard;

  if (slab->guard != 0 && slhi_os_guard(end, slab->guard) != 0 &&
      slhi_os_protect_none(end, slab->guard) != 0)
    return SLH_E_NOMEM;
  atomic_store_explicit(&slot->committed, (uint32_t)slab->max, memory_order_relaxed);
  return SLH_OK;
}

void slhi_slot_set_resident(struct slot *slot, uint64_t bytes)
{
  _Atomic uint64_t *total = &slot->slab->pool->resident;

  /* Idle slots with a front must be found, so that it is dropped in the end. */
  if (slot->has_front && bytes == 0)
    bytes = slot->slab->page;
  if (bytes == slot->resident)
    return;
  atomic_fetch_add_explicit(total, bytes - slot->resident, memory_order_relaxed);
  slot->resident = (uint32_t)bytes;
}

void slhi_slot_advise(const struct slot *slot, uint64_t bytes)
{
  slh_huge_pages huge = slot->slab->pool->plan.huge_pages;

  /* A wish: the heap works without. */
  if (huge != SLH_HUGE_SYSTEM)
    (void)slhi_os_huge(slhi_slot_start(slot), bytes,
                       huge == SLH_HUGE_LARGE && slhi_slot_committed(slot) >= LARGE);
}

/* Has pages of a cold heap in memory before they are touched: as many as there
 * are, within bounds. What an object leaps over is left to its user. */
static void populate(struct slot *slot, uint64_t bytes)
{
  uint64_t from = slot->resident;
  uint64_t some = slhi_round_up(slhi_at_most(from / 4, MOST_AHEAD), slot->slab->page);
  uint64_t to = slhi_at_most(from < WORTH_IT ? WORTH_IT : from + some, slhi_slot_committed(slot));

  if (bytes <= to && from >= WORTH_IT)
    (void)slhi_os_populate(slhi_slot_start(slot) + from, to - from);
  else if (bytes > to)
    to = slhi_round_up(bytes, slot->slab->page);
  slhi_slot_set_resident(slot, to);
}

static slh_status commit(struct slot *slot, uint64_t bytes)
{
  const struct slab *slab = slot->slab;
  uint64_t committed = slhi_slot_committed(slot);
  char *end = slhi_slot_start(slot) + committed;
  uint64_t need, wish;

  /* Also if the heap has to move at once: then nobody asks again. */
  if (slab->open && committed == 0 && open_slot(slot) != SLH_OK)
    return SLH_E_NOMEM;
  if (bytes > slab->max)
    return SLH_E_LIMIT;
  if (slab->open)
    return SLH_OK;
  need = slhi_round_up(bytes, slab->page);
  wish = committed ? 2 * committed : FIRST_GROWTH;
  if (wish > slab->max)
    wish = slab->max;
  if (wish < need)
    wish = need;
  if (slhi_os_commit(end, wish - committed)) {
    wish = need;
    if (slhi_os_commit(end, wish - committed))
      return SLH_E_NOMEM;
  }
  atomic_store_explicit(&slot->committed, (uint32_t)wish, memory_order_relaxed);
  /* A wish: the heap works without. */
  if (wish >= LARGE && slab->pool->plan.huge_pages == SLH_HUGE_LARGE)
    (void)slhi_os_huge(slhi_slot_start(slot), wish, true);
  return SLH_OK;
}

/* [promise nothing-lost] */
slh_status slhi_slot_grow(struct slot *slot, uint64_t bytes)
{
  slh_status status = bytes > slhi_slot_committed(slot) ? commit(slot, bytes) : SLH_OK;

  if (status == SLH_OK && slot->slab->populate && bytes > slot->resident)
    populate(slot, bytes);
  return status;
}

void slhi_slot_give_up(struct slot *slot, struct extent *extent)
{
  if (slot->slab->stride < slot->slab->page)
    return;
  extent->from = 0;
  if (extent->to < slot->resident)
    extent->to =
        (uint32_t)slhi_at_most(slot->resident, slhi_slot_committed(slot) - slhi_slot_front(slot));
  slot->stale = 0;
  if (slot->slab->decommit.engine != SLH_DECOMMIT_MEMSET)
    slhi_slot_set_resident(slot, 0);
}

/* [promise isolated] */
struct extent slhi_slot_reset(struct slot *slot, char *start, uint64_t dirty, uint64_t keep,
                              slh_isolation isolation)
{
  const struct slab *slab = slot->slab;
  uint64_t page = slab->page;
  uint64_t kept = dirty < keep ? dirty : keep;
  uint64_t end = dirty;
  uint64_t before = slot->resident;
  uint64_t resident;

  SLHI_ASSERT(dirty <= slhi_slot_committed(slot));
  if (isolation == SLH_ISOLATION_STRICT) {
    /* A wild store may have written the rest of the last dirty page, too. */
    kept = slhi_round_up(kept, page);
    end = slab->open ? slab->max : slhi_slot_committed(slot) - slhi_slot_front(slot);
    kept = end < page || kept > end ? end : kept;
  }
  if (isolation == SLH_ISOLATION_NONE) {
    slot->stale = (uint32_t)kept;
  } else {
    slhi_slot_scrub(slot, start, kept);
  }
  resident = slhi_at_most(slhi_round_up(kept, page), slab->stride);
  /* What was populated beyond the bound goes; what earlier stores left within
   * it stays. */
  if (before > keep)
    end = before > end ? before : end;
  else if (isolation != SLH_ISOLATION_STRICT && end <= keep && before > resident)
    resident = before;
  if (slab->decommit.engine == SLH_DECOMMIT_MEMSET) /* nothing goes back */
    resident = slhi_round_up(end, page) > before ? slhi_round_up(end, page) : before;
  slhi_slot_set_resident(slot, slhi_at_most(resident, slab->stride));
  return (struct extent){(uint32_t)slhi_round_up(kept, page), (uint32_t)slhi_round_up(end, page),
                         isolation == SLH_ISOLATION_NONE ? 0 : (uint32_t)kept};
}
