/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * doc/contract.md: calls that take a const slh_heap may run on several threads
 * at a time while nobody writes. For the thread sanitizer, too.
 */
#include "tests/store.h"

#include <pthread.h>

static void *read_all(void *context)
{
  struct store *store = context;
  const slh_heap *heap = store->heap;
  slh_ref at = store->roots[0];
  uint64_t size, end;
  slh_object_view view;
  const slh_type *type;
  slh_value value;
  uint32_t length;
  const void *function;
  void *memory;

  for (; !slh_is_null(at); at = slh_get_ref(heap, at, HELPER_LEFT)) {
    REQUIRE(slh_object_type(heap, at, &type) == SLH_OK && type == store->node);
    REQUIRE(slh_object_size(heap, at, &size) == SLH_OK && size == 16);
    REQUIRE(slh_object_range(heap, at, &size, &end) == SLH_OK && end == size + 16);
    REQUIRE(slh_object_data(heap, at, &view) == SLH_OK && view.length == 16);
    REQUIRE(slh_heap_index(heap, at.bits, 16, &memory) == SLH_OK && memory == view.bytes);
    REQUIRE(slh_struct_get(heap, at, 0, &value) == SLH_OK);
    REQUIRE(slh_ref_is(heap, at, SLH_STRUCT, false) && slh_object_is(heap, at, store->node));
    REQUIRE(slh_array_len(heap, store->roots[1], &length) == SLH_OK && length == 3);
    REQUIRE(slh_array_get(heap, store->roots[1], 2, &value) == SLH_OK);
    REQUIRE(slh_externref_data(heap, store->roots[2], &memory) == SLH_OK && memory == store);
    REQUIRE(slh_object_data_pair(heap, at, store->roots[1], &view, &view) == SLH_OK);
  }
  REQUIRE(slh_funcref_function(heap, 1, &function) == SLH_OK && function == store);
  slh_heap_slice(heap, &memory, &size);
  REQUIRE(slh_heap_verify(heap, NULL, NULL) == SLH_OK);
  return NULL;
}

static void const_calls_run_concurrently(void **state)
{
  struct store *store = *state;
  pthread_t threads[4];
  uint32_t number = 0;

  for (int i = 0; i < 2000; i++)
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
  store->roots[1] = store_array(store, store->refs, 3);
  assert_ok(slh_alloc_externref(store->heap, store, NULL, &store->roots[2]));
  assert_ok(slh_funcref_intern(store->heap, store, &number));
  assert_int_equal(number, 1);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_all, store), 0);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(const_calls_run_concurrently),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
