/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The next store finds zeroes, whatever way pages go back, and whatever the
 * system refuses. */
/* [promise isolated] [promise dense-prefix] */
#include "tests/faults.h"
#include "tests/pooled.h"

#include <errno.h>

#include "lib/heap.h"

#define SLOTS 5
#define DENSE_MOST (512 * POOLED_KIB)

/* Calls whose failure must not show. */
#define DECOMMITS                                                                                  \
  (OS_MADVISE | OS_PROCESS_MADVISE | OS_PIDFD_OPEN | OS_RING_OPEN | OS_RING_SUBMIT | OS_RING_WAIT)

struct world {
  slh_pool_options options;
  slh_pool *pool;
  slh_heap *heaps[SLOTS];
  uint64_t random;
  uint64_t failed; /* calls */
};

static uint64_t below(struct world *world, uint64_t bound)
{
  return helper_below(&world->random, bound);
}

/* ---- what the system refuses ---- */

static void fail_some(struct world *world)
{
  static const int errors[] = {EINVAL, ENOMEM, EPERM, ENOSYS, EAGAIN, EINTR, EBUSY};
  static const unsigned calls[] = {OS_MADVISE, OS_PROCESS_MADVISE, OS_RING_SUBMIT, OS_RING_WAIT,
                                   DECOMMITS};
  unsigned which = calls[below(world, 5)];

  /* Waiting goes on until it is let. */
  faults_fail(which, below(world, 4), which & OS_RING_WAIT ? 1 + below(world, 3) : below(world, 20),
              errors[below(world, 7)]);
  faults_shorten(below(world, 2) * (1 + below(world, 16)) * pooled_page());
}

static void fail_no_more(struct world *world)
{
  world->failed += faults_end();
  faults_shorten(0);
}

/* ---- what stores find ---- */

static void check_bytes(const char *bytes, uint64_t count)
{
  for (uint64_t i = 0; i < count; i++)
    REQUIRE_EQUAL(bytes[i], 0);
}

/* Objects come zeroed; uninitialised ones do, too, of pools that scrub. */
static void allocate(struct world *world, slh_heap *heap)
{
  uint32_t length = (uint32_t)(below(world, 256 * POOLED_KIB) >> below(world, 18));
  bool zeroed = world->options.isolation == SLH_ISOLATION_NONE || below(world, 2);
  uint64_t needed = length + SLH_ARRAY_DATA_OFFSET + 8;
  slh_ref array = SLH_NULL;
  char *bytes;

  if (slh_heap_grow(heap, needed) == SLH_E_LIMIT)
    return;
  if (zeroed)
    REQUIRE_EQUAL(slh_alloc_array(heap, pooled.bytes, length, &array), SLH_OK);
  else
    REQUIRE_EQUAL(slh_alloc_array_uninit(heap, pooled.bytes, length, &array), SLH_OK);
  bytes = slh_address(heap, array, SLH_ARRAY_DATA_OFFSET);
  check_bytes(bytes, length);
  memset(bytes, 0xa5, length);
}

/* Beyond what it has allocated: only strict isolation holds against it. */
static void write_wildly(struct world *world, slh_heap *heap)
{
  uint64_t bytes = slhi_heap_committed(heap) - slhi_heap_slot(heap)->slab->gap;
  uint64_t from = bytes ? below(world, bytes) : 0;

  memset(pooled_start(heap) + from, 0xc3, bytes - from);
}

static void check_heap(struct world *world, slh_heap *heap)
{
  if (world->options.isolation != SLH_ISOLATION_NONE)
    pooled_check_zero(heap);
  REQUIRE_EQUAL(slh_heap_verify(heap, NULL, NULL), SLH_OK);
}

static void end_store(struct world *world, slh_heap **heap)
{
  bool reset = below(world, 4) == 0;

  if (world->options.isolation == SLH_ISOLATION_STRICT)
    write_wildly(world, *heap);
  if (reset) {
    slh_heap_reset(*heap);
    check_heap(world, *heap);
  } else {
    slh_heap_release(*heap);
    *heap = NULL;
  }
}

static void act(struct world *world)
{
  slh_heap **heap = &world->heaps[below(world, SLOTS)];

  if (!*heap) {
    *heap = pooled_take(world->pool);
    check_heap(world, *heap);
  }
  allocate(world, *heap);
  if (below(world, 3) == 0)
    end_store(world, heap);
  if (below(world, 32) == 0)
    slh_pool_trim(world->pool);
  else if (below(world, 16) == 0)
    slh_pool_decay(world->pool);
}

static void run_stores(struct world *world, bool failing)
{
  world->options.slots = SLOTS;
  world->options.max_collections = 1;
  world->options.decay_ms = 1;
  world->options.keep_resident_bytes = UINT64_C(1) << below(world, 20);
  if (below(world, 4) == 0)
    world->options.resident_budget_bytes = 1 + below(world, 256 * POOLED_KIB);
  if (world->options.kind == SLH_POOL_DENSE) {
    world->options.slot_bytes = UINT64_C(512) << below(world, 8);
    world->options.max_heap_bytes = DENSE_MOST;
  }
  world->pool = helper_pool(&world->options);
  for (int i = 0; i < 60; i++) {
    if (failing && i % 8 == 0)
      fail_some(world);
    act(world);
    if (failing && i % 8 == 7)
      fail_no_more(world);
  }
  if (failing)
    fail_no_more(world);
  for (int i = 0; i < SLOTS; i++)
    slh_heap_release(world->heaps[i]);
  slh_pool_free(world->pool);
}

static void run_all(bool failing, const slh_pool_options *options)
{
  uint64_t random = helper_seed(), failed = 0;

  for (uint64_t round = helper_rounds(10); round-- > 0;) {
    for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
      for (int isolation = 0; isolation < 3; isolation++) {
        struct world world = {.options = *options, .random = helper_random(&random)};

        world.options.decommit = (slh_decommit)engine;
        world.options.isolation = (slh_isolation)isolation;
        run_stores(&world, failing);
        failed += world.failed;
      }
    }
  }
  assert_int_equal(failed > 0, failing && faults_reach_decommit());
}

static void test_every_engine(void **state)
{
  const slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  run_all(false, &options);
}

static void test_every_failure(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  run_all(true, &options);
}

static void test_populate(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.populate = true;
  run_all(false, &options);
  run_all(true, &options);
}

static void test_huge_pages(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.huge_pages = SLH_HUGE_NEVER;
  run_all(false, &options);
  options.huge_pages = SLH_HUGE_LARGE;
  run_all(true, &options);
}

static void test_dense(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.kind = SLH_POOL_DENSE;
  run_all(false, &options);
  run_all(true, &options);
}

/* Huge pages are asked for where they are wished; those of heaps of some MiB
 * are as empty as others. */
static void test_large_heaps(void **state)
{
  slh_pool_options options = helper_pool_options(1);

  (void)state;
  for (int huge = SLH_HUGE_SYSTEM; huge <= SLH_HUGE_LARGE; huge++) {
    uint64_t calls = faults_calls(OS_MADVISE);
    slh_pool *pool;

    options.huge_pages = (slh_huge_pages)huge;
    pool = helper_pool(&options);
    for (int round = 0; round < 3; round++) {
      slh_heap *heap = pooled_take(pool);

      pooled_check_zero(heap);
      if (round == 0)
        pooled_dirty(heap, 5 * POOLED_MIB);
      if (round == 0 && huge != SLH_HUGE_SYSTEM)
        assert_int_equal(faults_calls(OS_MADVISE) > calls, faults_reach_decommit());
      slh_heap_release(heap);
    }
    slh_pool_free(pool);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_engine), cmocka_unit_test(test_every_failure),
      cmocka_unit_test(test_populate),     cmocka_unit_test(test_huge_pages),
      cmocka_unit_test(test_dense),        cmocka_unit_test(test_large_heaps),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
