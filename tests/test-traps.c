/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Guard traps: any access through any reference lands in what its heap may
 * touch, or is stopped. */
/* [promise contained] */
#include "tests/traps.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB (UINT64_C(1) << 30)
#define THREADS 4

static uint64_t accessible(const slh_heap *heap)
{
  slh_heap_stats stats;

  slh_heap_get_stats(heap, &stats);
  return stats.accessible;
}

/* Reads `access`, which must leave its heap if and only if it points out of
 * the accessible prefix; then writes there what it read. */
static void check_access(struct access access)
{
  uint64_t start = SLH_WIDE_FIRST;

  if (access_target(&access) < start || access_target(&access) >= start + accessible(access.heap)) {
    access_expect_trap(access);
    access.write = true;
    access_expect_trap(access);
  } else {
    assert_ok(slh_heap_protect(access.heap, access_make, &access, NULL));
    access.write = true;
    assert_ok(slh_heap_protect(access.heap, access_make, &access, NULL));
  }
}

/* ---- every access lands in the prefix or traps ---- */

/* Around everything that could be a boundary, or anywhere. */
static uint32_t pick(uint64_t *random, uint64_t committed, uint64_t below)
{
  const uint64_t edges[] = {0, SLH_WIDE_FIRST, SLH_WIDE_FIRST + committed, 64 * 1024, below, GIB};
  uint64_t at = edges[helper_below(random, 6)] + helper_below(random, 64) - 32;

  if (helper_one_in(random, 3))
    at = helper_random(random) >> helper_below(random, 64);
  return (uint32_t)(at % below);
}

static void check_many(slh_pool *pool, slh_runtime *runtime, uint64_t guard)
{
  uint64_t random = helper_seed();
  slh_heap *heaps[3];

  for (int i = 0; i < 3; i++) {
    slh_ref array;

    heaps[i] = helper_acquire(pool, runtime);
    assert_ok(slh_alloc_array(heaps[i], helper_array_type(runtime, SLH_I8),
                              (uint32_t)(i * 30000 + 1000), &array));
  }
  for (uint64_t i = helper_rounds(20000); i-- > 0;) {
    struct access access = {.heap = heaps[i % 3]};

    access.ref.bits = pick(&random, accessible(access.heap), UINT64_C(1) << 32);
    access.offset = pick(&random, accessible(access.heap), guard);
    check_access(access);
  }
  for (int i = 0; i < 3; i++) {
    assert_ok(slh_heap_verify(heaps[i], NULL, NULL));
    slh_heap_release(heaps[i]);
  }
}

static void every_access_lands_in_the_prefix_or_traps(void **state)
{
  static const uint64_t guards[] = {0, SLH_STRUCT_SIZE_MAX, 16 * GIB};
  static const uint64_t maxima[] = {0, 64 * 1024, GIB};
  slh_runtime *runtime = helper_runtime(NULL);

  (void)state;
  traps_enable();
  for (int i = 0; i < 3; i++) {
    slh_pool_options options = helper_pool_options(3);
    slh_pool_plan plan;
    slh_pool *pool;

    options.guard_bytes = guards[i];
    options.max_heap_bytes = maxima[i];
    assert_ok(slh_pool_plan_new(&options, NULL, &plan, NULL));
    pool = helper_pool(&options);
    check_many(pool, runtime, plan.guard_bytes < UINT32_MAX ? plan.guard_bytes : UINT64_C(1) << 32);
    slh_pool_free(pool);
  }
  slh_runtime_free(runtime);
}

static void null_with_any_small_offset_traps(void **state)
{
  struct store *store = *state;

  traps_enable();
  for (uint32_t offset = 0; offset < SLH_WIDE_FIRST; offset += 1 + offset % 7)
    access_expect_trap((struct access){.heap = store->heap, .offset = offset});
}

/* Wider than a byte, across the end of what is accessible. */
static void read_across_the_end(void *argument)
{
  slh_heap *heap = argument;
  slh_ref last = {(uint32_t)(SLH_WIDE_FIRST + accessible(heap) - 4)};
  volatile uint64_t sink = slh_get_u64(heap, last, 0);

  (void)sink;
}

static void access_across_the_end_traps(void **state)
{
  struct store *store = *state;
  slh_trap trap;
  uint64_t end;

  traps_enable();
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  end = SLH_WIDE_FIRST + accessible(store->heap);
  assert_status(slh_heap_protect(store->heap, read_across_the_end, store->heap, &trap), SLH_E_TRAP);
  assert_in_range(trap.offset, end - 4, end + 3);
}

/* A page of the slot that the system can no longer provide. */
static void bus_error_in_a_slot_traps(void **state)
{
  struct store *store = *state;
  struct access access = {.heap = store->heap, .ref = {64 * 1024}};
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  int file = memfd_create("empty", 0);
  slh_trap trap;
  char *at;

  traps_enable();
  store->roots[0] = store_array(store, store->bytes, 256 * 1024);
  at = slh_heap_get_data(store->heap)->base + access.ref.bits;
  assert_true(file >= 0);
  assert_ptr_equal(mmap(at, page, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0), at);
  assert_status(slh_heap_protect(store->heap, access_make, &access, &trap), SLH_E_TRAP);
  assert_true(trap.signal == SIGBUS);
  assert_int_equal(trap.offset, access.ref.bits);
  assert_ptr_equal(
      mmap(at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), at);
  close(file);
}

/* ---- threads ---- */

static void *trap_again_and_again(void *argument)
{
  uint64_t random = (uintptr_t)argument;
  struct access access = {.heap = argument};

  for (uint64_t i = helper_rounds(20000); i-- > 0;) {
    slh_trap trap = {0};

    access.ref.bits = (uint32_t)helper_random(&random) | 0x80000000u;
    access.offset = (uint32_t)(i % 4096);
    REQUIRE_EQUAL(slh_heap_protect(access.heap, access_make, &access, &trap), SLH_E_TRAP);
    REQUIRE_EQUAL(trap.offset, access_target(&access));
    REQUIRE(trap.heap == access.heap);
  }
  return NULL;
}

static void threads_trap_at_the_same_time(void **state)
{
  struct store *store = *state;
  slh_heap *heaps[THREADS] = {store->heap};
  pthread_t threads[THREADS];

  traps_enable();
  for (int i = 0; i < THREADS; i++) {
    if (i > 0)
      heaps[i] = helper_acquire(store->pool, store->runtime);
    assert_int_equal(pthread_create(&threads[i], NULL, trap_again_and_again, heaps[i]), 0);
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 1; i < THREADS; i++)
    slh_heap_release(heaps[i]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, traps_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(every_access_lands_in_the_prefix_or_traps, traps_disable),
      TEST(null_with_any_small_offset_traps),
      TEST(access_across_the_end_traps),
      TEST(bus_error_in_a_slot_traps),
      TEST(threads_trap_at_the_same_time),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
