/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/slot.h"

#include <string.h>

#include "pool/error.h"
#include "pool/os.h"
#include "pool/plan.h"
#include "pool/slab.h"

/* The first growth; each later one doubles. */
#define FIRST_GROWTH (UINT64_C(64) * 1024)

slh_status slhi_slot_grow(struct slot *slot, uint64_t bytes)
{
  const struct slab *slab = slot->slab;
  uint64_t committed = slhi_slot_committed(slot);
  uint64_t need, wish;

  if (bytes <= committed)
    return SLH_OK;
  if (bytes > slab->max)
    return SLH_E_LIMIT;
  need = slhi_round_up(bytes, slab->page);
  wish = committed ? 2 * committed : FIRST_GROWTH;
  if (wish > slab->max)
    wish = slab->max;
  if (wish < need)
    wish = need;
  if (slhi_os_commit(slot->start + committed, wish - committed)) {
    wish = need;
    if (slhi_os_commit(slot->start + committed, wish - committed))
      return SLH_E_NOMEM;
  }
  atomic_store_explicit(&slot->count.committed, wish, memory_order_relaxed);
  return SLH_OK;
}

/* Zeroes a page-aligned range, by giving it back if the system takes it. */
static void drop(struct slot *slot, uint64_t from, uint64_t to)
{
  if (from >= to)
    return;
  if (slhi_os_decommit(slot->start + from, to - from)) {
    memset(slot->start + from, 0, to - from);
    atomic_fetch_add_explicit(&slot->count.decommit_failures, 1, memory_order_relaxed);
    slhi_count(&slot->count.scrubbed, to - from);
  } else {
    slhi_count(&slot->count.decommitted, to - from);
  }
}

void slhi_slot_reset(struct slot *slot, uint64_t dirty, uint64_t keep, slh_isolation isolation)
{
  uint64_t page = slot->slab->page;
  uint64_t kept = dirty < keep ? dirty : keep;
  uint64_t end = dirty;

  SLHI_ASSERT(dirty <= slhi_slot_committed(slot));
  if (isolation == SLH_ISOLATION_STRICT) {
    /* A wild store may have written the rest of the last dirty page, too. */
    kept = slhi_round_up(kept, page);
    end = slhi_slot_committed(slot);
  }
  if (isolation == SLH_ISOLATION_NONE) {
    slot->stale = kept;
  } else {
    /* Not for 0 bytes: memset can be a masked store, which takes 200 ns on
     * memory that is not accessible even if the mask is empty. */
    if (kept != 0)
      memset(slot->start, 0, kept);
    slhi_count(&slot->count.scrubbed, kept);
    slot->stale = 0;
  }
  drop(slot, slhi_round_up(kept, page), slhi_round_up(end, page));
}
