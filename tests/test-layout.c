/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Where fields lie in a struct, and which of them are traced. */
#include "tests/store.h"

#define FIELDS_MAX 400

_Static_assert(SLH_ARRAY_LENGTH_OFFSET == 4, "known to compiled code");
_Static_assert(SLH_ARRAY_DATA_OFFSET == 8, "known to compiled code");
_Static_assert(SLH_WIDE_FIRST == 4096, "known to compiled code");

static const uint32_t size_of[] = {1, 2, 4, 8, 4, 8, 16, 4, 4};

static const slh_type *make(slh_runtime *runtime, const slh_type *supertype,
                            const slh_storage *storages, size_t count)
{
  slh_field fields[FIELDS_MAX] = {0};
  const slh_type *type = NULL;
  slh_error error = {0};

  for (size_t i = 0; i < count; i++)
    fields[i].storage = storages[i];
  if (slh_struct_type_new(runtime, "made", supertype, fields, count, &type, &error) != SLH_OK)
    fail_msg("%s", error.message);
  return type;
}

static void sizes_of_storages(void **state)
{
  for (unsigned storage = SLH_I8; storage <= SLH_FUNCREF; storage++)
    assert_int_equal(slh_storage_size((slh_storage)storage), size_of[storage]);
  assert_int_equal(sizeof(slh_v128), 16);
}

static void node_takes_16_bytes(void **state)
{
  struct store *store = *state;
  const slh_type *node = store->node;

  assert_int_equal(node->size, 16);
  assert_int_equal(node->fields[0].offset, 4);
  assert_int_equal(node->fields[1].offset, 8);
  assert_int_equal(node->fields[2].offset, 12);
}

static void small_structs(void **state)
{
  struct store *store = *state;
  const slh_storage refs[] = {SLH_REF, SLH_REF};

  assert_int_equal(make(store->runtime, NULL, refs, 0)->size, 8);
  assert_int_equal(make(store->runtime, NULL, refs, 1)->size, 8);
  assert_int_equal(make(store->runtime, NULL, refs, 2)->size, 16);
}

/* Each storage alone, and behind a byte: at its natural alignment, at most 8. */
static void every_storage_at_its_alignment(void **state)
{
  static const uint32_t alone[] = {4, 4, 4, 8, 4, 8, 8, 4, 4};
  static const uint32_t behind[] = {5, 6, 8, 8, 8, 8, 8, 8, 8};
  static const uint32_t size[] = {8, 8, 8, 16, 8, 16, 24, 8, 8};
  struct store *store = *state;

  for (unsigned i = SLH_I8; i <= SLH_FUNCREF; i++) {
    const slh_storage storages[] = {SLH_I8, (slh_storage)i};
    const slh_type *one = make(store->runtime, NULL, storages + 1, 1);
    const slh_type *two = make(store->runtime, NULL, storages, 2);

    assert_int_equal(one->fields[0].offset, alone[i]);
    assert_int_equal(one->size, size[i]);
    assert_int_equal(two->fields[0].offset, 4);
    assert_int_equal(two->fields[1].offset, behind[i]);
    assert_int_equal(two->size, (behind[i] + size_of[i] + 7) / 8 * 8);
  }
}

static void fields_keep_their_order(void **state)
{
  const slh_storage mixed[] = {SLH_I8,  SLH_I64, SLH_I8,  SLH_I16,
                               SLH_REF, SLH_I8,  SLH_F64, SLH_V128};
  const uint32_t offsets[] = {4, 8, 16, 18, 20, 24, 32, 40};
  struct store *store = *state;
  const slh_type *type = make(store->runtime, NULL, mixed, 8);

  for (size_t i = 0; i < 8; i++) {
    assert_int_equal(type->fields[i].storage, mixed[i]);
    assert_int_equal(type->fields[i].offset, offsets[i]);
  }
  assert_int_equal(type->size, 56);
}

static size_t random_storages(uint64_t *random, slh_storage *storages, size_t from)
{
  size_t count = from + helper_below(random, 30);

  for (size_t i = from; i < count; i++)
    storages[i] = (slh_storage)helper_below(random, SLH_FUNCREF + 1);
  return count;
}

/* No field overlaps another or lies further than its alignment demands. */
static void check_layout(const slh_type *type)
{
  uint32_t end = 4;

  for (uint32_t i = 0; i < type->field_count; i++) {
    const slh_field *field = &type->fields[i];
    uint32_t align = size_of[field->storage] > 8 ? 8 : size_of[field->storage];

    assert_int_equal(field->offset % align, 0);
    assert_true(field->offset >= end && field->offset - end < align);
    end = field->offset + size_of[field->storage];
  }
  assert_int_equal(type->size % 8, 0);
  assert_true(type->size >= end && type->size - end < 8);
}

static void random_subtypes_extend_their_supertypes(void **state)
{
  struct store *store = *state;
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(1000); i > 0; i--) {
    slh_storage storages[FIELDS_MAX];
    size_t count = random_storages(&random, storages, 0);
    const slh_type *super = make(store->runtime, NULL, storages, count);
    const slh_type *sub;

    sub = make(store->runtime, super, storages, random_storages(&random, storages, count));
    assert_ptr_equal(sub->supertype, super);
    assert_true(sub->size >= super->size);
    for (uint32_t j = 0; j < super->field_count; j++)
      assert_int_equal(sub->fields[j].offset, super->fields[j].offset);
    check_layout(super);
    check_layout(sub);
  }
}

/* ---- the trace map ---- */

/* An object of `type` whose references hold new nodes numbered by field, all
 * else filled with what would be a reference to nowhere. */
static slh_ref fill(struct store *store, const slh_type *type)
{
  slh_ref object = SLH_NULL;

  assert_ok(slh_new_struct(store->heap, type, &object));
  for (uint32_t i = 0; i < type->field_count; i++) {
    const slh_field *field = &type->fields[i];

    if (field->storage == SLH_REF)
      slh_init_ref(store->heap, object, field->offset,
                   store_node(store, SLH_NULL, SLH_NULL, (int32_t)i));
    else
      memset(slh_address(store->heap, object, field->offset), 0xf8, size_of[field->storage]);
  }
  return object;
}

static void check_filled(struct store *store, const slh_type *type, slh_ref object)
{
  for (uint32_t i = 0; i < type->field_count; i++) {
    const slh_field *field = &type->fields[i];

    if (field->storage == SLH_REF) {
      slh_ref node = slh_get_ref(store->heap, object, field->offset);

      assert_true(slh_object_is(store->heap, node, store->node));
      assert_int_equal(slh_get_i32(store->heap, node, HELPER_VALUE), (int32_t)i);
    } else {
      assert_int_equal(slh_get_u8(store->heap, object, field->offset), 0xf8);
    }
  }
}

static uint64_t references(const slh_type *type)
{
  uint64_t count = 0;

  for (uint32_t i = 0; i < type->field_count; i++)
    count += type->fields[i].storage == SLH_REF;
  return count;
}

static void trace(struct store *store, const slh_type *type)
{
  slh_heap_reset(store->heap);
  store->roots[0] = SLH_NULL;
  store_node(store, SLH_NULL, SLH_NULL, -1); /* garbage, so that all move */
  store->roots[0] = fill(store, type);
  for (int i = 0; i < 2; i++) {
    store_collect(store);
    check_filled(store, type, store->roots[0]);
    assert_int_equal(store_count(store), 1 + references(type));
  }
}

static void references_alone_are_traced(void **state)
{
  const slh_storage mixed[] = {SLH_I8,   SLH_REF, SLH_I32, SLH_REF, SLH_I64,
                               SLH_V128, SLH_REF, SLH_F32, SLH_F64, SLH_REF};
  struct store *store = *state;

  trace(store, make(store->runtime, NULL, mixed, 10));
}

/* One reference at every word in turn, up to and beyond the 256 bytes that
 * the first map covers. */
static void a_reference_is_traced_wherever_it_lies(void **state)
{
  struct store *store = *state;

  for (size_t at = 0; at < 140; at++) {
    slh_storage storages[FIELDS_MAX] = {0};

    for (size_t i = 0; i < 140; i++)
      storages[i] = i == at ? SLH_REF : SLH_I32;
    trace(store, make(store->runtime, NULL, storages, 140));
  }
}

static void structs_of_references_beyond_256_bytes(void **state)
{
  struct store *store = *state;
  slh_storage storages[FIELDS_MAX];

  for (size_t i = 0; i < FIELDS_MAX; i++)
    storages[i] = SLH_REF;
  for (size_t count = 61; count < 67; count++)
    trace(store, make(store->runtime, NULL, storages, count));
  trace(store, make(store->runtime, NULL, storages, FIELDS_MAX));
}

static void random_structs_are_traced(void **state)
{
  struct store *store = *state;
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(500); i > 0; i--) {
    slh_storage storages[FIELDS_MAX];
    size_t count = random_storages(&random, storages, 0);

    for (uint64_t j = helper_below(&random, 5); j > 0; j--)
      count = random_storages(&random, storages, count);
    trace(store, make(store->runtime, NULL, storages, count));
  }
}

/* Each of its own size, registered while objects of the others live. */
static void types_keep_their_layout_while_more_are_registered(void **state)
{
  enum {
    COUNT = 300
  };
  static const slh_type *types[COUNT];
  struct store *store = *state;
  slh_storage storages[FIELDS_MAX];
  slh_ref all = store_array(store, store->refs, COUNT), object = SLH_NULL;

  store->roots[0] = all;
  for (size_t i = 0; i < FIELDS_MAX; i++)
    storages[i] = i % 2 ? SLH_I32 : SLH_REF;
  for (uint32_t i = 0; i < COUNT; i++) {
    types[i] = make(store->runtime, NULL, storages, i);
    assert_ok(slh_array_set_ref(store->heap, all, i, fill(store, types[i])));
  }
  store_collect(store);
  for (uint32_t i = 0; i < COUNT; i++) {
    assert_ok(slh_array_get_ref(store->heap, store->roots[0], i, &object));
    assert_true(slh_object_is(store->heap, object, types[i]));
    check_filled(store, types[i], object);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_of_storages),
      TEST(node_takes_16_bytes),
      TEST(small_structs),
      TEST(every_storage_at_its_alignment),
      TEST(fields_keep_their_order),
      TEST(random_subtypes_extend_their_supertypes),
      TEST(references_alone_are_traced),
      TEST(a_reference_is_traced_wherever_it_lies),
      TEST(structs_of_references_beyond_256_bytes),
      TEST(random_structs_are_traced),
      TEST(types_keep_their_layout_while_more_are_registered),
  };

  return helper_run(tests, NULL, NULL);
}
