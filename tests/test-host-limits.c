/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a store can make the library allocate for it: limits of it, and none
 * to be had. */
/* [promise bounded-memory] */
#include "tests/datum.h"
#include "tests/meter.h"

#define KEPT (64 * 1024) /* by a slot for its next store */

static slh_heap *held; /* by the test that runs */

static slh_heap *acquire(struct store *store, uint64_t max_host_bytes)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = store->runtime;
  options.max_host_bytes = max_host_bytes;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  held = heap;
  return heap;
}

static void release(slh_heap *heap)
{
  slh_heap_release(heap);
  held = NULL;
}

static int teardown(void **state)
{
  release(held);
  return store_teardown(state);
}

static slh_heap_stats stats_of(const slh_heap *heap)
{
  slh_heap_stats stats;

  slh_heap_get_stats(heap, &stats);
  return stats;
}

/* ---- one more entry of each table ---- */

typedef slh_status add_fn(slh_heap *heap, uint32_t number);

static slh_frame open_frame;

static slh_status add_local(slh_heap *heap, uint32_t number)
{
  slh_local local;

  if (number == 0) {
    slh_status status = slh_frame_open(heap, &open_frame);

    if (status != SLH_OK)
      return status;
  }
  return slh_local_new(&open_frame, slh_i31((int32_t)number), &local);
}

static slh_status add_owned(slh_heap *heap, uint32_t number)
{
  slh_owned owned;

  return slh_owned_new(heap, slh_i31((int32_t)number), &owned);
}

static struct datum data[100000];

static slh_status add_externref(slh_heap *heap, uint32_t number)
{
  slh_ref ref;

  return slh_alloc_externref(heap, &data[number], datum_drop, &ref);
}

static slh_status add_function(slh_heap *heap, uint32_t number)
{
  uint32_t id;

  return slh_funcref_intern(heap, (const char *)&data + number, &id);
}

static add_fn *const tables[] = {add_local, add_owned, add_externref, add_function};

#define TABLES (sizeof tables / sizeof *tables)

/* As many as there is room for; `why` is what came then. */
static uint32_t fill(slh_heap *heap, add_fn *add, slh_status *why)
{
  uint32_t count = 0;

  while ((*why = add(heap, count)) == SLH_OK)
    count++;
  return count;
}

static void check_usable(struct store *store, slh_heap *heap)
{
  slh_ref ref;

  for (int i = 0; i < 100; i++)
    assert_ok(slh_new_struct(heap, store->node, &ref));
  assert_ok(slh_heap_collect(heap, NULL));
  assert_ok(slh_heap_verify(heap, NULL, NULL));
}

/* ---- limits ---- */

static void every_table_is_limited(void **state)
{
  (void)state;
  for (size_t i = 0; i < TABLES; i++) {
    for (uint64_t limit = 1; limit < 300000; limit += 1 + limit / 3) {
      struct store *cold = store_open(NULL);
      slh_heap *heap = acquire(cold, limit);
      slh_status why;
      uint32_t count = fill(heap, tables[i], &why);

      assert_status(why, SLH_E_HOST_LIMIT);
      assert_true(stats_of(heap).host_bytes <= stats_of(heap).max_host);
      /* What the library itself needs is on top. */
      assert_true(stats_of(heap).max_host >= limit);
      assert_true(stats_of(heap).max_host < limit + 1024);
      assert_true(limit < 2000 || count >= limit / 128);
      check_usable(cold, heap);
      release(heap);
      store_close(cold);
    }
  }
}

static void tables_share_one_limit(void **state)
{
  struct store *store = *state;
  slh_heap *heap = acquire(store, 100000);
  slh_status why;

  for (size_t i = 0; i < TABLES; i++) {
    (void)fill(heap, tables[i], &why);
    assert_status(why, SLH_E_HOST_LIMIT);
    assert_true(stats_of(heap).host_bytes <= 100000);
  }
  check_usable(store, heap);
  release(heap);
}

/* What went makes room for what comes. */
static void freed_entries_are_below_the_limit(void **state)
{
  struct store *store = *state;
  slh_heap *heap = acquire(store, 50000);
  slh_status why;
  slh_owned owned;
  uint32_t count;

  assert_ok(slh_owned_new(heap, SLH_NULL, &owned));
  (void)fill(heap, add_owned, &why);
  slh_owned_free(heap, owned);
  assert_ok(slh_owned_new(heap, SLH_NULL, &owned));
  assert_status(slh_owned_new(heap, SLH_NULL, &owned), SLH_E_HOST_LIMIT);
  slh_heap_reset(heap);
  count = fill(heap, add_externref, &why);
  assert_ok(slh_heap_collect(heap, NULL));
  assert_int_equal(fill(heap, add_externref, &why), count);
  release(heap);
}

static void known_functions_are_below_the_limit(void **state)
{
  struct store *store = *state;
  slh_heap *heap = acquire(store, 50000);
  slh_status why;
  uint32_t count = fill(heap, add_function, &why), id = 0;

  assert_true(count > 100);
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(slh_funcref_intern(heap, (const char *)&data + i, &id));
    assert_int_equal(id, i + 1);
  }
  assert_ok(slh_funcref_intern(heap, NULL, &id));
  release(heap);
}

static void what_a_slot_kept_does_not_count(void **state)
{
  struct store *store = *state;
  uint32_t counts[TABLES];
  slh_status why;
  slh_heap *heap;

  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < TABLES; i++) {
      heap = acquire(store, 30000);
      assert_true(stats_of(heap).host_bytes <= KEPT);
      assert_int_equal(stats_of(heap).max_host, 30000 + stats_of(heap).host_bytes);
      if (round == 0)
        counts[i] = fill(heap, tables[i], &why);
      else
        assert_true(fill(heap, tables[i], &why) >= counts[i]);
      assert_status(why, SLH_E_HOST_LIMIT);
      release(heap);
    }
  }
  heap = acquire(store, 0);
  (void)fill(heap, add_owned, &why);
  release(heap); /* more than is kept */
  heap = acquire(store, 0);
  assert_int_equal(stats_of(heap).host_bytes, 0);
  release(heap);
}

/* On a slot that has tables from a store before. */
static void largest_limit_is_no_limit(void **state)
{
  struct store *store = *state;
  slh_heap *heap = acquire(store, UINT64_MAX);

  for (int round = 0; round < 3; round++) {
    for (uint32_t i = 0; i < 1000; i++) {
      assert_ok(add_owned(heap, i));
      assert_ok(add_function(heap, i));
    }
    release(heap);
    heap = acquire(store, UINT64_MAX);
  }
  release(heap);
}

/* ---- externrefs that could not be made ---- */

static void failed_externrefs_are_not_dropped(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  static struct datum failed;
  slh_heap *heap = acquire(store, 2000);
  slh_status why;
  uint32_t count;
  slh_ref ref;

  memset(data, 0, sizeof data);
  count = fill(heap, add_externref, &why);
  assert_status(slh_alloc_externref(heap, &failed, datum_drop, &ref), SLH_E_HOST_LIMIT);
  release(heap);
  datum_all_dropped(data, count);
  assert_int_equal(datum_drops(data, 100000), count);
  options.runtime = store->runtime;
  options.max_bytes = 8;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  assert_ok(add_externref(heap, 99999));
  for (int i = 0; i < 100; i++)
    assert_status(slh_alloc_externref(heap, &failed, datum_drop, &ref), SLH_E_COLLECT);
  assert_int_equal(stats_of(heap).externrefs, 1);
  release(heap);
  assert_int_equal(data[99999].drops, 1);
  assert_int_equal(failed.drops, 0);
}

/* ---- no memory ---- */

/* Adds to all tables in turn; those calls that fail leave no trace. */
static void add_to_all(slh_heap *heap, uint32_t entries)
{
  for (size_t i = 0; i < TABLES; i++) {
    uint32_t count = 0, failures = 0;

    for (uint32_t j = 0; j < entries; j++) {
      slh_status status = tables[i](heap, count);

      assert_true(status == SLH_OK || status == SLH_E_NOMEM);
      count += status == SLH_OK;
      failures += status != SLH_OK;
    }
    assert_int_equal(count + failures, entries);
    if (tables[i] == add_externref)
      assert_int_equal(stats_of(heap).externrefs, count);
    if (tables[i] == add_function)
      assert_int_equal(stats_of(heap).functions, count);
    if (tables[i] == add_owned)
      assert_int_equal(stats_of(heap).owned_roots, count);
  }
}

static void any_allocation_can_fail(void **state)
{
  struct store *store = *state;
  slh_pool_options options = helper_pool_options(1);
  struct meter meter;
  slh_allocator allocator = meter_allocator(&meter);

  options.allocator = &allocator;
  memset(data, 0, sizeof data);
  for (uint64_t left = 0; left < 40; left++) {
    slh_pool *pool = helper_pool(&options);
    slh_heap *heap = helper_acquire(pool, store->runtime);
    uint64_t of_pool;

    meter.left = left;
    add_to_all(heap, 50);
    meter.left = UINT64_MAX;
    check_usable(store, heap);
    /* For the thread, and for the collection. */
    of_pool = meter.bytes - stats_of(heap).host_bytes;
    assert_in_range(of_pool, 0, 4096);
    slh_heap_reset(heap);
    add_to_all(heap, 50);
    assert_true(stats_of(heap).host_bytes >= 50 * 8);
    assert_int_equal(meter.bytes, stats_of(heap).host_bytes + of_pool);
    release(heap);
    slh_pool_free(pool);
    assert_int_equal(meter.blocks, 0);
    assert_int_equal(meter.bytes, 0);
  }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(every_table_is_limited),
      TEST(tables_share_one_limit),
      TEST(freed_entries_are_below_the_limit),
      TEST(known_functions_are_below_the_limit),
      TEST(what_a_slot_kept_does_not_count),
      TEST(largest_limit_is_no_limit),
      TEST(failed_externrefs_are_not_dropped),
      TEST(any_allocation_can_fail),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
