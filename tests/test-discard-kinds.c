/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_heap_discard with pools of other kinds, and misused. */
/* [promise as-new] */
#include "tests/pooled.h"
#include "tests/store.h"

#include "pool/pool.h"

#define SLOTS 3

/* A heap that was moved to a larger slot, and one with a pool of its own. */
static void test_other_kinds_of_pools(void **state)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_pool_options dense = helper_pool_options(SLOTS);
  slh_heap *heap;
  slh_pool *pool;

  (void)state;
  options.runtime = pooled.runtime;
  dense.kind = SLH_POOL_DENSE;
  dense.slot_bytes = 512;
  dense.max_heap_bytes = 64 * POOLED_KIB;
  pool = helper_pool(&dense);
  heap = pooled_take(pool);
  pooled_dirty(heap, 8192);
  assert_ok(slh_collection_begin(heap, NULL));
  slh_heap_discard(heap);
  assert_int_equal(slhi_slab_in_state(&pool->heaps[5], SLOT_TAKEN), 0);
  slh_pool_free(pool);
  assert_ok(slh_heap_new(NULL, &options, &heap, NULL));
  pooled_dirty(heap, 8192);
  assert_ok(slh_collection_begin(heap, NULL));
  slh_heap_discard(heap);
}

static void discard_released(void *heap)
{
  slh_heap_release(heap);
  slh_heap_discard(heap);
}

static void test_misuse(void **state)
{
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = pooled_take(pool);

  (void)state;
  helper_expect_stop(discard_released, heap, "slh_heap_discard: the heap is not acquired");
  slh_heap_discard(NULL);
  slh_heap_discard(heap);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_other_kinds_of_pools),
      cmocka_unit_test(test_misuse),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
