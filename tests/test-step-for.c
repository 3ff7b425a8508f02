/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_collection_step_for: what it does of the work, and what it says it did. */
#include "tests/collectors.h"
#include "tests/datum.h"

#include "lib/collection.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define FOREVER UINT64_MAX

/* The clock is looked at after so much work. */
#define PIECE (16 * KIB)

/* ---- heaps ---- */

/* Random lists, some of them garbage; the same for the same seed. */
static struct store *open_store(slh_collector collector, uint64_t seed, uint64_t bytes)
{
  struct store_options options = {collector, NULL, 64 * MIB, 32 * MIB};
  struct store *store = store_open(&options);

  for (uint64_t used = 0; used < bytes; used += 16) {
    slh_ref *root = &store->roots[helper_below(&seed, STORE_ROOTS)];
    slh_ref other = store->roots[helper_below(&seed, STORE_ROOTS)];

    if (helper_one_in(&seed, 100))
      other = store_array(store, store->refs, (uint32_t)helper_below(&seed, 400));
    *root = store_node(store, *root, other, (int32_t)used);
    if (helper_one_in(&seed, 2000))
      *root = SLH_NULL;
  }
  return store;
}

/* A list of so many bytes is the first root. */
static void make_list(struct store *store, uint64_t bytes)
{
  store->roots[0] = SLH_NULL;
  for (; bytes > 0; bytes -= 16)
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, (int32_t)bytes);
}

/* How far a collection has come. */
static void expect_same_progress(struct store *a, struct store *b)
{
  const struct collection *x = slhi_heap_collection(a->heap);
  const struct collection *y = slhi_heap_collection(b->heap);

  assert_int_equal(x->phase, y->phase);
  assert_int_equal(x->cursor, y->cursor);
  assert_int_equal(x->part, y->part);
  assert_int_equal(x->copying.evacuation.free, y->copying.evacuation.free);
  assert_int_equal(x->copying.evacuation.scan, y->copying.evacuation.scan);
  assert_int_equal(x->copying.evacuation.part, y->copying.evacuation.part);
}

static void expect_same_heap(struct store *a, struct store *b)
{
  slh_heap_stats x = store_stats(a), y = store_stats(b);
  void *x_bytes, *y_bytes;
  uint64_t length;

  assert_memory_equal(&x, &y, sizeof x);
  slh_heap_slice(a->heap, &x_bytes, &length);
  slh_heap_slice(b->heap, &y_bytes, &length);
  assert_memory_equal(x_bytes, y_bytes, length);
  assert_memory_equal(a->roots, b->roots, sizeof a->roots);
}

static void begin(struct store *store)
{
  assert_ok(slh_collection_begin(store->heap, NULL));
}

/* All of a collection; returns the work. */
static uint64_t complete(struct store *store)
{
  uint64_t budget = UINT64_MAX;
  bool complete = false;

  assert_ok(slh_collection_step_for(store->heap, &budget, FOREVER, &complete));
  assert_true(complete);
  assert_false(slh_collection_is_active(store->heap));
  return UINT64_MAX - budget;
}

/* ---- against slh_collection_step ---- */

/* Up to a piece it is one step. */
static void small_budgets_are_steps(void **state)
{
  uint64_t random = helper_seed();

  (void)state;
  for (uint64_t round = helper_rounds(40); round > 0; round--) {
    slh_collector collector = collectors_nth(COLLECTORS_COLLECT, round);
    struct store *a = open_store(collector, random + round, 200 * KIB);
    struct store *b = open_store(collector, random + round, 200 * KIB);
    bool x = false, y = false;

    begin(a);
    begin(b);
    while (!x) {
      uint64_t step = helper_below(&random, PIECE + 1), budget = step;

      assert_ok(slh_collection_step(a->heap, step, &x));
      assert_ok(slh_collection_step_for(b->heap, &budget, FOREVER, &y));
      assert_int_equal(x, y);
      assert_true(budget == 0 || (y && budget <= step));
      if (!x)
        expect_same_progress(a, b);
    }
    expect_same_heap(a, b);
    store_close(a);
    store_close(b);
  }
}

/* Beyond, it is as many as the budget says. */
static void large_budgets_are_pieces(void **state)
{
  uint64_t seed = helper_seed();

  (void)state;
  for (uint64_t pieces = 1; pieces < 8; pieces++) {
    struct store *a = open_store(SLH_COLLECTOR_COPYING, seed, MIB);
    struct store *b = open_store(SLH_COLLECTOR_COPYING, seed, MIB);
    uint64_t budget = pieces * PIECE;
    bool x = false, y = false;

    begin(a);
    begin(b);
    for (uint64_t i = 0; i < pieces; i++)
      assert_ok(slh_collection_step(a->heap, PIECE, &x));
    assert_ok(slh_collection_step_for(b->heap, &budget, FOREVER, &y));
    assert_false(x || y);
    assert_int_equal(budget, 0);
    expect_same_progress(a, b);
    store_close(a);
    store_close(b);
  }
}

/* ---- the work ---- */

/* What lives is copied there, scanned, and copied back. */
static void work_is_what_was_moved(void **state)
{
  struct store *store = *state;
  uint64_t bytes = 3 * MIB, work;

  make_list(store, bytes);
  begin(store);
  work = complete(store);
  assert_true(work >= 2 * bytes && work <= 3 * bytes + 4 * KIB);
  store->roots[0] = SLH_NULL;
  begin(store);
  assert_true(complete(store) <= 4 * KIB);
}

/* However it is cut: only where a step goes beyond its budget it says less. */
static void work_adds_up(void **state)
{
  uint64_t seed = helper_seed() + 1, random = seed;

  (void)state;
  for (uint64_t round = helper_rounds(20); round > 0; round--, seed++) {
    struct store *a = open_store(SLH_COLLECTOR_COPYING, seed, 300 * KIB);
    struct store *b = open_store(SLH_COLLECTOR_COPYING, seed, 300 * KIB);
    uint64_t most, work = 0, calls = 0;
    bool done = false;

    begin(a);
    most = complete(a);
    begin(b);
    for (; !done; calls++) {
      uint64_t before = helper_below(&random, 100 * KIB), budget = before;

      assert_ok(slh_collection_step_for(b->heap, &budget, FOREVER, &done));
      assert_true(budget <= before);
      assert_true(done || budget == 0);
      work += before - budget;
    }
    /* An object here has up to 1,608 bytes, and is gone beyond by in each phase. */
    assert_true(work <= most + calls * 4 * KIB && most <= work + (calls + work / PIECE) * 4 * KIB);
    expect_same_heap(a, b);
    store_close(a);
    store_close(b);
  }
}

static void dropped_data_count(void **state)
{
  static struct datum data[1000];
  struct store *store = *state;
  uint64_t work;

  memset(data, 0, sizeof data);
  for (int i = 0; i < 1000; i++)
    (void)datum_externref(store, &data[i]);
  begin(store);
  work = complete(store);
  datum_all_dropped(data, 1000);
  assert_true(work >= 64 * 1000 && work <= 64 * 1000 + 4 * KIB);
}

/* ---- time ---- */

static void without_time_it_does_one_piece(void **state)
{
  uint64_t seed = helper_seed();
  struct store *a = open_store(SLH_COLLECTOR_GENERATIONAL, seed, 2 * MIB);
  struct store *b = open_store(SLH_COLLECTOR_GENERATIONAL, seed, 2 * MIB);
  bool x = false, y = false;

  (void)state;
  begin(a);
  begin(b);
  while (!x) {
    uint64_t budget = UINT64_MAX;

    assert_ok(slh_collection_step(a->heap, PIECE, &x));
    assert_ok(slh_collection_step_for(b->heap, &budget, 0, &y));
    assert_int_equal(x, y);
    assert_true(UINT64_MAX - budget <= PIECE && (y || UINT64_MAX - budget == PIECE));
    if (!x)
      expect_same_progress(a, b);
  }
  expect_same_heap(a, b);
  store_close(a);
  store_close(b);
}

/* Time that is up ends it before the work does. */
static void some_time(void **state)
{
  struct store *store = *state;
  uint64_t bytes = 16 * MIB, budget = UINT64_MAX, calls = 0;
  bool done = false;

  make_list(store, bytes);
  begin(store);
  for (; !done; calls++)
    assert_ok(slh_collection_step_for(store->heap, &budget, 20000, &done));
  assert_true(calls > 1);
  assert_true(UINT64_MAX - budget >= 2 * bytes);
  assert_int_equal(store_count(store), bytes / 16);
}

/* ---- other collections ---- */

static void young_collections(void **state)
{
  struct store_options options = {SLH_COLLECTOR_GENERATIONAL, NULL, 0, 0};
  struct store *store = store_open(&options);

  (void)state;
  store->roots[0] = store_array(store, store->bytes, 500000);
  store_collect(store);
  store->roots[1] = store_array(store, store->bytes, 1000);
  assert_ok(slh_collection_begin_young(store->heap, NULL));
  assert_true(complete(store) < 8 * KIB);
  assert_int_equal(store_stats(store).young_collections, 1);
  store_verify(store);
  store_close(store);
}

/* With no budget a step does the least there is, which can be all. */
static void no_budget(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 0, 0};
  struct store *store = store_open(&options);
  bool is_complete = false;

  (void)state;
  begin(store);
  for (int calls = 0; !is_complete; calls++) {
    uint64_t budget = 0;

    assert_ok(slh_collection_step_for(store->heap, &budget, UINT64_MAX, &is_complete));
    assert_int_equal(budget, 0);
    assert_true(calls < 1000);
  }
  store_close(store);
}

static void nothing_to_collect(void **state)
{
  struct store_options options = {SLH_COLLECTOR_NULL, NULL, 0, 0};
  struct store *store = store_open(&options);

  (void)state;
  begin(store);
  assert_int_equal(complete(store), 0);
  store_close(store);
}

/* ---- misuse, and heaps that are corrupt ---- */

static void step_without_begin(void *context)
{
  struct store *store = context;
  uint64_t budget = 100;
  bool done;

  REQUIRE_EQUAL(slh_collection_step_for(store->heap, &budget, 0, &done), SLH_OK);
}

static void step_after_the_end(void *context)
{
  struct store *store = context;

  begin(store);
  (void)complete(store);
  step_without_begin(store);
}

static void without_a_collection(void **state)
{
  helper_expect_stop(step_without_begin, *state, "slh_collection_step_for");
  helper_expect_stop(step_after_the_end, *state, "no collection of the heap is under way");
}

static void corrupt(void **state)
{
  struct store *store = *state;
  slh_ref node = store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  uint64_t budget = UINT64_MAX;
  bool done = false;

  begin(store);
  *store_word(store, node.bits) = UINT32_MAX;
  assert_status(slh_collection_step_for(store->heap, &budget, FOREVER, &done), SLH_E_CORRUPT);
  assert_false(slh_collection_is_active(store->heap));
  budget = 1000;
  assert_status(slh_collection_step_for(store->heap, &budget, FOREVER, &done), SLH_E_CORRUPT);
  assert_int_equal(budget, 1000);
  memset(store->roots, 0, sizeof store->roots);
  slh_heap_reset(store->heap);
  begin(store);
  (void)complete(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_budgets_are_steps),
      cmocka_unit_test(large_budgets_are_pieces),
      TEST(work_is_what_was_moved),
      cmocka_unit_test(work_adds_up),
      TEST(dropped_data_count),
      cmocka_unit_test(without_time_it_does_one_piece),
      TEST(some_time),
      cmocka_unit_test(young_collections),
      cmocka_unit_test(no_budget),
      cmocka_unit_test(nothing_to_collect),
      TEST(without_a_collection),
      TEST(corrupt),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
