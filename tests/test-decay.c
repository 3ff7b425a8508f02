/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Slots that stay free give up what they keep: by calls, and by a thread. */
#include "tests/pooled.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "lib/heap.h"
#include "pool/os.h"

#define SLOTS 40
#define DIRTY (64 * POOLED_KIB)
#define DECAY_MS 4

static slh_pool_options decaying(void)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.decay_ms = DECAY_MS;
  options.huge_pages = SLH_HUGE_NEVER;
  return options;
}

static void sleep_ms(uint64_t ms)
{
  const struct timespec time = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

  nanosleep(&time, NULL);
}

/* A call that is not too early to do something. */
static void decay(slh_pool *pool)
{
  sleep_ms(DECAY_MS + 1);
  slh_pool_decay(pool);
}

/* As a collection does. */
static void use_space(slh_heap *heap, uint64_t bytes)
{
  struct slot *slot = slhi_heap_slot(heap);

  REQUIRE_EQUAL(slhi_pool_lend_space(slot, bytes), SLH_OK);
  memset(slhi_slot_start(slhi_slot_space(slot)), 0xa5, bytes);
  slhi_pool_return_space(slot, bytes);
}

/* All slots, and an evacuation space. */
static void fill(slh_pool *pool, uint64_t count, uint64_t bytes)
{
  slh_heap *heaps[SLOTS];

  for (uint64_t i = 0; i < count; i++) {
    heaps[i] = pooled_take(pool);
    pooled_dirty(heaps[i], bytes);
  }
  if (bytes >= DIRTY)
    use_space(heaps[0], bytes);
  pooled_release(heaps, count);
}

/* ---- by calls ---- */

static void expect_decay(const slh_pool_options *options, uint64_t bytes)
{
  slh_pool *pool = helper_pool(options);
  uint64_t peak;

  for (int round = 0; round < 3; round++) {
    fill(pool, options->slots, bytes);
    peak = pooled_resident(pool);
    assert_true(peak >= options->slots * bytes / 2);
    decay(pool);
    decay(pool);
    assert_int_equal(pooled_stats(pool).resident_bytes, 0);
    assert_in_range(pooled_resident(pool), 0, peak / 100);
  }
  slh_pool_free(pool);
}

static void test_idle_pools_keep_nothing(void **state)
{
  slh_pool_options options = decaying();

  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    options.decommit = (slh_decommit)engine;
    if (engine != SLH_DECOMMIT_MEMSET)
      expect_decay(&options, DIRTY);
  }
  options.decommit = SLH_DECOMMIT_AUTO;
  options.keep_resident_bytes = 1;
  expect_decay(&options, DIRTY);
  options.isolation = SLH_ISOLATION_NONE;
  expect_decay(&options, DIRTY);
}

/* Slots of several threads, and of threads that are gone. */
static void *fill_some(void *pool)
{
  fill(pool, SLOTS / 8, DIRTY);
  return NULL;
}

static void test_slots_of_all_threads(void **state)
{
  slh_pool_options options = decaying();
  slh_pool *pool;

  (void)state;
  options.max_collections = 6; /* one for each thread */
  pool = helper_pool(&options);
  pooled_run(6, fill_some, pool, 0);
  fill(pool, 6, DIRTY);
  decay(pool);
  decay(pool);
  assert_int_equal(pooled_resident(pool), 0);
  slh_pool_free(pool);
}

/* The last page, too, of which only some slots were ever used. */
static void test_slots_that_share_pages(void **state)
{
  slh_pool_options options = decaying();

  (void)state;
  options.kind = SLH_POOL_DENSE;
  for (options.slot_bytes = 512; options.slot_bytes <= 4096; options.slot_bytes *= 2) {
    options.max_heap_bytes = options.slot_bytes;
    for (options.slots = 1; options.slots <= SLOTS; options.slots += 13)
      expect_decay(&options, options.slot_bytes - SLH_DENSE_FIRST);
  }
}

static void test_large_slots_of_dense_pools(void **state)
{
  slh_pool_options options = decaying();
  slh_pool *pool;

  (void)state;
  options.kind = SLH_POOL_DENSE;
  options.slot_bytes = 512;
  options.max_heap_bytes = 4 * DIRTY;
  pool = helper_pool(&options);
  fill(pool, SLOTS, 2 * DIRTY - SLH_DENSE_FIRST);
  assert_true(pooled_resident(pool) >= SLOTS * DIRTY);
  decay(pool);
  decay(pool);
  assert_int_equal(pooled_stats(pool).resident_bytes, 0);
  assert_int_equal(pooled_resident(pool), 0);
  slh_pool_free(pool);
}

/* What is used again and again stays warm, while the rest goes. */
static void test_busy_slots_stay(void **state)
{
  slh_pool_options options = decaying();
  slh_pool *pool = helper_pool(&options);
  uint64_t warm;

  (void)state;
  fill(pool, SLOTS, DIRTY);
  for (int i = 0; i < 6; i++) {
    fill(pool, 3, DIRTY / 2);
    decay(pool);
  }
  /* Two periods at most. */
  assert_int_equal(pooled_resident(pool), 3 * DIRTY);
  warm = pooled_stats(pool).warm_acquires;
  fill(pool, 3, DIRTY / 2);
  assert_int_equal(pooled_stats(pool).warm_acquires, warm + 3);
  slh_pool_free(pool);
}

/* Heaps in use are left alone, and what they wrote. */
static void test_heaps_in_use(void **state)
{
  slh_pool_options options = decaying();
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = pooled_take(pool);

  (void)state;
  pooled_dirty(heap, DIRTY);
  for (int i = 0; i < 4; i++)
    decay(pool);
  for (uint64_t i = SLH_ARRAY_DATA_OFFSET; i < DIRTY; i++)
    assert_int_equal((unsigned char)pooled_start(heap)[i], 0xa5);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* Before the time has come, calls do nothing. */
static void test_not_too_early(void **state)
{
  slh_pool_options options = decaying();
  slh_pool *pool;
  uint64_t before;

  (void)state;
  options.decay_ms = UINT64_C(1) << 40;
  options.decommit = SLH_DECOMMIT_MADVISE;
  pool = helper_pool(&options);
  fill(pool, SLOTS, DIRTY);
  before = pooled_resident(pool);
  for (int i = 0; i < 100; i++)
    slh_pool_decay(pool);
  assert_int_equal(pooled_resident(pool), before);
  slh_pool_free(pool);
}

/* ---- by a thread ---- */

static void test_thread(void **state)
{
  slh_pool_options options = decaying();
  slh_pool *pool;

  (void)state;
  options.decay_thread = true;
  pool = helper_pool(&options);
  for (int round = 0; round < 3; round++) {
    fill(pool, SLOTS, DIRTY);
    while (pooled_resident(pool) != 0)
      sleep_ms(1);
  }
  slh_pool_free(pool);
}

static void test_thread_ends_with_its_pool(void **state)
{
  slh_pool_options options = decaying();

  (void)state;
  options.decay_thread = true;
  for (uint64_t round = helper_rounds(100); round-- > 0;) {
    slh_pool *pool = helper_pool(&options);

    options.decay_ms = round % 2 ? 1 : 1000000;
    if (round % 3 == 0)
      fill(pool, 2, DIRTY);
    slh_pool_free(pool);
  }
}

/* A signal for the process waits until one of the host's threads will have it. */
static void test_thread_takes_no_signals(void **state)
{
  slh_pool_options options = decaying();
  sigset_t set, before, pending;
  slh_pool *pool;

  (void)state;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  options.decay_thread = true;
  pool = helper_pool(&options); /* its thread must not have what this one has open */
  assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
  assert_false(sigismember(&before, SIGUSR1));
  assert_int_equal(kill(getpid(), SIGUSR1), 0); /* would end the process */
  sleep_ms(4 * DECAY_MS);
  sigpending(&pending);
  assert_true(sigismember(&pending, SIGUSR1));
  assert_int_equal(sigwaitinfo(&set, NULL), SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_idle_pools_keep_nothing),
      cmocka_unit_test(test_slots_of_all_threads),
      cmocka_unit_test(test_slots_that_share_pages),
      cmocka_unit_test(test_large_slots_of_dense_pools),
      cmocka_unit_test(test_busy_slots_stay),
      cmocka_unit_test(test_heaps_in_use),
      cmocka_unit_test(test_not_too_early),
      cmocka_unit_test(test_thread),
      cmocka_unit_test(test_thread_ends_with_its_pool),
      cmocka_unit_test(test_thread_takes_no_signals),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
