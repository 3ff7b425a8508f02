/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Finalizers: who is queued, when, and how long it lives. */
#include "tests/meter.h"
#include "tests/weak-model.h"

static slh_ref node(struct store *store, int32_t value)
{
  return store_node(store, SLH_NULL, SLH_NULL, value);
}

static int32_t value_of(struct store *store, slh_ref ref)
{
  return slh_get_i32(store->heap, ref, HELPER_VALUE);
}

/* Data that says which finalizer it is: `value` of the node, then `which`. */
static void *data_of(int32_t value, int which)
{
  return (void *)(uintptr_t)((uint32_t)value * 16 + (uint32_t)which + 1);
}

static slh_ref doomed(struct store *store, int32_t value, int which)
{
  slh_ref ref = node(store, value);

  assert_ok(slh_finalizer_add(store->heap, ref, data_of(value, which)));
  return ref;
}

/* The next in the queue is the node `value`. */
static slh_ref expect_next(struct store *store, int32_t value)
{
  slh_ref ref = SLH_NULL;
  void *data = NULL;

  assert_true(slh_finalizer_poll(store->heap, &ref, &data));
  assert_int_equal(value_of(store, ref), value);
  assert_ptr_equal(data, data_of(value, 0));
  return ref;
}

static void expect_none(struct store *store)
{
  slh_ref ref = {77};
  void *data = store;

  assert_false(slh_finalizer_poll(store->heap, &ref, &data));
  assert_int_equal(ref.bits, 77);
  assert_ptr_equal(data, store);
}

/* ---- one object ---- */

static void object_is_queued_once_it_is_unreachable(void **state)
{
  struct store *store = *state;

  node(store, 0); /* so that it moves */
  store->roots[0] = doomed(store, 1, 0);
  store_collect(store);
  expect_none(store);
  store->roots[0] = SLH_NULL;
  expect_none(store); /* no collection has found it yet */
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  (void)expect_next(store, 1);
  expect_none(store);
  store_collect(store);
  assert_int_equal(store_count(store), 0);
  expect_none(store);
}

static void object_lives_with_what_it_reaches_until_polled(void **state)
{
  struct store *store = *state;
  slh_ref leaf = node(store, 5);

  assert_ok(slh_finalizer_add(store->heap, store_node(store, leaf, leaf, 1), data_of(1, 0)));
  for (int i = 0; i < 5; i++) {
    store_collect(store);
    assert_int_equal(store_count(store), 2);
  }
  store->roots[0] = expect_next(store, 1); /* the host keeps it */
  for (int i = 0; i < 3; i++) {
    store_collect(store);
    assert_int_equal(store_count(store), 2);
    assert_int_equal(value_of(store, slh_get_ref(store->heap, store->roots[0], HELPER_LEFT)), 5);
  }
  store->roots[0] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_count(store), 0);
  expect_none(store); /* once was enough */
}

static void object_can_be_given_a_finalizer_again(void **state)
{
  struct store *store = *state;

  (void)doomed(store, 1, 0);
  for (int i = 0; i < 10; i++) {
    store_collect(store);
    assert_ok(slh_finalizer_add(store->heap, expect_next(store, 1), data_of(1, 0)));
    expect_none(store);
  }
}

static void several_finalizers_of_one_object(void **state)
{
  struct store *store = *state;
  slh_ref first = SLH_NULL;
  unsigned seen = 0;

  (void)node(store, 0);
  store->roots[0] = doomed(store, 3, 0);
  for (int i = 1; i < 8; i++)
    assert_ok(slh_finalizer_add(store->heap, store->roots[0], data_of(3, i)));
  store->roots[0] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  for (int i = 0; i < 8; i++) {
    slh_ref ref = SLH_NULL;
    void *data = NULL;

    assert_true(slh_finalizer_poll(store->heap, &ref, &data));
    first = i ? first : ref;
    assert_int_equal(ref.bits, first.bits);
    seen |= 1u << ((uintptr_t)data - (uintptr_t)data_of(3, 0));
  }
  assert_int_equal(seen, 0xff);
  expect_none(store);
}

static void finalizers_are_for_objects(void **state)
{
  struct store *store = *state;

  assert_status(slh_finalizer_add(store->heap, SLH_NULL, NULL), SLH_E_TYPE);
  assert_status(slh_finalizer_add(store->heap, slh_i31(1), NULL), SLH_E_TYPE);
  expect_none(store);
}

/* ---- several objects ---- */

static void queue_is_in_the_order_of_collections(void **state)
{
  struct store *store = *state;

  for (int i = 1; i < 6; i++) {
    (void)doomed(store, i, 0);
    (void)node(store, 100);
    store_collect(store); /* finds this one; those before are in the queue */
  }
  (void)expect_next(store, 1);
  (void)expect_next(store, 2);
  (void)doomed(store, 6, 0);
  store_collect(store);
  assert_int_equal(store_count(store), 4);
  for (int i = 3; i <= 6; i++)
    (void)expect_next(store, i);
  expect_none(store);
}

/* What dies together is found dead together, whoever refers to whom. */
static void objects_that_refer_to_each_other(void **state)
{
  struct store *store = *state;
  slh_ref a = doomed(store, 1, 0), b = doomed(store, 2, 0);
  bool seen[3] = {false};

  slh_set_ref(store->heap, a, HELPER_LEFT, b);
  slh_set_ref(store->heap, b, HELPER_LEFT, a);
  store_collect(store);
  for (int i = 0; i < 2; i++) {
    slh_ref ref = SLH_NULL;
    void *data;

    assert_true(slh_finalizer_poll(store->heap, &ref, &data));
    seen[value_of(store, ref)] = true;
  }
  assert_true(seen[1] && seen[2]);
  expect_none(store);
}

static void weak_references_are_cleared_before(void **state)
{
  struct store *store = *state;
  slh_ref leaf = node(store, 2), ref = doomed(store, 1, 0);
  slh_weak weak, to_leaf;

  slh_set_ref(store->heap, ref, HELPER_LEFT, leaf);
  assert_ok(slh_weak_new(store->heap, ref, &weak));
  assert_ok(slh_weak_new(store->heap, leaf, &to_leaf));
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, weak)));
  assert_true(slh_is_null(slh_weak_get(store->heap, to_leaf)));
  store->roots[0] = expect_next(store, 1); /* resurrected, but they stay cleared */
  store_collect(store);
  assert_true(slh_is_null(slh_weak_get(store->heap, weak)));
  assert_int_equal(store_count(store), 2);
}

static void ephemerons_keep_the_entries_of_revived_keys(void **state)
{
  struct store *store = *state;
  slh_ref key = doomed(store, 1, 0), value = node(store, 2), ref = SLH_NULL;
  slh_ephemerons table;

  assert_ok(slh_ephemerons_new(store->heap, &table));
  assert_ok(slh_ephemerons_set(store->heap, table, key, value));
  assert_ok(slh_ephemerons_set(store->heap, table, value, node(store, 3)));
  assert_ok(slh_ephemerons_set(store->heap, table, node(store, 4), value));
  store_collect(store);
  assert_int_equal(store_count(store), 3); /* the key 4 is gone */
  key = expect_next(store, 1);
  assert_true(slh_ephemerons_get(store->heap, table, key, &ref));
  assert_int_equal(value_of(store, ref), 2);
  assert_true(slh_ephemerons_get(store->heap, table, ref, &ref));
  assert_int_equal(value_of(store, ref), 3);
  store_collect(store);
  assert_int_equal(store_count(store), 0);
}

/* An entry's value has a finalizer; with its key it dies, and is queued. */
static void ephemeron_value_with_a_finalizer(void **state)
{
  struct store *store = *state;
  slh_ephemerons table;

  store->roots[0] = node(store, 1);
  assert_ok(slh_ephemerons_new(store->heap, &table));
  assert_ok(slh_ephemerons_set(store->heap, table, store->roots[0], doomed(store, 2, 0)));
  store_collect(store);
  expect_none(store);
  store->roots[0] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  (void)expect_next(store, 2);
}

/* ---- the queue's storage ---- */

static void storage_of_the_queue_is_bounded(void **state)
{
  struct store *store = *state;
  uint64_t bytes = 0;
  int32_t added = 0, polled = 0;

  for (int cycle = 0; cycle < 3000; cycle++) {
    for (int i = 0; i < 7; i++)
      (void)doomed(store, ++added, 0);
    assert_ok(slh_heap_collect(store->heap, NULL));
    while (added - polled > 20 + cycle % 50) { /* the queue is never empty */
      slh_ref ref = SLH_NULL;
      void *data = NULL;

      assert_true(slh_finalizer_poll(store->heap, &ref, &data));
      assert_ptr_equal(data, data_of(value_of(store, ref), 0));
      polled++;
    }
    if (cycle == 200)
      bytes = store_stats(store).host_bytes;
  }
  assert_int_equal(store_stats(store).host_bytes, bytes);
}

/* Adding fails whole; what was added before works, without more memory. */
static void storage_is_limited(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_status status = SLH_OK;
  slh_ref ref = SLH_NULL;
  uint32_t added = 0, queued = 0;
  slh_heap *heap = NULL;
  void *data;

  options.runtime = store->runtime;
  options.max_host_bytes = 50000;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  assert_ok(slh_heap_collect(heap, NULL)); /* its own state has room, too */
  for (; status == SLH_OK; added += status == SLH_OK) {
    assert_ok(slh_alloc_struct(heap, store->node, &ref));
    status = slh_finalizer_add(heap, ref, NULL);
  }
  assert_status(status, SLH_E_HOST_LIMIT);
  assert_true(added > 100);
  assert_ok(slh_heap_collect(heap, NULL));
  while (slh_finalizer_poll(heap, &ref, &data))
    queued++;
  assert_int_equal(queued, added);
  slh_heap_release(heap);
}

static void storage_that_is_not_there(void **state)
{
  struct meter meter;
  slh_allocator allocator = meter_allocator(&meter);
  slh_runtime *runtime = helper_runtime(NULL);
  const slh_type *type = helper_node_type(runtime);
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool;

  options.allocator = &allocator;
  pool = helper_pool(&options);
  for (uint64_t left = 0; left < 24; left++) {
    slh_heap *heap = helper_acquire(pool, runtime);
    uint32_t added = 0;
    slh_ref ref;
    void *data;

    meter.left = left;
    while (slh_alloc_struct(heap, type, &ref) == SLH_OK &&
           slh_finalizer_add(heap, ref, NULL) == SLH_OK)
      added++;
    meter.left = UINT64_MAX;
    assert_ok(slh_heap_collect(heap, NULL));
    for (; added > 0; added--)
      assert_true(slh_finalizer_poll(heap, &ref, &data));
    assert_false(slh_finalizer_poll(heap, &ref, &data));
    slh_heap_release(heap);
  }
  slh_pool_free(pool);
  slh_runtime_free(runtime);
  assert_int_equal(meter.blocks, 0);
}

static void queue_ends_with_the_store(void **state)
{
  struct store *store = *state;

  (void)doomed(store, 1, 0);
  store_collect(store);
  (void)doomed(store, 2, 0);
  slh_heap_reset(store->heap);
  expect_none(store);
  store_collect(store);
  expect_none(store);
  assert_int_equal(store_count(store), 0);
}

/* ---- against the model ---- */

static void random_programs(slh_collector collector, uint64_t rounds)
{
  static const uint64_t budgets[] = {1, 50, 1000, UINT64_MAX};
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(rounds); round > 0; round--) {
    struct store_options options = {collector, NULL, 0, 0};
    struct store *store = store_open(&options);
    struct weak_model *model = weak_model_open(store, seed++, true);

    for (int i = 0; i < 4000; i++) {
      weak_model_step(model);
      if (helper_one_in(&seed, 150))
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

static void null_collector_queues_nothing(void **state)
{
  random_programs(SLH_COLLECTOR_NULL, 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(object_is_queued_once_it_is_unreachable),
      TEST(object_lives_with_what_it_reaches_until_polled),
      TEST(object_can_be_given_a_finalizer_again),
      TEST(several_finalizers_of_one_object),
      TEST(finalizers_are_for_objects),
      TEST(queue_is_in_the_order_of_collections),
      TEST(objects_that_refer_to_each_other),
      TEST(weak_references_are_cleared_before),
      TEST(ephemerons_keep_the_entries_of_revived_keys),
      TEST(ephemeron_value_with_a_finalizer),
      TEST(storage_of_the_queue_is_bounded),
      TEST(storage_is_limited),
      cmocka_unit_test(storage_that_is_not_there),
      TEST(queue_ends_with_the_store),
      cmocka_unit_test(random_programs_do_as_the_model),
      cmocka_unit_test(null_collector_queues_nothing),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
