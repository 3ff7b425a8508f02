/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Acquire and release: which slot is taken, refusals, misuse, guards. */
#include "tests/helper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/heap.h"
#include "pool/magazine.h"

#define SLOTS_MOST 24

struct fixture {
  slh_runtime *runtime;
  const slh_type *node;
};

static int open_fixture(void **state)
{
  static struct fixture fixture;

  fixture.runtime = helper_runtime(NULL);
  fixture.node = helper_node_type(fixture.runtime);
  *state = &fixture;
  return 0;
}

static int close_fixture(void **state)
{
  struct fixture *fixture = *state;

  slh_runtime_free(fixture->runtime);
  return 0;
}

static slh_pool *small_pool(uint64_t slots)
{
  slh_pool_options options = helper_pool_options(slots);

  return helper_pool(&options);
}

static slh_status try_acquire(slh_pool *pool, slh_runtime *runtime, slh_heap **out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = runtime;
  return slh_heap_acquire(pool, &options, out);
}

static void write_something(const struct fixture *fixture, slh_heap *heap)
{
  slh_ref ref;

  assert_int_equal(slh_new_struct(heap, fixture->node, &ref), SLH_OK);
  slh_set_i32(heap, ref, HELPER_VALUE, -1);
}

/* ---- against a model ---- */

struct model {
  slh_pool *pool;
  slh_pool_stats stats;   /* as they must be */
  char *free[SLOTS_MOST]; /* bases of free slots, last released on top */
  size_t free_count;
  size_t sure;      /* of these, those on top that must come back in this order */
  size_t sure_most; /* what a thread keeps for itself at least */
  slh_heap *taken[SLOTS_MOST];
};

static void check_stats(const struct model *model)
{
  slh_pool_stats stats;

  slh_pool_get_stats(model->pool, &stats);
  assert_int_equal(stats.slots, model->stats.slots);
  assert_int_equal(stats.slots_in_use, model->stats.slots_in_use);
  assert_int_equal(stats.slots_touched, model->stats.slots_touched);
  assert_int_equal(stats.acquires, model->stats.acquires);
  assert_int_equal(stats.warm_acquires, model->stats.warm_acquires);
  assert_int_equal(stats.full_refusals, model->stats.full_refusals);
  assert_int_equal(stats.accessible_bytes, 65536 * model->stats.slots_touched);
  assert_int_equal(stats.decommitted_bytes, 0);
  assert_int_equal(stats.decommit_failures, 0);
  assert_int_equal(stats.evacuation_in_use, 0);
}

/* A fresh slot's base is no other's, and one stride away from a neighbour. */
static void check_fresh(const struct model *model, const char *base)
{
  uint64_t number = (uint64_t)(base + SLH_WIDE_FIRST - model->pool->heaps[0].memory -
                               model->pool->plan.lead_guard_bytes) /
                    model->pool->plan.slot_stride_bytes;

  assert_int_equal(number, model->stats.slots_touched);
  for (size_t i = 0; i < model->stats.slots_in_use; i++)
    assert_ptr_not_equal(slh_heap_get_data(model->taken[i])->base, base);
}

/* A free slot: the last released, if this thread still must have it. */
static void check_free(struct model *model, const char *base)
{
  size_t i = model->free_count - 1;

  if (model->sure > 0) {
    assert_ptr_equal(base, model->free[i]);
    model->sure--;
  }
  while (model->free[i] != base)
    assert_true(i-- > 0);
  model->free_count--;
  for (; i < model->free_count; i++)
    model->free[i] = model->free[i + 1];
}

static void model_acquire(struct model *model, const struct fixture *fixture)
{
  slh_heap *heap = NULL;
  char *base;

  if (model->stats.slots_in_use == model->stats.slots) {
    assert_int_equal(try_acquire(model->pool, fixture->runtime, &heap), SLH_E_FULL);
    assert_null(heap);
    model->stats.full_refusals++;
    return;
  }
  heap = helper_acquire(model->pool, fixture->runtime);
  base = slh_heap_get_data(heap)->base;
  model->stats.acquires++;
  if (model->free_count > 0) {
    check_free(model, base);
    model->stats.warm_acquires++;
  } else {
    check_fresh(model, base);
    model->stats.slots_touched++;
  }
  write_something(fixture, heap);
  model->taken[model->stats.slots_in_use++] = heap;
}

static void model_release(struct model *model, uint64_t *random)
{
  size_t i;

  if (model->stats.slots_in_use == 0)
    return;
  i = helper_below(random, model->stats.slots_in_use);
  model->free[model->free_count++] = slh_heap_get_data(model->taken[i])->base;
  if (model->sure < model->sure_most)
    model->sure++;
  slh_heap_release(model->taken[i]);
  model->taken[i] = model->taken[--model->stats.slots_in_use];
}

static void run_model(const struct fixture *fixture, uint64_t slots, uint64_t *random)
{
  struct model model = {0};
  uint64_t bias = 2; /* one in so many operations is a release */

  model.pool = small_pool(slots);
  model.stats.slots = slots;
  model.sure_most = slots <= SLHI_MAGAZINE_SLOTS ? slots : SLHI_MAGAZINE_SLOTS / 2;
  for (uint64_t i = helper_rounds(3000); i-- > 0;) {
    if (helper_one_in(random, 100))
      bias = 1 + helper_below(random, 4);
    if (helper_one_in(random, bias))
      model_release(&model, random);
    else
      model_acquire(&model, fixture);
    check_stats(&model);
  }
  while (model.stats.slots_in_use > 0)
    model_release(&model, random);
  check_stats(&model);
  slh_pool_free(model.pool);
}

static void test_model(void **state)
{
  uint64_t random = helper_seed();

  run_model(*state, 1, &random);
  run_model(*state, 2, &random);
  for (int i = 0; i < 20; i++)
    run_model(*state, 1 + helper_below(&random, SLOTS_MOST), &random);
}

/* ---- acquire ---- */

/* All of N slots can be taken, in every round, whatever was released how. */
static void test_n_slots_serve_n_stores(void **state)
{
  struct fixture *fixture = *state;
  uint64_t random = helper_seed();
  slh_pool *pool = small_pool(SLOTS_MOST);
  slh_heap *heaps[SLOTS_MOST], *more = NULL;

  for (uint64_t round = helper_rounds(500); round-- > 0;) {
    for (size_t i = 0; i < SLOTS_MOST; i++)
      heaps[i] = helper_acquire(pool, fixture->runtime);
    assert_int_equal(try_acquire(pool, fixture->runtime, &more), SLH_E_FULL);
    for (size_t left = SLOTS_MOST; left > 0; left--) {
      size_t i = helper_below(&random, left);

      slh_heap_release(heaps[i]);
      heaps[i] = heaps[left - 1];
    }
  }
  assert_null(more);
  slh_pool_free(pool);
}

/* A refused acquire takes no slot and gives no heap. */
static void test_bad_options_take_no_slot(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = small_pool(1);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;
  slh_pool_stats stats;

  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_E_INVALID);
  options.runtime = fixture->runtime;
  options.struct_size--;
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_E_INVALID);
  assert_null(heap);
  slh_pool_get_stats(pool, &stats);
  assert_int_equal(stats.acquires, 0);
  slh_heap_release(helper_acquire(pool, fixture->runtime));
  slh_pool_free(pool);
}

/* Nothing of a store's options or figures is left to the next. */
static void test_next_store_starts_anew(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = small_pool(1);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap_stats first, second;
  slh_heap *heap;
  int host;

  heap = helper_acquire(pool, fixture->runtime);
  slh_heap_get_stats(heap, &first);
  slh_heap_release(heap);
  options.runtime = fixture->runtime;
  options.max_bytes = 64;
  options.initial_bytes = 32;
  options.host = &host;
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_OK);
  assert_ptr_equal(slh_heap_host(heap), &host);
  write_something(fixture, heap);
  assert_int_equal(slh_heap_collect(heap, NULL), SLH_OK);
  slh_heap_release(heap);
  heap = helper_acquire(pool, fixture->runtime);
  slh_heap_get_stats(heap, &second);
  /* Memory stays with the slot, without a cost to the next store. */
  assert_int_equal(second.max_host - second.host_bytes, first.max_host - first.host_bytes);
  first.accessible = second.accessible;
  first.host_bytes = second.host_bytes;
  first.max_host = second.max_host;
  assert_memory_equal(&first, &second, sizeof first);
  assert_null(slh_heap_host(heap));
  assert_ptr_equal(slh_heap_pool(heap), pool);
  assert_ptr_equal(slh_heap_runtime(heap), fixture->runtime);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

static void test_null_is_ignored(void **state)
{
  (void)state;
  slh_heap_release(NULL);
  slh_pool_free(NULL);
}

/* ---- misuse ---- */

static void release_twice(void *heap)
{
  slh_heap_release(heap);
  slh_heap_release(heap);
}

static void reset_released(void *heap)
{
  slh_heap_release(heap);
  slh_heap_reset(heap);
}

static void free_pool(void *pool)
{
  slh_pool_free(pool);
}

static void test_misuse_stops(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = small_pool(2);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);

  write_something(fixture, heap);
  helper_expect_stop(release_twice, heap, "slotheap: slh_heap_release: ");
  helper_expect_stop(reset_released, heap, "slotheap: slh_heap_reset: ");
  helper_expect_stop(free_pool, pool, "slotheap: slh_pool_free: 1 heap");
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- guards ---- */

/* Asks the kernel, which answers without a fault. */
static bool readable(const char *address)
{
  static int ends[2];
  char byte;

  if (ends[1] == 0)
    assert_int_equal(pipe(ends), 0);
  if (syscall(SYS_write, ends[1], address, 1) == 1)
    return read(ends[0], &byte, 1) == 1;
  assert_int_equal(errno, EFAULT);
  return false;
}

/* Outside [start, start + accessible) there is nothing for any reference and
 * offset to reach, in each of three slots side by side. */
static void test_guards(void **state)
{
  struct fixture *fixture = *state;
  uint64_t random = helper_seed();
  slh_pool *pool = small_pool(3);
  slh_heap *heaps[3];

  for (int i = 0; i < 3; i++) {
    heaps[i] = helper_acquire(pool, fixture->runtime);
    write_something(fixture, heaps[i]);
  }
  for (int i = 0; i < 3; i++) {
    const char *base = slh_heap_get_data(heaps[i])->base;
    uint64_t guard = pool->plan.guard_bytes;

    assert_false(readable(base));
    assert_false(readable(base + SLH_WIDE_FIRST - 1));
    assert_true(readable(base + SLH_WIDE_FIRST));
    assert_true(readable(base + SLH_WIDE_FIRST + 65535));
    assert_false(readable(base + SLH_WIDE_FIRST + 65536));
    assert_false(readable(base + UINT32_MAX));
    assert_false(readable(base + UINT32_MAX + guard - 1 + 15));
    for (uint64_t n = helper_rounds(20000); n-- > 0;) {
      uint64_t at = (uint32_t)helper_random(&random) + helper_below(&random, guard);

      assert_int_equal(readable(base + at), at >= SLH_WIDE_FIRST && at < SLH_WIDE_FIRST + 65536);
    }
  }
  for (int i = 0; i < 3; i++)
    slh_heap_release(heaps[i]);
  slh_pool_free(pool);
}

/* ---- mappings ---- */

/* Mappings of this process inside of a slab. */
static uint64_t count_mappings(const struct slab *slab)
{
  FILE *file = fopen("/proc/self/maps", "re");
  uint64_t count = 0, from, to;
  char line[1024];

  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to), 2);
    count += from < (uintptr_t)slab->memory + slab->bytes && to > (uintptr_t)slab->memory;
  }
  fclose(file);
  return count;
}

/* A pool of which everything was used takes no more than its plan says: in
 * the slabs, and one each for their records and the pool's own. */
static void test_planned_mappings_suffice(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = small_pool(SLOTS_MOST);
  slh_heap *heaps[SLOTS_MOST];
  uint64_t used, planned;

  for (int i = 0; i < SLOTS_MOST; i++) {
    heaps[i] = helper_acquire(pool, fixture->runtime);
    write_something(fixture, heaps[i]);
  }
  for (int i = 0; i < 2; i++)
    assert_int_equal(slhi_pool_lend_space(slhi_heap_slot(heaps[i]), 1), SLH_OK);
  used = count_mappings(&pool->heaps[0]) + count_mappings(&pool->spaces);
  planned = pool->plan.mappings - 3;
  for (int i = 0; i < 2; i++)
    slhi_pool_return_space(slhi_heap_slot(heaps[i]), 1);
  for (int i = 0; i < SLOTS_MOST; i++)
    slh_heap_release(heaps[i]);
  slh_pool_free(pool);
  assert_in_range(used, 2 * SLOTS_MOST, planned);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_model),
      cmocka_unit_test(test_n_slots_serve_n_stores),
      cmocka_unit_test(test_bad_options_take_no_slot),
      cmocka_unit_test(test_next_store_starts_anew),
      cmocka_unit_test(test_null_is_ignored),
      cmocka_unit_test(test_misuse_stops),
      cmocka_unit_test(test_guards),
      cmocka_unit_test(test_planned_mappings_suffice),
  };

  return helper_run(tests, open_fixture, close_fixture);
}
