/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* doc/contract.md: externrefs and objects. Tests are named after Wasmtime's
 * methods. */
#include "tests/datum.h"

#define LAST UINT32_MAX

/* ---- externrefs ---- */

static void alloc_externref_and_externref_host_data(void **state)
{
  struct store *store = *state;
  static struct datum data[3]; /* dropped by the teardown */
  void *found = NULL;

  assert_ok(slh_alloc_externref(store->heap, &data[0], datum_drop, &store->roots[0]));
  assert_ok(slh_new_externref(store->heap, &data[1], datum_drop, &store->roots[1]));
  assert_ok(slh_new_externref(store->heap, NULL, NULL, &store->roots[2]));
  assert_ok(slh_alloc_externref(store->heap, &data[2], datum_drop, &store->roots[3]));
  store->roots[3] = SLH_NULL;
  store_collect(store);
  assert_ptr_equal(datum_of(store, store->roots[0]), &data[0]);
  assert_ptr_equal(datum_of(store, store->roots[1]), &data[1]);
  assert_null(datum_of(store, store->roots[2]));
  assert_int_equal(data[2].drops, 1);
  assert_int_equal(data[0].drops + data[1].drops, 0);
  assert_status(slh_externref_data(store->heap, SLH_NULL, &found), SLH_E_TYPE);
  assert_status(slh_externref_data(store->heap, slh_i31(3), &found), SLH_E_TYPE);
  assert_status(slh_externref_data(store->heap, store_node(store, SLH_NULL, SLH_NULL, 0), &found),
                SLH_E_TYPE);
}

/* A number that is none, and that of an entry that was dropped. */
static void externref_host_data_checks_the_number(void **state)
{
  struct store *store = *state;
  struct datum data[2] = {{0}};
  slh_ref dead = datum_externref(store, &data[0]);
  uint32_t number = *store_word(store, dead.bits + 4);
  void *found = NULL;

  store->roots[0] = datum_externref(store, &data[1]);
  store_collect(store);
  *store_word(store, store->roots[0].bits + 4) = number;
  assert_status(slh_externref_data(store->heap, store->roots[0], &found), SLH_E_CORRUPT);
  for (number = 2; number != 0; number *= 2) {
    *store_word(store, store->roots[0].bits + 4) = number;
    assert_status(slh_externref_data(store->heap, store->roots[0], &found), SLH_E_CORRUPT);
  }
  assert_null(found);
  store_collect(store);
  datum_all_dropped(data, 2); /* the forged number kept neither, and revived none */
}

/* Neither the entry nor the object is left over. */
static void alloc_externref_makes_both_or_none(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 4096, 4096};
  struct store *store = store_open(&options);
  struct datum data[2] = {{0}};
  slh_ref ref = {123};

  store->roots[0] = store_array(store, store->bytes, 4096 - 8);
  assert_status(slh_alloc_externref(store->heap, &data[0], datum_drop, &ref), SLH_E_COLLECT);
  assert_int_equal(slh_heap_bytes_needed(store->heap), 8);
  assert_status(slh_new_externref(store->heap, &data[1], datum_drop, &ref), SLH_E_LIMIT);
  assert_int_equal(store_stats(store).externrefs, 0);
  assert_int_equal(store_stats(store).used, 4096);
  assert_int_equal(ref.bits, 123);
  store_close(store);
  assert_int_equal(datum_drops(data, 2), 0);
}

static void funcref_table_interns_and_checks(void **state)
{
  struct store *store = *state;
  uint32_t one = 0, two = 0, again = 0, null = 77;
  const void *function = NULL;

  assert_ok(slh_funcref_intern(store->heap, &one, &one));
  assert_ok(slh_funcref_intern(store->heap, &two, &two));
  assert_ok(slh_funcref_intern(store->heap, &one, &again));
  assert_ok(slh_funcref_intern(store->heap, NULL, &null));
  assert_int_equal(null, 0);
  assert_int_equal(one, again);
  assert_int_not_equal(one, two);
  assert_ok(slh_funcref_function(store->heap, two, &function));
  assert_ptr_equal(function, &two);
  assert_status(slh_funcref_function(store->heap, two + 1, &function), SLH_E_CORRUPT);
}

/* ---- headers, sizes, lengths, tags ---- */

static void header_mut_is_the_word_in_place(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  uint32_t *header = NULL;

  assert_ok(slh_object_header(store->heap, node, &header));
  assert_ptr_equal(header, slh_address(store->heap, node, 0));
  assert_int_equal(*header & ~SLH_HEADER_STATE, store->node->header);
  store->roots[0] = node;
  *header = store->refs->header + (UINT32_C(1) << 20); /* no type of this runtime */
  assert_status(slh_object_header(store->heap, node, &header), SLH_E_CORRUPT);
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  slh_heap_reset(store->heap);
  store_node(store, SLH_NULL, SLH_NULL, 1);
}

static const slh_type *exn_type(struct store *store)
{
  const slh_field payload[] = {{"payload", SLH_REF, 0}};
  const slh_type *type = NULL;

  assert_ok(slh_exn_type_new(store->runtime, "exn", payload, 1, &type, NULL));
  return type;
}

static void object_size_and_array_len(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  uint64_t size = 0;
  uint32_t length = 99;

  assert_ok(slh_object_size(store->heap, node, &size));
  assert_int_equal(size, 16);
  assert_status(slh_array_len(store->heap, node, &length), SLH_E_TYPE);
  assert_status(slh_array_len(store->heap, SLH_NULL, &length), SLH_E_TYPE);
  assert_int_equal(length, 99);
  for (uint32_t count = 0; count < 40; count++) {
    slh_ref array = store_array(store, store->bytes, count);

    assert_ok(slh_object_size(store->heap, array, &size));
    assert_int_equal(size, (8 + count + 7) / 8 * 8);
    assert_ok(slh_array_len(store->heap, array, &length));
    assert_int_equal(length, count);
    assert_int_equal(slh_array_length(store->heap, array), count);
  }
}

static void exn_tag_instance_and_index(void **state)
{
  struct store *store = *state;
  const slh_type *type = exn_type(store);
  slh_ref *exn = &store->roots[0];
  uint32_t instance = 1, index = 1;

  assert_ok(slh_alloc_struct(store->heap, type, exn));
  assert_ok(slh_exn_tag(store->heap, *exn, &instance, &index));
  assert_int_equal(instance + index, 0);
  slh_set_u32(store->heap, *exn, SLH_EXN_TAG_INSTANCE_OFFSET, 0xfedcba98);
  slh_set_u32(store->heap, *exn, SLH_EXN_TAG_INDEX_OFFSET, 77);
  slh_set_ref(store->heap, *exn, 12, store_node(store, SLH_NULL, SLH_NULL, 5));
  store_collect(store);
  assert_ok(slh_exn_tag(store->heap, *exn, &instance, &index));
  assert_int_equal(instance, 0xfedcba98);
  assert_int_equal(index, 77);
  assert_int_equal(slh_get_i32(store->heap, slh_get_ref(store->heap, *exn, 12), HELPER_VALUE), 5);
  assert_status(slh_exn_tag(store->heap, slh_get_ref(store->heap, *exn, 12), &instance, &index),
                SLH_E_TYPE);
  assert_status(slh_exn_tag(store->heap, SLH_NULL, &instance, &index), SLH_E_TYPE);
}

/* ---- raw allocation ---- */

static void alloc_raw_wants_the_size_that_agrees_with_the_length(void **state)
{
  struct store *store = *state;
  const uint32_t header = store->bytes->header;
  slh_ref ref = SLH_NULL;

  for (uint64_t bytes = 0; bytes < 64; bytes++) {
    assert_status(slh_alloc_raw(store->heap, header, bytes, 8, 9, &ref),
                  bytes == 24 ? SLH_OK : SLH_E_TYPE);
  }
  assert_int_equal(slh_array_length(store->heap, ref), 9);
  assert_ok(slh_alloc_raw(store->heap, header, 8, 8, 0, &ref));
  assert_status(slh_alloc_raw(store->heap, store->node->header, 8, 8, 0, &ref), SLH_E_TYPE);
  assert_status(slh_alloc_raw(store->heap, store->node->header, 24, 8, 0, &ref), SLH_E_TYPE);
  assert_status(slh_alloc_raw(store->heap, store->node->header, 16, 8, 1, &ref), SLH_E_TYPE);
  assert_ok(slh_alloc_raw(store->heap, store->node->header, 16, 8, 0, &ref));
  assert_true(slh_has_type(store->heap, ref, store->node));
  assert_ok(slh_alloc_raw(store->heap, exn_type(store)->header, 16, 8, 0, &ref));
  assert_int_equal(store_stats(store).used, 24 + 8 + 16 + 16);
}

static void alloc_raw_wants_the_header_of_a_type(void **state)
{
  struct store *store = *state;
  const uint32_t good = store->node->header;
  const uint32_t bad[] = {0,
                          LAST,
                          good | 1,
                          good | 2,
                          good | 4,
                          good ^ 8,
                          good + (UINT32_C(1) << 12),
                          SLH_KIND_FILLER << 3,
                          slh_externref_type(store->runtime)->header};
  slh_ref ref = SLH_NULL;

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_status(slh_alloc_raw(store->heap, bad[i], 16, 8, 0, &ref), SLH_E_TYPE);
    assert_status(slh_alloc_raw(store->heap, bad[i], 8, 8, 0, &ref), SLH_E_TYPE);
  }
  assert_int_equal(store_stats(store).used, 0);
}

static void alloc_raw_cannot_give_every_alignment(void **state)
{
  struct store *store = *state;
  slh_ref ref = SLH_NULL;

  for (uint32_t alignment = 0; alignment < 100; alignment++) {
    bool given = alignment == 1 || alignment == 2 || alignment == 4 || alignment == 8;

    assert_status(slh_alloc_raw(store->heap, store->node->header, 16, alignment, 0, &ref),
                  given ? SLH_OK : SLH_E_UNSUPPORTED);
  }
  assert_status(slh_alloc_raw(store->heap, store->node->header, 16, UINT32_C(1) << 31, 0, &ref),
                SLH_E_UNSUPPORTED);
}

static void alloc_raw_of_what_no_heap_can_hold(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 64 << 10, 4096};
  struct store *store = store_open(&options);
  const slh_type *wide = helper_array_type(store->runtime, SLH_V128);
  const uint64_t all = 8 + UINT64_C(16) * LAST;
  slh_ref ref = SLH_NULL;

  assert_status(slh_alloc_raw(store->heap, wide->header, all, 8, LAST, &ref), SLH_E_TOO_LARGE);
  /* What the sum would be in 32 bits. */
  assert_status(slh_alloc_raw(store->heap, wide->header, (uint32_t)all, 8, LAST, &ref), SLH_E_TYPE);
  assert_status(slh_alloc_array_uninit(store->heap, wide, LAST, &ref), SLH_E_TOO_LARGE);
  assert_status(slh_new_array(store->heap, wide, LAST, &ref), SLH_E_TOO_LARGE);
  assert_status(slh_new_array(store->heap, store->bytes, (64 << 10) - 7, &ref), SLH_E_TOO_LARGE);
  assert_int_equal(store_stats(store).collections, 0);
  assert_status(slh_alloc_array_uninit(store->heap, store->bytes, (64 << 10) - 8, &ref),
                SLH_E_COLLECT);
  assert_int_equal(slh_heap_bytes_needed(store->heap), 64 << 10);
  assert_ok(slh_new_array(store->heap, store->bytes, (64 << 10) - 8, &ref));
  store_close(store);
}

/* ---- uninitialised objects, and giving them back ---- */

static void alloc_uninit_struct_and_exn_and_array(void **state)
{
  struct store *store = *state;
  const slh_type *exn = exn_type(store);
  slh_ref ref = SLH_NULL;

  assert_ok(slh_alloc_struct_uninit(store->heap, store->node, &ref));
  assert_true(slh_has_type(store->heap, ref, store->node));
  assert_ok(slh_alloc_struct_uninit(store->heap, exn, &ref));
  assert_true(slh_has_type(store->heap, ref, exn));
  assert_ok(slh_alloc_array_uninit(store->heap, store->refs, 3, &ref));
  assert_int_equal(slh_array_length(store->heap, ref), 3);
  assert_status(slh_alloc_array_uninit(store->heap, store->node, 3, &ref), SLH_E_TYPE);
  assert_status(slh_alloc_struct(store->heap, store->refs, &ref), SLH_E_TYPE);
  assert_int_equal(store_stats(store).used, 16 + 16 + 24);
}

static void dealloc_uninit_struct_of_the_last_object(void **state)
{
  struct store *store = *state;
  slh_ref first = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_ref last = store_node(store, first, first, -1), again;

  assert_ok(slh_dealloc(store->heap, last));
  assert_int_equal(slh_heap_end(store->heap), last.bits);
  assert_ok(slh_alloc_struct(store->heap, store->node, &again));
  assert_int_equal(again.bits, last.bits);
  for (uint32_t offset = 4; offset < 16; offset += 4)
    assert_int_equal(slh_get_u32(store->heap, again, offset), 0);
  assert_ok(slh_dealloc(store->heap, again));
  again = store_array(store, store->refs, 200); /* from old bytes on to fresh ones */
  for (uint32_t i = 0; i < 200; i++)
    assert_int_equal(slh_get_ref(store->heap, slh_element(again, i, 4), 0).bits, 0);
  assert_ok(slh_dealloc(store->heap, again));
  assert_ok(slh_dealloc(store->heap, first));
  assert_int_equal(store_stats(store).used, 0);
  store_verify(store);
}

static void dealloc_uninit_array_in_the_middle_leaves_a_filler(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 1000);
  uint64_t size;

  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 7);
  assert_ok(slh_dealloc(store->heap, array));
  assert_status(slh_object_size(store->heap, array, &size), SLH_E_CORRUPT);
  assert_status(slh_dealloc(store->heap, array), SLH_E_CORRUPT); /* twice */
  assert_int_equal(store_count(store), 1);
  assert_int_equal(store_stats(store).used, 1008 + 16);
  store_verify(store);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 16);
  assert_int_equal(slh_get_i32(store->heap, store->roots[0], HELPER_VALUE), 7);
}

static void dealloc_refuses_externrefs_and_what_is_no_object(void **state)
{
  struct store *store = *state;
  struct datum datum = {0};
  slh_ref external = datum_externref(store, &datum);
  const uint32_t corrupt[] = {2, 8, 4092, external.bits + 4, external.bits + 8, LAST - 7};

  assert_status(slh_dealloc(store->heap, external), SLH_E_TYPE);
  assert_status(slh_dealloc(store->heap, SLH_NULL), SLH_E_TYPE);
  assert_status(slh_dealloc(store->heap, slh_i31(1)), SLH_E_TYPE);
  for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++)
    assert_status(slh_dealloc(store->heap, (slh_ref){corrupt[i]}), SLH_E_CORRUPT);
  assert_int_equal(datum.drops, 0);
  store_collect(store);
  assert_int_equal(datum.drops, 1);
}

/* The next store finds nothing of it, though bump went back over it. */
static void dealloc_never_lowers_the_scrub_mark(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 5000);
  uint64_t end = slh_heap_end(store->heap);

  memset(slh_address(store->heap, array, 8), 0xa5, 5000);
  assert_ok(slh_dealloc(store->heap, array));
  assert_int_equal(store_stats(store).used, 0);
  assert_int_equal(store_stats(store).dirty, 5008);
  slh_heap_release(store->heap);
  store->heap = helper_acquire(store->pool, store->runtime);
  for (uint64_t at = slh_heap_first(store->heap); at < end; at += 4)
    assert_int_equal(*store_word(store, at), 0);
}

/* Objects of any type given back in any order: what is left is what the model
 * says, one after the other, and a collection keeps the rooted ones. */
#define OBJECTS 200

static void dealloc_in_any_order_leaves_a_heap_to_walk(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(64); round > 0; round--) {
    struct store *store = store_open(NULL);
    slh_ref objects[OBJECTS];
    uint64_t left = OBJECTS;

    for (int i = 0; i < OBJECTS; i++) {
      objects[i] = helper_one_in(&random, 3)
                       ? store_array(store, store->bytes, (uint32_t)helper_below(&random, 100))
                       : store_node(store, SLH_NULL, SLH_NULL, i);
    }
    while (left > STORE_ROOTS) {
      uint64_t some = helper_one_in(&random, 3) ? left - 1 : helper_below(&random, left);

      assert_ok(slh_dealloc(store->heap, objects[some]));
      memmove(objects + some, objects + some + 1, (--left - some) * sizeof *objects);
      if (helper_one_in(&random, 16))
        store_verify(store);
    }
    assert_int_equal(store_count(store), left);
    memcpy(store->roots, objects, left * sizeof *objects);
    store_collect(store);
    assert_int_equal(store_count(store), left);
    store_close(store);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(alloc_externref_and_externref_host_data),
      TEST(externref_host_data_checks_the_number),
      cmocka_unit_test(alloc_externref_makes_both_or_none),
      TEST(funcref_table_interns_and_checks),
      TEST(header_mut_is_the_word_in_place),
      TEST(object_size_and_array_len),
      TEST(exn_tag_instance_and_index),
      TEST(alloc_raw_wants_the_size_that_agrees_with_the_length),
      TEST(alloc_raw_wants_the_header_of_a_type),
      TEST(alloc_raw_cannot_give_every_alignment),
      cmocka_unit_test(alloc_raw_of_what_no_heap_can_hold),
      TEST(alloc_uninit_struct_and_exn_and_array),
      TEST(dealloc_uninit_struct_of_the_last_object),
      TEST(dealloc_uninit_array_in_the_middle_leaves_a_filler),
      TEST(dealloc_refuses_externrefs_and_what_is_no_object),
      TEST(dealloc_never_lowers_the_scrub_mark),
      cmocka_unit_test(dealloc_in_any_order_leaves_a_heap_to_walk),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
