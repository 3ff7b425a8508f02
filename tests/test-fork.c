/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Pools in a child process, whatever went on in its parent at the fork; neither
 * disturbs the other. */
#include "tests/pooled.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/slab.h"
#include "tests/traps.h"

#define SLOTS 8
#define THREADS 3
#define DIRTY (128 * POOLED_KIB)
#define LONG (100 * POOLED_SECOND)

static slh_pool_options options_for(slh_decommit engine)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.decommit = engine;
  options.keep_resident_bytes = 1;
  options.decay_ms = 2;
  return options;
}

static bool is_dirty(const slh_heap *heap)
{
  const char *start = pooled_start(heap);

  for (uint64_t i = SLH_ARRAY_DATA_OFFSET; i < DIRTY; i++)
    if ((unsigned char)start[i] != 0xa5)
      return false;
  return true;
}

static void expect_success(void (*work)(void *context), void *context)
{
  int status = helper_in_child(work, context);

  assert_int_equal(status, 0);
}

/* ---- before anything else was done ---- */

static void free_pool(void *pool)
{
  pooled_limit_time(20);
  slh_pool_decay(pool);
  slh_pool_free(pool);
}

/* The thread does not exist in the child, which does not wait for it. */
static void test_decay_thread_is_not_there(void **state)
{
  slh_pool_options options = options_for(SLH_DECOMMIT_AUTO);
  slh_pool *pool;

  (void)state;
  options.decay_thread = true;
  pool = helper_pool(&options);
  for (int i = 0; i < 3; i++) {
    usleep(20000); /* it waits for its time, mostly */
    expect_success(free_pool, pool);
  }
  slh_pool_free(pool);
}

/* ---- while others use the pool ---- */

struct world {
  slh_pool *pool;
  slh_heap *mine; /* the forking thread's */
  _Atomic bool stop;
  bool abandon;
};

/* Is in the registry of pools most of the time. */
static void *find_addresses(void *context)
{
  struct world *world = context;
  slh_place place;

  while (!atomic_load(&world->stop))
    REQUIRE(slh_find_address(pooled_start(world->mine), &place) && place.heap == world->mine);
  return NULL;
}

static void *use_pool(void *context)
{
  struct world *world = context;
  slh_heap *heap;

  for (uint32_t i = 0; !atomic_load(&world->stop); i++) {
    REQUIRE_EQUAL(pooled_acquire(world->pool, 0, 0, &heap), SLH_OK);
    if (i % 4 == 0)
      pooled_dirty(heap, DIRTY);
    if (i % 64 == 0)
      slh_pool_trim(world->pool);
    slh_heap_release(heap);
  }
  return NULL;
}

static bool count_heap(void *count, slh_heap *heap)
{
  (void)heap;
  ++*(size_t *)count;
  return true;
}

/* All slots but those that other threads of the parent had. */
static size_t take_what_is_free(slh_pool *pool, slh_heap **heaps)
{
  size_t count = 0, left = 0;

  while (count < SLOTS && pooled_acquire(pool, 0, 0, &heaps[count]) == SLH_OK) {
    pooled_check_zero(heaps[count]);
    pooled_dirty(heaps[count++], DIRTY);
  }
  slh_pool_visit_heaps(pool, count_heap, &left);
  REQUIRE_EQUAL(left, SLOTS);
  REQUIRE(count >= SLOTS - 1 - THREADS);
  return count;
}

static void use_in_child(void *context)
{
  struct world *world = context;
  slh_heap *heaps[SLOTS];

  pooled_limit_time(50);
  REQUIRE(is_dirty(world->mine));
  for (int round = 0; round < 3; round++) {
    size_t count = take_what_is_free(world->pool, heaps);

    REQUIRE(is_dirty(world->mine));
    pooled_release(heaps, count);
    if (round == 0)
      slh_pool_trim(world->pool);
    slh_pool_decay(world->pool);
  }
  slh_heap_release(world->mine);
  pooled_release(heaps, take_what_is_free(world->pool, heaps));
  if (world->abandon)
    slh_pool_abandon(world->pool);
}

static void fork_often(slh_decommit engine, uint64_t forks)
{
  slh_pool_options options = options_for(engine);
  struct world world = {.stop = false};
  pthread_t threads[THREADS + 1];
  slh_heap *heaps[SLOTS];

  options.decay_thread = true;
  world.pool = helper_pool(&options);
  world.mine = pooled_take(world.pool);
  pooled_dirty(world.mine, DIRTY);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, use_pool, &world), 0);
  assert_int_equal(pthread_create(&threads[THREADS], NULL, find_addresses, &world), 0);
  while (forks-- > 0) {
    world.abandon = forks % 2;
    expect_success(use_in_child, &world);
    assert_true(is_dirty(world.mine));
  }
  atomic_store(&world.stop, true);
  for (int i = 0; i <= THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  slh_heap_release(world.mine);
  pooled_take_all(world.pool, heaps, SLOTS);
  for (int i = 0; i < SLOTS; i++)
    pooled_check_zero(heaps[i]);
  pooled_release(heaps, SLOTS);
  slh_pool_free(world.pool);
}

static void test_every_engine(void **state)
{
  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++)
    fork_often((slh_decommit)engine, helper_rounds(40));
}

/* ---- pages on their way back ---- */

static void take_all_empty(void *pool)
{
  slh_heap *heaps[SLOTS];

  pooled_limit_time(50);
  pooled_take_all(pool, heaps, SLOTS);
  for (int i = 0; i < SLOTS; i++) {
    pooled_check_zero(heaps[i]);
    pooled_dirty(heaps[i], 2 * DIRTY);
  }
  pooled_release(heaps, SLOTS);
  slh_pool_free(pool);
}

/* Queued, or in flight with io_uring: each process finds its own slots empty. */
static void test_on_their_way_back(void **state)
{
  slh_heap *heaps[SLOTS];

  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    slh_pool_options options = options_for((slh_decommit)engine);
    slh_pool *pool = helper_pool(&options);

    for (uint64_t round = helper_rounds(20); round-- > 0;) {
      pooled_take_all(pool, heaps, SLOTS);
      for (int i = 0; i < SLOTS; i++) {
        pooled_check_zero(heaps[i]);
        pooled_dirty(heaps[i], 4 * DIRTY);
      }
      pooled_release(heaps, SLOTS);
      expect_success(take_all_empty, pool);
    }
    pooled_take_all(pool, heaps, SLOTS);
    for (int i = 0; i < SLOTS; i++)
      pooled_check_zero(heaps[i]);
    pooled_release(heaps, SLOTS);
    slh_pool_free(pool);
  }
}

/* ---- threads that wait ---- */

static void *wait_for_heap(void *pool)
{
  slh_heap *heap;

  REQUIRE_EQUAL(pooled_acquire(pool, 0, LONG, &heap), SLH_OK);
  return heap;
}

struct full {
  slh_pool *pool;
  slh_heap *heaps[SLOTS];
};

/* Nobody waits in the child: what it releases is its own. */
static void release_in_child(void *context)
{
  struct full *full = context;
  slh_heap *heaps[SLOTS], *more;

  pooled_limit_time(50);
  REQUIRE_EQUAL(pooled_acquire(full->pool, 0, 0, &more), SLH_E_FULL);
  REQUIRE_EQUAL(pooled_acquire(full->pool, 0, 1000, &more), SLH_E_FULL);
  pooled_release(full->heaps, SLOTS);
  pooled_take_all(full->pool, heaps, SLOTS);
  pooled_release(heaps, SLOTS);
  slh_pool_free(full->pool);
}

static void test_waiting_threads(void **state)
{
  slh_pool_options options = options_for(SLH_DECOMMIT_AUTO);
  struct full full = {.pool = helper_pool(&options)};
  pthread_t threads[THREADS];

  (void)state;
  pooled_take_all(full.pool, full.heaps, SLOTS);
  for (uint64_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, wait_for_heap, full.pool), 0);
    while (pooled_stats(full.pool).waits == i)
      sched_yield();
  }
  expect_success(release_in_child, &full);
  for (int i = 0; i < THREADS; i++) {
    void *heap;

    slh_heap_release(full.heaps[i]);
    assert_int_equal(pthread_join(threads[i], &heap), 0);
    assert_ptr_equal(heap, full.heaps[i]);
  }
  pooled_release(full.heaps, SLOTS);
  slh_pool_free(full.pool);
}

/* ---- all the rest of the library ---- */

static void *register_types(void *stop)
{
  while (!atomic_load((_Atomic bool *)stop)) {
    const slh_type *type;

    REQUIRE_EQUAL(slh_array_type_new(pooled.runtime, NULL, SLH_I8, &type, NULL), SLH_OK);
    REQUIRE_EQUAL(slh_type_unregister(pooled.runtime, type, NULL), SLH_OK);
  }
  return NULL;
}

static void do_all_in_child(void *context)
{
  slh_pool_options options = options_for(SLH_DECOMMIT_AUTO);
  const slh_type *type;
  slh_pool *pool;
  slh_heap *heap;
  slh_ref ref;

  (void)context;
  pooled_limit_time(50);
  pool = helper_pool(&options);
  heap = pooled_take(pool);
  REQUIRE_EQUAL(slh_array_type_new(pooled.runtime, "child's", SLH_I32, &type, NULL), SLH_OK);
  REQUIRE_EQUAL(slh_new_array(heap, type, 100, &ref), SLH_OK);
  REQUIRE_EQUAL(slh_heap_collect(heap, NULL), SLH_OK);
  traps_enable_in_child();
  for (int i = 0; i < 3; i++) {
    struct access access = access_null(heap);

    REQUIRE_EQUAL(slh_heap_protect(heap, access_make, &access, NULL), SLH_E_TRAP);
  }
  slh_heap_release(heap);
  slh_pool_free(pool);
}

static void do_all_in_grandchild(void *context)
{
  const slh_type *type;

  pooled_limit_time(50);
  REQUIRE_EQUAL(slh_array_type_new(pooled.runtime, "child's", SLH_I32, &type, NULL), SLH_OK);
  REQUIRE_EQUAL(helper_in_child(do_all_in_child, context), 0);
}

/* The locks of the process are free in a child. */
static void test_types_and_traps(void **state)
{
  static _Atomic bool stop;
  pthread_t thread;

  (void)state;
  traps_enable();
  assert_int_equal(pthread_create(&thread, NULL, register_types, &stop), 0);
  for (uint64_t round = helper_rounds(40); round-- > 0;) {
    expect_success(do_all_in_child, NULL);
    expect_success(do_all_in_grandchild, NULL);
  }
  atomic_store(&stop, true);
  assert_int_equal(pthread_join(thread, NULL), 0);
}

static int tear_down_both(void **state)
{
  return traps_disable(state) || pooled_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pooled_setup, pooled_teardown)

/* The first forks a process in which nothing else was done. */
int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_decay_thread_is_not_there),
      TEST(test_every_engine),
      TEST(test_on_their_way_back),
      TEST(test_waiting_threads),
      cmocka_unit_test_setup_teardown(test_types_and_traps, pooled_setup, tear_down_both),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
