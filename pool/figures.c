/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a pool can say of itself. */
#include <errno.h>
#include <slotheap/figures.h>

#include "pool/magazine.h"
#include "pool/os.h"
#include "pool/options.h"
#include "pool/pool.h"
#include "pool/registry.h"

/* ---- of a slab ---- */

uint32_t slhi_slab_touched(const struct slab *slab)
{
  return atomic_load_explicit(&slab->fresh, memory_order_relaxed);
}

uint32_t slhi_slab_in_state(const struct slab *slab, enum slot_state state)
{
  uint32_t count = 0;

  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;)
    count += slhi_slot_is_in_state(&slab->slots[i], state);
  return count;
}

int slhi_slab_resident(const struct slab *slab, uint64_t *out)
{
  uint64_t total = 0;

  if (slab->stride < slab->page) {
    uint64_t bytes = slhi_slab_touched(slab) * slab->stride;

    return slhi_os_resident(slab->memory + slab->lead, slhi_round_up(bytes, slab->page), out);
  }
  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;) {
    const struct slot *slot = &slab->slots[i];
    uint64_t resident = 0;
    /* Not slhi_slot_start: another thread may be taking the slot just now. And
     * not what it borrowed, which is counted where it lies. */
    char *start = slab->memory + slab->lead + i * slab->stride;
    uint64_t own = slhi_at_most(slhi_slot_committed(slot), slab->max);
    int failed = slhi_os_resident(start, own, &resident);

    if (failed)
      return failed;
    total += resident;
  }
  *out = total;
  return 0;
}

/* ---- of a pool ---- */

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
  return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Scrubbed bytes count for heaps only: what a store wrote. */
static void count_slab(struct slab *slab, slh_pool_stats *stats)
{
  for (struct magazine *m = atomic_load(&slab->magazines); m; m = m->older)
    stats->scrubbed_bytes += read_counter(&m->counts.scrubbed);
  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;)
    stats->accessible_bytes += slhi_at_most(slhi_slot_committed(&slab->slots[i]), slab->max);
}

static void count_decommits(struct slab *slab, slh_pool_stats *stats)
{
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    uint64_t bytes = read_counter(&slab->decommit.counts.bytes[engine]);

    stats->decommitted_by[engine] += bytes;
    if (engine != SLH_DECOMMIT_MEMSET)
      stats->decommitted_bytes += bytes;
  }
  stats->decommit_failures += read_counter(&slab->decommit.counts.failures);
}

void slh_pool_get_stats_sized(slh_pool *pool, slh_pool_stats *out, size_t size)
{
  slh_pool_stats stats = {0};
  struct slab *slots = &pool->heaps[0];

  slhi_check_pool(pool, "slh_pool_get_stats");
  stats.slots = slots->count;
  stats.slots_in_use = slhi_slab_in_state(slots, SLOT_TAKEN);
  stats.slots_waiting = slhi_slab_in_state(slots, SLOT_WAITING);
  stats.slots_touched = slhi_slab_touched(slots);
  stats.full_refusals = read_counter(&slots->refusals);
  stats.waits = read_counter(&slots->waits);
  for (struct magazine *m = atomic_load(&slots->magazines); m; m = m->older) {
    uint64_t takes = read_counter(&m->counts.takes);

    stats.acquires += takes;
    stats.warm_acquires += takes - slhi_at_most(read_counter(&m->counts.cold), takes);
  }
  for (uint64_t i = 0; i < pool->plan.sizes; i++) {
    count_slab(&pool->heaps[i], &stats);
    count_decommits(&pool->heaps[i], &stats);
  }
  count_decommits(&pool->spaces, &stats);
  stats.resident_bytes = read_counter(&pool->resident);
  stats.budget_used_bytes = read_counter(&pool->budget_used);
  stats.traps = read_counter(&pool->traps);
  stats.evacuation_in_use = slhi_slab_in_state(&pool->spaces, SLOT_TAKEN);
  for (uint32_t i = slhi_slab_touched(&pool->spaces); i-- > 0;)
    stats.evacuation_accessible_bytes += slhi_slot_committed(&pool->spaces.slots[i]);
  slhi_write_figures(out, size, &stats, sizeof stats);
}

slh_status slh_pool_resident(slh_pool *pool, uint64_t *slot_bytes, uint64_t *evacuation_bytes)
{
  uint64_t slots = 0, spaces = 0, bytes = 0;
  int failed;

  slhi_check_pool(pool, "slh_pool_resident");
  failed = slhi_slab_resident(&pool->spaces, &spaces);
  for (uint64_t size = 0; size < pool->plan.sizes && !failed; size++) {
    failed = slhi_slab_resident(&pool->heaps[size], &bytes);
    slots += bytes;
  }
  if (failed)
    return failed == ENOSYS ? SLH_E_UNSUPPORTED : SLH_E_SYSTEM;
  *slot_bytes = slots;
  if (evacuation_bytes)
    *evacuation_bytes = spaces;
  return SLH_OK;
}
