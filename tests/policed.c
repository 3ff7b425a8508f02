/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Opening the store. */
#include "tests/policed.h"

#include <stdlib.h>

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct store *store = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, store->roots, STORE_ROOTS, "store");
}

struct store *policed_open(const struct store_options *options, const slh_policy *policy,
                           slh_grow_fn *grow)
{
  struct store *store = calloc(1, sizeof *store);
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool = helper_pool_options(1);
  slh_heap_options heap = SLH_HEAP_OPTIONS_INIT;

  assert_non_null(store);
  runtime.collector = options->collector;
  runtime.zeal = SLH_ZEAL_NEVER;
  runtime.policy = policy;
  assert_ok(slh_runtime_new(&runtime, &store->runtime, NULL));
  store->pool = helper_pool(&pool);
  store->node = helper_node_type(store->runtime);
  store->refs = helper_array_type(store->runtime, SLH_REF);
  store->bytes = helper_array_type(store->runtime, SLH_I8);
  heap.runtime = store->runtime;
  heap.max_bytes = options->max_bytes;
  heap.initial_bytes = options->initial_bytes;
  heap.enumerate_roots = list_roots;
  heap.grow = grow;
  heap.host = store;
  assert_ok(slh_heap_acquire(store->pool, &heap, &store->heap));
  return store;
}
