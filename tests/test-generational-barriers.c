/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* That every way to write a reference into an old object is remembered. */
#include "tests/generational.h"

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

/* What heap-data.h tells compiled code to do. */
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
    struct store *store = generational_open_checked();
    slh_ref old = generational_make_old(store);

    for (int round = 0; round < 3; round++) {
      ways[i](store, old, store_node(store, SLH_NULL, SLH_NULL, 7));
      ways[i](store, old, store_node(store, SLH_NULL, SLH_NULL, 8 + round));
      assert_int_equal(store_stats(store).remembered, 1);
      generational_collect_young(store);
      assert_int_equal(*store_word(store, old.bits), store->node->header);
      assert_int_equal(generational_value(store, slh_get_ref(store->heap, old, HELPER_RIGHT)),
                       8 + round);
    }
    assert_int_equal(store_count(store), 4);
    store_close(store);
  }
}

static void nothing_is_remembered_without_need(void **state)
{
  struct store *store = generational_open_checked();
  slh_ref old = generational_make_old(store), young = store_node(store, SLH_NULL, SLH_NULL, 2);

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
    struct store *store = generational_open_checked();
    uint32_t length = lengths[i / 5];
    slh_ref old = generational_make_old_array(store, length), now = SLH_NULL;

    for (int round = 0; round < 3; round++) {
      ways[i % 5](store, old, store_node(store, SLH_NULL, SLH_NULL, 7));
      ways[i % 5](store, old, store_node(store, SLH_NULL, SLH_NULL, 8 + round));
      assert_int_equal(store_stats(store).remembered, 1);
      generational_collect_young(store);
      assert_ok(slh_array_get_ref(store->heap, old, length / 2, &now));
      assert_int_equal(generational_value(store, now), 8 + round);
    }
    assert_int_equal(store_count(store), 4);
    store_close(store);
  }
}

/* Of a large array only the parts that were written are looked at. */
static void large_arrays_are_remembered_in_parts(void **state)
{
  struct store *store = generational_open_checked();
  slh_ref old = generational_make_old_array(store, 100000), node;
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
      assert_int_equal(generational_value(store, node), i / 1000);
    else
      assert_true(slh_is_null(node));
  }
  store_close(store);
}

/* Compiled code may log an array as a whole, after parts of it or before. */
static void parts_and_the_whole_of_one_array(void **state)
{
  for (int whole_first = 0; whole_first < 2; whole_first++) {
    struct store *store = generational_open_checked();
    slh_ref old = generational_make_old_array(store, 5000), node;

    for (int i = 0; i < 2; i++) {
      if (i == whole_first)
        slh_remember_element(store->heap, old, 4);
      else
        slh_remember_object(store->heap, old);
      node = store_node(store, SLH_NULL, SLH_NULL, i);
      assert_ok(slh_array_set_ref(store->heap, old, (uint32_t)i, node));
    }
    generational_collect_young(store);
    for (int i = 0; i < 2; i++) {
      assert_ok(slh_array_get_ref(store->heap, old, (uint32_t)i, &node));
      assert_int_equal(generational_value(store, node), i);
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
    struct store *store = generational_open_checked();
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
    generational_collect_young(store);
    for (int i = 0; i < 4; i++) {
      assert_ok(slh_array_get_ref(store->heap, store->roots[i], length[i] - 1, &node));
      assert_in_range(generational_value(store, node), 10 * i + 1, 10 * i + 2);
    }
    store_close(store);
  }
}

/* A struct with more references than a shape has room for. */
static void large_structs_are_remembered(void **state)
{
  struct store *store = generational_open_checked();
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
      assert_int_equal(generational_value(store, node), i);
    }
  }
  store_verify(store);
  store_close(store);
}

/* ---- a barrier that was forgotten ---- */

static void forgotten_barrier_is_found_out(void **state)
{
  for (int array = 0; array < 2; array++) {
    struct store *store = generational_open_checked();
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
  struct store *store = generational_open_checked();
  slh_ref list = SLH_NULL, node;

  for (int i = 0; i < 5000; i++)
    list = store_node(store, list, SLH_NULL, i);
  store->roots[0] = list;
  store_collect(store);
  for (node = store->roots[0]; !slh_is_null(node);
       node = slh_get_ref(store->heap, node, HELPER_LEFT))
    slh_set_ref(store->heap, node, HELPER_RIGHT,
                store_node(store, SLH_NULL, SLH_NULL, generational_value(store, node)));
  assert_int_equal(store_stats(store).remembered, 5000);
  generational_collect_young(store);
  assert_int_equal(store_count(store), 10000);
  for (node = store->roots[0]; !slh_is_null(node);
       node = slh_get_ref(store->heap, node, HELPER_LEFT))
    assert_int_equal(generational_value(store, slh_get_ref(store->heap, node, HELPER_RIGHT)),
                     generational_value(store, node));
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
                  store_node(&store, SLH_NULL, SLH_NULL, generational_value(&store, node)));
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
  struct store *store = generational_open_checked();

  for (int round = 0; round < 4; round++) {
    slh_ref old = generational_make_old(store);

    slh_set_ref(store->heap, old, HELPER_LEFT, store_node(store, SLH_NULL, SLH_NULL, 2));
    assert_int_equal(store_stats(store).remembered, 1);
    memset(store->roots, 0, sizeof store->roots);
    slh_heap_reset(store->heap);
    assert_int_equal(store_stats(store).remembered, 0);
    assert_null(slh_heap_get_data(store->heap)->remembered);
    old = generational_make_old(store);
    generational_collect_young(store);
    assert_int_equal(store_count(store), 1);
    memset(store->roots, 0, sizeof store->roots);
    slh_heap_reset(store->heap);
  }
  store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
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
  };

  return helper_run(tests, NULL, NULL);
}
