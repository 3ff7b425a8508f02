/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Figures, and what a pool does with its other slots meanwhile. */
#include "tests/torture/torture.h"

static void look_at_heap(struct torture *t)
{
  slh_heap_stats stats;

  VISIT(t, slh_heap_get_stats, (t->heap, &stats));
  REQUIRE_EQUAL(stats.used, torture_end(t) - data_of(t)->start);
  REQUIRE(stats.used <= stats.max && stats.old <= stats.image + stats.used &&
          stats.image + stats.used <= stats.accessible);
  REQUIRE(stats.host_bytes <= stats.max_host);
  REQUIRE(stats.externrefs <= t->externrefs && stats.owned_roots == t->owned_count);
  REQUIRE(slh_heap_pool(t->heap) == t->arena->pool && slh_heap_host(t->heap) == t);
}

static void look_at_pool(struct torture *t)
{
  slh_pool_stats stats;

  VISIT(t, slh_pool_get_stats, (t->arena->pool, &stats));
  REQUIRE_EQUAL(stats.slots_in_use, t->arena->canary_count + UINT64_C(1));
  REQUIRE_EQUAL(stats.evacuation_in_use,
                t->active && slh_heap_collector(t->heap) != SLH_COLLECTOR_NULL);
}

static bool count(void *context, slh_heap *heap)
{
  ++*(uint32_t *)context;
  return heap != NULL;
}

static void visit_heaps(struct torture *t)
{
  uint32_t heaps = 0;

  VISIT(t, slh_pool_visit_heaps, (t->arena->pool, count, &heaps));
  REQUIRE_EQUAL(heaps, t->arena->canary_count + 1);
}

static void find(struct torture *t)
{
  slh_place place = {0};
  uint64_t offset = torture_place(t, 1);

  if (offset == torture_end(t))
    return;
  REQUIRE(VISIT(t, slh_find_address, (byte_at(t, offset), &place)));
  REQUIRE(place.heap == t->heap && place.offset == offset);
}

static void give_back(struct torture *t)
{
  if (one_in(t, 50))
    VISIT(t, slh_pool_trim, (t->arena->pool));
  else
    VISIT(t, slh_pool_decay, (t->arena->pool));
}

void torture_call_pool(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {look_at_heap, look_at_pool, visit_heaps, find,
                                                    give_back};

  calls[below(t, sizeof calls / sizeof *calls)](t);
}
