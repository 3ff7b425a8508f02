/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Registering types: what is taken, what is refused, and finding them again. */
#include "tests/helper.h"

#include <pthread.h>
#include <stdio.h>

static int setup(void **state)
{
  *state = helper_runtime(NULL);
  return 0;
}

static int teardown(void **state)
{
  slh_runtime_free(*state);
  return 0;
}

/* Registers a struct that must be refused, with a sentence that has `word`. */
static void refuse(slh_runtime *runtime, const slh_type *supertype, const slh_field *fields,
                   size_t count, slh_status expected, const char *word)
{
  const slh_type *type = NULL;
  slh_error error = {0};

  assert_int_equal(slh_struct_type_new(runtime, "t", supertype, fields, count, &type, NULL),
                   expected);
  assert_int_equal(slh_struct_type_new(runtime, "t", supertype, fields, count, &type, &error),
                   expected);
  assert_null(type);
  assert_int_equal(error.status, expected);
  if (!strstr(error.message, word))
    fail_msg("no \"%s\" in: %s", word, error.message);
}

static const slh_type *accept(slh_runtime *runtime, const slh_type *supertype,
                              const slh_field *fields, size_t count)
{
  const slh_type *type = NULL;
  slh_error error = {0};

  if (slh_struct_type_new(runtime, NULL, supertype, fields, count, &type, &error) != SLH_OK)
    fail_msg("%s", error.message);
  return type;
}

static void type_describes_itself(void **state)
{
  slh_runtime *runtime = *state;
  const slh_type *node = helper_node_type(runtime);
  const slh_type *array = helper_array_type(runtime, SLH_I16);

  assert_int_equal(node->kind, SLH_KIND_STRUCT);
  assert_int_equal(node->field_count, 3);
  assert_null(node->supertype);
  assert_int_equal(array->index, node->index + 1);
  assert_int_equal(array->kind, SLH_KIND_ARRAY);
  assert_int_equal(array->size, 2);
  assert_int_equal(array->field_count, 1);
  assert_int_equal(array->fields[0].storage, SLH_I16);
  assert_int_equal(array->fields[0].offset, SLH_ARRAY_DATA_OFFSET);
  assert_int_not_equal(node->header, array->header);
  assert_int_not_equal(node->header, 0);
}

static void names_are_copied(void **state)
{
  char name[] = "point", x[] = "x";
  slh_field fields[] = {{x, SLH_I32, 77}, {NULL, SLH_I32, 77}};
  const slh_type *type = NULL;

  assert_int_equal(slh_struct_type_new(*state, name, NULL, fields, 2, &type, NULL), SLH_OK);
  name[0] = x[0] = '?';
  assert_string_equal(type->name, "point");
  assert_string_equal(type->fields[0].name, "x");
  assert_null(type->fields[1].name);
  assert_int_equal(fields[0].offset, 77);
}

static void type_without_a_name_has_one(void **state)
{
  const slh_field field = {NULL, SLH_REF, 0};
  const slh_type *array = NULL;

  assert_non_null(accept(*state, NULL, &field, 1)->name);
  assert_int_equal(slh_array_type_new(*state, NULL, SLH_I8, &array, NULL), SLH_OK);
  assert_non_null(array->name);
}

static void equal_registrations_are_two_types(void **state)
{
  const slh_type *a = helper_node_type(*state), *b = helper_node_type(*state);

  assert_ptr_not_equal(a, b);
  assert_int_not_equal(a->index, b->index);
  assert_int_not_equal(a->header, b->header);
}

static void unknown_storage_is_refused(void **state)
{
  const slh_field fields[] = {{"a", SLH_I32, 0}, {"b", (slh_storage)9, 0}};
  const slh_type *array = NULL;
  slh_error error = {0};

  refuse(*state, NULL, fields, 2, SLH_E_INVALID, "field 1");
  assert_int_equal(slh_array_type_new(*state, "a", (slh_storage)-1, &array, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "storage"));
  assert_null(array);
}

static void supertype_must_be_a_prefix(void **state)
{
  const slh_type *node = helper_node_type(*state);
  const slh_field shorter[] = {{"left", SLH_REF, 0}, {"right", SLH_REF, 0}};
  const slh_field other[] = {{"left", SLH_REF, 0}, {"right", SLH_I32, 0}, {"value", SLH_I32, 0}};
  const slh_field same[] = {{"l", SLH_REF, 0}, {"r", SLH_REF, 0}, {"v", SLH_I32, 0}};

  refuse(*state, node, shorter, 2, SLH_E_INVALID, "field 2");
  refuse(*state, node, other, 3, SLH_E_INVALID, "field 1");
  refuse(*state, node, NULL, 0, SLH_E_INVALID, "supertype node");
  assert_ptr_equal(accept(*state, node, same, 3)->supertype, node);
}

static void supertype_must_be_a_struct_of_the_runtime(void **state)
{
  const slh_field field = {"a", SLH_REF, 0};
  slh_runtime *other = helper_runtime(NULL);
  const slh_type *foreign = accept(other, NULL, &field, 1);
  const slh_type *array = helper_array_type(*state, SLH_REF);

  refuse(*state, foreign, &field, 1, SLH_E_INVALID, "not a type of this runtime");
  refuse(*state, array, &field, 1, SLH_E_INVALID, "not a struct");
  slh_runtime_free(other);
}

/* The header word takes four bytes, the last field ends at the limit. */
static void largest_struct_is_taken_and_a_larger_one_is_not(void **state)
{
  enum {
    FIT = SLH_STRUCT_SIZE_MAX / 16 - 1
  };
  static slh_field fields[SLH_STRUCT_SIZE_MAX + 1];
  const slh_type *type;

  for (size_t i = 0; i < FIT; i++)
    fields[i].storage = SLH_V128;
  type = accept(*state, NULL, fields, FIT);
  assert_int_equal(type->size, SLH_STRUCT_SIZE_MAX - 8);
  fields[FIT].storage = SLH_I64;
  type = accept(*state, NULL, fields, FIT + 1);
  assert_int_equal(type->size, SLH_STRUCT_SIZE_MAX);
  assert_int_equal(type->fields[FIT].offset, SLH_STRUCT_SIZE_MAX - 8);
  fields[FIT + 1].storage = SLH_I8;
  refuse(*state, NULL, fields, FIT + 2, SLH_E_TOO_LARGE, "bytes");
  refuse(*state, NULL, fields, SLH_STRUCT_SIZE_MAX + 1, SLH_E_TOO_LARGE, "fields");
  refuse(*state, NULL, fields, SIZE_MAX, SLH_E_TOO_LARGE, "fields");
}

static void refusal_takes_no_index(void **state)
{
  const slh_field bad = {"a", (slh_storage)100, 0};
  const slh_type *first = helper_node_type(*state);

  refuse(*state, NULL, &bad, 1, SLH_E_INVALID, "100");
  assert_int_equal(helper_node_type(*state)->index, first->index + 1);
}

static void types_are_found_by_index_while_the_table_grows(void **state)
{
  enum {
    COUNT = 5000
  };
  static const slh_type *types[COUNT];
  slh_runtime *runtime = *state;
  uint32_t first;

  assert_null(slh_runtime_type(runtime, 0));
  types[0] = helper_node_type(runtime);
  first = types[0]->index;
  for (uint32_t i = 1; i < COUNT; i++) {
    assert_null(slh_runtime_type(runtime, first + i));
    types[i] = i % 2 ? helper_node_type(runtime) : helper_array_type(runtime, SLH_REF);
    assert_int_equal(types[i]->index, first + i);
    assert_ptr_equal(slh_runtime_type(runtime, first + i), types[i]);
    assert_ptr_equal(slh_runtime_type(runtime, first), types[0]);
    assert_ptr_equal(slh_runtime_type(runtime, first + i / 2), types[i / 2]);
  }
  for (uint32_t i = 0; i < COUNT; i++)
    assert_ptr_equal(slh_runtime_type(runtime, first + i), types[i]);
  assert_null(slh_runtime_type(runtime, first + COUNT));
  assert_null(slh_runtime_type(runtime, UINT32_MAX));
}

/* ---- subtypes ---- */

static void subtypes_are_told_in_constant_time(void **state)
{
  enum {
    DEPTH = 40
  };
  const slh_field fields[DEPTH] = {{NULL, SLH_I32, 0}};
  const slh_type *chain[DEPTH], *other = helper_node_type(*state);

  for (size_t i = 0; i < DEPTH; i++) {
    chain[i] = accept(*state, i ? chain[i - 1] : NULL, fields, i);
    assert_int_equal(chain[i]->depth, i);
    for (size_t j = 0; j <= i; j++) {
      assert_ptr_equal(chain[i]->display[j], chain[j]);
      assert_true(slh_type_is(chain[i], chain[j]));
      assert_int_equal(slh_type_is(chain[j], chain[i]), i == j);
    }
    assert_false(slh_type_is(chain[i], other));
    assert_false(slh_type_is(other, chain[i]));
  }
}

/* ---- unregistering ---- */

static void expect_unregister(slh_runtime *runtime, const slh_type *type, slh_status expected,
                              const char *word)
{
  slh_error error = {0};

  assert_int_equal(slh_type_unregister(runtime, type, NULL), expected);
  assert_int_equal(slh_type_unregister(runtime, type, &error), expected);
  if (!strstr(error.message, word))
    fail_msg("no \"%s\" in: %s", word, error.message);
}

static void index_of_an_unregistered_type_is_given_again(void **state)
{
  slh_runtime *runtime = *state;
  const slh_type *types[100];

  for (int i = 0; i < 100; i++)
    types[i] = helper_node_type(runtime);
  for (int round = 0; round < 200; round++) {
    int i = round * 37 % 100;
    uint32_t index = types[i]->index;

    assert_int_equal(slh_type_unregister(runtime, types[i], NULL), SLH_OK);
    assert_null(slh_runtime_type(runtime, index));
    types[i] = helper_array_type(runtime, SLH_REF);
    assert_int_equal(types[i]->index, index);
    assert_ptr_equal(slh_runtime_type(runtime, index), types[i]);
    for (int j = 0; j < 100; j++)
      assert_ptr_equal(slh_runtime_type(runtime, types[j]->index), types[j]);
  }
}

static void types_in_use_stay_registered(void **state)
{
  slh_runtime *runtime = *state, *other = helper_runtime(NULL);
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  const slh_type *node = helper_node_type(runtime);
  const slh_type *sub = accept(runtime, node, node->fields, 3);
  slh_heap *heap = helper_acquire(pool, runtime);

  expect_unregister(runtime, sub, SLH_E_BUSY, "heap");
  slh_heap_release(heap);
  expect_unregister(runtime, node, SLH_E_INVALID, "supertype");
  expect_unregister(other, sub, SLH_E_INVALID, "not a type");
  expect_unregister(runtime, slh_externref_type(runtime), SLH_E_INVALID, "not a type");
  assert_ptr_equal(slh_runtime_type(runtime, sub->index), sub);
  assert_int_equal(slh_type_unregister(runtime, sub, NULL), SLH_OK);
  assert_int_equal(slh_type_unregister(runtime, node, NULL), SLH_OK);
  slh_runtime_free(other);
  slh_pool_free(pool);
}

/* ---- threads ---- */

enum {
  THREADS = 4,
  EACH = 500
};

struct registrar {
  slh_runtime *runtime;
  uint32_t number;
  const slh_type *types[EACH];
};

/* Registers structs of `number` fields, and looks at those of the others. */
static void *register_types(void *argument)
{
  struct registrar *registrar = argument;
  const slh_field fields[THREADS] = {{NULL, SLH_I64, 0}, {NULL, SLH_I64, 0}};

  for (uint32_t i = 0; i < EACH; i++) {
    const slh_type **type = &registrar->types[i];
    const slh_type *other;

    REQUIRE_EQUAL(slh_struct_type_new(registrar->runtime, "shared", NULL, fields, registrar->number,
                                      type, NULL),
                  SLH_OK);
    REQUIRE_EQUAL((*type)->size, 8 + 8 * registrar->number);
    for (uint32_t j = 1; (other = slh_runtime_type(registrar->runtime, j)) != NULL; j += 1 + j / 8)
      REQUIRE_EQUAL(other->index, j);
  }
  return NULL;
}

static void threads_register_at_the_same_time(void **state)
{
  static struct registrar registrars[THREADS];
  pthread_t threads[THREADS];
  uint32_t first = helper_node_type(*state)->index;

  for (uint32_t i = 0; i < THREADS; i++) {
    registrars[i].runtime = *state;
    registrars[i].number = i;
    assert_int_equal(pthread_create(&threads[i], NULL, register_types, &registrars[i]), 0);
  }
  for (uint32_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (uint32_t i = 0; i < THREADS; i++) {
    for (uint32_t j = 0; j < EACH; j++)
      assert_ptr_equal(slh_runtime_type(*state, registrars[i].types[j]->index),
                       registrars[i].types[j]);
  }
  assert_int_equal(helper_node_type(*state)->index, first + THREADS * EACH + 1);
}

/* ---- runtimes and statuses ---- */

static void runtime_options_are_checked(void **state)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_allocator allocator = {NULL, NULL, NULL};
  slh_runtime *runtime = NULL;
  slh_error error = {0};

  options.collector = (slh_collector)9;
  assert_int_equal(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "collector is 9"));
  options.collector = SLH_COLLECTOR_NULL;
  options.allocator = &allocator;
  assert_int_equal(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "resize"));
  options.struct_size = 3;
  assert_int_equal(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "struct_size"));
  assert_null(runtime);
  slh_runtime_free(NULL);
}

static void statuses_keep_their_names_and_values(void **state)
{
  const char *names[] = {"SLH_OK",           "SLH_E_INVALID", "SLH_E_NOMEM",   "SLH_E_LIMIT",
                         "SLH_E_FULL",       "SLH_E_BUSY",    "SLH_E_COLLECT", "SLH_E_TOO_LARGE",
                         "SLH_E_CORRUPT",    "SLH_E_BOUNDS",  "SLH_E_TYPE",    "SLH_E_SYSTEM",
                         "SLH_E_UNSUPPORTED"};

  for (int i = 0; i <= SLH_E_UNSUPPORTED; i++) {
    assert_string_equal(slh_status_name((slh_status)i), names[i]);
    assert_true(strlen(slh_status_text((slh_status)i)) > 3);
  }
  assert_string_equal(slh_status_name((slh_status)1000), "SLH_E_?");
  assert_string_equal(slh_status_name((slh_status)-1), "SLH_E_?");
  assert_non_null(slh_status_text((slh_status)1000));
}

static void version_is_that_of_the_header(void **state)
{
  char expected[32];

  snprintf(expected, sizeof expected, "%d.%d.%d", SLH_VERSION_MAJOR, SLH_VERSION_MINOR,
           SLH_VERSION_PATCH);
  assert_string_equal(slh_version(), expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(type_describes_itself),
      TEST(names_are_copied),
      TEST(type_without_a_name_has_one),
      TEST(equal_registrations_are_two_types),
      TEST(unknown_storage_is_refused),
      TEST(supertype_must_be_a_prefix),
      TEST(supertype_must_be_a_struct_of_the_runtime),
      TEST(largest_struct_is_taken_and_a_larger_one_is_not),
      TEST(refusal_takes_no_index),
      TEST(types_are_found_by_index_while_the_table_grows),
      TEST(subtypes_are_told_in_constant_time),
      TEST(index_of_an_unregistered_type_is_given_again),
      TEST(types_in_use_stay_registered),
      TEST(threads_register_at_the_same_time),
      cmocka_unit_test(runtime_options_are_checked),
      cmocka_unit_test(statuses_keep_their_names_and_values),
      cmocka_unit_test(version_is_that_of_the_header),
  };

  return helper_run(tests, NULL, NULL);
}
