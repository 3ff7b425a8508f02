/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What free slots keep in memory, and what is on its way back. */
#include "tests/pooled.h"

#include "lib/heap.h"
#include "pool/os.h"

#define SLOTS 12
#define KEEP (32 * POOLED_KIB)
#define MOST (256 * POOLED_KIB)

static slh_pool_options options_for(slh_decommit engine)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.max_heap_bytes = 4 * POOLED_MIB;
  options.keep_resident_bytes = KEEP;
  options.decommit = engine;
  options.huge_pages = SLH_HUGE_NEVER; /* what is counted is exact */
  return options;
}

static slh_pool *pool_by(slh_decommit engine)
{
  slh_pool_options options = options_for(engine);

  return helper_pool(&options);
}

/* ---- what is kept ---- */

struct model {
  slh_pool *pool;
  slh_heap *heaps[SLOTS];
  uint64_t dirty[SLOTS]; /* by heap */
  uint64_t kept[SLOTS];  /* by slot */
  uint64_t keep;         /* the most */
};

static uint64_t round_up(uint64_t bytes)
{
  return (bytes + pooled_page() - 1) / pooled_page() * pooled_page();
}

static uint64_t kept_in_all(const struct model *model)
{
  uint64_t sum = 0;

  for (int i = 0; i < SLOTS; i++)
    sum += model->kept[i];
  return sum;
}

static void act(struct model *model, size_t i, uint64_t *random)
{
  slh_heap **heap = &model->heaps[i];
  uint64_t *kept;

  if (!*heap) {
    *heap = pooled_take(model->pool);
    model->dirty[i] = 0;
  } else if (helper_one_in(random, 2)) {
    uint64_t bytes = 16 + helper_below(random, (MOST >> helper_below(random, 12)) / 8) * 8;

    pooled_dirty(*heap, bytes);
    model->dirty[i] += bytes;
  } else {
    kept = &model->kept[pooled_number(*heap)];
    if (model->dirty[i] > model->keep)
      *kept = model->keep;
    else if (*kept < round_up(model->dirty[i]))
      *kept = round_up(model->dirty[i]);
    slh_heap_release(*heap);
    *heap = NULL;
  }
}

/* Makes all slots free, and what was queued free, too. */
static void settle(struct model *model, uint64_t *random)
{
  for (size_t i = 0; i < SLOTS; i++) {
    while (model->heaps[i])
      act(model, i, random);
  }
  pooled_take_all(model->pool, model->heaps, SLOTS);
  pooled_release(model->heaps, SLOTS);
  memset(model->heaps, 0, sizeof model->heaps);
}

static void run_model(const slh_pool_options *options, uint64_t *random)
{
  struct model model = {.pool = helper_pool(options), .keep = KEEP};

  if (options->decommit == SLH_DECOMMIT_MEMSET)
    model.keep = UINT64_MAX; /* nothing goes back */
  for (uint64_t round = helper_rounds(30); round-- > 0;) {
    for (int i = 0; i < 200; i++) {
      act(&model, helper_below(random, SLOTS), random);
      assert_int_equal(pooled_stats(model.pool).resident_bytes, kept_in_all(&model));
    }
    settle(&model, random);
    assert_int_equal(pooled_stats(model.pool).resident_bytes, kept_in_all(&model));
    assert_int_equal(pooled_stats(model.pool).slots_waiting, 0);
    assert_int_equal(pooled_resident(model.pool), kept_in_all(&model));
  }
  slh_pool_free(model.pool);
}

static void test_kept_as_in_the_model(void **state)
{
  uint64_t random = helper_seed();

  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    slh_pool_options options = options_for((slh_decommit)engine);

    run_model(&options, &random);
    options.isolation = SLH_ISOLATION_NONE;
    run_model(&options, &random);
  }
}

/* What was populated ahead goes, too: a free slot keeps no more than it may. */
static void test_populated_pages_go(void **state)
{
  uint64_t random = helper_seed();
  slh_pool_options options = options_for(SLH_DECOMMIT_MADVISE);
  slh_heap *heaps[SLOTS];
  slh_pool *pool;

  (void)state;
  options.populate = true;
  pool = helper_pool(&options);
  for (uint64_t round = helper_rounds(60); round-- > 0;) {
    for (int i = 0; i < SLOTS; i++) {
      heaps[i] = pooled_take(pool);
      for (uint64_t n = helper_below(&random, 20); n-- > 0;)
        pooled_dirty(heaps[i], 16 + helper_below(&random, MOST / 64) * 8);
    }
    pooled_release(heaps, SLOTS);
    assert_in_range(pooled_stats(pool).resident_bytes, 0, SLOTS * KEEP);
    assert_in_range(pooled_resident(pool), 0, SLOTS * KEEP);
  }
  slh_pool_free(pool);
}

/* ---- the queue ---- */

static bool is_waiting(slh_heap *const *heaps, size_t count, const slh_heap *heap)
{
  while (count > 0 && heaps[count - 1] != heap)
    count--;
  return count > 0;
}

/* Slots whose pages are not back yet are nobody's, until there is no other. */
static void check_queue(slh_decommit engine)
{
  enum {
    QUEUED = SLOTS / 2
  };
  slh_pool *pool = pool_by(engine);
  slh_heap *heaps[SLOTS], *other[SLOTS];

  for (int i = 0; i < QUEUED; i++) {
    heaps[i] = pooled_take(pool);
    pooled_dirty(heaps[i], MOST);
  }
  pooled_release(heaps, QUEUED);
  assert_int_equal(pooled_stats(pool).slots_waiting, QUEUED);
  assert_int_equal(pooled_stats(pool).slots_in_use, 0);
  for (int i = 0; i < SLOTS - QUEUED; i++) {
    other[i] = pooled_take(pool);
    assert_false(is_waiting(heaps, QUEUED, other[i]));
    assert_int_equal(pooled_stats(pool).slots_waiting, QUEUED);
  }
  for (int i = SLOTS - QUEUED; i < SLOTS; i++) {
    other[i] = pooled_take(pool);
    assert_true(is_waiting(heaps, QUEUED, other[i]));
    assert_int_equal(pooled_stats(pool).slots_waiting, 0);
    pooled_check_zero(other[i]);
  }
  pooled_release(other, SLOTS);
  assert_int_equal(pooled_stats(pool).full_refusals, 0);
  slh_pool_free(pool);
}

static void test_queued_slots_come_last(void **state)
{
  (void)state;
  check_queue(SLH_DECOMMIT_AUTO);
  check_queue(SLH_DECOMMIT_RUNS);
  if (slh_decommit_available(SLH_DECOMMIT_BATCH))
    check_queue(SLH_DECOMMIT_BATCH);
}

/* A full queue is emptied, and so is one that holds much. */
static void test_queue_is_bounded(void **state)
{
  slh_pool_options options = options_for(SLH_DECOMMIT_RUNS);
  uint64_t most = 0, bytes;
  slh_heap *heaps[2 * SLHI_QUEUE_SLOTS];
  slh_pool *pool;

  (void)state;
  options.slots = 2 * SLHI_QUEUE_SLOTS;
  pool = helper_pool(&options);
  pooled_take_all(pool, heaps, 2 * SLHI_QUEUE_SLOTS);
  for (int i = 0; i < 2 * SLHI_QUEUE_SLOTS; i++) {
    pooled_dirty(heaps[i], 2 * KEEP);
    slh_heap_release(heaps[i]);
    if (pooled_stats(pool).slots_waiting > most)
      most = pooled_stats(pool).slots_waiting;
  }
  assert_in_range(most, 2, SLHI_QUEUE_SLOTS);
  pooled_take_all(pool, heaps, 2 * SLHI_QUEUE_SLOTS);
  for (int i = 0; i < 32; i++)
    pooled_dirty(heaps[i], 2 * POOLED_MIB);
  pooled_release(heaps, 2 * SLHI_QUEUE_SLOTS);
  bytes = pooled_stats(pool).slots_waiting * (2 * POOLED_MIB - KEEP);
  assert_in_range(bytes, 0, 16 * POOLED_MIB);
  slh_pool_free(pool);
}

/* ---- evacuation spaces ---- */

/* They keep what the largest collection has left in them, within their bound. */
static void test_evacuation_spaces(void **state)
{
  slh_pool_options options = options_for(SLH_DECOMMIT_MADVISE);
  uint64_t random = helper_seed(), slots, spaces, kept = 0;
  slh_heap *heap;
  slh_pool *pool;

  (void)state;
  options.max_collections = 1;
  options.keep_evacuation_bytes = MOST / 2;
  pool = helper_pool(&options);
  heap = pooled_take(pool);
  for (uint64_t round = helper_rounds(500); round-- > 0;) {
    uint64_t bytes = 1 + helper_below(&random, MOST >> helper_below(&random, 8));

    assert_int_equal(slhi_pool_lend_space(slhi_heap_slot(heap), bytes), SLH_OK);
    memset(slhi_slot_start(slhi_slot_space(slhi_heap_slot(heap))), 0xa5, bytes);
    slhi_pool_return_space(slhi_heap_slot(heap), bytes);
    kept = round_up(bytes) > kept ? round_up(bytes) : kept;
    if (kept > MOST / 2)
      kept = MOST / 2;
    assert_int_equal(slh_pool_resident(pool, &slots, &spaces), SLH_OK);
    assert_int_equal(spaces, kept);
    assert_int_equal(pooled_stats(pool).resident_bytes, kept);
    if (round % 16 == 0) {
      slh_pool_trim(pool);
      kept = 0;
    }
  }
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- trim ---- */

/* Nothing stays of free slots; who has one does not notice. */
static void test_trim(void **state)
{
  slh_heap *heaps[SLOTS];

  (void)state;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    slh_pool *pool = pool_by((slh_decommit)engine);
    uint64_t bytes = MOST;

    pooled_take_all(pool, heaps, SLOTS);
    for (int i = 0; i < SLOTS; i++)
      pooled_dirty(heaps[i], i % 2 ? KEEP : MOST);
    /* Full ones: what debug builds verify beyond would be read, and so mapped. */
    assert_int_equal(slh_heap_collect(heaps[2], NULL), SLH_OK);
    assert_int_equal(slh_heap_collect(heaps[4], NULL), SLH_OK);
    pooled_dirty(heaps[0], bytes);
    pooled_release(heaps + 1, SLOTS - 1);
    slh_pool_trim(pool);
    if (engine != SLH_DECOMMIT_MEMSET) {
      assert_int_equal(pooled_resident(pool), MOST + bytes);
      assert_int_equal(pooled_stats(pool).resident_bytes, 0);
    }
    assert_int_equal(pooled_stats(pool).slots_waiting, 0);
    for (uint64_t i = SLH_ARRAY_DATA_OFFSET; i < MOST; i++)
      assert_int_equal((unsigned char)pooled_start(heaps[0])[i], 0xa5);
    pooled_take_all(pool, heaps + 1, SLOTS - 1);
    for (int i = 1; i < SLOTS; i++)
      pooled_check_zero(heaps[i]);
    pooled_release(heaps, SLOTS);
    slh_pool_free(pool);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kept_as_in_the_model),   cmocka_unit_test(test_populated_pages_go),
      cmocka_unit_test(test_queued_slots_come_last), cmocka_unit_test(test_queue_is_bounded),
      cmocka_unit_test(test_evacuation_spaces),      cmocka_unit_test(test_trim),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
