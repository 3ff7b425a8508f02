/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Young collections: what they keep, move and leave alone.
 */
#include "tests/generational.h"

/* ---- generations ---- */

static void survivors_are_old_at_once(void **state)
{
  struct store *store = generational_open_checked();
  slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_ref old = generational_make_old(store), survivor;

  assert_int_equal(data->young, data->bump);
  store_node(store, SLH_NULL, SLH_NULL, 2);
  store->roots[1] = store_node(store, old, SLH_NULL, 3);
  store_node(store, SLH_NULL, SLH_NULL, 4);
  generational_collect_young(store);
  survivor = store->roots[1];
  assert_int_equal(store->roots[0].bits, old.bits);
  assert_int_equal(survivor.bits, old.bits + 16);
  assert_int_equal(generational_value(store, survivor), 3);
  assert_int_equal(slh_get_ref(store->heap, survivor, HELPER_LEFT).bits, old.bits);
  assert_int_equal(data->young, survivor.bits + 16);
  assert_int_equal(data->bump, data->young);
  generational_collect_young(store);
  assert_int_equal(store->roots[1].bits, survivor.bits);
  store_close(store);
}

static void dead_old_objects_wait_for_a_full_collection(void **state)
{
  struct store *store = generational_open_checked();

  generational_make_old(store);
  store->roots[0] = SLH_NULL;
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  generational_collect_young(store);
  assert_int_equal(store_count(store), 2);
  assert_int_equal(store_stats(store).old, 32);
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  assert_int_equal(store->roots[1].bits, SLH_WIDE_FIRST);
  store_close(store);
}

static void figures(void **state)
{
  struct store *store = generational_open(SLH_ZEAL_NEVER);
  slh_heap_stats stats;

  generational_make_old(store);
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  store_node(store, SLH_NULL, SLH_NULL, 3);
  generational_collect_young(store);
  stats = store_stats(store);
  assert_int_equal(stats.collections, 2);
  assert_int_equal(stats.young_collections, 1);
  assert_int_equal(stats.promoted_total, 16);
  assert_int_equal(stats.copied_total, 32);
  assert_int_equal(stats.reclaimed_total, 16);
  assert_int_equal(stats.live, 16);
  assert_int_equal(stats.old, 32);
  slh_heap_reset(store->heap);
  stats = store_stats(store);
  assert_int_equal(stats.young_collections, 0);
  assert_int_equal(stats.promoted_total, 0);
  assert_int_equal(stats.old, 0);
  memset(store->roots, 0, sizeof store->roots);
  store_close(store);
}

/* The first collection is of all, for nothing is old. */
static void without_old_objects_it_is_a_full_one(void **state)
{
  struct store *store = generational_open_checked();

  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store_stats(store).young_collections, 0);
  assert_int_equal(store_stats(store).live, 16);
  store_close(store);
}

static void other_collectors_collect_all(void **state)
{
  struct store *store = store_open(NULL);

  generational_make_old(store);
  store->roots[0] = SLH_NULL;
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store_count(store), 0);
  store_close(store);
}

static void in_increments(void **state)
{
  for (uint64_t budget = 1; budget < 3000; budget = budget * 3 + 1) {
    struct store *store = generational_open_checked();
    bool complete = false;
    slh_ref list = SLH_NULL;

    generational_make_old_array(store, 2000);
    for (int i = 0; i < 500; i++)
      list = store_node(store, list, SLH_NULL, i);
    assert_ok(slh_array_set_ref(store->heap, store->roots[0], 1234, list));
    assert_ok(slh_collection_begin_young(store->heap, NULL));
    while (!complete)
      assert_ok(slh_collection_step(store->heap, budget, &complete));
    store_verify(store);
    assert_int_equal(store_stats(store).promoted_total, 500 * 16);
    assert_ok(slh_array_get_ref(store->heap, store->roots[0], 1234, &list));
    assert_int_equal(generational_value(store, list), 499);
    store_close(store);
  }
}

/* ---- giving back ---- */

static void old_objects_given_back_become_fillers(void **state)
{
  struct store *store = generational_open_checked();
  slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_ref old = generational_make_old(store), young;

  slh_set_ref(store->heap, old, HELPER_LEFT, store_node(store, SLH_NULL, SLH_NULL, 2));
  store->roots[0] = SLH_NULL;
  assert_ok(slh_dealloc(store->heap, slh_get_ref(store->heap, old, HELPER_LEFT)));
  assert_ok(slh_dealloc(store->heap, old));
  assert_int_equal(data->bump, data->young);
  young = store_node(store, SLH_NULL, SLH_NULL, 3);
  assert_int_equal(young.bits, old.bits + 16);
  generational_collect_young(store);
  assert_int_equal(store_count(store), 0);
  assert_int_equal(store_stats(store).used, 16);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 0);
  store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(survivors_are_old_at_once),
      cmocka_unit_test(dead_old_objects_wait_for_a_full_collection),
      cmocka_unit_test(figures),
      cmocka_unit_test(without_old_objects_it_is_a_full_one),
      cmocka_unit_test(other_collectors_collect_all),
      cmocka_unit_test(in_increments),
      cmocka_unit_test(old_objects_given_back_become_fillers),
  };

  return helper_run(tests, NULL, NULL);
}
