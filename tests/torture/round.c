/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A store, from acquire to release: once or more, it is filled, corrupted, and
 * called; in the end there is nothing of it. */
#include "tests/torture/torture.h"

#include <stdio.h>

#define KIB UINT64_C(1024)
#define GUARD_WORD UINT64_C(0x5ca1ab1e0ddba115)

/* ---- beginning ---- */

static slh_heap_options random_options(struct torture *t)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  bool roomy = t->arena->max_bytes > 512 * KIB;

  options.runtime = t->world->runtime;
  options.enumerate_roots = torture_list_roots;
  options.grow = one_in(t, 2) ? torture_grow : NULL;
  options.host = t;
  options.tag = (uint32_t)below(t, 3);
  options.fixed = one_in(t, 4);
  options.initial_bytes = UINT64_C(256) << below(t, 10);
  t->large = roomy && one_in(t, 8);
  if (roomy && !t->large)
    options.max_bytes = 2 * KIB << below(t, 6);
  if (one_in(t, 4))
    options.max_host_bytes = 2 * KIB + below(t, 64 * KIB);
  options.image = one_in(t, 8) ? NULL : t->image;
  options.resume = one_in(t, 2);
  return options;
}

/* False: not with that image. */
static bool acquire(struct torture *t, const slh_heap_options *options)
{
  slh_heap *heap = NULL;
  slh_heap_stats stats;
  slh_status status =
      one_in(t, 2) ? CALL(t, slh_heap_acquire, (t->arena->pool, options, &heap))
                   : CALL(t, slh_heap_acquire_within, (t->arena->pool, options, 1000, &heap, NULL));

  REQUIRE(status == SLH_OK || options->image);
  if (status != SLH_OK)
    return false;
  t->heap = heap;
  t->fixed = options->fixed;
  t->base = data_of(t)->base;
  slh_heap_get_stats(heap, &stats);
  t->max_bytes = stats.max;
  if (options->image)
    torture_take_image(t);
  return true;
}

/* ---- ending ---- */

static void check_drops(struct torture *t)
{
  for (uint32_t i = 0; i < t->externrefs; i++)
    REQUIRE_EQUAL(t->drops[i], 1);
}

/* What the host held of the store is void. */
static void forget(struct torture *t)
{
  check_drops(t);
  memset(t->drops, 0, sizeof t->drops);
  memset(t->roots, 0, sizeof t->roots);
  t->externrefs = t->owned_count = t->weak_count = t->table_count = t->local_count = 0;
  t->functions = t->object_count = 0;
  t->frame = (slh_frame){0};
  t->active = t->corrupt = false;
}

/* All that can be accessed, from the slot's first byte on. */
static void check_zero(const struct torture *t, const slh_heap *heap)
{
  const char *first = slh_heap_get_data(heap)->base + (t->arena->dense ? 0 : SLH_WIDE_FIRST);
  slh_heap_stats stats;
  uint64_t bytes;

  slh_heap_get_stats(heap, &stats);
  bytes = stats.accessible;
  REQUIRE(bytes == 0 || (*first == 0 && memcmp(first, first + 1, bytes - 1) == 0));
}

/* An empty heap that was just acquired, or reset. */
static void check_clean(struct torture *t, slh_heap *heap)
{
  slh_error error = {0};

  if (slh_heap_verify(heap, NULL, &error) != SLH_OK) {
    fprintf(stderr, "%s\n", error.message);
    REQUIRE(!"a clean heap");
  }
  REQUIRE_EQUAL(slh_heap_end(heap), slh_heap_first(heap));
  if (t->arena->scrubs)
    check_zero(t, heap);
}

static void reset(struct torture *t)
{
  VISIT(t, slh_heap_reset, (t->heap));
  forget(t);
  torture_refuse(0, 0);
  check_clean(t, t->heap);
}

static void release(struct torture *t)
{
  if (one_in(t, 8))
    VISIT(t, slh_heap_discard, (t->heap));
  else
    VISIT(t, slh_heap_release, (t->heap));
  t->heap = NULL;
  torture_refuse(0, 0);
  forget(t);
}

/* The slot serves another store, which finds nothing. */
static void check_next_store(struct torture *t)
{
  const struct world *world = torture_world(below(t, WORLDS));
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;
  slh_ref ref = SLH_NULL;

  options.runtime = world->runtime;
  REQUIRE_EQUAL(slh_heap_acquire(t->arena->pool, &options, &heap), SLH_OK);
  check_clean(t, heap);
  if (one_in(t, 4)) {
    slh_status status = slh_heap_grow(heap, t->arena->max_bytes / (one_in(t, 4) ? 2 : 16));

    REQUIRE(status == SLH_OK || status == SLH_E_POOL_LIMIT);
    if (t->arena->scrubs)
      check_zero(t, heap);
  }
  REQUIRE_EQUAL(slh_new_struct(heap, world->types[NODE], &ref), SLH_OK);
  REQUIRE_EQUAL(slh_heap_collect(heap, NULL), SLH_OK);
  REQUIRE_EQUAL(slh_heap_verify(heap, NULL, NULL), SLH_OK);
  slh_heap_release(heap);
}

static void check_pool(const struct arena *arena)
{
  slh_pool_stats stats;

  slh_pool_get_stats(arena->pool, &stats);
  REQUIRE_EQUAL(stats.slots_in_use, arena->canary_count);
  REQUIRE_EQUAL(stats.evacuation_in_use, 0);
  REQUIRE_EQUAL(stats.budget_used_bytes, 0);
}

/* ---- a life ---- */

/* Corrupts some, and calls: mostly more than once, as far as it goes. */
static void torment(struct torture *t)
{
  for (uint64_t turns = 1 + below(t, 4); turns > 0; turns--) {
    t->figures->phase = PHASE_mutator;
    if (!t->active && !t->corrupt && one_in(t, 2))
      (void)torture_find_objects(t);
    if (one_in(t, 4) && !t->active)
      torture_collect_in_steps(t);
    for (uint64_t i = 1 + below(t, one_in(t, 4) ? 12 : 4); i > 0; i--) {
      t->figures->phase = t->active ? PHASE_between_increments : PHASE_mutator;
      torture_corrupt(t);
    }
    for (uint64_t i = 2 + below(t, 12); i > 0; i--)
      torture_call(t);
    /* Little can be learnt from it now. */
    if (t->corrupt && one_in(t, 2))
      return;
  }
}

static void corrupt_last(struct torture *t, enum torture_phase phase)
{
  t->figures->phase = phase;
  if (!t->active && !t->corrupt && one_in(t, 4))
    torture_collect_in_steps(t);
  t->figures->phase = phase;
  for (uint64_t i = below(t, 4); i > 0; i--)
    torture_corrupt(t);
}

static void live(struct torture *t)
{
  torture_build(t);
  if (one_in(t, 10) && !t->corrupt)
    torture_call_image(t);
  if (one_in(t, 8))
    torture_refuse(helper_random(&t->random), 1 + below(t, 12));
  torment(t);
}

/* ---- a store ---- */

static void serve(struct torture *t)
{
  slh_heap_options options = random_options(t);

  if (!acquire(t, &options)) {
    forget(t);
    options.image = NULL;
    REQUIRE(acquire(t, &options));
  }
  live(t);
  while (one_in(t, 4)) {
    corrupt_last(t, PHASE_before_reset);
    reset(t);
    live(t);
  }
  corrupt_last(t, PHASE_before_release);
  release(t);
}

void torture_round(struct torture *t)
{
  uint64_t arena = below(t, ARENAS), world = below(t, WORLDS);

  t->arena = torture_arena(arena);
  t->world = torture_world(world);
  t->guard_before = t->guard_behind = GUARD_WORD;
  t->figures->by_arena[arena]++;
  t->figures->by_world[world]++;
  serve(t);
  for (int more = 2; t->image && more > 0; more--)
    serve(t);
  torture_drop_image(t);
  check_next_store(t);
  check_pool(t->arena);
  torture_check_arena(t->arena);
  torture_check_host();
}
