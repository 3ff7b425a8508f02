/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Weak references and ephemerons. */
#include "tests/meter.h"
#include "tests/weak-model.h"

#include <stdlib.h>

static slh_ref node(struct store *store, int32_t value)
{
  return store_node(store, SLH_NULL, SLH_NULL, value);
}

static int32_t value_of(struct store *store, slh_ref ref)
{
  return slh_get_i32(store->heap, ref, HELPER_VALUE);
}

static slh_weak new_weak(struct store *store, slh_ref ref)
{
  slh_weak weak;

  assert_ok(slh_weak_new(store->heap, ref, &weak));
  return weak;
}

static slh_ephemerons new_table(struct store *store)
{
  slh_ephemerons table;

  assert_ok(slh_ephemerons_new(store->heap, &table));
  return table;
}

/* ---- weak references ---- */

static void weak_reference_follows_and_is_cleared(void **state)
{
  struct store *store = *state;
  slh_weak weak, twin;

  node(store, 0); /* so that the next one moves */
  store->roots[0] = node(store, 7);
  weak = new_weak(store, store->roots[0]);
  twin = new_weak(store, store->roots[0]);
  store_collect(store);
  assert_int_equal(slh_weak_get(store->heap, weak).bits, store->roots[0].bits);
  assert_int_equal(slh_weak_get(store->heap, twin).bits, store->roots[0].bits);
  assert_int_equal(value_of(store, store->roots[0]), 7);
  store->roots[0] = SLH_NULL;
  assert_false(slh_is_null(slh_weak_get(store->heap, weak))); /* not yet */
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, weak)));
  assert_true(slh_is_null(slh_weak_get(store->heap, twin)));
  assert_int_equal(store_count(store), 0);
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, weak)));
}

static void weak_references_to_no_object_stay(void **state)
{
  struct store *store = *state;
  slh_weak null = new_weak(store, SLH_NULL), small = new_weak(store, slh_i31(-5));

  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, null)));
  assert_int_equal(slh_i31_signed(slh_weak_get(store->heap, small)), -5);
}

static void weak_reference_to_what_is_given_back(void **state)
{
  struct store *store = *state;
  slh_ref first = node(store, 1);
  slh_weak weak = new_weak(store, first);

  store->roots[0] = node(store, 2);
  assert_ok(slh_dealloc(store->heap, first));
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, weak)));
}

struct use {
  struct store *store;
  slh_weak weak;
  slh_ephemerons table;
};

static void get_weak(void *context)
{
  struct use *use = context;

  (void)slh_weak_get(use->store->heap, use->weak);
}

static void free_weak(void *context)
{
  struct use *use = context;

  slh_weak_free(use->store->heap, use->weak);
}

static void get_entry(void *context)
{
  struct use *use = context;
  slh_ref ref;

  (void)slh_ephemerons_get(use->store->heap, use->table, slh_i31(1), &ref);
}

static void free_table(void *context)
{
  struct use *use = context;

  slh_ephemerons_free(use->store->heap, use->table);
}

static void expect_stops(struct use *use)
{
  helper_expect_stop(get_weak, use, "slh_weak_get");
  helper_expect_stop(free_weak, use, "slh_weak_free");
  helper_expect_stop(get_entry, use, "slh_ephemerons_get");
  helper_expect_stop(free_table, use, "slh_ephemerons_free");
}

static void handles_that_have_ended_stop(void **state)
{
  struct store *store = *state, *other = store_open(NULL);
  struct use use = {store, new_weak(store, SLH_NULL), new_table(store)};

  use.store = other;
  expect_stops(&use); /* of another heap, without and with tables */
  (void)new_weak(other, SLH_NULL);
  (void)new_table(other);
  expect_stops(&use);
  use.store = store;
  slh_weak_free(store->heap, use.weak);
  slh_ephemerons_free(store->heap, use.table);
  (void)new_weak(store, SLH_NULL);
  (void)new_table(store);
  expect_stops(&use); /* freed, and used again */
  use = (struct use){store, new_weak(store, SLH_NULL), new_table(store)};
  slh_heap_reset(store->heap);
  expect_stops(&use);
  store_close(other);
}

/* ---- ephemerons ---- */

static void entry_goes_with_its_key(void **state)
{
  struct store *store = *state;
  slh_ephemerons table = new_table(store);
  slh_ref value = SLH_NULL;

  node(store, 0);
  store->roots[0] = node(store, 1);
  store->roots[1] = node(store, 2);
  assert_ok(slh_ephemerons_set(store->heap, table, store->roots[0], node(store, 10)));
  assert_ok(slh_ephemerons_set(store->heap, table, node(store, 3), store->roots[1]));
  store_collect(store);
  assert_int_equal(store_count(store), 3);
  assert_true(slh_ephemerons_get(store->heap, table, store->roots[0], &value));
  assert_int_equal(value_of(store, value), 10);
  assert_false(slh_ephemerons_get(store->heap, table, value, &value));
  store->roots[0] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_count(store), 1); /* the value that was a root itself */
}

static void values_that_refer_to_their_keys_do_not_keep_them(void **state)
{
  struct store *store = *state;
  slh_ephemerons table = new_table(store);
  slh_ref key = node(store, 1), a = node(store, 2), b = node(store, 3);

  assert_ok(slh_ephemerons_set(store->heap, table, key, store_node(store, key, key, 0)));
  assert_ok(slh_ephemerons_set(store->heap, table, a, b)); /* each the other's value */
  assert_ok(slh_ephemerons_set(store->heap, table, b, a));
  store->roots[0] = key;
  store_collect(store);
  assert_int_equal(store_count(store), 2);
  store->roots[0] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_count(store), 0);
}

static void entries_of_every_value_and_key(void **state)
{
  struct store *store = *state;
  slh_ephemerons table = new_table(store);
  slh_ref value = {77};

  assert_status(slh_ephemerons_set(store->heap, table, SLH_NULL, SLH_NULL), SLH_E_TYPE);
  assert_status(slh_ephemerons_set(store->heap, table, slh_i31(1), SLH_NULL), SLH_E_TYPE);
  assert_false(slh_ephemerons_get(store->heap, table, SLH_NULL, &value));
  assert_false(slh_ephemerons_remove(store->heap, table, SLH_NULL));
  assert_int_equal(value.bits, 77);
  store->roots[0] = node(store, 1);
  store->roots[1] = node(store, 2);
  assert_ok(slh_ephemerons_set(store->heap, table, store->roots[0], SLH_NULL));
  assert_ok(slh_ephemerons_set(store->heap, table, store->roots[1], slh_i31(9)));
  assert_ok(slh_ephemerons_set(store->heap, table, store->roots[1], slh_i31(10)));
  store_collect(store);
  assert_true(slh_ephemerons_get(store->heap, table, store->roots[0], &value));
  assert_true(slh_is_null(value));
  assert_true(slh_ephemerons_get(store->heap, table, store->roots[1], &value));
  assert_int_equal(slh_i31_signed(value), 10);
}

/* The key of each entry is the value of the one before: only the first key is
 * reachable. In both orders, and over several tables. */
static void chains_are_kept_whole(void **state)
{
  uint32_t length = (uint32_t)helper_rounds(4000);
  slh_ref *keys = calloc(length + 1, sizeof *keys);

  assert_non_null(keys);
  for (int order = 0; order < 2; order++) {
    struct store *store = store_open(NULL);
    slh_ephemerons tables[2] = {new_table(store), new_table(store)};

    for (uint32_t i = 0; i <= length; i++)
      keys[i] = node(store, (int32_t)i);
    for (uint32_t i = 0; i < length; i++) {
      uint32_t j = order ? length - 1 - i : i;

      assert_ok(slh_ephemerons_set(store->heap, tables[j % 2], keys[j], keys[j + 1]));
    }
    store->roots[0] = keys[0];
    (void)store_collect_in_steps(store, order ? 64 << 10 : 1000);
    assert_int_equal(store_count(store), length + 1);
    for (uint32_t i = 0; i < length; i++) {
      keys[i] = i ? keys[i] : store->roots[0];
      assert_true(slh_ephemerons_get(store->heap, tables[i % 2], keys[i], &keys[i + 1]));
      assert_int_equal(value_of(store, keys[i + 1]), i + 1);
    }
    slh_ephemerons_free(store->heap, tables[1]);
    store_collect(store);
    assert_int_equal(store_count(store), 2);
    store_close(store);
  }
  free(keys);
}

/* Thousands of entries set, replaced and removed, against two arrays. */
static void tables_are_maps(void **state)
{
  struct store *store = *state;
  slh_ephemerons tables[2] = {new_table(store), new_table(store)};
  uint64_t random = helper_seed();
  enum {
    KEYS = 3000
  };
  slh_ref objects = store->roots[0] = store_array(store, store->bytes, 16 * KEYS);
  static uint32_t values[2][KEYS];

  memset(values, 0, sizeof values);
  for (uint64_t steps = helper_rounds(200000); steps > 0; steps--) {
    uint32_t which = (uint32_t)helper_below(&random, 2), i = (uint32_t)helper_below(&random, KEYS);
    slh_ref key = {objects.bits + 8 + 16 * i}, value = SLH_NULL; /* bits of one are enough here */
    uint32_t *expected = &values[which][i];

    if (helper_one_in(&random, 2)) {
      *expected = (uint32_t)helper_below(&random, 1000) + 1;
      assert_ok(slh_ephemerons_set(store->heap, tables[which], key, slh_i31((int32_t)*expected)));
    } else if (helper_one_in(&random, 2)) {
      assert_int_equal(slh_ephemerons_remove(store->heap, tables[which], key), *expected != 0);
      *expected = 0;
    }
    assert_int_equal(slh_ephemerons_get(store->heap, tables[which], key, &value), *expected != 0);
    assert_int_equal(slh_i31_unsigned(value), *expected);
  }
}

/* ---- storage ---- */

/* Sets entries and makes weak references until that fails; then everything that
 * was made is there. */
static slh_status fill_tables(slh_heap *heap)
{
  slh_ephemerons table;
  slh_status status = slh_ephemerons_new(heap, &table);
  slh_ref value = SLH_NULL;
  slh_weak weak;
  uint32_t made = 0;

  for (uint32_t i = 1; status == SLH_OK && i < 1 << 20; i++) {
    status = slh_ephemerons_set(heap, table, (slh_ref){8 * i}, slh_i31((int32_t)i));
    if (status == SLH_OK)
      made = i;
    if (status == SLH_OK)
      status = slh_weak_new(heap, slh_i31((int32_t)i), &weak);
    if (status == SLH_OK)
      assert_int_equal(slh_weak_get(heap, weak).bits, slh_i31((int32_t)i).bits);
  }
  for (uint32_t i = 1; i <= made; i++) {
    assert_true(slh_ephemerons_get(heap, table, (slh_ref){8 * i}, &value));
    assert_int_equal(slh_i31_unsigned(value), i);
  }
  return status;
}

static void storage_is_limited(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap_stats stats;
  slh_heap *heap = NULL;

  options.runtime = store->runtime;
  options.max_host_bytes = 100000;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  assert_status(fill_tables(heap), SLH_E_HOST_LIMIT);
  slh_heap_get_stats(heap, &stats);
  assert_true(stats.host_bytes <= 100000);
  slh_heap_release(heap);
}

static void storage_that_is_not_there(void **state)
{
  struct meter meter;
  slh_allocator allocator = meter_allocator(&meter);
  slh_runtime *runtime = helper_runtime(NULL);
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool;

  options.allocator = &allocator;
  pool = helper_pool(&options);
  for (uint64_t left = 0; left < 24; left++) {
    slh_heap *heap = helper_acquire(pool, runtime);

    meter.left = left;
    assert_status(fill_tables(heap), SLH_E_NOMEM);
    meter.left = UINT64_MAX;
    slh_heap_release(heap);
  }
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  assert_int_equal(meter.blocks, 0);
}

/* ---- against the model ---- */

static void random_programs(slh_collector collector, uint64_t rounds)
{
  static const uint64_t budgets[] = {1, 50, 1000, UINT64_MAX};
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(rounds); round > 0; round--) {
    struct store_options options = {collector, NULL, 0, 0};
    struct store *store = store_open(&options);
    struct weak_model *model = weak_model_open(store, seed++, false);

    for (int i = 0; i < 4000; i++) {
      weak_model_step(model);
      if (helper_one_in(&seed, 200))
        weak_model_collect(model, budgets[helper_below(&seed, 4)]);
    }
    weak_model_collect(model, 64);
    weak_model_close(model);
    store_close(store);
  }
}

static void random_programs_do_as_the_model(void **state)
{
  random_programs(SLH_COLLECTOR_COPYING, 200);
}

static void null_collector_clears_nothing(void **state)
{
  random_programs(SLH_COLLECTOR_NULL, 16);
}

struct visited {
  int count, most;
  uint32_t keys, values; /* sums of their bits */
};

static bool visit_entry(void *context, slh_ref key, slh_ref value)
{
  struct visited *visited = context;

  visited->keys += key.bits;
  visited->values += value.bits;
  return ++visited->count < visited->most;
}

static void entries_are_visited(void **state)
{
  struct store *store = *state;
  struct visited all = {.most = 99}, two = {.most = 2}, none = {.most = 99};
  slh_ephemerons tables[2];
  uint32_t keys = 0, values = 0;

  slh_heap_visit_ephemerons(store->heap, visit_entry, &none);
  assert_int_equal(none.count, 0);
  for (int i = 0; i < 4; i++) {
    slh_ref key = store_node(store, SLH_NULL, SLH_NULL, i), value = slh_i31(i);

    if (i < 2)
      assert_ok(slh_ephemerons_new(store->heap, &tables[i]));
    assert_ok(slh_ephemerons_set(store->heap, tables[i % 2], key, value));
    keys += key.bits;
    values += value.bits;
  }
  slh_heap_visit_ephemerons(store->heap, visit_entry, &all);
  slh_heap_visit_ephemerons(store->heap, visit_entry, &two);
  assert_int_equal(all.count, 4);
  assert_int_equal(all.keys, keys);
  assert_int_equal(all.values, values);
  assert_int_equal(two.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(weak_reference_follows_and_is_cleared),
      TEST(weak_references_to_no_object_stay),
      TEST(weak_reference_to_what_is_given_back),
      TEST(handles_that_have_ended_stop),
      TEST(entry_goes_with_its_key),
      TEST(values_that_refer_to_their_keys_do_not_keep_them),
      TEST(entries_of_every_value_and_key),
      cmocka_unit_test(chains_are_kept_whole),
      TEST(tables_are_maps),
      TEST(entries_are_visited),
      TEST(storage_is_limited),
      cmocka_unit_test(storage_that_is_not_there),
      cmocka_unit_test(random_programs_do_as_the_model),
      cmocka_unit_test(null_collector_clears_nothing),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
