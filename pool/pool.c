/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/pool.h"

#include "pool/error.h"
#include "pool/os.h"
#include "pool/plan.h"
#include "pool/registry.h"

static size_t pool_bytes(void)
{
  return slhi_round_up(sizeof(slh_pool), slhi_os_page_size());
}

static void set_geometry(slh_pool *pool, const slh_pool_plan *plan)
{
  pool->plan = *plan;
  pool->heaps.lead = plan->lead_guard_bytes;
  pool->heaps.stride = plan->slot_stride_bytes;
  pool->heaps.max = plan->max_heap_bytes;
  pool->heaps.page = plan->page_bytes;
  pool->heaps.count = (uint32_t)plan->slots;
  pool->spaces.lead = plan->page_bytes;
  pool->spaces.stride = plan->evacuation_stride_bytes;
  pool->spaces.max = plan->max_heap_bytes;
  pool->spaces.page = plan->page_bytes;
  pool->spaces.count = (uint32_t)plan->evacuation_spaces;
}

/* The second half of what a pool is made of. */
static slh_status open_spaces(slh_pool *pool, slh_error *error)
{
  slh_status status = slhi_slab_open(&pool->spaces, error);

  if (status != SLH_OK)
    return status;
  status = slhi_registry_add(pool);
  if (status != SLH_OK) {
    slhi_slab_close(&pool->spaces);
    return slhi_error(error, status, "no memory to register the pool");
  }
  return SLH_OK;
}

slh_status slh_pool_new(const slh_pool_options *options, slh_pool **out, slh_error *error)
{
  slh_pool_plan plan;
  slh_status status = slh_pool_plan_new(options, NULL, &plan, error);
  slh_pool *pool;
  void *memory;
  int failed;

  if (status != SLH_OK)
    return status;
  failed = slhi_os_map(pool_bytes(), &memory);
  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed, "mapping the pool's own record");
  pool = memory;
  set_geometry(pool, &plan);
  status = slhi_read_allocator(options ? options->allocator : NULL, &pool->heaps.allocator, error);
  pool->spaces.allocator = pool->heaps.allocator;
  if (status == SLH_OK)
    status = slhi_slab_open(&pool->heaps, error);
  if (status == SLH_OK) {
    status = open_spaces(pool, error);
    if (status != SLH_OK)
      slhi_slab_close(&pool->heaps);
  }
  if (status != SLH_OK) {
    slhi_os_unmap(pool, pool_bytes());
    return status;
  }
  *out = pool;
  return SLH_OK;
}

void slh_pool_free(slh_pool *pool)
{
  uint32_t in_use;

  if (!pool)
    return;
  in_use = slhi_slab_in_use(&pool->heaps);
  if (in_use != 0)
    slhi_misuse("slh_pool_free", "%u heaps of the pool have not been released", (unsigned)in_use);
  slhi_registry_remove(pool);
  slhi_slab_close(&pool->spaces);
  slhi_slab_close(&pool->heaps);
  slhi_os_unmap(pool, pool_bytes());
}

void slhi_pool_scrub(struct slot *slot, uint64_t dirty)
{
  const slh_pool_plan *plan = &slhi_pool_of(slot)->plan;

  slhi_slot_reset(slot, dirty, plan->keep_resident_bytes, plan->isolation);
}

slh_status slhi_pool_lend_space(slh_pool *pool, uint64_t bytes, struct slot **out)
{
  struct slot *space = slhi_slab_take(&pool->spaces);
  slh_status status;

  if (!space)
    return SLH_E_BUSY;
  status = slhi_slot_grow(space, bytes);
  if (status != SLH_OK) {
    slhi_slab_put(&pool->spaces, space);
    return status;
  }
  *out = space;
  return SLH_OK;
}

void slhi_pool_return_space(slh_pool *pool, struct slot *space, uint64_t used)
{
  slhi_slot_reset(space, used, pool->plan.keep_evacuation_bytes, SLH_ISOLATION_NONE);
  slhi_slab_put(&pool->spaces, space);
}

bool slhi_pool_charge(slh_pool *pool, uint64_t bytes)
{
  uint64_t used = atomic_load_explicit(&pool->budget_used, memory_order_relaxed);

  do {
    if (bytes > pool->plan.budget_bytes - used)
      return false;
  } while (!atomic_compare_exchange_weak_explicit(&pool->budget_used, &used, used + bytes,
                                                  memory_order_relaxed, memory_order_relaxed));
  return true;
}

void slhi_pool_refund(slh_pool *pool, uint64_t bytes)
{
  atomic_fetch_sub_explicit(&pool->budget_used, bytes, memory_order_relaxed);
}

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
  return atomic_load_explicit(counter, memory_order_relaxed);
}

void slh_pool_get_stats(slh_pool *pool, slh_pool_stats *out)
{
  slh_pool_stats stats = {0};

  stats.slots = pool->heaps.count;
  stats.slots_in_use = slhi_slab_in_use(&pool->heaps);
  stats.slots_touched = slhi_slab_touched(&pool->heaps);
  stats.full_refusals = read_counter(&pool->heaps.refusals);
  for (uint64_t i = 0; i < stats.slots_touched; i++) {
    const struct slot_counters *count = &pool->heaps.slots[i].count;
    uint64_t takes = read_counter(&count->takes);

    stats.acquires += takes;
    stats.warm_acquires += takes > 0 ? takes - 1 : 0;
    stats.accessible_bytes += read_counter(&count->committed);
    stats.scrubbed_bytes += read_counter(&count->scrubbed);
    stats.decommitted_bytes += read_counter(&count->decommitted);
    stats.decommit_failures +=
        atomic_load_explicit(&count->decommit_failures, memory_order_relaxed);
  }
  stats.budget_used_bytes = read_counter(&pool->budget_used);
  stats.evacuation_in_use = slhi_slab_in_use(&pool->spaces);
  for (uint32_t i = slhi_slab_touched(&pool->spaces); i-- > 0;)
    stats.evacuation_accessible_bytes += read_counter(&pool->spaces.slots[i].count.committed);
  *out = stats;
}

slh_status slh_pool_resident(slh_pool *pool, uint64_t *slot_bytes, uint64_t *evacuation_bytes)
{
  uint64_t slots, spaces;

  if (slhi_slab_resident(&pool->heaps, &slots) || slhi_slab_resident(&pool->spaces, &spaces))
    return SLH_E_SYSTEM;
  *slot_bytes = slots;
  if (evacuation_bytes)
    *evacuation_bytes = spaces;
  return SLH_OK;
}
