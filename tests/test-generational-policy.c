/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* When a generational heap collects by itself, what, and when it grows. */
#include "tests/store.h"

static struct store *open_store(uint64_t max_bytes, uint64_t initial_bytes)
{
  struct store_options options = {SLH_COLLECTOR_GENERATIONAL, NULL, max_bytes, initial_bytes};
  uint32_t configured = helper_zeal;
  struct store *store;

  helper_zeal = SLH_ZEAL_NEVER;
  store = store_open(&options);
  helper_zeal = configured;
  return store;
}

static slh_ref new_node(struct store *store, slh_ref *left)
{
  slh_ref node = SLH_NULL;

  assert_ok(slh_new_struct(store->heap, store->node, &node));
  if (left)
    slh_init_ref(store->heap, node, HELPER_LEFT, *left);
  return node;
}

/* Root `i` becomes a list of so many nodes. */
static void make_list(struct store *store, int i, uint32_t count)
{
  store->roots[i] = SLH_NULL;
  for (uint32_t n = 0; n < count; n++)
    store->roots[i] = new_node(store, &store->roots[i]);
}

static uint32_t list_length(struct store *store, slh_ref list)
{
  uint32_t length = 0;

  for (; !slh_is_null(list); list = slh_get_ref(store->heap, list, HELPER_LEFT))
    length++;
  return length;
}

static void first_collection_comes_at_the_initial_size(void **state)
{
  struct store *store = open_store(0, 1 << 20);

  while (store_stats(store).used + 16 <= 1 << 20)
    new_node(store, NULL);
  assert_int_equal(store_stats(store).collections, 0);
  new_node(store, NULL);
  assert_int_equal(store_stats(store).collections, 1);
  store_close(store);
}

/* What dies young costs no full collections, and no memory. */
static void garbage_is_collected_young(void **state)
{
  struct store *store = open_store(0, 1 << 20);
  slh_heap_stats before, after;

  make_list(store, 0, 200000);
  assert_ok(slh_heap_collect(store->heap, NULL));
  before = store_stats(store);
  for (int i = 0; i < 4000000; i++)
    new_node(store, NULL);
  after = store_stats(store);
  assert_true(after.young_collections - before.young_collections > 5);
  assert_true(after.collections - after.young_collections -
                  (before.collections - before.young_collections) <=
              1);
  assert_true(after.accessible <= 8 * before.live);
  assert_int_equal(list_length(store, store->roots[0]), 200000);
  store_close(store);
}

/* Old objects that die are had back, too. */
static void old_garbage_is_collected(void **state)
{
  struct store *store = open_store(64 << 20, 1 << 20);
  slh_heap_stats stats;

  for (int i = 0; i < 100; i++)
    make_list(store, i % 4, 100000);
  stats = store_stats(store);
  assert_true(stats.collections > stats.young_collections);
  assert_true(stats.young_collections > 0);
  assert_true(stats.accessible <= 64 << 20);
  for (int i = 0; i < 4; i++)
    assert_int_equal(list_length(store, store->roots[i]), 100000);
  store_close(store);
}

/* Up to the last byte. */
static void heap_is_filled_with_what_lives(void **state)
{
  struct store *store = open_store(4 << 20, 64 << 10);
  slh_ref node = SLH_NULL;
  slh_status status;
  uint32_t count = 0;

  while ((status = slh_new_struct(store->heap, store->node, &node)) == SLH_OK) {
    slh_init_ref(store->heap, node, HELPER_LEFT, store->roots[0]);
    store->roots[0] = node;
    count++;
  }
  assert_status(status, SLH_E_LIMIT);
  assert_int_equal(count, (4 << 20) / 16);
  assert_int_equal(list_length(store, store->roots[0]), count);
  store->roots[0] = SLH_NULL;
  make_list(store, 1, 1000);
  store_close(store);
}

static void objects_larger_than_the_nursery(void **state)
{
  struct store *store = open_store(0, 1 << 20);

  make_list(store, 0, 100000);
  for (uint32_t i = 0; i < 60; i++) {
    slh_ref array = SLH_NULL;

    assert_ok(slh_new_array(store->heap, store->bytes, i << 18, &array));
    store->roots[1] = array;
    make_list(store, 2, 1000);
  }
  assert_int_equal(list_length(store, store->roots[0]), 100000);
  assert_true(store_stats(store).accessible <= 256 << 20);
  store_close(store);
}

/* slh_alloc_* ask for a collection at the nursery's end; or the host grows. */
static void alloc_can_be_retried(void **state)
{
  for (int way = 0; way < 3; way++) {
    struct store *store = open_store(0, 1 << 20);
    uint32_t asked = 0;

    make_list(store, 0, 200000);
    for (uint32_t i = 0; i < 3000000; i++) {
      slh_ref node = SLH_NULL;
      slh_status status = slh_alloc_struct(store->heap, store->node, &node);

      if (status == SLH_OK)
        continue;
      asked++;
      assert_status(status, SLH_E_COLLECT);
      if (way == 0)
        assert_ok(slh_heap_grow(store->heap, slh_heap_bytes_needed(store->heap) + 100000));
      else if (way == 1)
        assert_ok(slh_heap_collect_young(store->heap, NULL));
      else
        assert_ok(slh_heap_make_room(store->heap, slh_heap_bytes_needed(store->heap)));
      assert_ok(slh_alloc_struct(store->heap, store->node, &node));
    }
    assert_true(asked > 3);
    assert_int_equal(list_length(store, store->roots[0]), 200000);
    store_close(store);
  }
}

static void without_collections_the_nursery_grows(void **state)
{
  struct store *store = open_store(0, 1 << 20);
  uint64_t before;

  make_list(store, 0, 200000);
  before = store_stats(store).collections;
  slh_heap_enter_no_gc(store->heap);
  make_list(store, 1, 1000000);
  slh_heap_leave_no_gc(store->heap);
  assert_int_equal(store_stats(store).collections, before);
  assert_int_equal(list_length(store, store->roots[1]), 1000000);
  store_close(store);
}

/* A store that may not grow lives with what it has. */
static bool never(void *host, slh_heap *heap, const slh_growth *growth)
{
  (void)host;
  (void)heap;
  (void)growth;
  return false;
}

static void growth_that_is_refused(void **state)
{
  slh_pool_options pool_options = helper_pool_options(1);
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_runtime *runtime;
  const slh_type *node;
  slh_pool *pool = helper_pool(&pool_options);
  slh_heap_stats stats;
  slh_heap *heap = NULL;
  slh_ref ref;
  slh_owned list;

  runtime_options.collector = SLH_COLLECTOR_GENERATIONAL;
  runtime_options.zeal = SLH_ZEAL_NEVER;
  options.runtime = runtime = helper_runtime(&runtime_options);
  node = helper_node_type(runtime);
  options.initial_bytes = 1 << 20;
  options.grow = never;
  assert_ok(slh_heap_acquire(pool, &options, &heap));
  assert_ok(slh_owned_new(heap, SLH_NULL, &list));
  for (int i = 0; i < 1000000; i++) {
    assert_ok(slh_new_struct(heap, node, &ref));
    if (i % 30 == 0) {
      slh_init_ref(heap, ref, HELPER_LEFT, slh_owned_get(heap, list));
      slh_owned_set(heap, list, i % 300000 == 0 ? SLH_NULL : ref);
    }
  }
  slh_heap_get_stats(heap, &stats);
  assert_int_equal(stats.soft_limit, 1 << 20);
  assert_true(stats.young_collections > 0);
  slh_heap_release(heap);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_collection_comes_at_the_initial_size),
      cmocka_unit_test(garbage_is_collected_young),
      cmocka_unit_test(old_garbage_is_collected),
      cmocka_unit_test(heap_is_filled_with_what_lives),
      cmocka_unit_test(objects_larger_than_the_nursery),
      cmocka_unit_test(alloc_can_be_retried),
      cmocka_unit_test(without_collections_the_nursery_grows),
      cmocka_unit_test(growth_that_is_refused),
  };

  return helper_run(tests, NULL, NULL);
}
