/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Fields, elements and lengths: inline, and checked against wrong bits. */
#include "tests/store.h"

#include <math.h>

static const slh_type *make(struct store *store, const slh_type *supertype, slh_storage storage)
{
  const slh_field fields[] = {{"pad", SLH_I8, 0}, {"it", storage, 0}, {"end", SLH_I8, 0}};
  const slh_type *type = NULL;

  assert_ok(slh_struct_type_new(store->runtime, NULL, supertype, fields, 3, &type, NULL));
  return type;
}

/* ---- inline ---- */

/* A field and an element of each storage keep `values`, and their neighbours
 * stay as they are. */
#define DEFINE_INLINE_TEST(X, STORAGE, T, ...)                                                     \
  static void inline_##X(void **state)                                                             \
  {                                                                                                \
    struct store *store = *state;                                                                  \
    const T values[] = {__VA_ARGS__};                                                              \
    const slh_type *type = make(store, NULL, STORAGE);                                             \
    const uint32_t at = type->fields[1].offset, end = type->fields[2].offset;                      \
    const uint32_t count = sizeof values / sizeof *values;                                         \
    slh_ref array = store_array(store, helper_array_type(store->runtime, STORAGE), count);         \
    slh_ref object = SLH_NULL;                                                                     \
    T value;                                                                                       \
                                                                                                   \
    assert_ok(slh_new_struct(store->heap, type, &object));                                         \
    for (uint32_t i = 0; i < count; i++) {                                                         \
      slh_set_##X(store->heap, object, at, values[i]);                                             \
      value = slh_get_##X(store->heap, object, at);                                                \
      assert_memory_equal(&value, &values[i], sizeof value);                                       \
      assert_int_equal(slh_get_i8(store->heap, object, type->fields[0].offset), 0);                \
      assert_int_equal(slh_get_i8(store->heap, object, end), 0);                                   \
      assert_ok(slh_array_set_##X(store->heap, array, i, values[i]));                              \
    }                                                                                              \
    for (uint32_t i = 0; i < count; i++) {                                                         \
      assert_ok(slh_array_get_##X(store->heap, array, i, &value));                                 \
      assert_memory_equal(&value, &values[i], sizeof value);                                       \
      assert_memory_equal(slh_address(store->heap, slh_element(array, i, sizeof value), 0),        \
                          &values[i], sizeof value);                                               \
    }                                                                                              \
    assert_status(slh_array_get_##X(store->heap, array, count, &value), SLH_E_BOUNDS);             \
    assert_status(slh_array_get_##X(store->heap, array, UINT32_MAX, &value), SLH_E_BOUNDS);        \
    assert_status(slh_array_set_##X(store->heap, array, count, values[0]), SLH_E_BOUNDS);          \
    assert_status(slh_array_set_##X(store->heap, array, UINT32_MAX, values[0]), SLH_E_BOUNDS);     \
    assert_memory_equal(&value, &values[count - 1], sizeof value);                                 \
    store_verify(store);                                                                           \
  }

DEFINE_INLINE_TEST(i8, SLH_I8, int8_t, 0, 1, -1, INT8_MIN, INT8_MAX)
DEFINE_INLINE_TEST(u8, SLH_I8, uint8_t, 0, 1, UINT8_MAX)
DEFINE_INLINE_TEST(i16, SLH_I16, int16_t, 0, 1, -1, INT16_MIN, INT16_MAX)
DEFINE_INLINE_TEST(u16, SLH_I16, uint16_t, 0, 1, UINT16_MAX)
DEFINE_INLINE_TEST(i32, SLH_I32, int32_t, 0, 1, -1, INT32_MIN, INT32_MAX)
DEFINE_INLINE_TEST(u32, SLH_I32, uint32_t, 0, 1, UINT32_MAX)
DEFINE_INLINE_TEST(i64, SLH_I64, int64_t, 0, 1, -1, INT64_MIN, INT64_MAX)
DEFINE_INLINE_TEST(u64, SLH_I64, uint64_t, 0, 1, UINT64_MAX)
DEFINE_INLINE_TEST(f32, SLH_F32, float, 0, 1.5f, -0.0f, INFINITY, NAN)
DEFINE_INLINE_TEST(f64, SLH_F64, double, 0, 1.5, -0.0, -INFINITY, NAN)
DEFINE_INLINE_TEST(v128, SLH_V128, slh_v128, {{0}}, {{1, 2, 3, 255}}, {{[15] = 128}})

static void inline_references(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1), value = SLH_NULL;
  slh_ref array = store_array(store, store->refs, 2);

  assert_true(slh_is_null(slh_get_ref(store->heap, node, HELPER_LEFT)));
  slh_set_ref(store->heap, node, HELPER_LEFT, array);
  slh_init_ref(store->heap, node, HELPER_RIGHT, slh_i31(-9));
  assert_true(slh_ref_equal(slh_get_ref(store->heap, node, HELPER_LEFT), array));
  assert_int_equal(slh_i31_signed(slh_get_ref(store->heap, node, HELPER_RIGHT)), -9);
  assert_int_equal(slh_get_i32(store->heap, node, HELPER_VALUE), 1);
  assert_ok(slh_array_init_ref(store->heap, array, 0, node));
  assert_ok(slh_array_set_ref(store->heap, array, 1, array));
  assert_ok(slh_array_get_ref(store->heap, array, 0, &value));
  assert_true(slh_ref_equal(value, node));
  assert_ok(slh_array_get_ref(store->heap, array, 1, &value));
  assert_true(slh_ref_equal(value, array));
  assert_status(slh_array_get_ref(store->heap, array, 2, &value), SLH_E_BOUNDS);
  assert_status(slh_array_set_ref(store->heap, array, 2, node), SLH_E_BOUNDS);
  assert_status(slh_array_init_ref(store->heap, array, UINT32_MAX, node), SLH_E_BOUNDS);
  store_verify(store);
}

static void array_without_elements_has_none(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 0);
  int8_t value = 5;

  assert_int_equal(slh_array_length(store->heap, array), 0);
  assert_status(slh_array_get_i8(store->heap, array, 0, &value), SLH_E_BOUNDS);
  assert_status(slh_array_set_i8(store->heap, array, 0, 1), SLH_E_BOUNDS);
  assert_int_equal(value, 5);
}

/* ---- checked ---- */

static slh_value some_value(slh_storage storage)
{
  slh_value value = {storage, {0}};

  if (storage == SLH_F32)
    value.f32 = 2.5f;
  else if (storage == SLH_F64)
    value.f64 = -2.5;
  else if (storage == SLH_V128)
    memset(&value.v128, 0x77, sizeof value.v128);
  else if (storage == SLH_REF)
    value.ref = slh_i31(-3);
  else
    value.integer = storage == SLH_FUNCREF ? 99 : -99;
  return value;
}

static void assert_same(const slh_value *a, const slh_value *b)
{
  assert_int_equal(a->storage, b->storage);
  assert_memory_equal(&a->v128, &b->v128,
                      a->storage == SLH_FUNCREF || a->storage <= SLH_I64
                          ? sizeof a->integer
                          : slh_storage_size(a->storage));
}

static void checked_fields_and_elements_of_every_storage(void **state)
{
  struct store *store = *state;

  for (unsigned i = SLH_I8; i <= SLH_FUNCREF; i++) {
    slh_storage storage = (slh_storage)i;
    slh_value value = some_value(storage), other = some_value((slh_storage)((i + 1) % 9)), got;
    const slh_type *type = make(store, NULL, storage);
    slh_ref object = SLH_NULL;
    slh_ref array = store_array(store, helper_array_type(store->runtime, storage), 3);

    assert_ok(slh_new_struct(store->heap, type, &object));
    assert_ok(slh_struct_set(store->heap, object, 1, &value));
    assert_ok(slh_struct_get(store->heap, object, 1, &got));
    assert_same(&got, &value);
    assert_ok(slh_array_set(store->heap, array, 2, &value));
    assert_ok(slh_array_get(store->heap, array, 2, &got));
    assert_same(&got, &value);
    assert_status(slh_struct_set(store->heap, object, 1, &other), SLH_E_TYPE);
    assert_status(slh_array_set(store->heap, array, 2, &other), SLH_E_TYPE);
    assert_status(slh_struct_set(store->heap, object, 3, &value), SLH_E_BOUNDS);
    assert_status(slh_struct_get(store->heap, object, UINT32_MAX, &got), SLH_E_BOUNDS);
    assert_status(slh_array_set(store->heap, array, 3, &value), SLH_E_BOUNDS);
    assert_status(slh_array_get(store->heap, array, UINT32_MAX, &got), SLH_E_BOUNDS);
    assert_status(slh_struct_get(store->heap, array, 0, &got), SLH_E_TYPE);
    assert_status(slh_array_get(store->heap, object, 0, &got), SLH_E_TYPE);
  }
  store_verify(store);
}

static void integers_are_truncated_and_sign_extended(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 1);
  slh_value value = {SLH_I8, {.integer = 0x1fe}};

  assert_ok(slh_array_set(store->heap, array, 0, &value));
  assert_ok(slh_array_get(store->heap, array, 0, &value));
  assert_int_equal(value.integer, -2);
}

static void references_are_checked_before_they_are_stored(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_ref array = store_array(store, store->refs, 1);
  slh_value value = {SLH_REF, {.ref = array}}, got;
  const uint32_t wrong[] = {2,
                            4,
                            6,
                            8,
                            SLH_WIDE_FIRST - 8,
                            array.bits + 8,
                            array.bits + 16,
                            array.bits + 4,
                            UINT32_C(0xfffffff8)};

  assert_ok(slh_struct_set(store->heap, node, 0, &value));
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    value.ref.bits = wrong[i];
    assert_status(slh_struct_set(store->heap, node, 0, &value), SLH_E_CORRUPT);
    assert_status(slh_array_set(store->heap, array, 0, &value), SLH_E_CORRUPT);
  }
  assert_ok(slh_struct_get(store->heap, node, 0, &got));
  assert_true(slh_ref_equal(got.ref, array));
  store_verify(store);
}

static void elements_as_host_memory(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 10);
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  void *data = NULL;
  uint32_t length = 0;

  assert_ok(slh_array_data(store->heap, array, SLH_I8, &data, &length));
  assert_int_equal(length, 10);
  assert_ptr_equal(data, slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET));
  assert_status(slh_array_data(store->heap, array, SLH_I16, &data, &length), SLH_E_TYPE);
  assert_status(slh_array_data(store->heap, node, SLH_REF, &data, &length), SLH_E_TYPE);
}

static void sizes_and_types(void **state)
{
  struct store *store = *state;
  const slh_type *sub = make(store, make(store, NULL, SLH_REF), SLH_REF), *type = NULL;
  slh_ref object = SLH_NULL, array = store_array(store, store->bytes, 17);
  uint64_t size = 0;

  assert_ok(slh_new_struct(store->heap, sub, &object));
  assert_ok(slh_object_size(store->heap, array, &size));
  assert_int_equal(size, 32);
  assert_ok(slh_object_size(store->heap, object, &size));
  assert_int_equal(size, sub->size);
  assert_ok(slh_object_type(store->heap, object, &type));
  assert_ptr_equal(type, sub);
  assert_true(slh_object_is(store->heap, object, sub));
  assert_true(slh_object_is(store->heap, object, sub->supertype));
  assert_false(slh_object_is(store->heap, object, store->node));
  assert_false(slh_object_is(store->heap, array, sub));
  assert_false(slh_object_is(store->heap, SLH_NULL, sub));
  assert_false(slh_object_is(store->heap, slh_i31(4), sub));
  assert_true(slh_has_type(store->heap, object, sub));
  assert_false(slh_has_type(store->heap, object, sub->supertype));
}

/* ---- checked calls on wrong bits ---- */

/* Every checked call gives `expected` for this reference. */
static void expect_all(struct store *store, uint32_t bits, slh_status expected)
{
  slh_heap *heap = store->heap;
  slh_ref ref = {bits};
  slh_value value = {SLH_I32, {.integer = 1}};
  const slh_type *type = NULL;
  uint64_t size;
  uint32_t length;
  void *data;

  assert_status(slh_object_type(heap, ref, &type), expected);
  assert_status(slh_object_size(heap, ref, &size), expected);
  assert_status(slh_struct_get(heap, ref, 0, &value), expected);
  assert_status(slh_struct_set(heap, ref, 2, &value), expected);
  assert_status(slh_array_get(heap, ref, 0, &value), expected);
  assert_status(slh_array_set(heap, ref, 0, &value), expected);
  assert_status(slh_array_data(heap, ref, SLH_I8, &data, &length), expected);
  assert_status(slh_externref_data(heap, ref, &data), expected);
  assert_false(slh_object_is(heap, ref, store->node));
  assert_null(type);
}

static void null_and_i31_are_no_objects(void **state)
{
  expect_all(*state, 0, SLH_E_TYPE);
  expect_all(*state, 1, SLH_E_TYPE);
  expect_all(*state, SLH_WIDE_FIRST + 1, SLH_E_TYPE);
  expect_all(*state, UINT32_MAX, SLH_E_TYPE);
}

static void references_out_of_the_heap_are_corrupt(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  uint32_t bump = (uint32_t)slh_heap_end(store->heap);
  const uint32_t wrong[] = {2,
                            4,
                            6,
                            8,
                            4088,
                            bump,
                            bump + 8,
                            1 << 20,
                            node.bits + 2,
                            node.bits + 4,
                            node.bits + 6,
                            UINT32_C(0x80000000),
                            UINT32_C(0xfffffff8),
                            UINT32_C(0xfffffffe)};

  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    expect_all(store, wrong[i], SLH_E_CORRUPT);
}

/* What lies between objects can look like one. */
static void misaligned_references_are_corrupt(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->bytes, 64);

  for (uint32_t shift = 2; shift < 8; shift += 2) {
    memcpy(slh_address(store->heap, array, 16 + shift), &store->node->header, 4);
    expect_all(store, array.bits + 16 + shift, SLH_E_CORRUPT);
  }
}

/* `header` and `word` are put where a node lies, with `bytes` behind it. */
static void expect_forged(struct store *store, uint32_t header, uint32_t word)
{
  slh_ref node = {SLH_WIDE_FIRST};

  store_word(store, node.bits)[0] = header;
  store_word(store, node.bits)[1] = word;
  expect_all(store, node.bits, SLH_E_CORRUPT);
}

static void forged_headers_and_lengths_are_corrupt(void **state)
{
  struct store *store = *state;
  const slh_type *wide = helper_array_type(store->runtime, SLH_V128);
  const uint32_t lengths[] = {9, 17, 1 << 20, UINT32_C(1) << 28, UINT32_MAX};

  store_node(store, SLH_NULL, SLH_NULL, 1);
  expect_forged(store, 0, 0);
  expect_forged(store, UINT32_MAX, 0);
  expect_forged(store, SLH_WIDE_FIRST | 1, 0); /* forwarded */
  expect_forged(store, store->node->header | 1, 0);
  expect_forged(store, store->node->header | 4, 0);
  expect_forged(store, store->node->header ^ 8, 0); /* another kind */
  expect_forged(store, (wide->index + 1) << 6 | SLH_KIND_STRUCT << 3, 0);
  expect_forged(store, SLH_KIND_FILLER << 3, 16);
  expect_forged(store, SLH_KIND_FILLER << 3, 0);
  expect_forged(store, SLH_KIND_FILLER << 3, 12);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    expect_forged(store, store->bytes->header, lengths[i]);
    expect_forged(store, store->refs->header, lengths[i]);
    expect_forged(store, wide->header, lengths[i]);
  }
  expect_forged(store, make(store, NULL, SLH_V128)->header, 0); /* does not fit */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(inline_i8),
      TEST(inline_u8),
      TEST(inline_i16),
      TEST(inline_u16),
      TEST(inline_i32),
      TEST(inline_u32),
      TEST(inline_i64),
      TEST(inline_u64),
      TEST(inline_f32),
      TEST(inline_f64),
      TEST(inline_v128),
      TEST(inline_references),
      TEST(array_without_elements_has_none),
      TEST(checked_fields_and_elements_of_every_storage),
      TEST(integers_are_truncated_and_sign_extended),
      TEST(references_are_checked_before_they_are_stored),
      TEST(elements_as_host_memory),
      TEST(sizes_and_types),
      TEST(null_and_i31_are_no_objects),
      TEST(references_out_of_the_heap_are_corrupt),
      TEST(misaligned_references_are_corrupt),
      TEST(forged_headers_and_lengths_are_corrupt),
  };

  return helper_run(tests, NULL, NULL);
}
