/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A pool's life, and the slots that it hands out. */
#include "pool/pool.h"

#include <slotheap/heap.h>

#include "pool/decay.h"
#include "pool/error.h"
#include "pool/magazine.h"
#include "pool/options.h"
#include "pool/os.h"
#include "pool/plan.h"
#include "pool/registry.h"
#include "pool/residency.h"
#include "pool/template.h"

/* ---- making ---- */

static size_t pool_bytes(const slh_pool_plan *plan)
{
  return slhi_round_up(sizeof(slh_pool) + plan->sizes * sizeof(struct slab), plan->page_bytes);
}

static bool is_dense(const slh_pool *pool)
{
  return pool->plan.kind == SLH_POOL_DENSE;
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
  if (is_dense(pool)) {
    slab->max = slab->stride - plan->guard_bytes;
    slab->guard = plan->guard_bytes;
    slab->open = true;
  } else {
    slab->max = plan->max_heap_bytes;
    slab->populate = plan->populate;
    slab->gap = SLH_WIDE_START;
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
  int failed = is_dense(pool) ? slhi_os_map(plan->slab_bytes, &memory)
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
  if (plan->huge_pages == SLH_HUGE_NEVER || (plan->huge_pages == SLH_HUGE_LARGE && !is_dense(pool)))
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
  slhi_decay_stop(pool);
  slhi_registry_remove(pool);
  close_slabs(pool, pool->plan.sizes);
  unmap(pool);
}

void slh_pool_free(slh_pool *pool)
{
  uint32_t in_use = pool ? slhi_slab_in_state(&pool->heaps[0], SLOT_TAKEN) : 0;

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

  if (slot->has_front)
    leave_front(slot, &start, &dirty);
  extent = reset(memory, start, dirty, plan->keep_resident_bytes, plan->isolation);
  slot->stale = memory->stale;
  slhi_slab_count_scrubbed(memory->slab, extent.scrubbed);
  if (extent.from < extent.to)
    slhi_residency_drop(memory, extent);
  /* It goes on without what it had begun with. */
  if (slot->has_front)
    (void)slhi_slot_keep_front(slot, 0);
}

static void release(struct slot *memory, char *start, uint64_t dirty, uint64_t keep,
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

  release(memory, start, dirty, plan->keep_resident_bytes, plan->isolation);
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

  /* Mostly there is nothing to it but the memset. */
  if (SLH_UNLIKELY(slot->resident >= slab->quick || dirty > slot->resident ||
                   slhi_slot_has_borrowed(slot) || slot->has_front)) {
    release_slowly(slot, start, dirty);
    return;
  }
  slhi_slot_scrub(slot, start, dirty);
  slhi_put(slab, slot, dirty);
}

/* ---- evacuation spaces ---- */

slh_status slhi_pool_lend_space(struct slot *slot, uint64_t bytes)
{
  struct slab *spaces = &slhi_pool_of(slot)->spaces;
  struct slot *space = slhi_slab_take(spaces, 0, 0);
  slh_status status;

  if (!space)
    return SLH_E_BUSY;
  status = slhi_slot_grow(space, bytes);
  if (status != SLH_OK) {
    slhi_slab_put(spaces, space, 0);
    return status;
  }
  slot->space = (uint16_t)(space - spaces->slots + 1);
  return SLH_OK;
}

void slhi_pool_return_space(struct slot *slot, uint64_t used)
{
  struct slot *space = slhi_slot_space(slot);

  slot->space = 0;
  release(space, slhi_slot_start(space), used, slhi_pool_of(slot)->plan.keep_evacuation_bytes,
          SLH_ISOLATION_NONE);
}
