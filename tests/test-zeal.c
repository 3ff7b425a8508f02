/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Zeal: collections at every Nth allocation, with poison and verification, so
 * that a host which forgets a root finds out at once.
 */
#include "tests/datum.h"
#include "tests/model.h"

#include "lib/collection.h"

static struct store *open_with_zeal(uint32_t zeal, slh_collector collector)
{
  struct store_options options = {collector, NULL, MODEL_HEAP_BYTES, 0};
  uint32_t configured = helper_zeal;
  struct store *store;

  helper_zeal = zeal;
  store = store_open(&options);
  helper_zeal = configured;
  return store;
}

/* ---- allocation ---- */

/* Allocates by each of the calls that never collect. */
static slh_status allocate(struct store *store, unsigned call, slh_ref *out)
{
  slh_heap *heap = store->heap;

  switch (call % 6) {
  case 0:
    return slh_alloc_struct(heap, store->node, out);
  case 1:
    return slh_alloc_struct_uninit(heap, store->node, out);
  case 2:
    return slh_alloc_array(heap, store->bytes, 8, out);
  case 3:
    return slh_alloc_array_uninit(heap, store->bytes, 8, out);
  case 4:
    return slh_alloc_raw(heap, store->node->header, 16, 8, 0, out);
  default:
    return slh_alloc_externref(heap, NULL, NULL, out);
  }
}

static void alloc_wants_a_collection_at_every_nth(void **state)
{
  for (uint32_t zeal = 1; zeal < 14; zeal += 3) {
    struct store *store = open_with_zeal(zeal, SLH_COLLECTOR_COPYING);
    slh_ref ref = SLH_NULL;

    for (uint32_t i = 1; i < 200; i++) {
      if (i % zeal == 0) {
        assert_status(allocate(store, i, &ref), SLH_E_COLLECT);
        assert_int_equal(slh_heap_bytes_needed(store->heap), i % 6 == 5 ? 8 : 16);
        assert_ok(slh_heap_collect(store->heap, NULL));
      }
      assert_ok(allocate(store, i, &ref));
      assert_int_equal(store_stats(store).collections, i / zeal);
    }
    store_close(store);
  }
}

/* As allocate.h says: collect, or grow, and retry. */
static void alloc_can_be_retried(void **state)
{
  for (uint32_t zeal = 1; zeal < 8; zeal++) {
    for (int grow = 1; grow >= 0; grow--) {
      struct store *store = open_with_zeal(zeal, SLH_COLLECTOR_COPYING);
      slh_ref ref = SLH_NULL;

      for (uint32_t i = 0; i < 100; i++) {
        slh_status status = allocate(store, i, &ref);

        if (status == SLH_OK)
          continue;
        assert_status(status, SLH_E_COLLECT);
        if (grow)
          assert_ok(slh_heap_grow(store->heap, slh_heap_bytes_needed(store->heap)));
        else
          assert_ok(slh_heap_collect(store->heap, NULL));
        assert_ok(allocate(store, i, &ref));
      }
      store_close(store);
    }
  }
}

static void new_collects_at_every_nth(void **state)
{
  for (uint32_t zeal = 1; zeal < 10; zeal += 2) {
    struct store *store = open_with_zeal(zeal, SLH_COLLECTOR_COPYING);
    slh_ref ref;

    for (uint32_t i = 1; i <= 100; i++) {
      switch (i % 4) {
      case 0:
        assert_ok(slh_new_struct(store->heap, store->node, &ref));
        break;
      case 1:
        assert_ok(slh_new_struct_uninit(store->heap, store->node, &ref));
        break;
      case 2:
        assert_ok(slh_new_array(store->heap, store->refs, 3, &ref));
        break;
      default:
        assert_ok(slh_new_externref(store->heap, NULL, NULL, &ref));
      }
      assert_int_equal(store_stats(store).collections, i / zeal);
    }
    store_close(store);
  }
}

/* Compiled code allocates inline up to the limit. */
static void nothing_is_allocated_inline(void **state)
{
  struct store *store = open_with_zeal(1, SLH_COLLECTOR_COPYING);
  const slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_ref ref;

  assert_true(data->limit <= data->bump);
  assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_true(data->limit <= data->bump);
  assert_ok(slh_dealloc(store->heap, ref));
  assert_true(data->limit <= data->bump);
  store_collect(store);
  assert_true(data->limit <= data->bump);
  slh_heap_reset(store->heap);
  assert_true(data->limit <= data->bump);
  store_close(store);
}

static void what_is_no_question_of_room_stays_an_error(void **state)
{
  struct store *store = open_with_zeal(1, SLH_COLLECTOR_COPYING);
  slh_ref ref;

  assert_status(slh_alloc_array(store->heap, store->bytes, 1 << 30, &ref), SLH_E_TOO_LARGE);
  assert_status(slh_new_array(store->heap, store->bytes, 1 << 30, &ref), SLH_E_TOO_LARGE);
  assert_status(slh_alloc_struct(store->heap, store->refs, &ref), SLH_E_TYPE);
  store->roots[0] = (slh_ref){8};
  assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_CORRUPT);
  assert_status(slh_alloc_struct(store->heap, store->node, &ref), SLH_E_CORRUPT);
  store_close(store);
}

/* ---- where there is no zeal ---- */

static void no_gc_scopes_and_the_null_collector_are_left_alone(void **state)
{
  for (int i = 0; i < 2; i++) {
    struct store *store = open_with_zeal(1, i ? SLH_COLLECTOR_NULL : SLH_COLLECTOR_COPYING);
    slh_ref ref = SLH_NULL, kept;

    if (i == 0)
      slh_heap_enter_no_gc(store->heap);
    kept = store_node(store, SLH_NULL, SLH_NULL, 5);
    for (unsigned call = 0; call < 100; call++)
      assert_ok(allocate(store, call, &ref));
    for (unsigned call = 0; call < 100; call++)
      assert_ok(slh_new_struct(store->heap, store->node, &ref));
    assert_int_equal(store_stats(store).collections, 0);
    assert_int_equal(slh_get_i32(store->heap, kept, HELPER_VALUE), 5);
    if (i == 0)
      slh_heap_leave_no_gc(store->heap);
    store_close(store);
  }
}

/* ---- what it is for ---- */

/* A host that allocates two nodes and links them, and roots the first too
 * late. Returns the first's value, which should be 1. */
static int32_t forget_a_root(struct store *store)
{
  slh_ref first = SLH_NULL, second = SLH_NULL;

  assert_ok(slh_new_struct(store->heap, store->node, &first));
  slh_set_i32(store->heap, first, HELPER_VALUE, 1);
  assert_ok(slh_new_struct(store->heap, store->node, &second)); /* collects: `first` is void */
  slh_set_i32(store->heap, second, HELPER_VALUE, 2);
  slh_set_ref(store->heap, second, HELPER_LEFT, first);
  store->roots[0] = second;
  return slh_get_i32(store->heap, first, HELPER_VALUE);
}

static void forgotten_root_is_found_out(void **state)
{
  struct store *calm = open_with_zeal(SLH_ZEAL_NEVER, SLH_COLLECTOR_COPYING);
  struct store *zealous = open_with_zeal(1, SLH_COLLECTOR_COPYING);

  assert_int_equal(forget_a_root(calm), 1); /* nobody would have noticed */
  store_collect(calm);
  assert_int_equal(store_count(calm), 2);
  assert_int_not_equal(forget_a_root(zealous), 1);
  store_close(calm);
  store_close(zealous);
}

/* A reference that the host kept over a collection shows poison: no object, and
 * as a reference no sound one. */
static void freed_memory_is_poisoned(void **state)
{
  struct store *store = open_with_zeal(1000, SLH_COLLECTOR_COPYING);
  slh_ref node, array = SLH_NULL;
  const slh_type *type;
  slh_ref poison;

  store_node(store, SLH_NULL, SLH_NULL, 0);
  node = store_node(store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_alloc_array(store->heap, store->bytes, 10000, &array));
  store_collect(store);
  for (uint64_t at = slh_heap_first(store->heap); at < array.bits + 10008; at += 4)
    assert_int_equal(*store_word(store, at), *store_word(store, slh_heap_first(store->heap)));
  poison = slh_get_ref(store->heap, node, HELPER_LEFT);
  assert_status(slh_object_type(store->heap, poison, &type), SLH_E_CORRUPT);
  assert_false(slh_is_null(poison) || slh_is_i31(poison));
  store->roots[0] = poison;
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  store_close(store);
}

/* Something writes into the heap while survivors are copied back. */
static slh_status scribble_while_copied_back(uint32_t zeal)
{
  struct store *store = open_with_zeal(zeal, SLH_COLLECTOR_COPYING);
  slh_status status = SLH_OK;
  bool complete = false;

  for (int i = 0; i < 100; i++)
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
  assert_ok(slh_collection_begin(store->heap, NULL));
  while (slhi_heap_collection(store->heap)->phase < PHASE_COPY_BACK)
    assert_ok(slh_collection_step(store->heap, 16, &complete));
  assert_ok(slh_collection_step(store->heap, 64, &complete));
  *store_word(store, slh_heap_first(store->heap) + 4) = 0xfff0;
  while (status == SLH_OK && !complete)
    status = slh_collection_step(store->heap, 64, &complete);
  store_close(store);
  return status;
}

static void heap_is_verified_after_each_collection(void **state)
{
  assert_status(scribble_while_copied_back(5), SLH_E_CORRUPT);
}

/* ---- all the same ---- */

static void random_programs_keep_their_graphs(void **state)
{
  static const uint32_t zeals[] = {1, 2, 7, 100};
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(32); round > 0; round--) {
    struct store *store = open_with_zeal(zeals[round % 4], SLH_COLLECTOR_COPYING);
    struct model *model = model_open(store, seed++, NULL, 0);

    for (int i = 0; i < 400; i++) {
      model_allocate_new(model);
      model_link(model);
      model_write(model);
    }
    store_collect(store);
    model_compare(model);
    model_close(model);
    store_close(store);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alloc_wants_a_collection_at_every_nth),
      cmocka_unit_test(alloc_can_be_retried),
      cmocka_unit_test(new_collects_at_every_nth),
      cmocka_unit_test(nothing_is_allocated_inline),
      cmocka_unit_test(what_is_no_question_of_room_stays_an_error),
      cmocka_unit_test(no_gc_scopes_and_the_null_collector_are_left_alone),
      cmocka_unit_test(forgotten_root_is_found_out),
      cmocka_unit_test(freed_memory_is_poisoned),
      cmocka_unit_test(heap_is_verified_after_each_collection),
      cmocka_unit_test(random_programs_keep_their_graphs),
  };

  return helper_run(tests, NULL, NULL);
}
