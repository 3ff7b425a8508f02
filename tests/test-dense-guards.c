/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Guards at the end of dense slots: what runs beyond a heap traps, by either
 * way that the system has. */
/* [promise contained] */
#include "tests/faults.h"
#include "tests/pooled.h"
#include "tests/traps.h"

#include <errno.h>
#include <slotheap/dense.h>

#include "pool/os.h"
#include "pool/pool.h"

#define WIDTH (64 * POOLED_KIB)
#define SLOTS 3

static slh_pool *guarded_pool(void)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.kind = SLH_POOL_DENSE;
  options.slot_bytes = WIDTH;
  options.max_heap_bytes = 4 * WIDTH;
  options.guard_bytes = 1;
  return helper_pool(&options);
}

static slh_heap *heap_with_node(slh_pool *pool, slh_ref *node)
{
  slh_heap *heap = pooled_take(pool);

  assert_int_equal(slh_alloc_struct(heap, pooled.node, node), SLH_OK);
  return heap;
}

/* ---- accesses ---- */

struct reading {
  slh_heap *heap;
  uint32_t offset;
  volatile uint8_t value; /* or compilers leave the reading out */
};

static void read_byte(void *context)
{
  struct reading *reading = context;

  reading->value = slh_dense_get_u8(reading->heap, SLH_NULL, reading->offset);
}

static void write_byte(void *context)
{
  const struct reading *reading = context;

  slh_dense_set_u8(reading->heap, SLH_NULL, reading->offset, 0);
}

static void expect(slh_heap *heap, uint64_t offset, bool trapped)
{
  slh_protected_fn *const calls[] = {read_byte, write_byte};

  for (int i = 0; i < 2; i++) {
    struct reading reading = {heap, (uint32_t)offset, 0};
    slh_trap trap = {0};
    slh_status status = slh_heap_protect(heap, calls[i], &reading, &trap);

    assert_status(status, trapped ? SLH_E_TRAP : SLH_OK);
    if (!trapped)
      continue;
    offset &= slh_heap_get_data(heap)->mask;
    assert_ptr_equal(trap.heap, heap);
    assert_int_equal(trap.offset, offset);
    assert_ptr_equal(trap.address, slh_heap_get_data(heap)->base + offset);
  }
}

/* All that the mask lets through is the slot, whose end traps. */
static void check_guard(slh_heap *heap)
{
  uint64_t width = (uint64_t)slh_heap_get_data(heap)->mask + 1;
  uint64_t guard = pooled_page();

  expect(heap, 0, false);
  expect(heap, width - guard - 1, false);
  expect(heap, width - guard, true);
  expect(heap, width - 1, true);
  expect(heap, width, false);
  expect(heap, 7 * width - 1, true);
  expect(heap, UINT32_MAX, true);
}

static void use_guards(void)
{
  slh_pool *pool = guarded_pool();
  slh_heap *heaps[SLOTS];
  slh_ref node;

  traps_enable();
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < SLOTS; i++)
      heaps[i] = heap_with_node(pool, &node);
    for (int i = 0; i < SLOTS; i++)
      check_guard(heaps[i]);
    /* They stay when pages go. */
    pooled_release(heaps, SLOTS);
    slh_pool_trim(pool);
  }
  for (uint64_t width = WIDTH; width <= 4 * WIDTH; width *= 2) {
    heaps[0] = heap_with_node(pool, &node);
    assert_ok(slh_heap_grow(heaps[0], width - 2 * pooled_page()));
    assert_int_equal(slh_heap_get_data(heaps[0])->mask, width - 1);
    check_guard(heaps[0]);
    slh_heap_release(heaps[0]);
  }
  assert_true(pooled_stats(pool).traps > 0);
  slh_pool_free(pool);
}

static void test_light_guards(void **state)
{
  uint64_t protects = faults_calls(OS_MPROTECT);

  (void)state;
  if (!slhi_os_has(SLHI_OS_GUARD))
    skip();
  use_guards();
  assert_int_equal(faults_calls(OS_MPROTECT), protects);
}

/* A system without light guards: mappings do it. */
static void test_heavy_guards(void **state)
{
  slh_pool *pool;
  slh_heap *heap;
  slh_ref node;

  (void)state;
  if (!faults_reach_decommit())
    skip();
  pool = guarded_pool();
  traps_enable();
  faults_fail(OS_MADVISE, 0, UINT64_MAX, EINVAL);
  heap = heap_with_node(pool, &node);
  assert_true(faults_end() > 0);
  check_guard(heap);
  faults_fail(OS_MADVISE, 0, UINT64_MAX, EINVAL);
  assert_ok(slh_heap_grow(heap, 2 * WIDTH));
  assert_true(faults_end() > 0);
  check_guard(heap);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* No guard, no heap: it is refused, not unsafe. */
static void test_no_guards(void **state)
{
  slh_pool *pool = guarded_pool();
  slh_heap *heap = pooled_take(pool);
  slh_ref node = SLH_NULL;

  (void)state;
  traps_enable();
  faults_fail(OS_MADVISE | OS_MPROTECT, 0, UINT64_MAX, ENOMEM);
  assert_status(slh_alloc_struct(heap, pooled.node, &node), SLH_E_NOMEM);
  assert_status(slh_heap_grow(heap, 64), SLH_E_NOMEM);
  assert_true(faults_end() > 0);
  assert_ok(slh_alloc_struct(heap, pooled.node, &node));
  check_guard(heap);
  faults_fail(OS_MADVISE | OS_MPROTECT, 0, UINT64_MAX, ENOMEM);
  assert_status(slh_heap_grow(heap, 2 * WIDTH), SLH_E_NOMEM);
  assert_true(faults_end() > 0);
  for (uint64_t size = 1; size < pool->plan.sizes; size++)
    assert_int_equal(slhi_slab_in_state(&pool->heaps[size], SLOT_TAKEN), 0);
  slh_dense_set_i32(heap, node, HELPER_VALUE, 7);
  assert_ok(slh_heap_grow(heap, 2 * WIDTH));
  assert_int_equal(slh_dense_get_i32(heap, node, HELPER_VALUE), 7);
  check_guard(heap);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_light_guards, traps_disable),
      cmocka_unit_test_teardown(test_heavy_guards, traps_disable),
      cmocka_unit_test_teardown(test_no_guards, traps_disable),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
