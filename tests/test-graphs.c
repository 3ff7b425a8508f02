/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Collections of graphs of every shape: deep, wide, cyclic, shared, huge. */
#include "tests/store.h"

#include <stdlib.h>

static uint64_t used(struct store *store)
{
  return store_stats(store).used;
}

static slh_ref left(struct store *store, slh_ref node)
{
  return slh_get_ref(store->heap, node, HELPER_LEFT);
}

static slh_ref right(struct store *store, slh_ref node)
{
  return slh_get_ref(store->heap, node, HELPER_RIGHT);
}

static int32_t value(struct store *store, slh_ref node)
{
  return slh_get_i32(store->heap, node, HELPER_VALUE);
}

/* ---- lists ---- */

/* With garbage in between. */
static void list_of_ten_million_is_not_recursed_into(void **state)
{
  struct store *store = *state;
  int32_t count = (int32_t)helper_rounds(10000000);
  slh_ref node;

  for (int32_t i = 0; i < count; i++) {
    store->roots[0] = store_node(store, store->roots[0], slh_i31(i), i);
    if (i % 16 == 0)
      store_node(store, SLH_NULL, store->roots[0], -1);
  }
  store_collect(store);
  assert_int_equal(used(store), 16 * (uint64_t)count);
  node = store->roots[0];
  for (int32_t i = count; i-- > 0;) {
    assert_int_equal(value(store, node), i);
    assert_true(slh_ref_equal(right(store, node), slh_i31(i)));
    node = left(store, node);
  }
  assert_true(slh_is_null(node));
}

static void list_survives_many_collections(void **state)
{
  struct store *store = *state;
  slh_ref node;

  for (int32_t i = 0; i < 1000; i++) {
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
    store_node(store, store->roots[0], SLH_NULL, -1);
    store_collect(store);
    assert_int_equal(used(store), 16 * (i + 1));
  }
  node = store->roots[0];
  for (int32_t i = 1000; i-- > 0; node = left(store, node))
    assert_int_equal(value(store, node), i);
}

/* ---- trees ---- */

/* The node of value n has children 2n and 2n + 1. */
static slh_ref tree(struct store *store, int32_t number, int32_t end)
{
  slh_ref first, second;

  if (number >= end)
    return SLH_NULL;
  first = tree(store, 2 * number, end);
  second = tree(store, 2 * number + 1, end);
  return store_node(store, first, second, number);
}

static void check_tree(struct store *store, slh_ref node, int32_t number, int32_t end)
{
  if (number >= end) {
    assert_true(slh_is_null(node));
    return;
  }
  assert_int_equal(value(store, node), number);
  check_tree(store, left(store, node), 2 * number, end);
  check_tree(store, right(store, node), 2 * number + 1, end);
}

static void complete_trees_of_all_depths(void **state)
{
  struct store *store = *state;

  for (int depth = 0; depth < 17; depth++) {
    int32_t end = INT32_C(1) << depth;

    store->roots[0] = tree(store, 1, end);
    tree(store, 1, end);
    store_collect(store);
    assert_int_equal(store_count(store), end - 1);
    check_tree(store, store->roots[0], 1, end);
  }
}

/* An array of arrays of nodes. */
static void wide_tree(void **state)
{
  struct store *store = *state;
  uint32_t wide = 1000, each = 20;
  slh_ref top = store_array(store, store->refs, wide), inner = SLH_NULL, node = SLH_NULL;

  store->roots[0] = top;
  for (uint32_t i = 0; i < wide; i++) {
    inner = store_array(store, store->refs, each);
    assert_ok(slh_array_set_ref(store->heap, top, wide - 1 - i, inner));
    for (uint32_t j = 0; j < each; j++) {
      node = store_node(store, top, inner, (int32_t)(i * each + j));
      assert_ok(slh_array_set_ref(store->heap, inner, j, node));
    }
  }
  store_array(store, store->bytes, 12345);
  store_collect(store);
  assert_int_equal(store_count(store), 1 + wide + wide * each);
  for (uint32_t i = 0; i < wide; i++) {
    assert_ok(slh_array_get_ref(store->heap, store->roots[0], wide - 1 - i, &inner));
    for (uint32_t j = 0; j < each; j++) {
      assert_ok(slh_array_get_ref(store->heap, inner, j, &node));
      assert_int_equal(value(store, node), i * each + j);
      assert_true(slh_ref_equal(left(store, node), store->roots[0]));
      assert_true(slh_ref_equal(right(store, node), inner));
    }
  }
}

/* ---- cycles and sharing ---- */

static void self_references(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->refs, 3), node, element = SLH_NULL;

  node = store_node(store, SLH_NULL, SLH_NULL, 7);
  slh_set_ref(store->heap, node, HELPER_LEFT, node);
  slh_set_ref(store->heap, node, HELPER_RIGHT, node);
  for (uint32_t i = 0; i < 3; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i, array));
  store->roots[0] = node;
  store->roots[1] = array;
  for (int round = 0; round < 3; round++) {
    store_collect(store);
    assert_int_equal(store_count(store), 2);
    assert_true(slh_ref_equal(left(store, store->roots[0]), store->roots[0]));
    assert_true(slh_ref_equal(right(store, store->roots[0]), store->roots[0]));
    for (uint32_t i = 0; i < 3; i++) {
      assert_ok(slh_array_get_ref(store->heap, store->roots[1], i, &element));
      assert_true(slh_ref_equal(element, store->roots[1]));
    }
  }
}

static void ring_that_is_held_lives_and_one_that_is_not_dies(void **state)
{
  struct store *store = *state;
  slh_ref first[2], last, node;

  for (int ring = 0; ring < 2; ring++) {
    first[ring] = last = store_node(store, SLH_NULL, SLH_NULL, 0);
    for (int32_t i = 1; i < 1000; i++)
      last = store_node(store, last, SLH_NULL, i);
    slh_set_ref(store->heap, first[ring], HELPER_LEFT, last);
  }
  store->roots[3] = first[1];
  store_collect(store);
  assert_int_equal(store_count(store), 1000);
  node = store->roots[3];
  for (int32_t i = 1000; i-- > 0;) {
    node = left(store, node);
    assert_int_equal(value(store, node), i);
  }
  assert_true(slh_ref_equal(node, store->roots[3]));
}

static void one_object_in_all_roots_stays_one(void **state)
{
  struct store *store = *state;

  store_node(store, SLH_NULL, SLH_NULL, 1);
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 2);
  for (int i = 1; i < STORE_ROOTS; i++)
    store->roots[i] = store->roots[0];
  store_collect(store);
  assert_int_equal(used(store), 16);
  for (int i = 0; i < STORE_ROOTS; i++)
    assert_int_equal(store->roots[i].bits, SLH_WIDE_FIRST);
  assert_int_equal(value(store, store->roots[0]), 2);
}

static void shared_object_is_copied_once(void **state)
{
  struct store *store = *state;
  slh_ref shared = store_node(store, SLH_NULL, SLH_NULL, 42);
  slh_ref array = store_array(store, store->refs, 10000), element = SLH_NULL;

  store->roots[0] = array;
  for (uint32_t i = 0; i < 10000; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i, store_node(store, shared, shared, 0)));
  store_collect(store);
  assert_int_equal(store_count(store), 10002);
  assert_ok(slh_array_get_ref(store->heap, store->roots[0], 0, &element));
  shared = left(store, element);
  for (uint32_t i = 0; i < 10000; i++) {
    assert_ok(slh_array_get_ref(store->heap, store->roots[0], i, &element));
    assert_true(slh_ref_equal(left(store, element), shared));
    assert_true(slh_ref_equal(right(store, element), shared));
  }
}

/* ---- arrays ---- */

/* Of each length around what a collection fetches ahead. */
static void arrays_of_references_of_every_length(void **state)
{
  struct store *store = *state;
  slh_ref element = SLH_NULL;

  for (uint32_t length = 0; length < 200; length++) {
    slh_ref array = store_array(store, store->refs, length);

    store->roots[0] = array;
    for (uint32_t i = length; i-- > 0;)
      assert_ok(
          slh_array_set_ref(store->heap, array, i, store_node(store, SLH_NULL, array, (int32_t)i)));
    store_collect(store);
    assert_int_equal(store_count(store), length + 1);
    for (uint32_t i = 0; i < length; i++) {
      assert_ok(slh_array_get_ref(store->heap, store->roots[0], i, &element));
      assert_int_equal(value(store, element), i);
      assert_true(slh_ref_equal(right(store, element), store->roots[0]));
    }
  }
}

static void huge_array_of_references(void **state)
{
  struct store *store = *state;
  uint32_t length = (uint32_t)helper_rounds(10000000);
  slh_ref array, element = SLH_NULL;

  store_node(store, SLH_NULL, SLH_NULL, 0);
  array = store_array(store, store->refs, length);
  store->roots[0] = array;
  for (uint32_t i = 0; i < length; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i,
                                i % 64 ? slh_i31((int32_t)i)
                                       : store_node(store, array, SLH_NULL, (int32_t)i)));
  store_collect(store);
  assert_int_equal(store->roots[0].bits, SLH_WIDE_FIRST);
  assert_int_equal(slh_array_length(store->heap, store->roots[0]), length);
  for (uint32_t i = 0; i < length; i++) {
    assert_ok(slh_array_get_ref(store->heap, store->roots[0], i, &element));
    if (i % 64)
      assert_int_equal(slh_i31_signed(element), i);
    else
      assert_int_equal(value(store, element), i);
  }
}

static void huge_array_of_bytes(void **state)
{
  struct store *store = *state;
  uint32_t length = (uint32_t)helper_rounds(UINT32_C(64) << 20) - 3, at;
  slh_ref array;

  store_node(store, SLH_NULL, SLH_NULL, 0);
  array = store_array(store, store->bytes, length);
  for (at = 0; at < length; at += 4001)
    assert_ok(slh_array_set_u8(store->heap, array, at, (uint8_t)(at % 251)));
  store->roots[0] = array;
  store_collect(store);
  assert_int_equal(slh_array_length(store->heap, store->roots[0]), length);
  assert_int_equal(used(store), (8 + (uint64_t)length + 7) / 8 * 8);
  for (at = 0; at < length; at += 4001) {
    uint8_t byte = 0;

    assert_ok(slh_array_get_u8(store->heap, store->roots[0], at, &byte));
    assert_int_equal(byte, at % 251);
  }
}

/* What looks like a reference in an array of integers is none. */
static void integers_are_not_traced(void **state)
{
  struct store *store = *state;
  const slh_type *words = helper_array_type(store->runtime, SLH_I32);
  slh_ref dead = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_ref array = store_array(store, words, 100);
  uint32_t word = 0;

  for (uint32_t i = 0; i < 100; i++)
    assert_ok(slh_array_set_u32(store->heap, array, i, i % 2 ? dead.bits : UINT32_C(0xfffffff8)));
  store->roots[0] = array;
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  for (uint32_t i = 0; i < 100; i++) {
    assert_ok(slh_array_get_u32(store->heap, store->roots[0], i, &word));
    assert_int_equal(word, i % 2 ? dead.bits : UINT32_C(0xfffffff8));
  }
}

/* ---- all or nothing ---- */

static void everything_is_garbage(void **state)
{
  struct store *store = *state;

  store->roots[1] = slh_i31(-5);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 100000; i++)
      store_node(store, SLH_NULL, SLH_NULL, i);
    store_collect(store);
    assert_int_equal(used(store), 0);
    assert_int_equal(slh_heap_end(store->heap), slh_heap_first(store->heap));
    assert_int_equal(store_stats(store).dirty, 1600000);
  }
  assert_true(slh_is_null(store->roots[0]));
  assert_int_equal(slh_i31_signed(store->roots[1]), -5);
}

/* The copies take all of the evacuation space, to the last byte. */
static void everything_is_live(void **state)
{
  struct store *store = *state;
  slh_ref node = SLH_NULL;

  for (int32_t i = 0; i < 100000; i++)
    node = store_node(store, node, SLH_NULL, i);
  store->roots[0] = node;
  for (int round = 0; round < 3; round++) {
    store_collect(store);
    assert_int_equal(used(store), 1600000);
    assert_int_equal(store_stats(store).reclaimed_total, 0);
  }
  node = store->roots[0];
  for (int32_t i = 100000; i-- > 0; node = left(store, node))
    assert_int_equal(value(store, node), i);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(list_of_ten_million_is_not_recursed_into),
      TEST(list_survives_many_collections),
      TEST(complete_trees_of_all_depths),
      TEST(wide_tree),
      TEST(self_references),
      TEST(ring_that_is_held_lives_and_one_that_is_not_dies),
      TEST(one_object_in_all_roots_stays_one),
      TEST(shared_object_is_copied_once),
      TEST(arrays_of_references_of_every_length),
      TEST(huge_array_of_references),
      TEST(huge_array_of_bytes),
      TEST(integers_are_not_traced),
      TEST(everything_is_garbage),
      TEST(everything_is_live),
  };

  return helper_run(tests, NULL, NULL);
}
