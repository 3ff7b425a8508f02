/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Young collections and what a store has outside its heap: handles, weak
 * references, ephemerons, finalizers, host data. Those of old objects stay, and
 * cost nothing.
 */
#include "tests/datum.h"
#include "tests/generational.h"
#include "tests/weak-model.h"

/* ---- handles ---- */

static void handles_are_roots_of_young_objects(void **state)
{
  struct store *store = generational_open_checked();
  slh_heap *heap = store->heap;
  slh_owned owned[200];
  slh_local local[100];
  slh_frame outer, inner;

  generational_make_old(store);
  for (int i = 0; i < 200; i++)
    assert_ok(slh_owned_new(heap, store->roots[0], &owned[i]));
  assert_ok(slh_frame_open(heap, &outer));
  for (int i = 0; i < 100; i++)
    assert_ok(slh_local_new(&outer, store->roots[0], &local[i]));
  for (int round = 0; round < 5; round++) {
    slh_local deep;

    slh_owned_set(heap, owned[199 - round], store_node(store, SLH_NULL, SLH_NULL, 100 + round));
    slh_owned_free(heap, owned[3]);
    assert_ok(slh_owned_new(heap, store_node(store, SLH_NULL, SLH_NULL, 200 + round), &owned[3]));
    slh_local_set(heap, local[7 * round], store_node(store, SLH_NULL, SLH_NULL, 300 + round));
    assert_ok(slh_frame_open(heap, &inner));
    assert_ok(slh_local_new(&inner, store_node(store, SLH_NULL, SLH_NULL, 400 + round), &deep));
    if (round % 2)
      slh_frame_close(&inner);
    generational_collect_young(store);
    assert_int_equal(generational_value(store, slh_owned_get(heap, owned[199 - round])),
                     100 + round);
    assert_int_equal(generational_value(store, slh_owned_get(heap, owned[3])), 200 + round);
    assert_int_equal(generational_value(store, slh_local_get(heap, local[7 * round])), 300 + round);
    if (round % 2 == 0) {
      assert_int_equal(generational_value(store, slh_local_get(heap, deep)), 400 + round);
      slh_frame_close(&inner);
    }
  }
  /* 1, and in each round 3 or 4, all promoted. */
  assert_int_equal(store_count(store), 1 + 5 * 3 + 3);
  slh_frame_close(&outer);
  store_close(store);
}

/* A slot whose last store had another collector has handles, but no marks. */
static void handles_of_a_store_before(void **state)
{
  slh_pool_options pool_options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&pool_options);

  for (int round = 0; round < 6; round++) {
    slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
    slh_collector collector = round % 2 ? SLH_COLLECTOR_GENERATIONAL : SLH_COLLECTOR_COPYING;
    struct store store = {0};
    slh_owned owned[300];

    options.collector = collector;
    store.runtime = helper_runtime(&options);
    store.node = helper_node_type(store.runtime);
    store.heap = helper_acquire(pool, store.runtime);
    for (int i = 0; i < 20 + 50 * round; i++) {
      assert_ok(slh_owned_new(store.heap, store_node(&store, SLH_NULL, SLH_NULL, i), &owned[i]));
      if (i % 10 == 9)
        assert_ok(slh_heap_collect_young(store.heap, NULL));
    }
    for (int i = 0; i < 20 + 50 * round; i++)
      assert_int_equal(generational_value(&store, slh_owned_get(store.heap, owned[i])), i);
    slh_heap_release(store.heap);
    slh_runtime_free(store.runtime);
  }
  slh_pool_free(pool);
}

/* ---- weak things ---- */

static void weak_references(void **state)
{
  struct store *store = generational_open_checked();
  slh_weak to_old, to_young, to_dead, renewed;
  slh_ref old = generational_make_old(store);

  assert_ok(slh_weak_new(store->heap, old, &to_old));
  store->roots[0] = SLH_NULL;
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  assert_ok(slh_weak_new(store->heap, store_node(store, SLH_NULL, SLH_NULL, 3), &renewed));
  slh_weak_free(store->heap, renewed);
  assert_ok(slh_weak_new(store->heap, old, &renewed));
  assert_ok(slh_weak_new(store->heap, store_node(store, SLH_NULL, SLH_NULL, 3), &to_dead));
  assert_ok(slh_weak_new(store->heap, store->roots[1], &to_young));
  generational_collect_young(store);
  /* Nobody looked whether the old one is alive. */
  assert_int_equal(slh_weak_get(store->heap, to_old).bits, old.bits);
  assert_int_equal(slh_weak_get(store->heap, renewed).bits, old.bits);
  assert_int_equal(slh_weak_get(store->heap, to_young).bits, store->roots[1].bits);
  assert_true(slh_is_null(slh_weak_get(store->heap, to_dead)));
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, to_old)));
  assert_int_equal(slh_weak_get(store->heap, to_young).bits, store->roots[1].bits);
  store_close(store);
}

static void ephemerons(void **state)
{
  struct store *store = generational_open_checked();
  slh_heap *heap = store->heap;
  slh_ephemerons table;
  slh_ref old = generational_make_old(store), found;

  assert_ok(slh_ephemerons_new(heap, &table));
  assert_ok(slh_ephemerons_set(heap, table, old, slh_i31(1)));
  store_collect(store);
  /* An old entry with a young value; a young key; one that dies. */
  assert_ok(slh_ephemerons_set(heap, table, old, store_node(store, SLH_NULL, SLH_NULL, 2)));
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 3);
  assert_ok(
      slh_ephemerons_set(heap, table, store->roots[1], store_node(store, SLH_NULL, SLH_NULL, 4)));
  found = store_node(store, SLH_NULL, SLH_NULL, 5);
  assert_ok(slh_ephemerons_set(heap, table, found, found));
  generational_collect_young(store);
  assert_true(slh_ephemerons_get(heap, table, old, &found));
  assert_int_equal(generational_value(store, found), 2);
  assert_true(slh_ephemerons_get(heap, table, store->roots[1], &found));
  assert_int_equal(generational_value(store, found), 4);
  assert_int_equal(store_count(store), 4);
  store->roots[0] = SLH_NULL;
  generational_collect_young(store);
  assert_true(slh_ephemerons_get(heap, table, old, &found));
  store_collect(store);
  assert_int_equal(store_count(store), 2);
  store_close(store);
}

static void finalizers(void **state)
{
  struct store *store = generational_open_checked();
  slh_heap *heap = store->heap;
  slh_ref old = generational_make_old(store), ref;
  int data[3];
  void *found = NULL;

  assert_ok(slh_finalizer_add(heap, old, &data[0]));
  store_collect(store);
  store->roots[0] = SLH_NULL;
  assert_ok(slh_finalizer_add(heap, store_node(store, SLH_NULL, SLH_NULL, 2), &data[1]));
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 3);
  assert_ok(slh_finalizer_add(heap, store->roots[1], &data[2]));
  generational_collect_young(store);
  assert_true(slh_finalizer_poll(heap, &ref, &found));
  assert_ptr_equal(found, &data[1]);
  assert_int_equal(generational_value(store, ref), 2);
  assert_false(slh_finalizer_poll(heap, &ref, &found));
  store_collect(store);
  assert_true(slh_finalizer_poll(heap, &ref, &found));
  assert_ptr_equal(found, &data[0]);
  assert_false(slh_finalizer_poll(heap, &ref, &found));
  store_close(store);
}

static void host_data(void **state)
{
  struct store *store = generational_open_checked();
  struct datum data[4] = {{0}};
  slh_ref node;

  store->roots[0] = datum_externref(store, &data[0]);
  store->roots[1] = node = store_node(store, datum_externref(store, &data[1]), SLH_NULL, 1);
  store_collect(store);
  store->roots[0] = SLH_NULL;
  datum_externref(store, &data[2]);
  store->roots[2] = datum_externref(store, &data[3]);
  generational_collect_young(store);
  assert_int_equal(data[0].drops, 0); /* dead, but old */
  assert_int_equal(data[1].drops, 0);
  assert_int_equal(data[2].drops, 1);
  assert_int_equal(data[3].drops, 0);
  assert_ptr_equal(datum_of(store, store->roots[2]), &data[3]);
  datum_check_table(store);
  generational_collect_young(store);
  assert_int_equal(data[3].drops, 0);
  store_collect(store);
  assert_int_equal(data[0].drops, 1);
  assert_int_equal(data[1].drops, 0);
  datum_check_table(store);
  store_close(store);
}

/* ---- cost ---- */

/* Bytes of work that a young collection of one object takes. */
static uint64_t work_of_one(struct store *store)
{
  bool complete = false;
  uint64_t work = 0;

  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  assert_ok(slh_collection_begin_young(store->heap, NULL));
  for (; !complete; work++)
    assert_ok(slh_collection_step(store->heap, 1, &complete));
  return work;
}

static void what_is_old_costs_nothing(void **state)
{
  static struct datum data[1000];
  struct store *store = generational_open(SLH_ZEAL_NEVER);
  slh_heap *heap = store->heap;
  slh_ephemerons table;
  slh_owned owned;
  slh_local local;
  slh_frame frame;
  slh_weak weak;
  uint64_t before;

  generational_make_old(store);
  before = work_of_one(store);
  assert_ok(slh_ephemerons_new(heap, &table));
  assert_ok(slh_frame_open(heap, &frame));
  store->roots[2] = store_array(store, store->refs, 1000);
  for (uint32_t i = 0; i < 1000; i++) {
    slh_ref node = store_node(store, SLH_NULL, SLH_NULL, (int32_t)i);

    assert_ok(slh_array_set_ref(heap, store->roots[2], i, node));
    assert_ok(slh_weak_new(heap, node, &weak));
    assert_ok(slh_owned_new(heap, node, &owned));
    assert_ok(slh_local_new(&frame, node, &local));
    assert_ok(slh_ephemerons_set(heap, table, node, node));
    assert_ok(slh_finalizer_add(heap, node, NULL));
    assert_ok(slh_array_set_ref(heap, store->roots[2], i, datum_externref(store, &data[i])));
  }
  assert_ok(slh_heap_collect_young(heap, NULL));
  assert_int_equal(work_of_one(store), before);
  slh_frame_close(&frame);
  store_close(store);
}

/* ---- against the model ---- */

static void random_programs(bool finalizers, uint64_t rounds)
{
  static const uint64_t budgets[] = {1, 50, 1000, UINT64_MAX};
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(rounds); round > 0; round--) {
    struct store *store = generational_open_checked();
    struct weak_model *model = weak_model_open(store, seed++, finalizers);

    for (int i = 0; i < 4000; i++) {
      weak_model_step(model);
      if (helper_one_in(&seed, 300))
        weak_model_collect(model, budgets[helper_below(&seed, 4)]);
      else if (i > 100 && helper_one_in(&seed, 60))
        weak_model_collect_young(model, budgets[helper_below(&seed, 4)]);
      else if (i == 100)
        weak_model_collect(model, 1000);
    }
    weak_model_collect(model, 64);
    weak_model_close(model);
    store_close(store);
  }
}

static void random_programs_do_as_the_model(void **state)
{
  random_programs(false, 100);
}

static void random_programs_with_finalizers_do_too(void **state)
{
  random_programs(true, 100);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(handles_are_roots_of_young_objects),
      cmocka_unit_test(handles_of_a_store_before),
      cmocka_unit_test(weak_references),
      cmocka_unit_test(ephemerons),
      cmocka_unit_test(finalizers),
      cmocka_unit_test(host_data),
      cmocka_unit_test(what_is_old_costs_nothing),
      cmocka_unit_test(random_programs_do_as_the_model),
      cmocka_unit_test(random_programs_with_finalizers_do_too),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
