/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stores that their threads have left in the middle: they are found, and
 * discarding them leaves nothing behind. */
/* [promise as-new] */
#include "tests/datum.h"
#include "tests/meter.h"
#include "tests/pooled.h"
#include "tests/traps.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#define SLOTS 3
#define DATA 40
#define BUDGET POOLED_MIB

/* A store, and how it is left. */
struct work {
  slh_heap *heap;
  slh_ref root;
  struct datum data[DATA];
  bool armed; /* the next callback does not return */
  sigjmp_buf out;
};

struct world {
  struct meter meter;
  slh_pool *pool;
  struct work work;
};

static _Noreturn void jump(struct work *work)
{
  work->armed = false;
  siglongjmp(work->out, 1);
}

/* ---- callbacks ---- */

static struct work *dropping; /* whose drop callbacks run */

static void drop(void *data)
{
  datum_drop(data);
  if (dropping->armed && dropping->data + DATA / 2 == (struct datum *)data)
    jump(dropping);
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct work *work = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &work->root, 1, "root");
  if (work->armed)
    jump(work);
}

static bool grow(void *host, slh_heap *heap, const slh_growth *growth)
{
  struct work *work = host;

  (void)heap;
  (void)growth;
  if (work->armed)
    jump(work);
  return true;
}

static bool yield(void *context)
{
  jump(context);
}

/* ---- a store with something of everything ---- */

static slh_pool *metered_pool(struct meter *meter)
{
  slh_allocator allocator = meter_allocator(meter);
  slh_pool_options options = helper_pool_options(SLOTS);

  options.allocator = &allocator;
  options.budget_bytes = BUDGET;
  options.max_collections = 1;
  return helper_pool(&options);
}

static void open_store(struct work *work, slh_pool *pool)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  *work = (struct work){.root = SLH_NULL};
  dropping = work;
  options.runtime = pooled.runtime;
  options.initial_bytes = 4096;
  options.enumerate_roots = list_roots;
  options.grow = grow;
  options.host = work;
  REQUIRE_EQUAL(slh_heap_acquire(pool, &options, &work->heap), SLH_OK);
}

/* Some of its externrefs live, some are dead; the budget pays for its growth. */
static void fill_store(struct work *work)
{
  slh_owned owned;
  slh_weak weak;
  slh_ref ref;

  REQUIRE_EQUAL(slh_heap_grow(work->heap, 64 * POOLED_KIB), SLH_OK);
  for (int i = 0; i < DATA; i++) {
    REQUIRE_EQUAL(slh_alloc_externref(work->heap, &work->data[i], drop, &ref), SLH_OK);
    if (i % 4 == 3)
      REQUIRE_EQUAL(slh_owned_new(work->heap, ref, &owned), SLH_OK);
    REQUIRE_EQUAL(slh_weak_new(work->heap, ref, &weak), SLH_OK);
  }
  for (int i = 0; i < 200; i++) {
    REQUIRE_EQUAL(slh_alloc_struct(work->heap, pooled.node, &ref), SLH_OK);
    slh_set_ref(work->heap, ref, HELPER_LEFT, work->root);
    work->root = ref;
  }
}

/* ---- ways to leave it ---- */

typedef void leave_fn(struct work *work);

static void leave_as_it_is(struct work *work)
{
  (void)work;
}

static void leave_frames(struct work *work)
{
  slh_frame outer, inner;
  slh_local local;

  REQUIRE_EQUAL(slh_frame_open(work->heap, &outer), SLH_OK);
  REQUIRE_EQUAL(slh_frame_open(work->heap, &inner), SLH_OK);
  REQUIRE_EQUAL(slh_local_new(&inner, work->root, &local), SLH_OK);
  slh_heap_enter_no_gc(work->heap);
}

static void leave_increments(struct work *work)
{
  bool complete = false;

  REQUIRE_EQUAL(slh_collection_begin(work->heap, NULL), SLH_OK);
  for (int i = 0; i < 20 && !complete; i++)
    REQUIRE_EQUAL(slh_collection_step(work->heap, 64, &complete), SLH_OK);
  REQUIRE(!complete);
}

static void leave_enumeration(struct work *work)
{
  work->armed = true;
  (void)!slh_heap_collect(work->heap, NULL);
}

static void leave_yield(struct work *work)
{
  (void)!slh_heap_collect_async(work->heap, NULL, 128, yield, work);
}

static void leave_growth(struct work *work)
{
  work->armed = true;
  (void)!slh_heap_grow(work->heap, 256 * POOLED_KIB);
}

static void leave_drop_of_collection(struct work *work)
{
  work->root = SLH_NULL;
  /* Not in enumerate_roots. */
  REQUIRE_EQUAL(slh_collection_begin(work->heap, NULL), SLH_OK);
  work->armed = true;
  (void)!slh_collection_abandon(work->heap);
}

static void leave_drop_of_reset(struct work *work)
{
  work->armed = true;
  slh_heap_reset(work->heap);
}

static void leave_drop_of_release(struct work *work)
{
  work->armed = true;
  slh_heap_release(work->heap);
}

static void jump_out(void *work)
{
  jump(work);
}

static void leave_protected_call(struct work *work)
{
  (void)!slh_heap_protect(work->heap, jump_out, work, NULL);
}

static const struct way {
  leave_fn *leave;
  bool jumps;
} ways[] = {
    {leave_as_it_is, false},          {leave_frames, false},         {leave_increments, false},
    {leave_enumeration, true},        {leave_yield, true},           {leave_growth, true},
    {leave_drop_of_reset, true},      {leave_drop_of_release, true}, {leave_protected_call, true},
    {leave_drop_of_collection, true},
};
#define WAYS (sizeof ways / sizeof *ways)

/* Whether it was left by a jump. */
static bool leave(struct work *work, const struct way *way)
{
  if (sigsetjmp(work->out, 0) != 0)
    return true;
  way->leave(work);
  return false;
}

/* ---- what becomes of it ---- */

struct search {
  const void *host;
  slh_heap *found;
  int visits;
};

static bool look(void *context, slh_heap *heap)
{
  struct search *search = context;

  search->visits++;
  if (slh_heap_host(heap) == search->host)
    search->found = heap;
  return true;
}

static void discard_what_is_left(struct world *world)
{
  struct search search = {.host = &world->work};

  slh_pool_visit_heaps(world->pool, look, &search);
  assert_int_equal(search.visits, 1);
  assert_ptr_equal(search.found, world->work.heap);
  slh_heap_discard(search.found);
  datum_all_dropped(world->work.data, DATA);
}

/* All slots and spaces are there, and as new. */
static void expect_nothing_left(struct world *world)
{
  slh_heap *heaps[SLOTS];
  slh_pool_stats stats = pooled_stats(world->pool);

  assert_int_equal(stats.slots_in_use, 0);
  assert_int_equal(stats.evacuation_in_use, 0);
  assert_int_equal(stats.budget_used_bytes, 0);
  pooled_take_all(world->pool, heaps, SLOTS);
  for (int i = 0; i < SLOTS; i++) {
    pooled_check_zero(heaps[i]);
    pooled_dirty(heaps[i], 4096);
    assert_ok(slh_heap_collect(heaps[i], NULL)); /* there is a space for it */
    assert_ok(slh_heap_verify(heaps[i], NULL, NULL));
  }
  pooled_release(heaps, SLOTS);
}

static void *work_and_leave(void *context)
{
  struct world *world = ((void **)context)[0];
  const struct way *way = ((void **)context)[1];

  open_store(&world->work, world->pool);
  fill_store(&world->work);
  REQUIRE_EQUAL(leave(&world->work, way), way->jumps);
  return NULL;
}

static void leave_and_discard(struct world *world, size_t way, bool by_thread)
{
  void *context[] = {world, (void *)(uintptr_t)&ways[way]};

  if (by_thread)
    pooled_run(1, work_and_leave, context, 0);
  else
    work_and_leave(context);
  discard_what_is_left(world);
  expect_nothing_left(world);
}

/* Has all slots, and this thread, take the host memory that they keep. */
static void warm_up(struct world *world)
{
  static struct work works[SLOTS];

  for (int i = 0; i < SLOTS; i++) {
    open_store(&works[i], world->pool);
    fill_store(&works[i]);
    leave_frames(&works[i]);
    slh_heap_leave_no_gc(works[i].heap);
    assert_ok(slh_heap_collect(works[i].heap, NULL));
  }
  for (int i = 0; i < SLOTS; i++)
    slh_heap_release(works[i].heap);
  leave_and_discard(world, 2, true); /* with a collection */
}

static void leave_all_ways(bool by_thread)
{
  struct world world;
  uint64_t blocks;

  world.pool = metered_pool(&world.meter);
  traps_enable();
  warm_up(&world);
  blocks = world.meter.blocks;
  for (int round = 0; round < 3; round++) {
    for (size_t way = 0; way < WAYS; way++)
      leave_and_discard(&world, way, by_thread);
  }
  assert_int_equal(world.meter.blocks, blocks);
  slh_pool_free(world.pool);
  assert_int_equal(world.meter.blocks, 0);
  assert_int_equal(world.meter.bytes, 0);
}

static void test_threads_that_end(void **state)
{
  (void)state;
  leave_all_ways(true);
}

static void test_jumps(void **state)
{
  (void)state;
  leave_all_ways(false);
}

/* Protected calls work after one that was left by a jump. */
static void test_traps_after_a_jump(void **state)
{
  struct world world;
  slh_heap *heap;

  (void)state;
  world.pool = metered_pool(&world.meter);
  traps_enable();
  leave_and_discard(&world, 8, false);
  heap = pooled_take(world.pool);
  access_expect_trap(access_null(heap));
  access_expect_trap(access_null(heap));
  slh_heap_release(heap);
  slh_pool_free(world.pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_threads_that_end, traps_disable),
      cmocka_unit_test_teardown(test_jumps, traps_disable),
      cmocka_unit_test_teardown(test_traps_after_a_jump, traps_disable),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
