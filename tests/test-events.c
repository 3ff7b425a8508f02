/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the listener is told: everything that happens, in order, with its figures. */
#include "tests/collectors.h"
#include "tests/generational.h"
#include "tests/pooled.h"
#include "tests/traps.h"

#define MOST 4096

/* What a listener was told, from one thread. */
static struct {
  slh_event at[MOST];
  int count;
} told;

static void note(void *context, const slh_event *event)
{
  assert_ptr_equal(context, &told);
  assert_true(told.count < MOST);
  if (told.count != 0)
    assert_true(event->time_ns >= told.at[told.count - 1].time_ns);
  told.at[told.count++] = *event;
}

static const slh_listener listener = {note, &told};

static void listen_from_here(void)
{
  told.count = 0;
  slh_set_listener(&listener);
}

/* The only event of that kind since listen_from_here. */
static const slh_event *only(slh_event_kind kind)
{
  const slh_event *found = NULL;

  for (int i = 0; i < told.count; i++) {
    if (told.at[i].kind == kind) {
      assert_null(found);
      found = &told.at[i];
    }
  }
  assert_non_null(found);
  return found;
}

static void expect_figures(const slh_event *event, uint32_t detail, uint64_t bytes, uint64_t total)
{
  assert_int_equal(event->detail, detail);
  assert_int_equal(event->bytes, bytes);
  assert_int_equal(event->total, total);
}

static int teardown(void **state)
{
  slh_set_listener(NULL);
  return traps_teardown(state);
}

/* ---- stores ---- */

static void stores_come_and_go(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;
  slh_ref ref;

  options.runtime = store->runtime;
  options.tag = 77;
  listen_from_here();
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  assert_int_equal(told.count, 1);
  assert_ptr_equal(told.at[0].pool, store->pool);
  assert_ptr_equal(told.at[0].heap, heap);
  expect_figures(only(SLH_EVENT_ACQUIRE), 77, 0, 0);
  assert_ok(slh_alloc_struct(heap, store->node, &ref));
  assert_ok(slh_heap_collect(heap, NULL));
  assert_ok(slh_alloc_struct(heap, store->node, &ref));
  slh_heap_reset(heap);
  expect_figures(only(SLH_EVENT_RESET), 1, 16, 32);
  assert_ok(slh_alloc_struct(heap, store->node, &ref));
  slh_heap_release(heap);
  expect_figures(only(SLH_EVENT_RELEASE), 0, 16, 16);
}

static void images_are_told(void **state)
{
  struct store *store = *state;
  slh_image_root root = {"root", store_node(store, SLH_NULL, SLH_NULL, 1)};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image;
  slh_heap *heap;

  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  options.runtime = store->runtime;
  options.image = image;
  listen_from_here();
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  expect_figures(only(SLH_EVENT_ACQUIRE), 0, 16, 0);
  slh_heap_release(heap);
  slh_image_free(image);
}

static bool refuse(void *host, slh_heap *heap, const slh_growth *growth)
{
  (void)host;
  (void)heap;
  (void)growth;
  return false;
}

/* A store that cannot begin has come, and is gone. */
static void failed_starts_are_told(void **state)
{
  struct store *store = *state;
  slh_image_root root = {"root", store_array(store, store->bytes, 100000)};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image;
  slh_heap *heap;

  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  options.runtime = store->runtime;
  options.image = image;
  options.resume = true;
  options.initial_bytes = 4096;
  options.grow = refuse;
  listen_from_here();
  assert_status(slh_heap_acquire(store->pool, &options, &heap), SLH_E_REFUSED);
  assert_int_equal(told.at[0].kind, SLH_EVENT_ACQUIRE);
  assert_int_equal(told.at[told.count - 1].kind, SLH_EVENT_RELEASE);
  assert_ptr_equal(only(SLH_EVENT_RELEASE)->heap, only(SLH_EVENT_ACQUIRE)->heap);
  assert_int_equal(only(SLH_EVENT_RELEASE)->total, only(SLH_EVENT_ACQUIRE)->bytes);
  slh_image_free(image);
}

/* ---- collections ---- */

/* The events of one collection that ran to its end; returns how many phases it had. */
static int check_collection(const slh_event *event, const slh_heap *heap, bool young)
{
  uint64_t used = event->total, moved = 0;
  int phases = 0;

  assert_int_equal(event->kind, SLH_EVENT_COLLECTION_BEGIN);
  assert_int_equal(event->detail, young);
  for (event++; event->kind == SLH_EVENT_COLLECTION_PHASE; event++) {
    assert_ptr_equal(event->heap, heap);
    assert_string_not_equal(slh_phase_name(event->detail), "?");
    assert_int_equal(event->total, used);
    assert_true(event->bytes >= moved);
    moved = event->bytes;
    phases++;
  }
  assert_int_equal(event->kind, SLH_EVENT_COLLECTION_END);
  assert_ptr_equal(event->heap, heap);
  assert_int_equal(event->total, used);
  assert_ptr_equal(event + 1, &told.at[told.count]);
  return phases;
}

static void full_collections(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++) {
    struct store_options options = {.collector = collectors_nth(COLLECTORS_COLLECT, i)};
    struct store *store = store_open(&options);

    for (int j = 0; j < 3; j++)
      slh_write_ref(store->heap, &store->roots[0], store_node(store, SLH_NULL, SLH_NULL, j));
    listen_from_here();
    assert_ok(slh_heap_collect(store->heap, NULL));
    assert_true(check_collection(told.at, store->heap, false) >= 5);
    expect_figures(only(SLH_EVENT_COLLECTION_BEGIN), 0, 48, 48);
    /* Holes are used, too. */
    expect_figures(only(SLH_EVENT_COLLECTION_END), SLH_OK,
                   collectors_have(options.collector, COLLECTORS_MOVE) ? 16 : 48, 48);
    slh_set_listener(NULL);
    store_close(store);
  }
}

static void null_collector_tells_nothing(void **state)
{
  struct store_options options = {.collector = SLH_COLLECTOR_NULL};
  struct store *store = store_open(&options);

  listen_from_here();
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_int_equal(told.count, 0);
  store_close(store);
  (void)state;
}

static void young_collection(void **state)
{
  struct store *store = generational_open(SLH_ZEAL_NEVER);
  uint64_t old;

  (void)generational_make_old(store);
  old = store_stats(store).used;
  store->roots[1] = store_node(store, SLH_NULL, SLH_NULL, 1);
  (void)store_node(store, SLH_NULL, SLH_NULL, 2);
  listen_from_here();
  assert_ok(slh_heap_collect_young(store->heap, NULL));
  (void)check_collection(told.at, store->heap, true);
  expect_figures(only(SLH_EVENT_COLLECTION_BEGIN), 1, 32, old + 32);
  expect_figures(only(SLH_EVENT_COLLECTION_END), SLH_OK, old + 16, old + 32);
  listen_from_here();
  assert_ok(slh_heap_collect(store->heap, NULL));
  (void)check_collection(told.at, store->heap, false);
  slh_set_listener(NULL);
  store_close(store);
  (void)state;
}

/* In steps as at once. */
static void increments(void **state)
{
  struct store *store = *state;
  static slh_event at_once[MOST];
  bool complete = false;
  int count;

  for (int i = 0; i < 500; i++)
    store->roots[0] = store_node(store, store->roots[0], SLH_NULL, i);
  assert_ok(slh_heap_collect(store->heap, NULL));
  listen_from_here();
  assert_ok(slh_heap_collect(store->heap, NULL));
  count = told.count;
  memcpy(at_once, told.at, sizeof at_once);
  listen_from_here();
  assert_ok(slh_collection_begin(store->heap, NULL));
  while (!complete) {
    assert_int_not_equal(told.at[told.count - 1].kind, SLH_EVENT_COLLECTION_END);
    assert_ok(slh_collection_step(store->heap, 64, &complete));
  }
  assert_int_equal(told.count, count);
  for (int i = 0; i < count; i++) {
    assert_int_equal(told.at[i].kind, at_once[i].kind);
    expect_figures(&told.at[i], at_once[i].detail, at_once[i].bytes, at_once[i].total);
  }
}

static void cancelled_collections(void **state)
{
  struct store *store = *state;
  slh_heap *heap = helper_acquire(store->pool, store->runtime);
  slh_ref ref;

  assert_ok(slh_alloc_struct(heap, store->node, &ref));
  assert_ok(slh_collection_begin(heap, NULL));
  listen_from_here();
  slh_heap_reset(heap);
  assert_int_equal(told.at[0].kind, SLH_EVENT_COLLECTION_END);
  expect_figures(&told.at[0], SLH_E_BUSY, 0, 16);
  assert_int_equal(told.at[1].kind, SLH_EVENT_RESET);
  assert_int_equal(told.count, 2);
  assert_ok(slh_collection_begin(heap, NULL));
  listen_from_here();
  slh_heap_release(heap);
  assert_int_equal(told.at[0].kind, SLH_EVENT_COLLECTION_END);
  assert_int_equal(told.at[1].kind, SLH_EVENT_RELEASE);
}

static void corrupt_heap(void **state)
{
  struct store *store = *state;

  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  *store_word(store, store->roots[0].bits) = 0;
  listen_from_here();
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  expect_figures(only(SLH_EVENT_COLLECTION_END), SLH_E_CORRUPT, 0, 16);
}

/* ---- growth and exhaustion ---- */

static void growth(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  uint64_t before = store_stats(store).soft_limit;
  slh_heap *heap;

  listen_from_here();
  assert_ok(slh_heap_grow(store->heap, 2 * before));
  expect_figures(only(SLH_EVENT_GROW), SLH_OK, store_stats(store).soft_limit, before);
  options.runtime = store->runtime;
  options.grow = refuse;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  listen_from_here();
  assert_status(slh_heap_grow(heap, 2 * before), SLH_E_REFUSED);
  expect_figures(only(SLH_EVENT_GROW), SLH_E_REFUSED, before, before);
  slh_heap_release(heap);
}

static void exhausted_slots(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heaps[4];
  size_t count = 0;

  options.runtime = store->runtime;
  listen_from_here();
  while (count < 4 && slh_heap_acquire(store->pool, &options, &heaps[count]) == SLH_OK)
    count++;
  assert_int_equal(count, 3);
  assert_null(only(SLH_EVENT_EXHAUSTED)->heap);
  expect_figures(only(SLH_EVENT_EXHAUSTED), SLH_E_FULL, 1, 4);
  pooled_release(heaps, count);
}

static void exhausted_spaces(void **state)
{
  struct store *store = *state;
  slh_heap *heaps[2];

  for (int i = 0; i < 2; i++) {
    heaps[i] = helper_acquire(store->pool, store->runtime);
    assert_ok(slh_collection_begin(heaps[i], NULL));
  }
  (void)store_node(store, SLH_NULL, SLH_NULL, 1);
  listen_from_here();
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_BUSY);
  assert_ptr_equal(only(SLH_EVENT_EXHAUSTED)->heap, store->heap);
  expect_figures(only(SLH_EVENT_EXHAUSTED), SLH_E_BUSY, 16, 2);
  assert_int_equal(told.count, 1);
  pooled_release(heaps, 2);
}

static void exhausted_host_memory(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_status status = SLH_OK;
  slh_heap *heap;

  options.runtime = store->runtime;
  options.max_host_bytes = 4096;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  listen_from_here();
  while (status == SLH_OK) {
    slh_owned owned;

    status = slh_owned_new(heap, SLH_NULL, &owned);
  }
  assert_status(status, SLH_E_HOST_LIMIT);
  assert_int_equal(only(SLH_EVENT_EXHAUSTED)->detail, SLH_E_HOST_LIMIT);
  assert_int_equal(only(SLH_EVENT_EXHAUSTED)->total, 4096);
  slh_heap_release(heap);
}

static void exhausted_budget(void **state)
{
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool;
  slh_heap *heap;

  options.budget_bytes = POOLED_MIB;
  pool = helper_pool(&options);
  heap = pooled_take(pool);
  listen_from_here();
  assert_status(slh_heap_grow(heap, 4 * POOLED_MIB), SLH_E_POOL_LIMIT);
  expect_figures(only(SLH_EVENT_EXHAUSTED), SLH_E_POOL_LIMIT, 3 * POOLED_MIB, POOLED_MIB);
  slh_set_listener(NULL);
  slh_heap_release(heap);
  slh_pool_free(pool);
  (void)state;
}

/* ---- traps and decommit ---- */

static void trap(void **state)
{
  struct store *store = *state;
  struct access access = access_null(store->heap);
  slh_trap caught;

  traps_enable();
  listen_from_here();
  assert_status(slh_heap_protect(store->heap, access_make, &access, &caught), SLH_E_TRAP);
  assert_int_equal(told.count, 1);
  assert_ptr_equal(told.at[0].heap, store->heap);
  assert_ptr_equal(told.at[0].pool, store->pool);
  expect_figures(only(SLH_EVENT_TRAP), (uint32_t)caught.signal, caught.offset, 0);
}

/* The sum of events is what the pool has counted, for each engine. */
static void decommit_by(slh_decommit engine)
{
  slh_pool_options options = helper_pool_options(4);
  uint64_t by[SLH_DECOMMIT_ENGINES] = {0};
  slh_pool_stats stats;
  slh_heap *heaps[4];
  slh_pool *pool;

  options.decommit = engine;
  options.keep_resident_bytes = 4096;
  pool = helper_pool(&options);
  for (int i = 0; i < 4; i++) {
    heaps[i] = pooled_take(pool);
    pooled_dirty(heaps[i], 256 * POOLED_KIB);
  }
  listen_from_here();
  pooled_release(heaps, 4);
  slh_pool_trim(pool);
  stats = pooled_stats(pool);
  for (int i = 0; i < told.count; i++) {
    if (told.at[i].kind != SLH_EVENT_DECOMMIT)
      continue;
    assert_ptr_equal(told.at[i].pool, pool);
    assert_null(told.at[i].heap);
    assert_true(told.at[i].detail < SLH_DECOMMIT_ENGINES);
    by[told.at[i].detail] += told.at[i].bytes;
  }
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    assert_int_equal(by[i], stats.decommitted_by[i]);
  if (engine != SLH_DECOMMIT_AUTO)
    assert_true(by[engine] > 0);
  slh_set_listener(NULL);
  slh_pool_free(pool);
}

static void decommits(void **state)
{
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    if (slh_decommit_available((slh_decommit)engine))
      decommit_by((slh_decommit)engine);
  }
  (void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(stores_come_and_go),
      TEST(images_are_told),
      TEST(failed_starts_are_told),
      TEST(full_collections),
      cmocka_unit_test(null_collector_tells_nothing),
      cmocka_unit_test(young_collection),
      TEST(increments),
      TEST(cancelled_collections),
      TEST(corrupt_heap),
      TEST(growth),
      TEST(exhausted_slots),
      TEST(exhausted_spaces),
      TEST(exhausted_host_memory),
      cmocka_unit_test(exhausted_budget),
      TEST(trap),
      cmocka_unit_test(decommits),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
