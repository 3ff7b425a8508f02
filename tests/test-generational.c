/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Young collections: what they keep, move and leave alone, and that every way
 * to write a reference into an old object is remembered.
 */
#include "tests/store.h"

static struct store *open_store(uint32_t zeal)
{
  struct store_options options = {SLH_COLLECTOR_GENERATIONAL, NULL, 0, 0};
  uint32_t configured = helper_zeal;
  struct store *store;

  helper_zeal = zeal;
  store = store_open(&options);
  helper_zeal = configured;
  return store;
}

/* With checks around each collection, which only tests ask for. */
static struct store *open_checked(void)
{
  return open_store(SLH_ZEAL_MAX);
}

static void collect_young(struct store *store)
{
  uint64_t before = store_stats(store).young_collections;

  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store_stats(store).young_collections, before + 1);
  assert_int_equal(store_stats(store).remembered, 0);
  store_verify(store);
}

/* An old node in root 0. */
static slh_ref make_old(struct store *store)
{
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store_collect(store);
  return store->roots[0];
}

static slh_ref make_old_array(struct store *store, uint32_t length)
{
  store->roots[0] = store_array(store, store->refs, length);
  store_collect(store);
  return store->roots[0];
}

static int32_t value_of(struct store *store, slh_ref node)
{
  const slh_type *type = NULL;

  assert_ok(slh_object_type(store->heap, node, &type));
  assert_ptr_equal(type, store->node);
  return slh_get_i32(store->heap, node, HELPER_VALUE);
}

/* ---- generations ---- */

static void survivors_are_old_at_once(void **state)
{
  struct store *store = open_checked();
  slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_ref old = make_old(store), survivor;

  assert_int_equal(data->young, data->bump);
  store_node(store, SLH_NULL, SLH_NULL, 2);
  store->roots[1] = store_node(store, old, SLH_NULL, 3);
  store_node(store, SLH_NULL, SLH_NULL, 4);
  collect_young(store);
  survivor = store->roots[1];
  assert_int_equal(store->roots[0].bits, old.bits);
  assert_int_equal(survivor.bits, old.bits + 16);
  assert_int_equal(value_of(store, survivor), 3);
  assert_int_equal(slh_get_ref(store->heap, survivor, HELPER_LEFT).bits, old.bits);
  assert_int_equal(data->young, survivor.bits + 16);
  assert_int_equal(data->bump, data->young);
  collect_young(store);
  assert_int_equal(store->roots[1].bits, survivor.bits);
  store_close(store);
}

static void dead_old_objects_wait_for_a_full_collection(void **state)
{
  struct store *store = open_checked();

  make_old(store);
  store->roots[0] = SLH_NULL;
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  collect_young(store);
  assert_int_equal(store_count(store), 2);
  assert_int_equal(store_stats(store).old, 32);
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  assert_int_equal(store->roots[1].bits, SLH_WIDE_START);
  store_close(store);
}

static void figures(void **state)
{
  struct store *store = open_store(SLH_ZEAL_NEVER);
  slh_heap_stats stats;

  make_old(store);
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  store_node(store, SLH_NULL, SLH_NULL, 3);
  collect_young(store);
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
  struct store *store = open_checked();

  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store_stats(store).young_collections, 0);
  assert_int_equal(store_stats(store).live, 16);
  store_close(store);
}

static void other_collectors_collect_all(void **state)
{
  struct store *store = store_open(NULL);

  make_old(store);
  store->roots[0] = SLH_NULL;
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store_count(store), 0);
  store_close(store);
}

static void in_increments(void **state)
{
  for (uint64_t budget = 1; budget < 3000; budget = budget * 3 + 1) {
    struct store *store = open_checked();
    bool complete = false;
    slh_ref list = SLH_NULL;

    make_old_array(store, 2000);
    for (int i = 0; i < 500; i++)
      list = store_node(store, list, SLH_NULL, i);
    assert_ok(slh_array_set_ref(store->heap, store->roots[0], 1234, list));
    assert_ok(slh_collection_begin_young(store->heap, NULL));
    while (!complete)
      assert_ok(slh_collection_step(store->heap, budget, &complete));
    store_verify(store);
    assert_int_equal(store_stats(store).promoted_total, 500 * 16);
    assert_ok(slh_array_get_ref(store->heap, store->roots[0], 1234, &list));
    assert_int_equal(value_of(store, list), 499);
    store_close(store);
  }
}

/* ---- barriers ---- */

/* Writes `value` into an old object in some way; where it is then. */
typedef void write_fn(struct store *store, slh_ref old, slh_ref value);

static void by_set_ref(struct store *store, slh_ref old, slh_ref value)
{
  slh_set_ref(store->heap, old, HELPER_RIGHT, value);
}

static void by_struct_set(struct store *store, slh_ref old, slh_ref ref)
{
  slh_value value = {SLH_REF, {.ref = ref}};

  assert_ok(slh_struct_set(store->heap, old, 1, &value));
}

static void by_dense_set_ref(struct store *store, slh_ref old, slh_ref value)
{
  slh_dense_set_ref(store->heap, old, HELPER_RIGHT, value);
}

static void by_view(struct store *store, slh_ref old, slh_ref value)
{
  slh_object_view view;

  assert_ok(slh_object_data(store->heap, old, &view));
  assert_ok(slh_view_set_ref(&view, HELPER_RIGHT, value));
  slh_remember_object(store->heap, old);
}

/* What heap.h tells compiled code to do. */
static void by_compiled_code(struct store *store, slh_ref old, slh_ref value)
{
  slh_heap_data *data = slh_heap_get_data(store->heap);
  uint32_t *header = (uint32_t *)(void *)(data->base + old.bits);

  memcpy(data->base + old.bits + HELPER_RIGHT, &value, 4);
  if (old.bits >= data->young || value.bits < data->young || (value.bits & 1) != 0 ||
      (*header & SLH_HEADER_LOGGED) != 0)
    return;
  if (data->remembered == data->remembered_end) {
    slh_remember_object(store->heap, old);
    return;
  }
  *header |= SLH_HEADER_LOGGED;
  *data->remembered++ = old.bits;
}

static void objects_are_remembered_once(void **state)
{
  write_fn *const ways[] = {by_set_ref, by_struct_set, by_dense_set_ref, by_view, by_compiled_code};

  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    struct store *store = open_checked();
    slh_ref old = make_old(store);

    for (int round = 0; round < 3; round++) {
      ways[i](store, old, store_node(store, SLH_NULL, SLH_NULL, 7));
      ways[i](store, old, store_node(store, SLH_NULL, SLH_NULL, 8 + round));
      assert_int_equal(store_stats(store).remembered, 1);
      collect_young(store);
      assert_int_equal(*store_word(store, old.bits), store->node->header);
      assert_int_equal(value_of(store, slh_get_ref(store->heap, old, HELPER_RIGHT)), 8 + round);
    }
    assert_int_equal(store_count(store), 4);
    store_close(store);
  }
}

static void nothing_is_remembered_without_need(void **state)
{
  struct store *store = open_checked();
  slh_ref old = make_old(store), young = store_node(store, SLH_NULL, SLH_NULL, 2);

  slh_set_ref(store->heap, old, HELPER_LEFT, SLH_NULL);
  slh_set_ref(store->heap, old, HELPER_LEFT, slh_i31(-1));
  slh_set_ref(store->heap, old, HELPER_LEFT, old);
  slh_set_ref(store->heap, young, HELPER_LEFT, young);
  slh_set_ref(store->heap, young, HELPER_LEFT, old);
  slh_remember_object(store->heap, young);
  slh_remember_object(store->heap, SLH_NULL);
  slh_remember_object(store->heap, slh_i31(5));
  slh_remember_object(store->heap, (slh_ref){old.bits + 4});
  slh_remember_element(store->heap, old, 0);
  assert_int_equal(store_stats(store).remembered, 0);
  slh_remember_object(store->heap, old);
  assert_int_equal(store_stats(store).remembered, 1);
  store_close(store);
}

static void by_array_set_ref(struct store *store, slh_ref old, slh_ref value)
{
  assert_ok(slh_array_set_ref(store->heap, old, slh_array_length(store->heap, old) / 2, value));
}

static void by_array_set(struct store *store, slh_ref old, slh_ref ref)
{
  slh_value value = {SLH_REF, {.ref = ref}};

  assert_ok(slh_array_set(store->heap, old, slh_array_length(store->heap, old) / 2, &value));
}

static void by_dense_array_set_ref(struct store *store, slh_ref old, slh_ref value)
{
  assert_ok(
      slh_dense_array_set_ref(store->heap, old, slh_array_length(store->heap, old) / 2, value));
}

static void by_array_fill(struct store *store, slh_ref old, slh_ref ref)
{
  slh_value value = {SLH_REF, {.ref = ref}};

  assert_ok(slh_array_fill(store->heap, old, slh_array_length(store->heap, old) / 2, 1, &value));
}

static void by_array_copy(struct store *store, slh_ref old, slh_ref value)
{
  slh_ref source = store_array(store, store->refs, 3);

  assert_ok(slh_array_set_ref(store->heap, source, 1, value));
  assert_ok(
      slh_array_copy(store->heap, old, slh_array_length(store->heap, old) / 2 - 1, source, 0, 2));
}

static void elements_are_remembered(void **state)
{
  write_fn *const ways[] = {by_array_set_ref, by_array_set, by_dense_array_set_ref, by_array_fill,
                            by_array_copy};
  const uint32_t lengths[] = {2, 20, SLH_REMEMBERED_WHOLE, SLH_REMEMBERED_WHOLE + 1, 5000};

  for (size_t i = 0; i < 25; i++) {
    struct store *store = open_checked();
    uint32_t length = lengths[i / 5];
    slh_ref old = make_old_array(store, length), now = SLH_NULL;

    for (int round = 0; round < 3; round++) {
      ways[i % 5](store, old, store_node(store, SLH_NULL, SLH_NULL, 7));
      ways[i % 5](store, old, store_node(store, SLH_NULL, SLH_NULL, 8 + round));
      assert_int_equal(store_stats(store).remembered, 1);
      collect_young(store);
      assert_ok(slh_array_get_ref(store->heap, old, length / 2, &now));
      assert_int_equal(value_of(store, now), 8 + round);
    }
    assert_int_equal(store_count(store), 4);
    store_close(store);
  }
}

/* Of a large array only the parts that were written are looked at. */
static void large_arrays_are_remembered_in_parts(void **state)
{
  struct store *store = open_checked();
  slh_ref old = make_old_array(store, 100000), node;
  uint64_t work = 0;
  bool complete = false;

  for (uint32_t i = 0; i < 100; i++) {
    node = store_node(store, SLH_NULL, SLH_NULL, (int32_t)i);
    for (uint32_t j = 0; j < 10; j++)
      assert_ok(slh_array_set_ref(store->heap, old, 1000 * i + j, node));
  }
  assert_in_range(store_stats(store).remembered, 100, 110);
  assert_ok(slh_collection_begin_young(store->heap, NULL));
  for (; !complete; work += 1000)
    assert_ok(slh_collection_step(store->heap, 1000, &complete));
  assert_true(work < 110 * 600 + 100 * 100);
  for (uint32_t i = 0; i < 100000; i++) {
    assert_ok(slh_array_get_ref(store->heap, old, i, &node));
    if (i % 1000 < 10)
      assert_int_equal(value_of(store, node), i / 1000);
    else
      assert_true(slh_is_null(node));
  }
  store_close(store);
}

/* Compiled code may log an array as a whole, after parts of it or before. */
static void parts_and_the_whole_of_one_array(void **state)
{
  for (int whole_first = 0; whole_first < 2; whole_first++) {
    struct store *store = open_checked();
    slh_ref old = make_old_array(store, 5000), node;

    for (int i = 0; i < 2; i++) {
      if (i == whole_first)
        slh_remember_element(store->heap, old, 4);
      else
        slh_remember_object(store->heap, old);
      node = store_node(store, SLH_NULL, SLH_NULL, i);
      assert_ok(slh_array_set_ref(store->heap, old, (uint32_t)i, node));
    }
    collect_young(store);
    for (int i = 0; i < 2; i++) {
      assert_ok(slh_array_get_ref(store->heap, old, (uint32_t)i, &node));
      assert_int_equal(value_of(store, node), i);
    }
    assert_int_equal(store_count(store), 3);
    store_close(store);
  }
}

/* Neighbouring arrays, whose cards lie in one block of the heap. */
static void cards_of_neighbours_are_told_apart(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(200); round > 0; round--) {
    struct store *store = open_checked();
    uint32_t length[4];
    slh_ref node;

    for (int i = 0; i < 4; i++) {
      length[i] = SLH_REMEMBERED_WHOLE + 1 + (uint32_t)helper_below(&random, 300);
      store->roots[i] = store_array(store, store->refs, length[i]);
    }
    store_collect(store);
    for (int i = 0; i < 4; i++) {
      uint32_t ends[3] = {0, length[i] - 1, (uint32_t)helper_below(&random, length[i])};

      for (int j = 0; j < 3; j++) {
        node = store_node(store, SLH_NULL, SLH_NULL, 10 * i + j);
        assert_ok(slh_array_set_ref(store->heap, store->roots[i], ends[j], node));
      }
    }
    collect_young(store);
    for (int i = 0; i < 4; i++) {
      assert_ok(slh_array_get_ref(store->heap, store->roots[i], length[i] - 1, &node));
      assert_in_range(value_of(store, node), 10 * i + 1, 10 * i + 2);
    }
    store_close(store);
  }
}

/* A struct with more references than a shape has room for. */
static void large_structs_are_remembered(void **state)
{
  struct store *store = open_checked();
  slh_field fields[3000];
  const slh_type *type = NULL;
  slh_ref node;

  for (int i = 0; i < 3000; i++)
    fields[i] = (slh_field){NULL, SLH_REF, 0};
  assert_ok(slh_struct_type_new(store->runtime, NULL, NULL, fields, 3000, &type, NULL));
  assert_ok(slh_new_struct(store->heap, type, &store->roots[0]));
  store_collect(store);
  for (uint64_t budget = 1; budget < 100000; budget *= 10) {
    bool complete = false;

    for (uint32_t i = 0; i < 3000; i += 500)
      slh_set_ref(store->heap, store->roots[0], type->fields[i].offset,
                  store_node(store, SLH_NULL, SLH_NULL, (int32_t)i));
    assert_int_equal(store_stats(store).remembered, 1);
    assert_ok(slh_collection_begin_young(store->heap, NULL));
    while (!complete)
      assert_ok(slh_collection_step(store->heap, budget, &complete));
    for (uint32_t i = 0; i < 3000; i += 500) {
      node = slh_get_ref(store->heap, store->roots[0], type->fields[i].offset);
      assert_int_equal(value_of(store, node), i);
    }
  }
  store_verify(store);
  store_close(store);
}

/* ---- a barrier that was forgotten ---- */

static void forgotten_barrier_is_found_out(void **state)
{
  for (int array = 0; array < 2; array++) {
    struct store *store = open_checked();
    slh_ref node;

    store->roots[0] =
        array ? store_array(store, store->refs, 1000) : store_node(store, SLH_NULL, SLH_NULL, 0);
    store_collect(store);
    node = store_node(store, SLH_NULL, SLH_NULL, 2);
    if (array)
      assert_ok(slh_array_init_ref(store->heap, store->roots[0], 700, node));
    else
      slh_init_ref(store->heap, store->roots[0], HELPER_LEFT, node);
    assert_status(slh_heap_collect_young(store->heap, NULL), SLH_E_CORRUPT);
    assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
    store_close(store);
  }
}

/* ---- the buffer ---- */

static void buffer_grows(void **state)
{
  struct store *store = open_checked();
  slh_ref list = SLH_NULL, node;

  for (int i = 0; i < 5000; i++)
    list = store_node(store, list, SLH_NULL, i);
  store->roots[0] = list;
  store_collect(store);
  for (node = store->roots[0]; !slh_is_null(node);
       node = slh_get_ref(store->heap, node, HELPER_LEFT))
    slh_set_ref(store->heap, node, HELPER_RIGHT,
                store_node(store, SLH_NULL, SLH_NULL, value_of(store, node)));
  assert_int_equal(store_stats(store).remembered, 5000);
  collect_young(store);
  assert_int_equal(store_count(store), 10000);
  for (node = store->roots[0]; !slh_is_null(node);
       node = slh_get_ref(store->heap, node, HELPER_LEFT))
    assert_int_equal(value_of(store, slh_get_ref(store->heap, node, HELPER_RIGHT)),
                     value_of(store, node));
  store_close(store);
}

/* A heap with little host memory forgets, and then collects all. */
static void full_collection_where_it_cannot_grow(void **state)
{
  slh_pool_options pool_options = helper_pool_options(1);
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct store store = {0};
  slh_roots *roots = NULL;

  runtime_options.collector = SLH_COLLECTOR_GENERATIONAL;
  options.runtime = store.runtime = helper_runtime(&runtime_options);
  store.pool = helper_pool(&pool_options);
  store.node = helper_node_type(store.runtime);
  options.max_host_bytes = 4000;
  assert_ok(slh_heap_acquire(store.pool, &options, &store.heap));
  assert_ok(slh_roots_new(store.runtime, &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, store.roots, 1, "list"));
  for (int i = 0; i < 2000; i++)
    store.roots[0] = store_node(&store, store.roots[0], SLH_NULL, i);
  assert_ok(slh_heap_collect(store.heap, roots));
  for (int round = 0; round < 3; round++) {
    slh_heap_stats before = store_stats(&store);

    for (slh_ref node = store.roots[0]; !slh_is_null(node);
         node = slh_get_ref(store.heap, node, HELPER_LEFT))
      slh_set_ref(store.heap, node, HELPER_RIGHT,
                  store_node(&store, SLH_NULL, SLH_NULL, value_of(&store, node)));
    assert_true(store_stats(&store).host_bytes <= store_stats(&store).max_host);
    assert_ok(slh_heap_collect_young(store.heap, roots));
    assert_int_equal(store_stats(&store).young_collections, before.young_collections);
    assert_int_equal(store_count(&store), 4000);
    slh_set_ref(store.heap, store.roots[0], HELPER_RIGHT,
                store_node(&store, SLH_NULL, SLH_NULL, 5));
    assert_ok(slh_heap_collect_young(store.heap, roots));
    assert_int_equal(store_stats(&store).young_collections, before.young_collections + 1);
    assert_ok(slh_heap_verify(store.heap, roots, NULL));
  }
  slh_roots_free(roots);
  slh_heap_release(store.heap);
  slh_pool_free(store.pool);
  slh_runtime_free(store.runtime);
}

/* A buffer of the store before is no buffer of this one. */
static void nothing_is_remembered_from_the_store_before(void **state)
{
  struct store *store = open_checked();

  for (int round = 0; round < 4; round++) {
    slh_ref old = make_old(store);

    slh_set_ref(store->heap, old, HELPER_LEFT, store_node(store, SLH_NULL, SLH_NULL, 2));
    assert_int_equal(store_stats(store).remembered, 1);
    memset(store->roots, 0, sizeof store->roots);
    slh_heap_reset(store->heap);
    assert_int_equal(store_stats(store).remembered, 0);
    assert_null(slh_heap_get_data(store->heap)->remembered);
    old = make_old(store);
    collect_young(store);
    assert_int_equal(store_count(store), 1);
    memset(store->roots, 0, sizeof store->roots);
    slh_heap_reset(store->heap);
  }
  store_close(store);
}

/* ---- giving back ---- */

static void old_objects_given_back_become_fillers(void **state)
{
  struct store *store = open_checked();
  slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_ref old = make_old(store), young;

  slh_set_ref(store->heap, old, HELPER_LEFT, store_node(store, SLH_NULL, SLH_NULL, 2));
  store->roots[0] = SLH_NULL;
  assert_ok(slh_dealloc(store->heap, slh_get_ref(store->heap, old, HELPER_LEFT)));
  assert_ok(slh_dealloc(store->heap, old));
  assert_int_equal(data->bump, data->young);
  young = store_node(store, SLH_NULL, SLH_NULL, 3);
  assert_int_equal(young.bits, old.bits + 16);
  collect_young(store);
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
      cmocka_unit_test(objects_are_remembered_once),
      cmocka_unit_test(nothing_is_remembered_without_need),
      cmocka_unit_test(elements_are_remembered),
      cmocka_unit_test(large_arrays_are_remembered_in_parts),
      cmocka_unit_test(parts_and_the_whole_of_one_array),
      cmocka_unit_test(cards_of_neighbours_are_told_apart),
      cmocka_unit_test(large_structs_are_remembered),
      cmocka_unit_test(forgotten_barrier_is_found_out),
      cmocka_unit_test(buffer_grows),
      cmocka_unit_test(full_collection_where_it_cannot_grow),
      cmocka_unit_test(nothing_is_remembered_from_the_store_before),
      cmocka_unit_test(old_objects_given_back_become_fillers),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
