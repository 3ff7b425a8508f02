/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Free slots that threads keep for themselves: who gets which, and that none is
 * ever lost to others. */
#include "tests/pooled.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pool/magazine.h"
#include "pool/pool.h"

#define HOARDERS 4
#define SLOTS (HOARDERS * SLHI_MAGAZINE_SLOTS)

static slh_pool *small_pool(uint64_t slots)
{
  slh_pool_options options = helper_pool_options(slots);

  return helper_pool(&options);
}

/* ---- on one thread ---- */

static void test_last_released_comes_first(void **state)
{
  uint64_t random = helper_seed();
  slh_heap *heaps[SLHI_MAGAZINE_SLOTS], *order[SLHI_MAGAZINE_SLOTS];
  slh_pool *pool = small_pool(2 * SLHI_MAGAZINE_SLOTS);

  (void)state;
  for (uint64_t round = helper_rounds(2000); round-- > 0;) {
    size_t count = 1 + helper_below(&random, SLHI_MAGAZINE_SLOTS);

    for (size_t i = 0; i < count; i++)
      heaps[i] = pooled_take(pool);
    for (size_t left = count; left > 0; left--) {
      size_t i = helper_below(&random, left);

      order[left - 1] = heaps[i];
      slh_heap_release(heaps[i]);
      heaps[i] = heaps[left - 1];
    }
    for (size_t i = 0; i < count; i++)
      assert_ptr_equal(pooled_take(pool), order[i]);
    pooled_release(order, count);
  }
  slh_pool_free(pool);
}

static slh_heap *take_tagged(slh_pool *pool, uint32_t tag)
{
  slh_heap *heap;

  assert_int_equal(pooled_acquire(pool, tag, 0, &heap), SLH_OK);
  return heap;
}

/* Stores of a kind get the slots of their kind, in any order; of a kind that is
 * new, the last one. */
static void test_tags_find_their_slots(void **state)
{
  enum {
    KINDS = 10
  };
  uint64_t random = helper_seed();
  slh_pool *pool = small_pool(KINDS);
  slh_heap *by_kind[KINDS];

  (void)state;
  for (uint32_t i = 0; i < KINDS; i++)
    by_kind[i] = take_tagged(pool, i + 1);
  for (uint64_t round = helper_rounds(2000); round-- > 0;) {
    uint32_t first = (uint32_t)helper_below(&random, KINDS);

    for (uint32_t i = 0; i < KINDS; i++)
      slh_heap_release(by_kind[(first + i) % KINDS]);
    if (helper_one_in(&random, 2)) {
      uint32_t last = (first + KINDS - 1) % KINDS;

      assert_ptr_equal(take_tagged(pool, 1000), by_kind[last]);
      slh_heap_release(by_kind[last]);
      assert_ptr_equal(take_tagged(pool, last + 1), by_kind[last]);
      slh_heap_release(by_kind[last]);
    }
    first = (uint32_t)helper_below(&random, KINDS);
    for (uint32_t i = 0; i < KINDS; i++) {
      uint32_t kind = (first + 3 * i) % KINDS;

      assert_ptr_equal(take_tagged(pool, kind + 1), by_kind[kind]);
    }
  }
  pooled_release(by_kind, KINDS);
  slh_pool_free(pool);
}

/* A store without a tag leaves none of an earlier store behind. */
static void test_no_tag_is_no_kind(void **state)
{
  slh_pool *pool = small_pool(2);
  slh_heap *first = take_tagged(pool, 7), *second = pooled_take(pool);

  (void)state;
  slh_heap_release(first);
  assert_ptr_equal(pooled_take(pool), first);
  slh_heap_release(first);
  slh_heap_release(second);
  assert_ptr_equal(take_tagged(pool, 7), second);
  slh_heap_release(second);
  slh_pool_free(pool);
}

/* Warm and cold ones are told apart, whatever way they are taken. */
static void test_warm_acquires_are_counted(void **state)
{
  slh_pool *pool = small_pool(1);
  uint64_t warm = 0, all = 0;

  (void)state;
  for (uint32_t i = 0; i < 64; i++) {
    slh_heap *heap = take_tagged(pool, i & 1);

    assert_int_equal(pooled_stats(pool).acquires, ++all);
    assert_int_equal(pooled_stats(pool).warm_acquires, warm);
    if (i >= 8)
      pooled_dirty(heap, 64);
    slh_heap_release(heap);
    warm += i >= 8;
  }
  slh_pool_free(pool);
}

/* ---- slots with other threads ---- */

struct hoard {
  slh_pool *pool;
  pthread_barrier_t *gate; /* NULL: the thread ends at once */
  size_t count;
};

/* Takes slots and releases them: they stay with this thread. */
static void *hoard(void *context)
{
  const struct hoard *self = context;
  slh_heap *heaps[SLOTS];

  for (size_t i = 0; i < self->count; i++)
    heaps[i] = pooled_take(self->pool);
  if (self->gate)
    pthread_barrier_wait(self->gate); /* all have theirs */
  pooled_release(heaps, self->count);
  if (self->gate) {
    pthread_barrier_wait(self->gate); /* all have released */
    pthread_barrier_wait(self->gate); /* and live on, idle, until this */
  }
  return NULL;
}

static void start_hoarders(pthread_t *threads, struct hoard *self)
{
  for (int i = 0; i < HOARDERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, hoard, self), 0);
  pthread_barrier_wait(self->gate);
  pthread_barrier_wait(self->gate);
}

static void end_hoarders(pthread_t *threads, struct hoard *self)
{
  pthread_barrier_wait(self->gate);
  for (int i = 0; i < HOARDERS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void take_all_of_idle_threads(slh_pool *pool)
{
  pthread_barrier_t gate;
  struct hoard self = {pool, &gate, SLHI_MAGAZINE_SLOTS};
  pthread_t threads[HOARDERS];
  slh_heap *heaps[SLOTS];

  pthread_barrier_init(&gate, NULL, HOARDERS + 1);
  start_hoarders(threads, &self);
  assert_int_equal(pooled_stats(pool).slots_in_use, 0);
  pooled_take_all(pool, heaps, SLOTS);
  pooled_release(heaps, SLOTS);
  end_hoarders(threads, &self);
  pthread_barrier_destroy(&gate);
}

static void test_slots_of_idle_threads(void **state)
{
  slh_pool *pool = small_pool(SLOTS);

  (void)state;
  for (uint64_t round = helper_rounds(100); round-- > 0;)
    take_all_of_idle_threads(pool);
  slh_pool_free(pool);
}

static void test_slots_of_ended_threads(void **state)
{
  slh_pool *pool = small_pool(SLOTS);
  struct hoard selves[HOARDERS];
  slh_heap *heaps[SLOTS];

  (void)state;
  for (int i = 0; i < HOARDERS; i++)
    selves[i] = (struct hoard){pool, NULL, SLHI_MAGAZINE_SLOTS};
  for (uint64_t round = helper_rounds(100); round-- > 0;) {
    pooled_run(HOARDERS, hoard, selves, sizeof *selves);
    pooled_take_all(pool, heaps, SLOTS);
    pooled_release(heaps, SLOTS);
  }
  slh_pool_free(pool);
}

/* ---- released on another thread ---- */

struct passing {
  slh_heap *heaps[SLOTS];
  slh_pool *pool;
};

static void *release_all(void *context)
{
  struct passing *passing = context;
  slh_heap *last = passing->heaps[SLOTS - 1];

  pooled_release(passing->heaps, SLOTS);
  REQUIRE(pooled_take(passing->pool) == last); /* it is this thread's now */
  slh_heap_release(last);
  return NULL;
}

static void test_release_on_another_thread(void **state)
{
  struct passing passing = {.pool = small_pool(SLOTS)};

  (void)state;
  for (uint64_t round = helper_rounds(200); round-- > 0;) {
    pooled_take_all(passing.pool, passing.heaps, SLOTS);
    pooled_run(1, release_all, &passing, sizeof passing);
  }
  assert_int_equal(pooled_stats(passing.pool).slots_in_use, 0);
  slh_pool_free(passing.pool);
}

/* ---- threads that come and go ---- */

static size_t count_magazines(slh_pool *pool)
{
  size_t count = 0;

  for (struct magazine *m = atomic_load(&pool->heaps[0].magazines); m; m = m->older)
    count++;
  return count;
}

/* As many magazines as there were threads at a time, and no slot gone. */
static void test_threads_come_and_go(void **state)
{
  enum {
    AT_A_TIME = 5
  };
  slh_pool *pool = small_pool(SLOTS);
  struct hoard selves[AT_A_TIME];
  slh_heap *heaps[SLOTS];
  slh_pool_stats stats;

  (void)state;
  for (uint64_t round = helper_rounds(200); round-- > 0;) {
    for (size_t i = 0; i < AT_A_TIME; i++)
      selves[i] = (struct hoard){pool, NULL, 1 + (round + i) % 12};
    pooled_run(AT_A_TIME, hoard, selves, sizeof *selves);
  }
  assert_in_range(count_magazines(pool), 1, AT_A_TIME);
  pooled_take_all(pool, heaps, SLOTS);
  assert_in_range(count_magazines(pool), 1, AT_A_TIME);
  pooled_release(heaps, SLOTS);
  stats = pooled_stats(pool);
  assert_int_equal(stats.slots_in_use, 0);
  assert_int_equal(stats.slots_touched, SLOTS);
  slh_pool_free(pool);
}

/* ---- without asymmetric fences ---- */

static void test_without_membarrier(void **state)
{
  bool before = slhi_fences_are_asymmetric;

  slhi_fences_are_asymmetric = false;
  test_slots_of_idle_threads(state);
  test_slots_of_ended_threads(state);
  test_release_on_another_thread(state);
  slhi_fences_are_asymmetric = before;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_last_released_comes_first),
      cmocka_unit_test(test_tags_find_their_slots),
      cmocka_unit_test(test_no_tag_is_no_kind),
      cmocka_unit_test(test_warm_acquires_are_counted),
      cmocka_unit_test(test_slots_of_idle_threads),
      cmocka_unit_test(test_slots_of_ended_threads),
      cmocka_unit_test(test_release_on_another_thread),
      cmocka_unit_test(test_threads_come_and_go),
      cmocka_unit_test(test_without_membarrier),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
