/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Opening generational stores, and old objects in them. */
#include "tests/generational.h"

struct store *generational_open(uint32_t zeal)
{
  struct store_options options = {SLH_COLLECTOR_GENERATIONAL, NULL, 0, 0};
  uint32_t configured = helper_zeal;
  struct store *store;

  helper_zeal = zeal;
  store = store_open(&options);
  helper_zeal = configured;
  return store;
}

struct store *generational_open_checked(void)
{
  return generational_open(SLH_ZEAL_MAX);
}

void generational_collect_young(struct store *store)
{
  uint64_t before = store_stats(store).young_collections;

  assert_ok(slh_heap_collect_young(store->heap, NULL));
  assert_int_equal(store_stats(store).young_collections, before + 1);
  assert_int_equal(store_stats(store).remembered, 0);
  store_verify(store);
}

slh_ref generational_make_old(struct store *store)
{
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store_collect(store);
  return store->roots[0];
}

slh_ref generational_make_old_array(struct store *store, uint32_t length)
{
  store->roots[0] = store_array(store, store->refs, length);
  store_collect(store);
  return store->roots[0];
}

int32_t generational_value(struct store *store, slh_ref node)
{
  const slh_type *type = NULL;

  assert_ok(slh_object_type(store->heap, node, &type));
  assert_ptr_equal(type, store->node);
  return slh_get_i32(store->heap, node, HELPER_VALUE);
}
