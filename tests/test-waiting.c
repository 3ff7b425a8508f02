/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_heap_acquire_within: waiting for a slot, first come first served. */
#include "tests/pooled.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "pool/pool.h"

#define LONG (100 * POOLED_SECOND) /* longer than any test runs */
#define SHORT UINT64_C(1000000)    /* a millisecond */
#define DIRTY (64 * POOLED_KIB)
#define WAITERS 6
#define MOST 16

static slh_pool *small_pool(uint64_t slots, slh_decommit engine)
{
  slh_pool_options options = helper_pool_options(slots);

  options.keep_resident_bytes = 1; /* so that pages have to be given back */
  options.decommit = engine;
  return helper_pool(&options);
}

static slh_status acquire_within(slh_pool *pool, uint64_t nanoseconds, slh_heap **heap,
                                 slh_error *error)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = pooled.runtime;
  return slh_heap_acquire_within(pool, &options, nanoseconds, heap, error);
}

/* ---- without other threads ---- */

static void test_at_once(void **state)
{
  static const uint64_t times[] = {0, 1, SHORT, LONG, UINT64_MAX};
  slh_pool *pool = small_pool(1, SLH_DECOMMIT_AUTO);

  (void)state;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    slh_error error = {0};
    slh_heap *heap = NULL;

    assert_int_equal(acquire_within(pool, times[i], &heap, &error), SLH_OK);
    assert_int_equal(error.status, SLH_OK);
    slh_heap_release(heap);
  }
  assert_int_equal(pooled_stats(pool).waits, 0);
  assert_int_equal(pooled_stats(pool).full_refusals, 0);
  slh_pool_free(pool);
}

static void test_in_time(void **state)
{
  static const uint64_t times[] = {0, 1, SHORT};
  slh_pool *pool = small_pool(3, SLH_DECOMMIT_AUTO);
  slh_heap *heaps[3], *heap = NULL;
  slh_pool_stats stats;

  (void)state;
  pooled_take_all(pool, heaps, 3);
  for (size_t i = 0; i < 3; i++) {
    slh_error error = {0};

    assert_int_equal(acquire_within(pool, times[i], &heap, &error), SLH_E_FULL);
    assert_int_equal(error.status, SLH_E_FULL);
    assert_non_null(strstr(error.message, "all 3 heaps"));
    assert_non_null(strstr(error.message, "slots"));
    assert_int_equal(strstr(error.message, "in time") != NULL, times[i] != 0);
    assert_int_equal(acquire_within(pool, times[i], &heap, NULL), SLH_E_FULL);
    assert_null(heap);
  }
  stats = pooled_stats(pool);
  assert_int_equal(stats.waits, 4);
  assert_int_equal(stats.full_refusals, 1 + 6);
  assert_int_equal(stats.acquires, 3);
  /* Nobody waits any more: released slots are free for all. */
  pooled_release(heaps, 3);
  pooled_take_all(pool, heaps, 3);
  pooled_release(heaps, 3);
  slh_pool_free(pool);
}

static void test_bad_options_in_words(void **state)
{
  slh_pool *pool = small_pool(1, SLH_DECOMMIT_AUTO);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;
  slh_error error = {0};

  (void)state;
  assert_int_equal(slh_heap_acquire_within(pool, &options, LONG, &heap, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "runtime"));
  options.runtime = pooled.runtime;
  options.struct_size++;
  assert_int_equal(slh_heap_acquire_within(pool, &options, LONG, &heap, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "struct_size"));
  assert_null(heap);
  assert_int_equal(pooled_stats(pool).acquires, 0);
  slh_pool_free(pool);
}

/* ---- first come, first served ---- */

struct waiter {
  slh_pool *pool;
  uint64_t nanoseconds;
  _Atomic(slh_heap *) heap;
  _Atomic bool gave_up;
  pthread_t thread;
};

static void *wait_for_heap(void *context)
{
  struct waiter *waiter = context;
  slh_heap *heap;

  if (pooled_acquire(waiter->pool, 0, waiter->nanoseconds, &heap) == SLH_OK)
    atomic_store(&waiter->heap, heap);
  else
    atomic_store(&waiter->gave_up, true);
  return NULL;
}

/* When it returns, the thread waits behind those who came before. */
static void start_waiting(struct waiter *waiter, slh_pool *pool, uint64_t nanoseconds)
{
  uint64_t waits = pooled_stats(pool).waits;

  waiter->pool = pool;
  waiter->nanoseconds = nanoseconds;
  atomic_store(&waiter->heap, NULL);
  atomic_store(&waiter->gave_up, false);
  assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_heap, waiter), 0);
  while (pooled_stats(pool).waits == waits)
    sched_yield();
}

/* It got what was released, and those behind it have nothing yet. */
static void expect_served(struct waiter *waiters, size_t first, size_t count, slh_heap *heap)
{
  assert_int_equal(pthread_join(waiters[first].thread, NULL), 0);
  assert_ptr_equal(atomic_load(&waiters[first].heap), heap);
  for (size_t i = first + 1; i < count; i++)
    assert_null(atomic_load(&waiters[i].heap));
}

static void *release_it(void *heap)
{
  slh_heap_release(heap);
  return NULL;
}

static void serve_in_order(slh_decommit engine, bool by_thread, uint64_t dirty)
{
  static struct waiter waiters[WAITERS];
  slh_pool *pool = small_pool(WAITERS, engine);
  slh_heap *heaps[WAITERS], *heap;

  pooled_take_all(pool, heaps, WAITERS);
  for (size_t i = 0; i < WAITERS; i++)
    start_waiting(&waiters[i], pool, i % 2 ? LONG : UINT64_MAX);
  for (size_t i = 0; i < WAITERS; i++) {
    /* Who comes now is behind all others. */
    assert_int_equal(pooled_acquire(pool, 0, 0, &heap), SLH_E_FULL);
    if (dirty)
      pooled_dirty(heaps[i], dirty);
    if (by_thread)
      pooled_run(1, release_it, heaps[i], 0);
    else
      slh_heap_release(heaps[i]);
    expect_served(waiters, i, WAITERS, heaps[i]);
    pooled_check_zero(heaps[i]);
  }
  pooled_release(heaps, WAITERS);
  assert_int_equal(pooled_stats(pool).waits, WAITERS);
  assert_int_equal(pooled_stats(pool).acquires, 2 * WAITERS);
  assert_int_equal(pooled_stats(pool).slots_in_use, 0);
  slh_pool_free(pool);
}

static void test_first_come_first_served(void **state)
{
  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    serve_in_order((slh_decommit)engine, false, 0);
    serve_in_order((slh_decommit)engine, false, DIRTY);
    serve_in_order((slh_decommit)engine, true, DIRTY);
  }
}

/* Who gives up is passed over. */
static void test_giving_up_in_the_middle(void **state)
{
  static struct waiter waiters[4];
  slh_pool *pool = small_pool(2, SLH_DECOMMIT_AUTO);
  slh_heap *heaps[2];

  (void)state;
  pooled_take_all(pool, heaps, 2);
  for (size_t i = 0; i < 4; i++)
    start_waiting(&waiters[i], pool, i % 2 ? SHORT : LONG);
  assert_int_equal(pthread_join(waiters[1].thread, NULL), 0);
  assert_int_equal(pthread_join(waiters[3].thread, NULL), 0);
  assert_true(waiters[1].gave_up && waiters[3].gave_up);
  slh_heap_release(heaps[0]);
  expect_served(waiters, 0, 4, heaps[0]);
  slh_heap_release(heaps[1]);
  expect_served(waiters, 2, 4, heaps[1]);
  pooled_release(heaps, 2);
  assert_int_equal(pooled_stats(pool).full_refusals, 1 + 2);
  pooled_take_all(pool, heaps, 2);
  pooled_release(heaps, 2);
  slh_pool_free(pool);
}

/* ---- slots on their way back ---- */

/* They are had without waiting, though their pages are not back yet. */
static void test_slots_on_their_way_back(void **state)
{
  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    slh_pool *pool = small_pool(MOST, (slh_decommit)engine);
    slh_heap *heaps[MOST];

    for (uint64_t round = helper_rounds(30); round-- > 0;) {
      for (int i = 0; i < MOST; i++) {
        assert_int_equal(acquire_within(pool, LONG, &heaps[i], NULL), SLH_OK);
        pooled_check_zero(heaps[i]);
        pooled_dirty(heaps[i], DIRTY);
      }
      pooled_release(heaps, MOST);
    }
    assert_int_equal(pooled_stats(pool).waits, 0);
    slh_pool_free(pool);
  }
}

/* ---- many at once ---- */

struct crowd {
  slh_pool *pool;
  uint64_t random;
};

/* All get a heap, if only everybody releases in the end. */
static void *come_often(void *context)
{
  struct crowd *self = context;

  for (uint64_t i = helper_rounds(600); i-- > 0;) {
    uint64_t chance = helper_below(&self->random, 32);
    slh_heap *heap;

    REQUIRE_EQUAL(pooled_acquire(self->pool, 0, LONG, &heap), SLH_OK);
    if (chance < 16) {
      pooled_check_zero(heap);
      pooled_dirty(heap, DIRTY);
    } else if (chance < 18) {
      sched_yield();
    }
    slh_heap_release(heap);
    if (chance == 30)
      slh_pool_trim(self->pool);
    else if (chance == 31 && pooled_acquire(self->pool, 0, 1, &heap) == SLH_OK)
      slh_heap_release(heap);
  }
  return NULL;
}

static void test_crowd(void **state)
{
  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    for (uint64_t slots = 1; slots <= 3; slots++) {
      slh_pool *pool = small_pool(slots, (slh_decommit)engine);
      struct crowd crowd[5];
      slh_heap *heaps[3];

      for (uint64_t i = 0; i < 5; i++)
        crowd[i] = (struct crowd){pool, helper_seed() + i};
      pooled_run(5, come_often, crowd, sizeof *crowd);
      pooled_take_all(pool, heaps, slots);
      pooled_release(heaps, slots);
      slh_pool_free(pool);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_at_once),
      cmocka_unit_test(test_in_time),
      cmocka_unit_test(test_bad_options_in_words),
      cmocka_unit_test(test_first_come_first_served),
      cmocka_unit_test(test_giving_up_in_the_middle),
      cmocka_unit_test(test_slots_on_their_way_back),
      cmocka_unit_test(test_crowd),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
