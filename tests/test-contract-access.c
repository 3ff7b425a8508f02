/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* doc/contract.md: access. Tests are named after Wasmtime's methods. */
#include "tests/store.h"

/* ---- ranges of the heap ---- */

static void index_mut_takes_what_lies_in_the_heap(void **state)
{
  struct store *store = *state;
  const slh_heap *heap = store->heap;
  uint64_t start = slh_heap_first(heap), bump;
  void *at = NULL;

  assert_ok(slh_heap_index(heap, start, 0, &at)); /* an empty heap */
  assert_status(slh_heap_index(heap, start, 1, &at), SLH_E_BOUNDS);
  store_array(store, store->bytes, 100);
  bump = slh_heap_end(heap);
  assert_ok(slh_heap_index(heap, start, bump - start, &at));
  assert_ptr_equal(at, slh_heap_get_data(heap)->base + start);
  assert_ok(slh_heap_index(heap, bump - 1, 1, &at));
  assert_ok(slh_heap_index(heap, bump, 0, &at));
  at = &start;
  assert_status(slh_heap_index(heap, start, bump - start + 1, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, start - 1, 1, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, bump - 1, 2, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, bump, 1, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, bump + 1, 0, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, 0, 0, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, start, UINT64_MAX, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, start, UINT64_MAX - start + 1, &at), SLH_E_BOUNDS);
  assert_status(slh_heap_index(heap, UINT64_MAX, 1, &at), SLH_E_BOUNDS);
  assert_ptr_equal(at, &start);
}

static void heap_slice_is_all_of_the_heap(void **state)
{
  struct store *store = *state;
  void *bytes = NULL;
  uint64_t length = 77;

  slh_heap_slice(store->heap, &bytes, &length);
  assert_int_equal(length, 0);
  store_node(store, SLH_NULL, SLH_NULL, 0x01020304);
  slh_heap_slice(store->heap, &bytes, &length);
  assert_int_equal(length, 16);
  assert_ptr_equal(bytes, slh_heap_get_data(store->heap)->base + slh_heap_first(store->heap));
  assert_int_equal(((const uint32_t *)bytes)[3], 0x01020304);
}

static void object_range_is_first_byte_to_first_behind(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_ref array = store_array(store, store->bytes, 9);
  uint64_t start = 0, end = 0;

  assert_ok(slh_object_range(store->heap, node, &start, &end));
  assert_int_equal(start, node.bits);
  assert_int_equal(end, array.bits);
  assert_ok(slh_object_range(store->heap, array, &start, &end));
  assert_int_equal(end - start, 24);
  assert_int_equal(end, slh_heap_end(store->heap));
}

/* ---- views ---- */

/* At each offset, from before the object's end to far beyond. */
#define DEFINE_VIEW_TEST(X, T)                                                                     \
  static void gc_object_data_as_##X(void **state)                                                  \
  {                                                                                                \
    struct store *store = *state;                                                                  \
    slh_ref array = store_array(store, store->bytes, 40);                                          \
    slh_object_view view;                                                                          \
    T in, out;                                                                                     \
                                                                                                   \
    store_array(store, store->bytes, 40); /* a neighbour */                                        \
    assert_ok(slh_object_data(store->heap, array, &view));                                         \
    assert_int_equal(view.length, 48);                                                             \
    for (uint64_t offset = 8; offset < 80; offset++) {                                             \
      slh_status expected = offset + sizeof(T) <= 48 ? SLH_OK : SLH_E_BOUNDS;                      \
                                                                                                   \
      memset(&in, (int)offset, sizeof in);                                                         \
      memset(&out, 0, sizeof out);                                                                 \
      assert_status(slh_view_set_##X(&view, offset, in), expected);                                \
      assert_status(slh_view_get_##X(&view, offset, &out), expected);                              \
      if (expected == SLH_OK)                                                                      \
        assert_memory_equal(&in, &out, sizeof in);                                                 \
    }                                                                                              \
    assert_status(slh_view_get_##X(&view, UINT64_MAX, &out), SLH_E_BOUNDS);                        \
    assert_status(slh_view_set_##X(&view, UINT64_MAX - sizeof(T) + 1, in), SLH_E_BOUNDS);          \
    for (uint32_t i = 0; i < 40; i++)                                                              \
      assert_int_equal(*store_word(store, array.bits + 48 + 8 + (i & ~3u)), 0);                    \
    store_verify(store);                                                                           \
  }

DEFINE_VIEW_TEST(i8, int8_t)
DEFINE_VIEW_TEST(u8, uint8_t)
DEFINE_VIEW_TEST(i16, int16_t)
DEFINE_VIEW_TEST(u16, uint16_t)
DEFINE_VIEW_TEST(i32, int32_t)
DEFINE_VIEW_TEST(u32, uint32_t)
DEFINE_VIEW_TEST(i64, int64_t)
DEFINE_VIEW_TEST(u64, uint64_t)
DEFINE_VIEW_TEST(f32, float)
DEFINE_VIEW_TEST(f64, double)
DEFINE_VIEW_TEST(v128, slh_v128)
DEFINE_VIEW_TEST(ref, slh_ref)

static void gc_object_data_pair_refuses_overlap(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 56);
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_object_view a = {0}, b = {0};

  assert_ok(slh_object_data_pair(store->heap, array, node, &a, &b));
  assert_int_equal(a.length, 64);
  assert_ptr_equal(b.bytes, a.bytes + a.length); /* neighbours do not overlap */
  assert_ok(slh_object_data_pair(store->heap, node, array, &b, &a));
  memset(&a, 0, sizeof a);
  assert_status(slh_object_data_pair(store->heap, node, node, &a, &b), SLH_E_INVALID);
  /* Objects forged inside of the array, one reaching over the node. */
  for (uint32_t at = 8; at < 64; at += 8) {
    slh_ref forged = {array.bits + at};

    *store_word(store, forged.bits) = store->bytes->header;
    *store_word(store, forged.bits + 4) = 0;
    assert_status(slh_object_data_pair(store->heap, array, forged, &a, &b), SLH_E_INVALID);
    assert_status(slh_object_data_pair(store->heap, forged, array, &a, &b), SLH_E_INVALID);
    *store_word(store, forged.bits + 4) = 64 - at;
    assert_status(slh_object_data_pair(store->heap, forged, node, &a, &b), SLH_E_INVALID);
    assert_status(slh_object_data_pair(store->heap, node, forged, &a, &b), SLH_E_INVALID);
  }
  assert_null(a.bytes);
  assert_status(slh_object_data_pair(store->heap, SLH_NULL, node, &a, &b), SLH_E_TYPE);
  assert_status(slh_object_data_pair(store->heap, node, slh_i31(0), &a, &b), SLH_E_TYPE);
  assert_status(slh_object_data_pair(store->heap, (slh_ref){8}, node, &a, &b), SLH_E_CORRUPT);
}

/* ---- i31, kinds, casts ---- */

static void from_i31_and_get_i31(void **state)
{
  const int32_t values[] = {0, 1, -1, 0x3fffffff, -0x40000000, 0x40000000, INT32_MIN, INT32_MAX};

  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    uint32_t low = (uint32_t)values[i] & 0x7fffffff;
    int32_t sign_extended = (int32_t)(low << 1) >> 1;

    assert_true(slh_is_i31(slh_i31(values[i])));
    assert_int_equal(slh_i31_unsigned(slh_i31(values[i])), low);
    assert_int_equal(slh_i31_signed(slh_i31(values[i])), sign_extended);
  }
}

enum {
  ANY = 1 << SLH_ANY,
  EQ = 1 << SLH_EQ,
  I31 = 1 << SLH_I31,
  STRUCT = 1 << SLH_STRUCT,
  ARRAY = 1 << SLH_ARRAY,
  EXTERN = 1 << SLH_EXTERN,
  EXN = 1 << SLH_EXN
};

static void expect_kinds(struct store *store, slh_ref ref, unsigned expected)
{
  for (unsigned of = SLH_ANY; of <= SLH_NONE; of++) {
    assert_int_equal(slh_ref_is(store->heap, ref, (slh_abstract)of, false), expected >> of & 1);
    assert_int_equal(slh_ref_is(store->heap, ref, (slh_abstract)of, true), expected >> of & 1);
  }
}

static slh_ref new_exn(struct store *store)
{
  const slh_type *type = NULL;
  slh_ref ref = SLH_NULL;

  assert_ok(slh_exn_type_new(store->runtime, "exn", NULL, 0, &type, NULL));
  assert_ok(slh_alloc_struct(store->heap, type, &ref));
  return ref;
}

static void is_anyref_and_its_like(void **state)
{
  struct store *store = *state;
  slh_ref dead = store_array(store, store->bytes, 8), external;

  assert_ok(slh_alloc_externref(store->heap, NULL, NULL, &external));
  expect_kinds(store, slh_i31(9), ANY | EQ | I31 | EXTERN);
  expect_kinds(store, store_node(store, SLH_NULL, SLH_NULL, 1), ANY | EQ | STRUCT | EXTERN);
  expect_kinds(store, store_array(store, store->refs, 1), ANY | EQ | ARRAY | EXTERN);
  expect_kinds(store, external, ANY | EXTERN);
  expect_kinds(store, new_exn(store), EXN);
  assert_ok(slh_dealloc(store->heap, dead));
  expect_kinds(store, dead, 0); /* a filler */
  expect_kinds(store, (slh_ref){8}, 0);
  expect_kinds(store, (slh_ref){external.bits + 4}, 0);
  expect_kinds(store, (slh_ref){(uint32_t)slh_heap_end(store->heap)}, 0);
  for (unsigned of = SLH_ANY; of <= SLH_NONE; of++) {
    assert_true(slh_ref_is(store->heap, SLH_NULL, (slh_abstract)of, true));
    assert_false(slh_ref_is(store->heap, SLH_NULL, (slh_abstract)of, false));
  }
}

static void subtype_test_by_slh_object_is(void **state)
{
  struct store *store = *state;
  const slh_type *types[4] = {NULL};
  slh_field fields[4] = {{0}};
  slh_ref ref;

  for (size_t i = 0; i < 4; i++) {
    fields[i].storage = SLH_REF;
    assert_ok(slh_struct_type_new(store->runtime, NULL, i ? types[i - 1] : NULL, fields, i + 1,
                                  &types[i], NULL));
  }
  for (size_t i = 0; i < 4; i++) {
    assert_ok(slh_alloc_struct(store->heap, types[i], &ref));
    for (size_t j = 0; j < 4; j++) {
      assert_int_equal(slh_object_is(store->heap, ref, types[j]), j <= i);
      assert_int_equal(slh_type_is(types[i], types[j]), j <= i);
    }
    assert_false(slh_object_is(store->heap, ref, store->node));
  }
  assert_false(slh_object_is(store->heap, SLH_NULL, types[0]));
  assert_false(slh_object_is(store->heap, slh_i31(1), types[0]));
  assert_false(slh_object_is(store->heap, (slh_ref){8}, types[0]));
}

static void any_convert_extern_keeps_the_bits(void **state)
{
  struct store *store = *state;
  const slh_ref refs[] = {SLH_NULL, slh_i31(-3), store_node(store, SLH_NULL, SLH_NULL, 1)};

  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(slh_extern_from_any(refs[i]).bits, refs[i].bits);
    assert_int_equal(slh_any_from_extern(slh_extern_from_any(refs[i])).bits, refs[i].bits);
    assert_true(slh_ref_is(store->heap, slh_extern_from_any(refs[i]), SLH_EXTERN, true));
  }
}

/* ---- arrays in bulk ---- */

#define LENGTH 50

/* Two arrays of one type in a heap, and what they should hold. */
struct bulk {
  struct store *store;
  const slh_type *type;
  slh_storage storage;
  uint32_t each;
  slh_ref arrays[2];
  uint8_t model[2][LENGTH * 16];
  uint64_t random;
};

static slh_value random_element(struct bulk *bulk, uint8_t *bytes)
{
  slh_value value = {bulk->storage, {0}};

  for (uint32_t i = 0; i < 16; i++)
    bytes[i] = (uint8_t)helper_random(&bulk->random);
  if (bulk->storage == SLH_REF) {
    value.ref = helper_one_in(&bulk->random, 2) ? slh_i31(7) : bulk->arrays[0];
    memcpy(bytes, &value.ref, 4);
  } else {
    memcpy(&value.v128, bytes, 16); /* all members start where it does */
  }
  return value;
}

/* Whether [index, index + count) is in bounds. */
static slh_status bounds(uint32_t index, uint32_t count)
{
  return (uint64_t)index + count <= LENGTH ? SLH_OK : SLH_E_BOUNDS;
}

static uint32_t random_index(struct bulk *bulk)
{
  if (helper_one_in(&bulk->random, 30))
    return UINT32_MAX - (uint32_t)helper_below(&bulk->random, 3);
  return (uint32_t)helper_below(&bulk->random, LENGTH + 3);
}

static void bulk_copy(struct bulk *bulk, uint32_t index, uint32_t count)
{
  unsigned to = helper_one_in(&bulk->random, 2), from = helper_one_in(&bulk->random, 2);
  uint32_t source = random_index(bulk);
  slh_status expected = bounds(index, count) == SLH_OK ? bounds(source, count) : SLH_E_BOUNDS;

  assert_status(
      slh_array_copy(bulk->store->heap, bulk->arrays[to], index, bulk->arrays[from], source, count),
      expected);
  if (expected == SLH_OK)
    memmove(bulk->model[to] + index * bulk->each, bulk->model[from] + source * bulk->each,
            count * bulk->each);
}

static void bulk_fill(struct bulk *bulk, uint32_t index, uint32_t count)
{
  uint8_t bytes[16];
  slh_value value = random_element(bulk, bytes);

  assert_status(slh_array_fill(bulk->store->heap, bulk->arrays[0], index, count, &value),
                bounds(index, count));
  for (uint32_t i = 0; bounds(index, count) == SLH_OK && i < count; i++)
    memcpy(bulk->model[0] + (index + i) * bulk->each, bytes, bulk->each);
}

static void bulk_init(struct bulk *bulk, uint32_t index, uint32_t count)
{
  uint8_t bytes[LENGTH * 16];
  slh_status expected = bounds(index, count);

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)helper_random(&bulk->random);
  if (bulk->storage == SLH_REF && expected == SLH_OK)
    expected = SLH_E_TYPE;
  assert_status(slh_array_init(bulk->store->heap, bulk->arrays[1], index, count, bytes), expected);
  if (expected == SLH_OK)
    memcpy(bulk->model[1] + index * bulk->each, bytes, count * bulk->each);
}

static void bulk_step(struct bulk *bulk)
{
  uint32_t index = random_index(bulk);
  uint32_t count = helper_one_in(&bulk->random, 8) ? 0 : random_index(bulk);

  switch (helper_below(&bulk->random, 3)) {
  case 0:
    bulk_copy(bulk, index, count);
    break;
  case 1:
    bulk_fill(bulk, index, count);
    break;
  default:
    bulk_init(bulk, index, count);
  }
  for (unsigned i = 0; i < 2; i++)
    assert_memory_equal(slh_address(bulk->store->heap, bulk->arrays[i], 8), bulk->model[i],
                        LENGTH * bulk->each);
}

static void array_copy_fill_and_init_data_do_as_the_model(void **state)
{
  uint64_t random = helper_seed();

  for (unsigned storage = SLH_I8; storage <= SLH_FUNCREF; storage++) {
    struct store *store = store_open(NULL);
    struct bulk bulk = {.store = store, .storage = (slh_storage)storage, .random = random++};

    bulk.type = helper_array_type(store->runtime, bulk.storage);
    bulk.each = bulk.type->size;
    bulk.arrays[0] = store_array(store, bulk.type, LENGTH);
    bulk.arrays[1] = store_array(store, bulk.type, LENGTH);
    store_array(store, store->bytes, 100); /* a neighbour */
    for (uint64_t steps = helper_rounds(3000); steps > 0; steps--)
      bulk_step(&bulk);
    store_verify(store);
    store_close(store);
  }
}

static void array_copy_fill_and_init_data_refuse(void **state)
{
  struct store *store = *state;
  slh_heap *heap = store->heap;
  slh_ref refs = store_array(store, store->refs, 4), bytes = store_array(store, store->bytes, 4);
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_value value = {SLH_REF, {.ref = {8}}};

  assert_status(slh_array_copy(heap, refs, 0, bytes, 0, 1), SLH_E_TYPE);
  assert_status(slh_array_copy(heap, node, 0, bytes, 0, 1), SLH_E_TYPE);
  assert_status(slh_array_copy(heap, bytes, 0, SLH_NULL, 0, 0), SLH_E_TYPE);
  assert_status(slh_array_copy(heap, (slh_ref){8}, 0, bytes, 0, 0), SLH_E_CORRUPT);
  assert_status(slh_array_fill(heap, refs, 0, 4, &value), SLH_E_CORRUPT); /* no object */
  value.ref = SLH_NULL;
  assert_status(slh_array_fill(heap, bytes, 0, 4, &value), SLH_E_TYPE);
  assert_status(slh_array_fill(heap, node, 0, 1, &value), SLH_E_TYPE);
  assert_status(slh_array_init(heap, refs, 0, 1, &value), SLH_E_TYPE);
  assert_status(slh_array_init(heap, node, 0, 1, &value), SLH_E_TYPE);
  assert_status(slh_array_init(heap, slh_i31(1), 0, 1, &value), SLH_E_TYPE);
  assert_ok(slh_array_init(heap, bytes, 4, 0, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(index_mut_takes_what_lies_in_the_heap),
      TEST(heap_slice_is_all_of_the_heap),
      TEST(object_range_is_first_byte_to_first_behind),
      TEST(gc_object_data_as_i8),
      TEST(gc_object_data_as_u8),
      TEST(gc_object_data_as_i16),
      TEST(gc_object_data_as_u16),
      TEST(gc_object_data_as_i32),
      TEST(gc_object_data_as_u32),
      TEST(gc_object_data_as_i64),
      TEST(gc_object_data_as_u64),
      TEST(gc_object_data_as_f32),
      TEST(gc_object_data_as_f64),
      TEST(gc_object_data_as_v128),
      TEST(gc_object_data_as_ref),
      TEST(gc_object_data_pair_refuses_overlap),
      TEST(from_i31_and_get_i31),
      TEST(is_anyref_and_its_like),
      TEST(subtype_test_by_slh_object_is),
      TEST(any_convert_extern_keeps_the_bits),
      cmocka_unit_test(array_copy_fill_and_init_data_do_as_the_model),
      TEST(array_copy_fill_and_init_data_refuse),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
