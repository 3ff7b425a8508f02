/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A pool's life. */
#include "pool/pool.h"

#include <slotheap/heap.h>

#include "pool/decay.h"
#include "pool/error.h"
#include "pool/options.h"
#include "pool/os.h"
#include "pool/plan.h"
#include "pool/registry.h"

/* ---- making ---- */

static size_t pool_bytes(const slh_pool_plan *plan)
{
  return slhi_round_up(sizeof(slh_pool) + plan->sizes * sizeof(struct slab), plan->page_bytes);
}

/* The slab of the slots of size `size`, which begins at `memory`. */
static void set_geometry(slh_pool *pool, uint64_t size, char *memory)
{
  const slh_pool_plan *plan = &pool->plan;
  struct slab *slab = &pool->heaps[size];

  slab->pool = pool;
  slab->memory = memory;
  slab->lead = plan->lead_guard_bytes;
  slab->page = plan->page_bytes;
  slab->count = (uint32_t)plan->slots;
  slab->stride = plan->slot_stride_bytes << size;
  slab->wish = plan->decommit;
  slab->quick =
      plan->isolation == SLH_ISOLATION_SCRUB && !plan->populate ? plan->keep_resident_bytes + 1 : 0;
  if (slhi_pool_is_dense(pool)) {
    slab->max = slab->stride - plan->guard_bytes;
    slab->guard = plan->guard_bytes;
    slab->open = true;
  } else {
    slab->max = plan->max_heap_bytes;
    slab->populate = plan->populate;
    slab->gap = SLH_WIDE_FIRST;
    slab->fronted = true;
  }
  slab->bytes = slhi_round_up(slab->lead + slab->count * slab->stride, slab->page);
}

static void set_spaces_geometry(slh_pool *pool)
{
  const slh_pool_plan *plan = &pool->plan;
  struct slab *spaces = &pool->spaces;

  spaces->pool = pool;
  spaces->memory = pool->spaces_memory;
  spaces->lead = plan->page_bytes;
  /* One ring a size is enough. */
  spaces->wish = plan->decommit == SLH_DECOMMIT_URING ? SLH_DECOMMIT_AUTO : plan->decommit;
  spaces->stride = plan->evacuation_stride_bytes;
  spaces->max = plan->evacuation_stride_bytes - plan->page_bytes;
  spaces->page = plan->page_bytes;
  spaces->count = (uint32_t)plan->evacuation_spaces;
  spaces->bytes = plan->evacuation_slab_bytes;
}

static void unmap(slh_pool *pool)
{
  if (pool->memory)
    slhi_os_unmap(pool->memory, pool->plan.slab_bytes);
  if (pool->spaces_memory)
    slhi_os_unmap(pool->spaces_memory, pool->plan.evacuation_slab_bytes);
  slhi_os_unmap(pool, pool_bytes(&pool->plan));
}

static slh_status map(slh_pool *pool, slh_error *error)
{
  const slh_pool_plan *plan = &pool->plan;
  void *memory;
  int failed = slhi_pool_is_dense(pool) ? slhi_os_map(plan->slab_bytes, &memory)
                                        : slhi_os_reserve(plan->slab_bytes, &memory);

  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed,
                            "reserving %llu bytes of address space for %llu slots",
                            (unsigned long long)plan->slab_bytes, (unsigned long long)plan->slots);
  pool->memory = memory;
  failed = slhi_os_reserve(plan->evacuation_slab_bytes, &memory);
  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed,
                            "reserving %llu bytes of address space for %llu evacuation spaces",
                            (unsigned long long)plan->evacuation_slab_bytes,
                            (unsigned long long)plan->evacuation_spaces);
  pool->spaces_memory = memory;
  /* A wish: heaps work without. */
  if (plan->huge_pages == SLH_HUGE_NEVER ||
      (plan->huge_pages == SLH_HUGE_LARGE && !slhi_pool_is_dense(pool)))
    (void)slhi_os_huge(pool->memory, plan->slab_bytes, false);
  return SLH_OK;
}

/* Slabs that were opened: the spaces, and `sizes` of slots. */
static void close_slabs(slh_pool *pool, uint64_t sizes)
{
  while (sizes-- > 0)
    slhi_slab_close(&pool->heaps[sizes]);
  slhi_slab_close(&pool->spaces);
}

static slh_status open_slabs(slh_pool *pool, slh_error *error)
{
  char *memory = pool->memory;
  slh_status status;

  set_spaces_geometry(pool);
  status = slhi_slab_open(&pool->spaces, error);
  for (uint64_t size = 0; size < pool->plan.sizes && status == SLH_OK; size++) {
    set_geometry(pool, size, memory);
    memory += pool->heaps[size].bytes;
    status = slhi_slab_open(&pool->heaps[size], error);
    if (status != SLH_OK)
      close_slabs(pool, size);
  }
  return status;
}

/* What a pool has besides its memory. */
static slh_status start(slh_pool *pool, const slh_pool_options *options, slh_error *error)
{
  slh_status status = open_slabs(pool, error);

  if (status != SLH_OK)
    return status;
  status = slhi_registry_add(pool);
  if (status != SLH_OK) {
    (void)slhi_error(error, status, "no memory to register the pool");
  } else if (options->decay_thread) {
    status = slhi_decay_start(pool, error);
    if (status != SLH_OK)
      slhi_registry_remove(pool);
  }
  if (status != SLH_OK)
    close_slabs(pool, pool->plan.sizes);
  return status;
}

slh_status slh_pool_new(const slh_pool_options *given, slh_pool **out, slh_error *error)
{
  slh_pool_options options;
  slh_pool_plan plan;
  slh_allocator allocator;
  slh_pool *pool;
  void *memory;
  int failed;
  slh_status status = slhi_read_options("slh_pool_options", given, &options, sizeof options, error);

  if (status == SLH_OK)
    status = slh_pool_plan_new(&options, NULL, &plan, error);
  if (status == SLH_OK)
    status = slhi_read_allocator(options.allocator, &allocator, error);
  if (status != SLH_OK)
    return status;
  failed = slhi_os_map(pool_bytes(&plan), &memory);
  if (failed)
    return slhi_error_errno(error, SLH_E_NOMEM, failed, "mapping the pool's own record");
  pool = memory;
  pool->plan = plan;
  pool->spaces.allocator = allocator;
  for (uint64_t size = 0; size < plan.sizes; size++)
    pool->heaps[size].allocator = allocator;
  status = map(pool, error);
  if (status == SLH_OK)
    status = start(pool, &options, error);
  if (status != SLH_OK) {
    unmap(pool);
    return status;
  }
  *out = pool;
  return SLH_OK;
}

void slh_pool_abandon(slh_pool *pool)
{
  if (!pool)
    return;
  slhi_check_pool(pool, "slh_pool_abandon");
  slhi_decay_stop(pool);
  slhi_registry_remove(pool);
  close_slabs(pool, pool->plan.sizes);
  unmap(pool);
}

void slh_pool_free(slh_pool *pool)
{
  uint32_t in_use;

  if (!pool)
    return;
  slhi_check_pool(pool, "slh_pool_free");
  in_use = slhi_slab_in_state(&pool->heaps[0], SLOT_TAKEN);
  if (in_use != 0)
    slhi_misuse("slh_pool_free", "%u heaps of the pool have not been released", (unsigned)in_use);
  slh_pool_abandon(pool);
}

void slhi_pool_after_fork(slh_pool *pool)
{
  slhi_decay_forget(pool);
  slhi_slab_after_fork(&pool->spaces);
  for (uint64_t size = 0; size < pool->plan.sizes; size++)
    slhi_slab_after_fork(&pool->heaps[size]);
}

/* ---- the budget ---- */

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
