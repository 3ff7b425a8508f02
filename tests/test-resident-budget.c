/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What all free slots and evacuation spaces of a pool may keep together. */
#include "tests/pooled.h"

#include "lib/heap.h"
#include "pool/os.h"

#define SLOTS 32
#define DIRTY (64 * POOLED_KIB)
#define BUDGET (10 * DIRTY)

static slh_pool_options budgeted(void)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.resident_budget_bytes = BUDGET;
  options.decommit = SLH_DECOMMIT_MADVISE; /* what goes back goes at once */
  options.huge_pages = SLH_HUGE_NEVER;
  return options;
}

static void fill(slh_heap **heaps, size_t count, uint64_t bytes)
{
  for (size_t i = 0; i < count; i++)
    pooled_dirty(heaps[i], bytes);
}

/* Whatever was released is within the budget, and the figures say what is. */
static void expect_within(slh_pool *pool, uint64_t least)
{
  assert_in_range(pooled_stats(pool).resident_bytes, least, BUDGET);
  assert_int_equal(pooled_resident(pool), pooled_stats(pool).resident_bytes);
}

static void test_slots(void **state)
{
  slh_pool_options options = budgeted();
  slh_pool *pool = helper_pool(&options);
  slh_heap *heaps[SLOTS];

  (void)state;
  for (int round = 0; round < 5; round++) {
    pooled_take_all(pool, heaps, SLOTS);
    fill(heaps, SLOTS, DIRTY);
    pooled_release(heaps, SLOTS);
    expect_within(pool, BUDGET - DIRTY); /* and no more is given back than must be */
  }
  slh_pool_free(pool);
}

static void use_space(slh_heap *heap, uint64_t bytes)
{
  struct slot *slot = slhi_heap_slot(heap);

  assert_int_equal(slhi_pool_lend_space(slot, bytes), SLH_OK);
  memset(slhi_slot_start(slhi_slot_space(slot)), 0xa5, bytes);
  slhi_pool_return_space(slot, bytes);
}

/* Evacuation spaces are within the same budget. */
static void test_spaces(void **state)
{
  const uint64_t most = BUDGET - DIRTY; /* two of them are too much */
  slh_pool_options options = budgeted();
  uint64_t slots, spaces;
  slh_pool *pool;

  (void)state;
  options.keep_resident_bytes = 4 * POOLED_MIB;
  pool = helper_pool(&options);
  for (int round = 0; round < 5; round++) {
    slh_heap *heap = pooled_take(pool);

    use_space(heap, most);
    pooled_dirty(heap, most);
    slh_heap_release(heap);
    expect_within(pool, most);
    assert_int_equal(slh_pool_resident(pool, &slots, &spaces), SLH_OK);
    assert_int_equal(slots, most); /* the space was idle for longer */
    assert_int_equal(spaces, 0);
    slh_pool_trim(pool);
    heap = pooled_take(pool);
    use_space(heap, 2 * DIRTY);
    slh_heap_release(heap);
    expect_within(pool, 2 * DIRTY);
    slh_pool_trim(pool);
  }
  slh_pool_free(pool);
}

static void *fill_and_release(void *pool)
{
  slh_heap *heaps[8];

  for (int i = 0; i < 8; i++)
    heaps[i] = pooled_take(pool);
  fill(heaps, 8, DIRTY);
  pooled_release(heaps, 8);
  return NULL;
}

/* What idle threads, and threads that have ended, left behind goes before
 * what was just in use. */
static void test_idle_slots_give_way(void **state)
{
  slh_pool_options options = budgeted();
  slh_pool *pool = helper_pool(&options);
  slh_heap *heaps[8];
  uint64_t warm;

  (void)state;
  for (int i = 0; i < 8; i++)
    heaps[i] = pooled_take(pool);
  pooled_run(1, fill_and_release, pool, 0);
  fill(heaps, 8, DIRTY);
  pooled_release(heaps, 8);
  expect_within(pool, BUDGET - DIRTY);
  warm = pooled_stats(pool).warm_acquires;
  for (int i = 0; i < 8; i++)
    heaps[i] = pooled_take(pool);
  assert_int_equal(pooled_stats(pool).warm_acquires, warm + 8);
  pooled_release(heaps, 8);
  slh_pool_free(pool);
}

/* On one thread, too: who comes next finds a warm slot. */
static void test_last_released_stays_warm(void **state)
{
  slh_pool_options options = budgeted();
  slh_heap *heaps[SLOTS];

  (void)state;
  for (size_t count = 1; count <= SLOTS; count++) {
    slh_pool *pool = helper_pool(&options);
    uint64_t warm;

    for (size_t i = 0; i < count; i++)
      heaps[i] = pooled_take(pool);
    fill(heaps, count, DIRTY);
    pooled_release(heaps, count);
    expect_within(pool, 0);
    warm = pooled_stats(pool).warm_acquires;
    slh_heap_release(pooled_take(pool));
    assert_int_equal(pooled_stats(pool).warm_acquires, warm + 1);
    slh_pool_free(pool);
  }
}

/* A store that keeps more than there is alone. */
static void test_a_slot_beyond_the_budget(void **state)
{
  slh_pool_options options = budgeted();
  slh_heap *heaps[1];
  slh_pool *pool;

  (void)state;
  options.keep_resident_bytes = 4 * BUDGET;
  options.slots = 1;
  pool = helper_pool(&options);
  for (int round = 0; round < 3; round++) {
    pooled_take_all(pool, heaps, 1);
    pooled_check_zero(heaps[0]);
    fill(heaps, 1, 2 * BUDGET);
    if (round == 2) {
      slh_heap_reset(heaps[0]);
      pooled_check_zero(heaps[0]);
    }
    pooled_release(heaps, 1);
    assert_in_range(pooled_stats(pool).resident_bytes, 0, BUDGET);
  }
  slh_pool_free(pool);
}

/* ---- several threads ---- */

struct user {
  slh_pool *pool;
  uint64_t random;
};

static void *use_at_random(void *context)
{
  struct user *self = context;
  slh_heap *heaps[4] = {0};

  for (uint64_t i = helper_rounds(4000); i-- > 0;) {
    slh_heap **heap = &heaps[helper_below(&self->random, 4)];

    if (*heap) {
      slh_heap_release(*heap);
      *heap = NULL;
    } else {
      *heap = pooled_take(self->pool);
      pooled_dirty(*heap, 16 + helper_below(&self->random, 2 * DIRTY / 8) * 8);
    }
  }
  for (int i = 0; i < 4; i++)
    slh_heap_release(heaps[i]);
  return NULL;
}

/* Sums of what threads add and take away at the same time. */
static void run_threads(slh_isolation isolation)
{
  slh_pool_options options = budgeted();
  struct user users[4];
  slh_pool *pool;

  options.isolation = isolation;
  pool = helper_pool(&options);
  for (uint64_t i = 0; i < 4; i++)
    users[i] = (struct user){pool, helper_seed() + i};
  pooled_run(4, use_at_random, users, sizeof *users);
  expect_within(pool, 0);
  slh_pool_trim(pool);
  assert_int_equal(pooled_stats(pool).resident_bytes, 0);
  assert_int_equal(pooled_resident(pool), 0);
  slh_pool_free(pool);
}

static void test_threads(void **state)
{
  (void)state;
  run_threads(SLH_ISOLATION_SCRUB);
  run_threads(SLH_ISOLATION_STRICT);
  run_threads(SLH_ISOLATION_NONE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_slots),
      cmocka_unit_test(test_spaces),
      cmocka_unit_test(test_idle_slots_give_way),
      cmocka_unit_test(test_last_released_stays_warm),
      cmocka_unit_test(test_a_slot_beyond_the_budget),
      cmocka_unit_test(test_threads),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
