/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The store: opening, allocating, collecting and verifying. */
#include "tests/store.h"

#include <stdlib.h>

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct store *store = host;

  assert_ptr_equal(heap, store->heap);
  (void)slh_roots_add(roots, store->on_stack ? SLH_ROOT_STACK : SLH_ROOT_OTHER, store->roots,
                      STORE_ROOTS, "store");
}

struct store *store_open(const struct store_options *options)
{
  static const struct store_options defaults = {SLH_COLLECTOR_COPYING, NULL, 0, 0};
  struct store *store = calloc(1, sizeof *store);
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool = helper_pool_options(4);
  slh_heap_options heap = SLH_HEAP_OPTIONS_INIT;

  assert_non_null(store);
  options = options ? options : &defaults;
  runtime.collector = options->collector;
  runtime.allocator = options->allocator;
  store->runtime = helper_runtime(&runtime);
  store->pool = helper_pool(&pool);
  store->node = helper_node_type(store->runtime);
  store->refs = helper_array_type(store->runtime, SLH_REF);
  store->bytes = helper_array_type(store->runtime, SLH_I8);
  heap.runtime = store->runtime;
  heap.max_bytes = options->max_bytes;
  heap.initial_bytes = options->initial_bytes;
  heap.enumerate_roots = list_roots;
  heap.host = store;
  assert_ok(slh_heap_acquire(store->pool, &heap, &store->heap));
  return store;
}

void store_close(struct store *store)
{
  slh_heap_release(store->heap);
  slh_pool_free(store->pool);
  slh_runtime_free(store->runtime);
  free(store);
}

int store_setup(void **state)
{
  *state = store_open(NULL);
  return 0;
}

int store_teardown(void **state)
{
  store_close(*state);
  return 0;
}

slh_ref store_node(struct store *store, slh_ref left, slh_ref right, int32_t value)
{
  slh_ref node = SLH_NULL;
  slh_status status = slh_alloc_struct_uninit(store->heap, store->node, &node);

  if (status == SLH_E_COLLECT) {
    assert_ok(slh_heap_grow(store->heap, slh_heap_bytes_needed(store->heap)));
    status = slh_alloc_struct_uninit(store->heap, store->node, &node);
  }
  assert_ok(status);
  (void)slh_expose_ref(store->heap, left);
  (void)slh_expose_ref(store->heap, right);
  slh_init_ref(store->heap, node, HELPER_LEFT, left);
  slh_init_ref(store->heap, node, HELPER_RIGHT, right);
  slh_set_i32(store->heap, node, HELPER_VALUE, value);
  return node;
}

slh_ref store_array(struct store *store, const slh_type *type, uint32_t length)
{
  slh_ref array = SLH_NULL;
  slh_status status = slh_alloc_array(store->heap, type, length, &array);

  if (status == SLH_E_COLLECT) {
    assert_ok(slh_heap_grow(store->heap, slh_heap_bytes_needed(store->heap)));
    status = slh_alloc_array(store->heap, type, length, &array);
  }
  assert_ok(status);
  return array;
}

void store_verify(struct store *store)
{
  slh_roots *roots = NULL;
  slh_error error = {0};
  slh_status status;

  assert_ok(slh_roots_new(store->runtime, &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, store->roots, STORE_ROOTS, "store"));
  status = slh_heap_verify(store->heap, roots, &error);
  slh_roots_free(roots);
  if (status != SLH_OK)
    fail_msg("%s: %s", slh_status_name(status), error.message);
}

void store_collect(struct store *store)
{
  assert_ok(slh_heap_collect(store->heap, NULL));
  store_verify(store);
}

uint64_t store_collect_in_steps(struct store *store, uint64_t budget)
{
  bool complete = false;
  uint64_t steps = 0;

  assert_ok(slh_collection_begin(store->heap, NULL));
  for (; !complete; steps++)
    assert_ok(slh_collection_step(store->heap, budget, &complete));
  store_verify(store);
  return steps;
}

slh_heap_stats store_stats(const struct store *store)
{
  slh_heap_stats stats;

  slh_heap_get_stats(store->heap, &stats);
  return stats;
}

static bool count_object(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  (void)object;
  (void)type;
  (void)size;
  ++*(uint64_t *)context;
  return true;
}

uint64_t store_count(struct store *store)
{
  uint64_t count = 0;

  assert_ok(slh_heap_walk(store->heap, count_object, &count));
  return count;
}

uint32_t *store_word(struct store *store, uint64_t offset)
{
  return (uint32_t *)(void *)(slh_heap_get_data(store->heap)->base + offset);
}
