/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* doc/contract.md: collection. Tests are named after Wasmtime's methods. */
#include "tests/datum.h"
#include "tests/faults.h"

#include <errno.h>

static uint64_t spaces_in_use(slh_pool *pool)
{
  slh_pool_stats stats;

  slh_pool_get_stats(pool, &stats);
  return stats.evacuation_in_use;
}

/* `count` nodes in a list of which every second is garbage, the first root its
 * start; `data` dead externrefs. */
static void build(struct store *store, int count, struct datum *data, int dead)
{
  store->roots[0] = SLH_NULL;
  for (int i = 0; i < count; i++) {
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
    store_node(store, store->roots[0], SLH_NULL, -1);
  }
  for (int i = 0; i < dead; i++)
    (void)datum_externref(store, &data[i]);
}

static void check_list(struct store *store, int count)
{
  slh_ref at = store->roots[0];

  assert_int_equal(store_count(store), count);
  for (int i = count; i-- > 0; at = slh_get_ref(store->heap, at, HELPER_LEFT))
    assert_int_equal(slh_get_i32(store->heap, at, HELPER_VALUE), i);
  assert_true(slh_is_null(at));
  store_verify(store);
}

/* ---- one after the other ---- */

static void gc_begins_one_collection_at_a_time(void **state)
{
  struct store *store = *state;
  bool complete = false;
  uint64_t steps = 0;

  build(store, 100, NULL, 0);
  assert_false(slh_collection_is_active(store->heap));
  assert_ok(slh_collection_begin(store->heap, NULL));
  assert_int_equal(spaces_in_use(store->pool), 1);
  for (; !complete; steps++) {
    assert_true(slh_collection_is_active(store->heap));
    assert_ok(slh_collection_step(store->heap, 100, &complete));
  }
  assert_false(slh_collection_is_active(store->heap));
  assert_int_equal(spaces_in_use(store->pool), 0);
  assert_true(steps > 10);
  check_list(store, 100);
}

/* Once with the budget of 1 that 0 is taken for. */
static void collect_increment_is_bounded_by_its_budget(void **state)
{
  struct store *store = *state;
  static struct datum data[40];
  uint64_t most = 0;
  bool complete = false;

  build(store, 50, data, 40);
  assert_ok(slh_collection_begin(store->heap, NULL));
  while (!complete) {
    uint64_t before = datum_drops(data, 40);

    assert_ok(slh_collection_step(store->heap, 0, &complete));
    if (datum_drops(data, 40) - before > most)
      most = datum_drops(data, 40) - before;
  }
  assert_int_equal(most, 1); /* 64 bytes of work each */
  datum_all_dropped(data, 40);
  check_list(store, 50);
}

static void collect_does_all_at_once(void **state)
{
  struct store *store = *state;
  static struct datum data[5];

  build(store, 100, data, 5);
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_false(slh_collection_is_active(store->heap));
  datum_all_dropped(data, 5);
  check_list(store, 100);
  assert_int_equal(store_stats(store).collections, 1);
}

static void null_collector_is_complete_after_one_step(void **state)
{
  struct store_options options = {SLH_COLLECTOR_NULL, NULL, 0, 0};
  struct store *store = store_open(&options);
  struct datum data[5] = {{0}};
  bool complete = false;

  build(store, 100, data, 5);
  assert_ok(slh_collection_begin(store->heap, NULL));
  assert_true(slh_collection_is_active(store->heap));
  assert_int_equal(spaces_in_use(store->pool), 0);
  assert_ok(slh_collection_step(store->heap, 1, &complete));
  assert_true(complete);
  assert_false(slh_collection_is_active(store->heap));
  assert_ok(slh_collection_begin(store->heap, NULL));
  assert_ok(slh_collection_abandon(store->heap));
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_ok(slh_collection_begin(store->heap, NULL));
  slh_heap_reset(store->heap);
  datum_all_dropped(data, 5);
  assert_false(slh_collection_is_active(store->heap));
  build(store, 1, NULL, 0);
  assert_int_equal(store_stats(store).collections, 0);
  store_close(store);
}

/* ---- dropping a GarbageCollection ---- */

static void dropping_a_collection_completes_it(void **state)
{
  struct store *store = *state;
  bool complete;

  assert_ok(slh_collection_abandon(store->heap)); /* none: nothing to do */
  for (int steps = 0; steps < 20; steps++) {
    slh_heap_reset(store->heap);
    build(store, 30, NULL, 0);
    assert_ok(slh_collection_begin(store->heap, NULL));
    for (int i = 0; i < steps; i++)
      assert_ok(slh_collection_step(store->heap, 50, &complete));
    assert_ok(slh_collection_abandon(store->heap));
    assert_false(slh_collection_is_active(store->heap));
    assert_int_equal(spaces_in_use(store->pool), 0);
    assert_int_equal(store_stats(store).collections, 1);
    check_list(store, 30);
  }
}

static void dropping_a_collection_with_its_heap(void **state)
{
  struct store *store = *state;
  static struct datum data[20];

  for (int way = 0; way < 2; way++) {
    memset(data, 0, sizeof data);
    build(store, 30, data, 20);
    assert_ok(slh_collection_begin(store->heap, NULL));
    if (way == 0) {
      slh_heap_reset(store->heap);
    } else {
      slh_heap_release(store->heap);
      store->heap = helper_acquire(store->pool, store->runtime);
    }
    datum_all_dropped(data, 20);
    assert_int_equal(spaces_in_use(store->pool), 0);
    assert_false(slh_collection_is_active(store->heap));
    assert_int_equal(store_stats(store).used, 0);
  }
}

/* ---- collect_async ---- */

struct async {
  struct store *store;
  uint64_t yields;
  uint64_t patience; /* yields until it wants the rest at once */
};

static bool yield(void *context)
{
  struct async *async = context;

  assert_true(slh_collection_is_active(async->store->heap));
  return ++async->yields < async->patience;
}

static void collect_async_yields_between_increments(void **state)
{
  struct store *store = *state;
  struct async async = {store, 0, UINT64_MAX};
  uint64_t all;

  build(store, 200, NULL, 0);
  assert_ok(slh_heap_collect_async(store->heap, NULL, 100, yield, &async));
  check_list(store, 200);
  all = async.yields;
  assert_true(all > 50);
  async = (struct async){store, 0, 7};
  assert_ok(slh_heap_collect_async(store->heap, NULL, 100, yield, &async));
  assert_int_equal(async.yields, 7); /* then it was not asked again */
  check_list(store, 200);
  async = (struct async){store, 0, UINT64_MAX};
  assert_ok(slh_heap_collect_async(store->heap, NULL, UINT64_MAX, yield, &async));
  assert_int_equal(async.yields, 0);
  assert_int_equal(store_stats(store).collections, 3);
}

/* ---- where it cannot begin ---- */

static void expect_no_collection(struct store *store, slh_status expected)
{
  struct async async = {store, 0, UINT64_MAX};
  slh_roots *roots = NULL;
  uint64_t used = store_stats(store).used;

  assert_ok(slh_roots_new(store->runtime, &roots));
  assert_status(slh_collection_begin(store->heap, roots), expected);
  assert_false(slh_collection_is_active(store->heap));
  assert_status(slh_heap_collect(store->heap, roots), expected);
  assert_status(slh_heap_collect_async(store->heap, roots, 1, yield, &async), expected);
  assert_int_equal(async.yields, 0);
  assert_ok(slh_collection_abandon(store->heap));
  assert_int_equal(store_stats(store).used, used);
  assert_int_equal(store_stats(store).collections, 0);
  slh_roots_free(roots);
  store_verify(store);
}

static void gc_is_busy_while_every_space_is_lent(void **state)
{
  struct store *store = *state;
  slh_heap *others[2];

  for (int i = 0; i < 2; i++) {
    others[i] = helper_acquire(store->pool, store->runtime);
    assert_ok(slh_collection_begin(others[i], NULL));
  }
  build(store, 100, NULL, 0);
  expect_no_collection(store, SLH_E_BUSY);
  build(store, 100, NULL, 0);
  slh_heap_release(others[0]); /* gives its space back */
  store_collect(store);
  check_list(store, 100);
  slh_heap_release(others[1]);
}

static void gc_without_memory_leaves_the_heap_as_it_was(void **state)
{
  struct store *store = *state;

  build(store, 10000, NULL, 0);
  faults_fail(OS_MPROTECT, 0, UINT64_MAX, ENOMEM);
  expect_no_collection(store, SLH_E_NOMEM);
  assert_true(faults_end() >= 3);
  assert_int_equal(spaces_in_use(store->pool), 0);
  store_collect(store);
  check_list(store, 10000);
}

/* A store that has reached its limit can be collected all the same. */
static void gc_beyond_max_host_bytes(void **state)
{
  struct store *store = *state;
  slh_heap *own = store->heap;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = store->runtime;
  options.max_host_bytes = 8;
  assert_ok(slh_heap_acquire(store->pool, &options, &store->heap));
  store_node(store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_int_equal(store_stats(store).used, 0);
  slh_heap_release(store->heap);
  store->heap = own;
}

/* ---- what may not be done in between ---- */

/* What test-callbacks.c does not try: calls that only read a handle, which is
 * half rewritten. */
struct between {
  struct store *store;
  slh_heap *heap;
  slh_frame frame;
  slh_local local;
  slh_owned owned;
  slh_weak weak;
  slh_ephemerons table;
  slh_ref found;
};

static void get_local(void *context)
{
  struct between *b = context;

  b->found = slh_local_get(b->heap, b->local);
}

static void get_owned(void *context)
{
  struct between *b = context;

  b->found = slh_owned_get(b->heap, b->owned);
}

static void get_weak(void *context)
{
  struct between *b = context;

  b->found = slh_weak_get(b->heap, b->weak);
}

static void get_entry(void *context)
{
  struct between *b = context;

  REQUIRE(slh_ephemerons_get(b->heap, b->table, b->store->roots[0], &b->found));
}

static void handles_cannot_be_read_between_increments(void **state)
{
  static const struct {
    const char *name;
    void (*read)(void *between);
  } calls[] = {{"slh_local_get", get_local},
               {"slh_owned_get", get_owned},
               {"slh_weak_get", get_weak},
               {"slh_ephemerons_get", get_entry}};
  struct between b = {.store = *state};
  int passed = 0;

  b.heap = b.store->heap;
  build(b.store, 100, NULL, 0);
  assert_ok(slh_frame_open(b.heap, &b.frame));
  assert_ok(slh_local_new(&b.frame, b.store->roots[0], &b.local));
  assert_ok(slh_owned_new(b.heap, b.store->roots[0], &b.owned));
  assert_ok(slh_weak_new(b.heap, b.store->roots[0], &b.weak));
  assert_ok(slh_ephemerons_new(b.heap, &b.table));
  assert_ok(slh_collection_begin(b.heap, NULL));
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (helper_in_child(calls[i].read, &b) == 0) {
      print_error("%s does not stop\n", calls[i].name);
      passed++;
    } else {
      helper_expect_stop(calls[i].read, &b, "while a collection of it is under way");
    }
  }
  assert_ok(slh_collection_abandon(b.heap));
  slh_frame_close(&b.frame);
  assert_int_equal(passed, 0);
}

/* ---- a corrupt heap ---- */

static void expect_corrupt(struct store *store)
{
  slh_heap *heap = store->heap;
  slh_ref ref = SLH_NULL;
  uint64_t size;
  bool complete;
  void *memory;

  assert_false(slh_collection_is_active(heap));
  assert_int_equal(spaces_in_use(store->pool), 0);
  assert_status(slh_collection_begin(heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_collection_step(heap, 1, &complete), SLH_E_CORRUPT);
  assert_status(slh_collection_abandon(heap), SLH_E_CORRUPT);
  assert_status(slh_heap_collect(heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_alloc_struct(heap, store->node, &ref), SLH_E_CORRUPT);
  assert_status(slh_new_struct_uninit(heap, store->node, &ref), SLH_E_CORRUPT);
  assert_status(slh_new_array(heap, store->bytes, 1, &ref), SLH_E_CORRUPT);
  assert_status(slh_alloc_externref(heap, NULL, NULL, &ref), SLH_E_CORRUPT);
  assert_status(slh_new_externref(heap, NULL, NULL, &ref), SLH_E_CORRUPT);
  assert_status(slh_heap_grow(heap, 1), SLH_E_CORRUPT);
  assert_status(slh_object_size(heap, store->roots[0], &size), SLH_E_CORRUPT);
  assert_status(slh_dealloc(heap, store->roots[0]), SLH_E_CORRUPT);
  assert_status(slh_heap_index(heap, slh_heap_first(heap), 8, &memory), SLH_E_CORRUPT);
  assert_status(slh_array_copy(heap, store->roots[0], 0, store->roots[0], 0, 0), SLH_E_CORRUPT);
  assert_status(slh_heap_verify(heap, NULL, NULL), SLH_E_CORRUPT);
}

static void collect_increment_of_a_corrupt_heap(void **state)
{
  struct store *store = *state;
  static struct datum datum;
  slh_ref array;
  bool complete = false;
  slh_status status = SLH_OK;

  for (int way = 0; way < 2; way++) {
    build(store, 100, &datum, 1);
    array = store->roots[1] = store_array(store, store->refs, 1000);
    assert_ok(slh_array_set_ref(store->heap, array, 999, store->roots[0]));
    assert_ok(slh_array_set_ref(store->heap, array, 998, (slh_ref){8}));
    if (way == 0) {
      assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
    } else {
      assert_ok(slh_collection_begin(store->heap, NULL));
      while ((status = slh_collection_step(store->heap, 100, &complete)) == SLH_OK)
        assert_false(complete);
      assert_status(status, SLH_E_CORRUPT);
    }
    expect_corrupt(store);
    slh_heap_reset(store->heap);
    memset(store->roots, 0, sizeof store->roots);
  }
  build(store, 10, NULL, 0);
  store_collect(store);
  check_list(store, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(gc_begins_one_collection_at_a_time),
      TEST(collect_increment_is_bounded_by_its_budget),
      TEST(collect_does_all_at_once),
      cmocka_unit_test(null_collector_is_complete_after_one_step),
      TEST(dropping_a_collection_completes_it),
      TEST(dropping_a_collection_with_its_heap),
      TEST(collect_async_yields_between_increments),
      TEST(handles_cannot_be_read_between_increments),
      TEST(gc_is_busy_while_every_space_is_lent),
      TEST(gc_without_memory_leaves_the_heap_as_it_was),
      TEST(gc_beyond_max_host_bytes),
      TEST(collect_increment_of_a_corrupt_heap),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
