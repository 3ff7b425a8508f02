/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Allocation: its outcomes, its limits, and what new objects hold. */
#include "tests/store.h"

#include "pool/pool.h"

#define NODE_BYTES 16
#define ALL_ONES 0xff

static struct store *open_limited(uint64_t max_bytes, uint64_t initial_bytes)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, max_bytes, initial_bytes};

  return store_open(&options);
}

static uint64_t used(const struct store *store)
{
  return store_stats(store).used;
}

/* ---- outcomes ---- */

static void alloc_has_three_outcomes(void **state)
{
  struct store *store = open_limited(256, 64);
  slh_ref ref = SLH_NULL;

  for (int i = 0; i < 4; i++)
    assert_ok(slh_alloc_struct(store->heap, store->node, &ref));
  assert_status(slh_alloc_struct(store->heap, store->node, &ref), SLH_E_COLLECT);
  assert_int_equal(slh_heap_bytes_needed(store->heap), NODE_BYTES);
  assert_status(slh_alloc_array(store->heap, store->bytes, 93, &ref), SLH_E_COLLECT);
  assert_int_equal(slh_heap_bytes_needed(store->heap), 104);
  assert_status(slh_alloc_struct_uninit(store->heap, store->node, &ref), SLH_E_COLLECT);
  assert_int_equal(slh_heap_bytes_needed(store->heap), NODE_BYTES);
  assert_status(slh_alloc_array(store->heap, store->bytes, 256 - 8 + 1, &ref), SLH_E_TOO_LARGE);
  assert_int_equal(used(store), 64);
  assert_int_equal(store_stats(store).collections, 0);
  store_close(store);
}

static void collect_and_retry(void **state)
{
  struct store *store = open_limited(0, 64);
  slh_ref ref = SLH_NULL;

  for (int i = 0; i < 100; i++) {
    slh_status status = slh_alloc_struct(store->heap, store->node, &ref);

    if (status == SLH_E_COLLECT) {
      store_collect(store);
      assert_int_equal(used(store), 0);
      status = slh_alloc_struct(store->heap, store->node, &ref);
    }
    assert_ok(status);
  }
  assert_int_equal(store_stats(store).collections, 24);
  store_close(store);
}

static void wrong_kinds_are_refused(void **state)
{
  struct store *store = *state;
  slh_heap *heap = store->heap;
  slh_ref ref = {8};

  assert_status(slh_alloc_struct(heap, store->refs, &ref), SLH_E_TYPE);
  assert_status(slh_new_struct(heap, store->bytes, &ref), SLH_E_TYPE);
  assert_status(slh_alloc_array(heap, store->node, 1, &ref), SLH_E_TYPE);
  assert_status(slh_new_array(heap, store->node, 1, &ref), SLH_E_TYPE);
  assert_status(slh_alloc_array_uninit(heap, store->node, 1, &ref), SLH_E_TYPE);
  assert_status(slh_new_array_uninit(heap, store->node, 1, &ref), SLH_E_TYPE);
  assert_int_equal(ref.bits, 8);
  assert_int_equal(used(store), 0);
}

/* ---- arrays ---- */

static void arrays_are_rounded_up_to_8(void **state)
{
  struct store *store = *state;

  for (uint32_t length = 0; length < 40; length++) {
    uint64_t before = used(store);
    slh_ref array = store_array(store, store->bytes, length);

    assert_int_equal(slh_array_length(store->heap, array), length);
    assert_int_equal(used(store) - before, (8 + length + 7) / 8 * 8);
    before = used(store);
    store_array(store, store->refs, length);
    assert_int_equal(used(store) - before, (8 + 4 * length + 7) / 8 * 8);
  }
  store_verify(store);
}

/* A size that would overflow 32 bits is no small array. */
static void huge_arrays_are_refused(void **state)
{
  const uint32_t lengths[] = {UINT32_MAX, UINT32_MAX - 7, UINT32_C(1) << 31, UINT32_C(1) << 30,
                              UINT32_C(1) << 28};
  struct store *store = open_limited(1 << 20, 0);
  const slh_type *wide = helper_array_type(store->runtime, SLH_V128);
  slh_ref array = SLH_NULL;

  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    assert_status(slh_alloc_array(store->heap, wide, lengths[i], &array), SLH_E_TOO_LARGE);
    assert_status(slh_new_array(store->heap, wide, lengths[i], &array), SLH_E_TOO_LARGE);
    assert_status(slh_new_array_uninit(store->heap, store->refs, lengths[i], &array),
                  SLH_E_TOO_LARGE);
    assert_status(slh_alloc_array_uninit(store->heap, store->bytes, lengths[i], &array),
                  SLH_E_TOO_LARGE);
  }
  assert_int_equal(used(store), 0);
  assert_int_equal(store_stats(store).collections, 0);
  store_close(store);
}

/* ---- zeroing ---- */

static void fill_with_ones(struct store *store, uint32_t bytes)
{
  slh_ref array = store_array(store, store->bytes, bytes);

  memset(slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET), ALL_ONES, bytes);
}

static void assert_zero(struct store *store, slh_ref object, uint32_t from, uint64_t to)
{
  const char *bytes = slh_address(store->heap, object, 0);

  for (uint64_t i = from; i < to; i++)
    assert_int_equal(bytes[i], 0);
}

/* The arrays end before, at and after the mark up to which bytes are stale. */
static void new_objects_are_zeroed_over_stale_bytes(void **state)
{
  struct store *store = *state;
  slh_ref ref = SLH_NULL;

  for (uint32_t length = 4000; length < 4200; length++) {
    slh_heap_reset(store->heap);
    fill_with_ones(store, 4096);
    store_collect(store);
    assert_int_equal(used(store), 0);
    assert_ok(slh_alloc_struct(store->heap, store->node, &ref));
    assert_zero(store, ref, 4, 16);
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
    assert_zero(store, ref, 4, 16);
    assert_ok(slh_new_array(store->heap, store->refs, 5, &ref));
    assert_zero(store, ref, 8, 32);
    assert_ok(slh_alloc_array(store->heap, store->bytes, length, &ref));
    assert_zero(store, ref, 8, (8 + length + 7) / 8 * 8);
    assert_int_equal(slh_array_length(store->heap, ref), length);
    store_verify(store);
  }
}

static void padding_of_arrays_is_zeroed(void **state)
{
  struct store *store = *state;
  slh_ref array;

  fill_with_ones(store, 64);
  store_collect(store);
  array = store_array(store, store->bytes, 1);
  assert_zero(store, array, 8, 16);
}

/* The dirty mark follows the highest bump, not the last. */
static void stale_bytes_of_an_older_collection_are_zeroed(void **state)
{
  struct store *store = *state;
  slh_ref ref = SLH_NULL;

  fill_with_ones(store, 4096);
  store_collect(store);
  assert_int_equal(store_stats(store).dirty, 4104);
  fill_with_ones(store, 64);
  store_collect(store);
  assert_int_equal(store_stats(store).dirty, 4104);
  assert_ok(slh_alloc_array(store->heap, store->bytes, 4096, &ref));
  assert_zero(store, ref, 8, 4096);
}

static void uninit_objects_have_header_and_length_alone(void **state)
{
  struct store *store = *state;
  slh_ref ref = SLH_NULL;
  const slh_type *type = NULL;

  fill_with_ones(store, 4096);
  store_collect(store);
  assert_ok(slh_alloc_struct_uninit(store->heap, store->node, &ref));
  assert_ok(slh_object_type(store->heap, ref, &type));
  assert_ptr_equal(type, store->node);
  assert_ok(slh_new_struct_uninit(store->heap, store->node, &ref));
  assert_ok(slh_new_array_uninit(store->heap, store->bytes, 9, &ref));
  assert_int_equal(slh_array_length(store->heap, ref), 9);
  assert_ok(slh_alloc_array_uninit(store->heap, store->refs, 3, &ref));
  assert_int_equal(slh_array_length(store->heap, ref), 3);
  assert_int_equal(store_count(store), 4);
}

/* ---- limits ---- */

/* All that max_bytes has room for can live, in as many roots. */
static void live_objects_fill_the_heap_exactly(void **state)
{
  enum {
    FIT = STORE_ROOTS
  };
  struct store *store = open_limited(FIT * NODE_BYTES, NODE_BYTES);
  slh_ref ref = SLH_NULL;

  for (int round = 0; round < 50; round++) {
    for (int i = 0; i < FIT; i++) {
      if (slh_is_null(store->roots[i]))
        assert_ok(slh_new_struct(store->heap, store->node, &store->roots[i]));
    }
    assert_int_equal(used(store), FIT * NODE_BYTES);
    assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_LIMIT);
    assert_status(slh_new_struct_uninit(store->heap, store->node, &ref), SLH_E_LIMIT);
    assert_status(slh_new_array(store->heap, store->bytes, 0, &ref), SLH_E_LIMIT);
    store_verify(store);
    store->roots[round % FIT] = SLH_NULL;
    store_collect(store);
    assert_int_equal(used(store), (FIT - 1) * NODE_BYTES);
  }
  store_close(store);
}

static void one_object_can_be_as_large_as_the_limit(void **state)
{
  struct store *store = open_limited(100000, 1000);
  slh_ref array = SLH_NULL;

  assert_status(slh_new_array(store->heap, store->bytes, 100000 - 8 + 1, &array), SLH_E_TOO_LARGE);
  assert_ok(slh_new_array(store->heap, store->bytes, 100000 - 8, &store->roots[0]));
  assert_int_equal(used(store), 100000);
  assert_status(slh_new_array(store->heap, store->bytes, 100000 - 8, &array), SLH_E_LIMIT);
  store->roots[0] = SLH_NULL;
  assert_ok(slh_new_array(store->heap, store->bytes, 100000 - 8, &array));
  store_verify(store);
  store_close(store);
}

static void limit_is_rounded_down_to_8(void **state)
{
  struct store *store = open_limited(31, 0);
  slh_ref ref = SLH_NULL;

  assert_int_equal(store_stats(store).max, 24);
  assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_status(slh_new_array(store->heap, store->bytes, 17, &ref), SLH_E_TOO_LARGE);
  assert_ok(slh_new_array(store->heap, store->bytes, 0, &ref));
  assert_ok(slh_new_array(store->heap, store->bytes, 16, &ref));
  store_close(store);
}

static void pool_clamps_the_limit(void **state)
{
  struct store *store = open_limited(UINT64_MAX, UINT64_MAX);

  assert_int_equal(store_stats(store).max, (UINT64_C(1) << 32) - 65536);
  assert_int_equal(store_stats(store).soft_limit, store_stats(store).max);
  store_close(store);
}

/* ---- growing and making room ---- */

static void grow_raises_the_soft_limit(void **state)
{
  struct store *store = open_limited(1 << 20, 64);
  slh_ref ref = SLH_NULL;

  store_array(store, store->bytes, 56);
  assert_status(slh_alloc_array(store->heap, store->bytes, 1000, &ref), SLH_E_COLLECT);
  assert_ok(slh_heap_grow(store->heap, slh_heap_bytes_needed(store->heap)));
  assert_int_equal(store_stats(store).soft_limit, 64 + 1008);
  assert_ok(slh_alloc_array(store->heap, store->bytes, 1000, &ref));
  assert_status(slh_alloc_struct(store->heap, store->node, &ref), SLH_E_COLLECT);
  assert_status(slh_heap_grow(store->heap, (1 << 20) - used(store) + 1), SLH_E_LIMIT);
  assert_status(slh_heap_grow(store->heap, UINT64_MAX), SLH_E_LIMIT);
  assert_int_equal(store_stats(store).soft_limit, used(store));
  assert_ok(slh_heap_grow(store->heap, (1 << 20) - used(store)));
  assert_int_equal(store_stats(store).soft_limit, 1 << 20);
  assert_ok(slh_heap_grow(store->heap, 0));
  assert_int_equal(store_stats(store).collections, 0);
  store_close(store);
}

/* For hosts that allocate inline: the room is there, up to `limit`. */
static void make_room_makes_room(void **state)
{
  struct store *store = open_limited(1 << 16, 1 << 10);
  const slh_heap_data *data = slh_heap_get_data(store->heap);

  for (uint64_t bytes = 8; bytes <= 1 << 16; bytes *= 2) {
    assert_ok(slh_heap_make_room(store->heap, bytes));
    assert_true(data->bump + bytes <= data->limit);
    store_array(store, store->bytes, (uint32_t)bytes - 8);
  }
  assert_status(slh_heap_make_room(store->heap, (1 << 16) + 8), SLH_E_TOO_LARGE);
  assert_status(slh_heap_make_room(store->heap, UINT64_MAX), SLH_E_TOO_LARGE);
  assert_ok(slh_heap_make_room(store->heap, 0));
  assert_ok(slh_new_array(store->heap, store->bytes, (1 << 16) - 16, &store->roots[0]));
  assert_ok(slh_heap_make_room(store->heap, 8));
  assert_status(slh_heap_make_room(store->heap, 16), SLH_E_LIMIT);
  store_verify(store);
  store_close(store);
}

/* Garbage is collected before the heap grows. */
static void new_collects_garbage_by_itself(void **state)
{
  struct store *store = open_limited(0, 4096);
  slh_ref ref = SLH_NULL;

  for (int i = 0; i < 100000; i++)
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_true(store_stats(store).soft_limit <= 3 * 4096);
  assert_true(store_stats(store).collections > 100);
  assert_int_equal(store_stats(store).allocated_total, 1600000);
  store_close(store);
}

/* ---- the null collector ---- */

static void null_collector_grows_up_to_the_limit(void **state)
{
  struct store_options options = {SLH_COLLECTOR_NULL, NULL, 1 << 20, 64};
  struct store *store = store_open(&options);
  slh_ref ref = SLH_NULL;

  for (int i = 0; i < (1 << 20) / NODE_BYTES; i++)
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_LIMIT);
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_int_equal(used(store), 1 << 20);
  assert_int_equal(store_count(store), (1 << 20) / NODE_BYTES);
  assert_status(slh_new_array(store->heap, store->bytes, 1 << 20, &ref), SLH_E_TOO_LARGE);
  assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_LIMIT);
  store_verify(store);
  slh_heap_reset(store->heap);
  assert_ok(slh_new_struct(store->heap, store->node, &ref));
  store_close(store);
}

/* ---- every evacuation space is lent ---- */

struct lent {
  struct slot *spaces[2];
};

static void lend_all(struct store *store, struct lent *lent)
{
  for (int i = 0; i < 2; i++)
    assert_non_null(lent->spaces[i] = slhi_slab_take(&store->pool->spaces, 0, 0));
}

static void return_all(struct store *store, struct lent *lent)
{
  for (int i = 0; i < 2; i++)
    slhi_slab_put(&store->pool->spaces, lent->spaces[i], 0);
}

static void busy_collection_moves_nothing(void **state)
{
  struct store *store = *state;
  struct lent lent;
  slh_heap_data before;

  store_node(store, SLH_NULL, SLH_NULL, 1);
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 2);
  before = *slh_heap_get_data(store->heap);
  lend_all(store, &lent);
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_BUSY);
  assert_memory_equal(slh_heap_get_data(store->heap), &before, sizeof before);
  assert_int_equal(store->roots[0].bits, SLH_WIDE_FIRST + NODE_BYTES);
  assert_int_equal(slh_get_i32(store->heap, store->roots[0], HELPER_VALUE), 2);
  store_verify(store);
  return_all(store, &lent);
  store_collect(store);
  assert_int_equal(store->roots[0].bits, SLH_WIDE_FIRST);
}

static void busy_allocation_grows_instead(void **state)
{
  struct store *store = open_limited(4096, 64);
  struct lent lent;
  slh_ref ref = SLH_NULL;

  lend_all(store, &lent);
  for (int i = 0; i < 4096 / NODE_BYTES; i++)
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_int_equal(store_stats(store).collections, 0);
  assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_BUSY);
  assert_int_equal(used(store), 4096);
  return_all(store, &lent);
  assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_int_equal(used(store), NODE_BYTES);
  store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alloc_has_three_outcomes),
      cmocka_unit_test(collect_and_retry),
      TEST(wrong_kinds_are_refused),
      TEST(arrays_are_rounded_up_to_8),
      cmocka_unit_test(huge_arrays_are_refused),
      TEST(new_objects_are_zeroed_over_stale_bytes),
      TEST(padding_of_arrays_is_zeroed),
      TEST(stale_bytes_of_an_older_collection_are_zeroed),
      TEST(uninit_objects_have_header_and_length_alone),
      cmocka_unit_test(live_objects_fill_the_heap_exactly),
      cmocka_unit_test(one_object_can_be_as_large_as_the_limit),
      cmocka_unit_test(limit_is_rounded_down_to_8),
      cmocka_unit_test(pool_clamps_the_limit),
      cmocka_unit_test(grow_raises_the_soft_limit),
      cmocka_unit_test(make_room_makes_room),
      cmocka_unit_test(new_collects_garbage_by_itself),
      cmocka_unit_test(null_collector_grows_up_to_the_limit),
      TEST(busy_collection_moves_nothing),
      TEST(busy_allocation_grows_instead),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
