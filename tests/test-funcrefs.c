/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Funcrefs: host functions behind numbers. */
#include "tests/store.h"

#define MANY 5000

static char functions[MANY]; /* stand-ins: their addresses */

static uint32_t intern(struct store *store, const void *function)
{
  uint32_t number = UINT32_MAX;

  assert_ok(slh_funcref_intern(store->heap, function, &number));
  return number;
}

static const void *function_of(struct store *store, uint32_t number)
{
  const void *function = &functions;

  assert_ok(slh_funcref_function(store->heap, number, &function));
  return function;
}

static void null_is_number_0(void **state)
{
  struct store *store = *state;

  assert_null(function_of(store, 0));
  assert_int_equal(intern(store, NULL), 0);
  assert_null(function_of(store, 0));
  assert_int_equal(store_stats(store).functions, 0);
}

static void same_function_has_the_same_number(void **state)
{
  struct store *store = *state;
  static uint32_t numbers[MANY];
  uint64_t random = helper_seed();

  for (int i = 0; i < MANY; i++)
    numbers[i] = intern(store, &functions[i]);
  assert_int_equal(store_stats(store).functions, MANY);
  for (uint64_t i = helper_rounds(50000); i-- > 0;) {
    uint64_t a = helper_below(&random, MANY), b = helper_below(&random, MANY);

    assert_int_equal(intern(store, &functions[a]), numbers[a]);
    assert_ptr_equal(function_of(store, numbers[a]), &functions[a]);
    assert_true(numbers[a] != 0 && (numbers[a] == numbers[b]) == (a == b));
  }
  assert_int_equal(store_stats(store).functions, MANY);
}

/* Addresses that differ in few bits, high or low. */
static void any_pointers_can_be_interned(void **state)
{
  struct store *store = *state;

  for (uintptr_t i = 1; i < 1000; i++) {
    for (int shift = 0; shift < 54; shift += 9)
      assert_ptr_equal(function_of(store, intern(store, (void *)(i << shift))),
                       (void *)(i << shift));
  }
}

static void forged_numbers_are_refused(void **state)
{
  struct store *store = *state;
  const void *function;

  assert_status(slh_funcref_function(store->heap, 1, &function), SLH_E_CORRUPT);
  for (int i = 0; i < 20; i++)
    (void)intern(store, &functions[i]);
  for (uint64_t number = 1; number <= UINT32_MAX; number += 1 + number / 64) {
    slh_status status = slh_funcref_function(store->heap, (uint32_t)number, &function);

    assert_int_equal(status, number <= 20 ? SLH_OK : SLH_E_CORRUPT);
  }
  assert_status(slh_funcref_function(store->heap, UINT32_MAX, &function), SLH_E_CORRUPT);
}

static void store_begins_without_functions(void **state)
{
  struct store *store = *state;
  const void *function;

  for (int round = 0; round < 6; round++) {
    int count = round % 2 ? MANY : 30; /* more than a slot keeps, or not */

    assert_status(slh_funcref_function(store->heap, 1, &function), SLH_E_CORRUPT);
    for (int i = 0; i < count; i++)
      assert_int_equal(intern(store, &functions[(i + round) % MANY]), i + 1);
    if (round % 3 == 0) {
      slh_heap_reset(store->heap);
    } else {
      slh_heap_release(store->heap);
      store->heap = helper_acquire(store->pool, store->runtime);
    }
  }
}

/* ---- in objects ---- */

static void numbers_in_objects_are_no_references(void **state)
{
  static const slh_field fields[] = {{"call", SLH_FUNCREF, 0}, {"self", SLH_REF, 0}};
  struct store *store = *state;
  const slh_type *closure, *table;
  slh_value value = {SLH_FUNCREF, {0}};
  slh_ref array;

  assert_ok(slh_struct_type_new(store->runtime, "closure", NULL, fields, 2, &closure, NULL));
  table = helper_array_type(store->runtime, SLH_FUNCREF);
  for (int i = 0; i < 40; i++)
    (void)intern(store, &functions[i]);
  assert_ok(slh_new_struct(store->heap, closure, &store->roots[0]));
  array = store_array(store, table, 10);
  slh_set_ref(store->heap, store->roots[0], 8, array);
  slh_set_u32(store->heap, store->roots[0], 4, 40);
  value.integer = 32;
  assert_ok(slh_array_set(store->heap, array, 3, &value));
  (void)store_node(store, SLH_NULL, SLH_NULL, 0);
  store_collect(store);
  assert_int_equal(store_count(store), 2);
  assert_ok(slh_struct_get(store->heap, store->roots[0], 0, &value));
  assert_int_equal(value.storage, SLH_FUNCREF);
  assert_ptr_equal(function_of(store, (uint32_t)value.integer), &functions[39]);
  array = slh_get_ref(store->heap, store->roots[0], 8);
  assert_ok(slh_array_get(store->heap, array, 3, &value));
  assert_ptr_equal(function_of(store, (uint32_t)value.integer), &functions[31]);
  assert_ok(slh_array_get(store->heap, array, 4, &value));
  assert_int_equal(value.integer, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(null_is_number_0),
      TEST(same_function_has_the_same_number),
      TEST(any_pointers_can_be_interned),
      TEST(forged_numbers_are_refused),
      TEST(store_begins_without_functions),
      TEST(numbers_in_objects_are_no_references),
  };

  return helper_run(tests, NULL, NULL);
}
