/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * doc/contract.md: GcRuntime, scopes and identity, barriers, compiled code and
 * reuse. Tests are named after Wasmtime's methods.
 */
#include "tests/faults.h"
#include "tests/store.h"

#include <errno.h>

#define KIB UINT64_C(1024)

/* ---- GcRuntime ---- */

struct layouts {
  slh_runtime *runtime;
  const slh_type *base, *derived, *array, *exn;
};

static struct layouts make_layouts(slh_collector collector)
{
  const slh_field fields[] = {
      {"byte", SLH_I8, 0}, {"wide", SLH_V128, 0}, {"ref", SLH_REF, 0}, {"half", SLH_I16, 0}};
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  struct layouts l;

  options.collector = collector;
  l.runtime = helper_runtime(&options);
  assert_ok(slh_struct_type_new(l.runtime, "base", NULL, fields, 3, &l.base, NULL));
  assert_ok(slh_struct_type_new(l.runtime, "derived", l.base, fields, 4, &l.derived, NULL));
  assert_ok(slh_array_type_new(l.runtime, "array", SLH_I16, &l.array, NULL));
  assert_ok(slh_exn_type_new(l.runtime, "exn", fields, 1, &l.exn, NULL));
  return l;
}

static void layouts_are_the_same_for_every_collector(void **state)
{
  struct layouts copying = make_layouts(SLH_COLLECTOR_COPYING);
  struct layouts null = make_layouts(SLH_COLLECTOR_NULL);

  assert_int_equal(copying.derived->size, null.derived->size);
  assert_int_equal(copying.derived->header, null.derived->header);
  for (uint32_t i = 0; i < 4; i++)
    assert_int_equal(copying.derived->fields[i].offset, null.derived->fields[i].offset);
  assert_int_equal(copying.array->size, null.array->size);
  assert_int_equal(copying.exn->size, null.exn->size);
  slh_runtime_free(copying.runtime);
  slh_runtime_free(null.runtime);
}

static void struct_layout_is_in_declaration_order(void **state)
{
  struct layouts l = make_layouts(SLH_COLLECTOR_COPYING);

  assert_int_equal(l.base->fields[0].offset, 4);
  assert_int_equal(l.base->fields[1].offset, 8); /* v128: aligned to 8 */
  assert_int_equal(l.base->fields[2].offset, 24);
  assert_int_equal(l.base->size, 32);
  for (uint32_t i = 0; i < 3; i++)
    assert_int_equal(l.derived->fields[i].offset, l.base->fields[i].offset);
  assert_int_equal(l.derived->fields[3].offset, 28); /* in the supertype's padding */
  assert_int_equal(l.derived->size, 32);
  slh_runtime_free(l.runtime);
}

static void array_layout_and_exn_layout_are_fixed(void **state)
{
  struct layouts l = make_layouts(SLH_COLLECTOR_COPYING);

  assert_int_equal(SLH_ARRAY_LENGTH_OFFSET, 4);
  assert_int_equal(SLH_ARRAY_DATA_OFFSET, 8);
  assert_int_equal(l.array->size, 2);
  assert_int_equal(SLH_EXN_TAG_INSTANCE_OFFSET, 4);
  assert_int_equal(SLH_EXN_TAG_INDEX_OFFSET, 8);
  assert_int_equal(l.exn->fields[0].offset, SLH_EXN_TAG_INSTANCE_OFFSET);
  assert_int_equal(l.exn->fields[1].offset, SLH_EXN_TAG_INDEX_OFFSET);
  assert_int_equal(l.exn->fields[2].offset, 12);
  assert_int_equal(l.exn->size, 16);
  slh_runtime_free(l.runtime);
}

static void collector_of_an_engine_is_an_option(void **state)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_runtime *runtime = NULL;
  slh_error error = {0};

  options.collector = (slh_collector)7;
  assert_status(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "7"));
  assert_null(runtime);
}

static void zeal_is_limited(void **state)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_runtime *runtime = NULL;
  slh_error error = {0};

  (void)state;
  options.zeal = SLH_ZEAL_MAX + 1;
  assert_status(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "zeal"));
  assert_null(runtime);
  options.zeal = SLH_ZEAL_MAX;
  slh_runtime_free(helper_runtime(&options));
}

/* Fills half a heap, collects it, and ends it. */
static void use_and_release(slh_runtime *runtime, slh_heap *heap)
{
  const slh_type *node = helper_node_type(runtime);
  slh_owned owned;
  slh_ref ref = SLH_NULL;

  assert_int_equal(slh_heap_runtime(heap) == runtime, true);
  for (int i = 0; i < 1000; i++)
    assert_ok(slh_new_struct(heap, node, &ref));
  assert_ok(slh_owned_new(heap, ref, &owned));
  assert_ok(slh_heap_collect(heap, NULL));
  if (slh_heap_collector(heap) == SLH_COLLECTOR_COPYING)
    assert_int_equal(slh_heap_end(heap), slh_heap_first(heap) + 16);
  assert_ok(slh_heap_verify(heap, NULL, NULL));
  slh_heap_release(heap);
}

static void new_gc_heap_from_a_pool(void **state)
{
  slh_runtime *runtime = helper_runtime(NULL);
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);

  for (int i = 0; i < 3; i++)
    use_and_release(runtime, helper_acquire(pool, runtime));
  slh_pool_free(pool);
  slh_runtime_free(runtime);
}

static void new_gc_heap_on_demand_is_unmapped_by_its_release(void **state)
{
  slh_pool_options pool_options = helper_pool_options(500);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  pool_options.max_collections = 500;
  for (int i = 0; i < 4; i++) {
    slh_runtime_options collector = SLH_RUNTIME_OPTIONS_INIT;
    int64_t bytes = faults_mapped_bytes(), mappings = faults_mappings();
    slh_pool_stats stats;
    slh_heap *heap = NULL;

    collector.collector = i & 1 ? SLH_COLLECTOR_NULL : SLH_COLLECTOR_COPYING;
    options.runtime = helper_runtime(&collector);
    assert_ok(slh_heap_new(i & 2 ? NULL : &pool_options, &options, &heap, NULL));
    assert_true(faults_mappings() > mappings);
    slh_pool_get_stats(slh_heap_pool(heap), &stats);
    assert_int_equal(stats.slots, 1);
    assert_true(faults_mapped_bytes() - bytes < INT64_C(16) << 30); /* one slot, one space */
    use_and_release(options.runtime, heap);
    slh_runtime_free(options.runtime);
    assert_int_equal(faults_mapped_bytes(), bytes);
    assert_int_equal(faults_mappings(), mappings);
  }
}

static void new_gc_heap_on_demand_fails_whole(void **state)
{
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  int64_t bytes = faults_mapped_bytes();
  slh_heap *heap = NULL;
  slh_error error = {0};

  assert_status(slh_heap_new(NULL, &options, &heap, &error), SLH_E_INVALID); /* no runtime */
  assert_int_equal(error.status, SLH_E_INVALID);
  options.runtime = helper_runtime(NULL);
  options.struct_size = 1;
  assert_status(slh_heap_new(NULL, &options, &heap, &error), SLH_E_INVALID);
  options.struct_size = sizeof options;
  pool_options.guard_bytes = 1;
  assert_status(slh_heap_new(&pool_options, &options, &heap, &error), SLH_E_INVALID);
  for (uint64_t pass = 0;; pass++) {
    slh_status status;

    faults_fail(OS_MMAP, pass, 1, ENOMEM);
    status = slh_heap_new(NULL, &options, &heap, &error);
    if (faults_end() == 0) {
      assert_ok(status);
      break;
    }
    assert_status(status, SLH_E_NOMEM);
    assert_int_equal(faults_mapped_bytes(), bytes);
  }
  slh_heap_release(heap);
  assert_int_equal(faults_mapped_bytes(), bytes);
  slh_runtime_free(options.runtime);
}

/* ---- scopes and identity ---- */

static void as_any_is_answered_by_slh_heap_collector(void **state)
{
  for (int i = 0; i < 2; i++) {
    struct store_options options = {i ? SLH_COLLECTOR_NULL : SLH_COLLECTOR_COPYING, NULL, 0, 0};
    struct store *store = store_open(&options);

    assert_int_equal(slh_heap_collector(store->heap), options.collector);
    assert_ptr_equal(slh_heap_runtime(store->heap), store->runtime);
    assert_ptr_equal(slh_heap_pool(store->heap), store->pool);
    assert_ptr_equal(slh_heap_host(store->heap), store);
    store_close(store);
  }
}

/* Nothing is rooted: outside of a scope this would stay at one node. */
static void enter_no_gc_scope_grows_instead(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 64 * KIB, 4 * KIB};
  struct store *store = store_open(&options);
  slh_ref ref;

  slh_heap_enter_no_gc(store->heap);
  slh_heap_enter_no_gc(store->heap);
  slh_heap_leave_no_gc(store->heap);
  for (int i = 0; i < 4096; i++)
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_int_equal(store_stats(store).collections, 0);
  assert_int_equal(store_stats(store).used, 64 * KIB);
  assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_LIMIT);
  assert_status(slh_new_externref(store->heap, NULL, NULL, &ref), SLH_E_LIMIT);
  assert_status(slh_alloc_struct(store->heap, store->node, &ref), SLH_E_COLLECT);
  slh_heap_leave_no_gc(store->heap);
  assert_ok(slh_new_struct(store->heap, store->node, &ref));
  assert_int_equal(store_stats(store).collections, 1);
  store_close(store);
}

static void exit_no_gc_scope_with_the_store(void **state)
{
  struct store *store = *state;

  slh_heap_enter_no_gc(store->heap);
  slh_heap_reset(store->heap);
  store_collect(store); /* the reset ended the scope */
  slh_heap_enter_no_gc(store->heap);
  slh_heap_release(store->heap);
  store->heap = helper_acquire(store->pool, store->runtime);
  assert_ok(slh_heap_collect(store->heap, NULL));
}

static bool go_on(void *context)
{
  return true;
}

static void collect(void *heap)
{
  REQUIRE(slh_heap_collect(heap, NULL) == SLH_OK);
}

static void begin(void *heap)
{
  REQUIRE(slh_collection_begin(heap, NULL) == SLH_OK);
}

static void collect_async(void *heap)
{
  REQUIRE(slh_heap_collect_async(heap, NULL, 1, go_on, NULL) == SLH_OK);
}

static void leave(void *heap)
{
  slh_heap_leave_no_gc(heap);
}

static void enter_no_gc_scope_and_collect_stops(void **state)
{
  for (int i = 0; i < 2; i++) {
    struct store_options options = {i ? SLH_COLLECTOR_NULL : SLH_COLLECTOR_COPYING, NULL, 0, 0};
    struct store *store = store_open(&options);

    helper_expect_stop(leave, store->heap, "slh_heap_leave_no_gc");
    slh_heap_enter_no_gc(store->heap);
    helper_expect_stop(collect, store->heap, "slh_heap_collect: called within");
    helper_expect_stop(begin, store->heap, "slh_collection_begin: called within");
    helper_expect_stop(collect_async, store->heap, "slh_heap_collect_async: called within");
    slh_heap_leave_no_gc(store->heap);
    store_collect(store);
    store_close(store);
  }
}

/* ---- barriers ---- */

static void write_gc_ref_clone_gc_ref_and_drop_gc_ref(void **state)
{
  struct store *store = *state;
  slh_heap *heap = store->heap;
  const slh_ref refs[] = {SLH_NULL, slh_i31(-7), store_node(store, SLH_NULL, SLH_NULL, 1),
                          store_node(store, SLH_NULL, SLH_NULL, 2)};
  slh_ref *root = &store->roots[0];

  for (size_t i = 0; i < 4; i++) {
    for (size_t j = 0; j < 4; j++) {
      slh_ref copy;

      slh_write_ref(heap, root, refs[i]);
      slh_write_ref(heap, root, refs[j]);
      slh_write_ref(heap, root, *root); /* itself */
      assert_int_equal(root->bits, refs[j].bits);
      copy = slh_clone_ref(heap, *root);
      assert_int_equal(copy.bits, refs[j].bits);
      slh_drop_ref(heap, copy);
      assert_int_equal(root->bits, refs[j].bits);
    }
  }
  store_collect(store);
  assert_int_equal(slh_get_i32(heap, *root, HELPER_VALUE), 2);
}

static void expose_gc_ref_to_wasm_and_need_gc_before_entering_wasm(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 3);

  assert_false(slh_needs_collection_before(store->heap, 0));
  assert_false(slh_needs_collection_before(store->heap, UINT32_MAX));
  assert_int_equal(slh_expose_ref(store->heap, slh_clone_ref(store->heap, node)), node.bits);
  assert_int_equal(slh_expose_ref(store->heap, SLH_NULL), 0);
}

/* ---- compiled code and reuse ---- */

/* From max(bump, dirty) on everything accessible is zero. */
static void expect_zero_beyond(const struct store *store)
{
  const slh_heap_data *data = slh_heap_get_data(store->heap);
  uint64_t end = slh_heap_first(store->heap) + store_stats(store).accessible;
  uint64_t at = data->bump > data->dirty ? data->bump : data->dirty;

  for (; at < end; at++)
    assert_int_equal(data->base[at], 0);
}

static void vmctx_gc_heap_data_says_what_is_zero(void **state)
{
  struct store *store = *state;
  const slh_heap_data *data = slh_heap_get_data(store->heap);

  assert_ptr_equal(data, store->heap);
  for (int i = 0; i < 100; i++)
    memset(slh_address(store->heap, store_array(store, store->bytes, 1000), 8), 0xa5, 1000);
  expect_zero_beyond(store);
  store_collect(store);
  assert_int_equal(data->bump, slh_heap_first(store->heap));
  assert_int_equal(data->dirty, data->bump + UINT64_C(100) * 1008);
  expect_zero_beyond(store);
  assert_ok(slh_dealloc(store->heap, store_array(store, store->bytes, 150000)));
  assert_int_equal(data->dirty, data->bump + UINT64_C(150008));
  expect_zero_beyond(store);
}

/* What reset leaves is a heap as if nothing had been allocated. */
static void reset_keeps_mappings_and_host_allocations(void **state)
{
  struct store *store = *state;
  slh_heap_stats before, after;
  slh_owned owned;
  uint64_t calls;
  slh_ref ref;

  for (int i = 0; i < 10; i++) {
    store_array(store, store->bytes, 50000);
    assert_ok(slh_owned_new(store->heap, SLH_NULL, &owned));
    assert_ok(slh_new_externref(store->heap, store, NULL, &ref));
  }
  store_collect(store);
  before = store_stats(store);
  calls = faults_calls(OS_ALL);
  slh_heap_reset(store->heap);
  after = store_stats(store);
  assert_int_equal(faults_calls(OS_ALL), calls);
  assert_int_equal(after.accessible, before.accessible);
  assert_int_equal(after.host_bytes, before.host_bytes);
  assert_int_equal(after.used + after.allocated_total + after.dirty + after.collections, 0);
  assert_int_equal(after.externrefs + after.owned_roots, 0);
  assert_int_equal(slh_heap_get_data(store->heap)->bump, slh_heap_first(store->heap));
  expect_zero_beyond(store);
  store_array(store, store->bytes, 50000);
  assert_int_equal(faults_calls(OS_ALL), calls);
}

static void reset_of_a_heap_on_demand(void **state)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = helper_runtime(NULL);
  assert_ok(slh_heap_new(NULL, &options, &heap, NULL));
  for (int i = 0; i < 3; i++) {
    const slh_type *bytes = helper_array_type(options.runtime, SLH_I8);
    slh_ref ref;

    assert_ok(slh_new_array(heap, bytes, 100000, &ref));
    assert_int_equal(*(char *)slh_address(heap, ref, 8 + 99999), 0);
    memset(slh_address(heap, ref, 8), 0xa5, 100000);
    slh_heap_reset(heap);
    assert_int_equal(slh_heap_end(heap), slh_heap_first(heap));
  }
  slh_heap_release(heap);
  slh_runtime_free(options.runtime);
}

static void bytes_allocated_and_needed_to_grow(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 1024 * KIB, 4 * KIB};
  struct store *store = store_open(&options);
  slh_ref ref;

  store_array(store, store->bytes, 4000 - 8);
  assert_int_equal(store_stats(store).used, 4000);
  assert_int_equal(store_stats(store).max, 1024 * KIB);
  assert_status(slh_alloc_array(store->heap, store->bytes, 1001, &ref), SLH_E_COLLECT);
  assert_int_equal(slh_heap_bytes_needed(store->heap), 1016);
  assert_ok(slh_heap_grow(store->heap, slh_heap_bytes_needed(store->heap)));
  assert_int_equal(store_stats(store).soft_limit, 5016);
  assert_ok(slh_alloc_array(store->heap, store->bytes, 1001, &ref));
  assert_int_equal(store_stats(store).allocated_total, 5016);
  assert_status(slh_heap_grow(store->heap, 1024 * KIB), SLH_E_LIMIT);
  assert_status(slh_alloc_array(store->heap, store->bytes, 1 << 20, &ref), SLH_E_TOO_LARGE);
  store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layouts_are_the_same_for_every_collector),
      cmocka_unit_test(struct_layout_is_in_declaration_order),
      cmocka_unit_test(array_layout_and_exn_layout_are_fixed),
      cmocka_unit_test(collector_of_an_engine_is_an_option),
      cmocka_unit_test(zeal_is_limited),
      cmocka_unit_test(new_gc_heap_from_a_pool),
      cmocka_unit_test(new_gc_heap_on_demand_is_unmapped_by_its_release),
      cmocka_unit_test(new_gc_heap_on_demand_fails_whole),
      cmocka_unit_test(as_any_is_answered_by_slh_heap_collector),
      cmocka_unit_test(enter_no_gc_scope_grows_instead),
      TEST(exit_no_gc_scope_with_the_store),
      cmocka_unit_test(enter_no_gc_scope_and_collect_stops),
      TEST(write_gc_ref_clone_gc_ref_and_drop_gc_ref),
      TEST(expose_gc_ref_to_wasm_and_need_gc_before_entering_wasm),
      TEST(vmctx_gc_heap_data_says_what_is_zero),
      TEST(reset_keeps_mappings_and_host_allocations),
      cmocka_unit_test(reset_of_a_heap_on_demand),
      cmocka_unit_test(bytes_allocated_and_needed_to_grow),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
