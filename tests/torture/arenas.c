/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Pools of each kind. The heap that is tortured has a slot between two that are
 * full of canaries; so it has if it outgrows its slot, in each size:
 *
 *   size 0   | canary | heap   | canary |
 *   size 1   |     canary      |    free, for the heap    |     canary      |
 */
#include "tests/torture/torture.h"

#include <stdlib.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

struct span {
  const char *at;
  char *expected;
  uint64_t bytes;
};

struct plan {
  const char *name;
  slh_pool_kind kind;
  slh_isolation isolation;
  uint64_t slot_bytes, most_bytes, guard_bytes, budget_bytes;
  uint32_t check_every;
};

static const struct plan plans[ARENAS] = {
    {"wide", SLH_POOL_WIDE, SLH_ISOLATION_SCRUB, 0, 2 * MIB, 0, 0, 1},
    {"wide, strict", SLH_POOL_WIDE, SLH_ISOLATION_STRICT, 0, 2 * MIB, 0, 0, 1},
    {"wide, not scrubbed", SLH_POOL_WIDE, SLH_ISOLATION_NONE, 0, 2 * MIB, 0, 64 * KIB, 1},
    {"dense, 512", SLH_POOL_DENSE, SLH_ISOLATION_SCRUB, 512, 512, 0, 0, 1},
    {"dense, 4 KiB, strict", SLH_POOL_DENSE, SLH_ISOLATION_STRICT, 4 * KIB, 4 * KIB, 0, 0, 1},
    {"dense, 64 KiB, guards", SLH_POOL_DENSE, SLH_ISOLATION_SCRUB, 64 * KIB, 64 * KIB, 4 * KIB, 0,
     2},
    {"dense, 1 to 64 KiB", SLH_POOL_DENSE, SLH_ISOLATION_SCRUB, KIB, 64 * KIB, 0, 0, 4},
    {"dense, 512 to 16 KiB, strict", SLH_POOL_DENSE, SLH_ISOLATION_STRICT, 512, 16 * KIB, 0,
     8 * KIB, 4},
    {"dense, 64 KiB to 1 MiB, guards", SLH_POOL_DENSE, SLH_ISOLATION_SCRUB, 64 * KIB, MIB, 4 * KIB,
     0, 32},
};

static struct arena arenas[ARENAS];

/* What a wide canary holds: its size matters little, a guard lies in between. */
#define WIDE_CANARY (16 * KIB)

/* A heap that fills a slot of the size `most` bytes, all of it. */
static slh_heap *fill_slot(struct arena *arena, const struct plan *plan, uint64_t most)
{
  const struct world *world = torture_world(0);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap_stats stats;
  slh_heap *heap = NULL;
  slh_ref array = SLH_NULL;
  char *bytes = NULL;
  uint32_t length;

  options.runtime = world->runtime;
  options.max_bytes = most - plan->guard_bytes - (plan->kind == SLH_POOL_DENSE ? 8 : 0);
  options.initial_bytes = options.max_bytes;
  REQUIRE_EQUAL(slh_heap_acquire(arena->pool, &options, &heap), SLH_OK);
  slh_heap_get_stats(heap, &stats);
  REQUIRE_EQUAL(slh_heap_grow(heap, stats.max), SLH_OK);
  REQUIRE_EQUAL(slh_alloc_array(heap, world->types[BYTES], (uint32_t)stats.max - 8, &array),
                SLH_OK);
  REQUIRE_EQUAL(slh_array_data(heap, array, SLH_I8, (void **)&bytes, &length), SLH_OK);
  for (uint32_t i = 0; i < length; i++)
    bytes[i] = (char)(i * 31 + i / 256 + most + 1);
  return heap;
}

static void guard_canary(struct arena *arena, slh_heap *heap)
{
  const slh_heap_data *data = slh_heap_get_data(heap);
  /* Dense slots begin at their base; the page before a wide one is a guard. */
  uint64_t first = data->start == SLH_DENSE_FIRST ? 0 : data->start;
  struct span *span = &arena->spans[arena->canary_count];

  arena->canaries[arena->canary_count++] = heap;
  span->at = data->base + first;
  span->bytes = data->bump - first;
  span->expected = malloc(span->bytes);
  REQUIRE(span->expected != NULL);
  memcpy(span->expected, span->at, span->bytes);
  torture_forbid(span->at, span->bytes);
}

/* In each size three slots: the one in the middle is free in the end, the
 * smallest last, since what was released last is taken first. */
static void place_canaries(struct arena *arena, const struct plan *plan, uint32_t sizes)
{
  slh_heap **free_ones = calloc(sizes, sizeof *free_ones);

  REQUIRE(free_ones != NULL);
  for (uint32_t i = 0; i < sizes; i++) {
    uint64_t most = plan->kind == SLH_POOL_WIDE ? WIDE_CANARY : plan->slot_bytes << i;

    guard_canary(arena, fill_slot(arena, plan, most));
    free_ones[i] = fill_slot(arena, plan, most);
    guard_canary(arena, fill_slot(arena, plan, most));
  }
  for (uint32_t i = sizes; i-- > 0;)
    slh_heap_release(free_ones[i]);
  free(free_ones);
}

static void open_arena(struct arena *arena, const struct plan *plan)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  uint32_t sizes = 1;

  for (uint64_t most = plan->most_bytes; plan->kind == SLH_POOL_DENSE && most > plan->slot_bytes;
       most /= 2)
    sizes++;
  options.slots = 3 * (uint64_t)sizes;
  options.kind = plan->kind;
  options.isolation = plan->isolation;
  options.slot_bytes = plan->slot_bytes;
  options.max_heap_bytes = plan->most_bytes;
  options.guard_bytes = plan->guard_bytes;
  options.budget_bytes = plan->budget_bytes;
  options.keep_resident_bytes = 64 * KIB;
  options.max_collections = 2;
  options.allocator = &torture_allocator;
  *arena = (struct arena){.name = plan->name,
                          .max_bytes = plan->most_bytes,
                          .strict = plan->isolation == SLH_ISOLATION_STRICT,
                          .dense = plan->kind == SLH_POOL_DENSE,
                          .scrubs = plan->isolation != SLH_ISOLATION_NONE,
                          .check_every = plan->check_every};
  REQUIRE_EQUAL(slh_pool_new(&options, &arena->pool, NULL), SLH_OK);
  arena->canaries = calloc(2 * (size_t)sizes, sizeof *arena->canaries);
  arena->spans = calloc(2 * (size_t)sizes, sizeof *arena->spans);
  REQUIRE(arena->canaries && arena->spans);
  place_canaries(arena, plan, sizes);
}

struct arena *torture_arena(uint64_t number)
{
  struct arena *arena = &arenas[number % ARENAS];

  if (!arena->pool)
    open_arena(arena, &plans[number % ARENAS]);
  return arena;
}

static void check_span(const struct span *span)
{
  torture_allow(span->at, span->bytes);
  REQUIRE(memcmp(span->at, span->expected, span->bytes) == 0);
  torture_forbid(span->at, span->bytes);
}

static void check_all(struct arena *arena)
{
  for (uint32_t i = 0; i < arena->canary_count; i++)
    check_span(&arena->spans[i]);
  arena->unchecked = 0;
}

void torture_check_arena(struct arena *arena)
{
  if (++arena->unchecked >= arena->check_every)
    check_all(arena);
}

static void close_arena(struct arena *arena)
{
  check_all(arena);
  for (uint32_t i = 0; i < arena->canary_count; i++) {
    torture_allow(arena->spans[i].at, arena->spans[i].bytes);
    free(arena->spans[i].expected);
    slh_heap_release(arena->canaries[i]);
  }
  slh_pool_free(arena->pool);
  free(arena->canaries);
  free(arena->spans);
  *arena = (struct arena){0};
}

void torture_close_arenas(void)
{
  for (int i = 0; i < ARENAS; i++) {
    if (arenas[i].pool)
      close_arena(&arenas[i]);
  }
}
