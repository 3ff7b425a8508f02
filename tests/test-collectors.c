/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The table of collectors that other tests go through: it has all of them, and says of each
 * what is so. */
#include "tests/collectors.h"
#include "tests/store.h"

static struct store *open_store(slh_collector collector)
{
  struct store_options options = {collector, NULL, 0, 0};

  return store_open(&options);
}

static void all_of_them(void **state)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_runtime *runtime = NULL;
  slh_error error = {0};

  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    options.collector = (slh_collector)i;
    assert_ok(slh_runtime_new(&options, &runtime, NULL));
    slh_runtime_free(runtime);
  }
  options.collector = (slh_collector)COLLECTORS;
  assert_status(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
}

static void in_turn(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < 2 * COLLECTORS; i++)
    assert_int_equal(collectors_nth(COLLECTORS_ALL, i), i % COLLECTORS);
  for (unsigned needed = 0; needed <= COLLECTORS_FORGIVE; needed++)
    for (uint64_t i = 0; i < 9 && collectors_count(needed) != 0; i++) {
      assert_true(collectors_have(collectors_nth(needed, i), needed));
      assert_int_equal(collectors_nth(needed, i),
                       collectors_nth(needed, i + collectors_count(needed)));
    }
}

static bool has(const struct store *store, unsigned what)
{
  return collectors_have(slh_heap_collector(store->heap), what);
}

/* An object lives behind garbage: whether that goes, and whether the object moves then. */
static void collecting_and_moving(void **state)
{
  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    struct store *store = open_store((slh_collector)i);
    slh_ref node;

    (void)store_array(store, store->bytes, 1000);
    node = store_node(store, SLH_NULL, SLH_NULL, 0);
    slh_write_ref(store->heap, &store->roots[0], node);
    store_collect(store);
    assert_int_equal(store_stats(store).used - store_stats(store).holes < 1000,
                     has(store, COLLECTORS_COLLECT));
    assert_int_equal(store->roots[0].bits != node.bits, has(store, COLLECTORS_MOVE));
    store_close(store);
  }
}

/* A cycle that has met a collection, and is let go then. */
static void tracing(void **state)
{
  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    struct store *store = open_store((slh_collector)i);
    slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 0);

    slh_set_ref(store->heap, node, HELPER_LEFT, node);
    slh_write_ref(store->heap, &store->roots[0], node);
    store_collect(store);
    slh_write_ref(store->heap, &store->roots[0], SLH_NULL);
    assert_int_equal(store_count(store), 1);
    store_collect(store);
    store_collect(store);
    assert_int_equal(store_count(store) == 0, has(store, COLLECTORS_TRACE));
    store_close(store);
  }
}

static void young_collections(void **state)
{
  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    struct store *store = open_store((slh_collector)i);

    for (int j = 0; j < 2; j++) {
      slh_write_ref(store->heap, &store->roots[j], store_node(store, SLH_NULL, SLH_NULL, 0));
      assert_ok(slh_heap_collect_young(store->heap, NULL));
    }
    assert_int_equal(store_stats(store).young_collections > 0, has(store, COLLECTORS_HAVE_YOUNG));
    store_close(store);
  }
}

static void weak_references(void **state)
{
  (void)state;
  for (int i = 0; i < COLLECTORS; i++) {
    struct store *store = open_store((slh_collector)i);
    slh_status expected = has(store, COLLECTORS_HAVE_WEAK) ? SLH_OK : SLH_E_UNSUPPORTED;
    slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 0);
    slh_ephemerons table;
    slh_weak weak;

    assert_status(slh_weak_new(store->heap, node, &weak), expected);
    assert_status(slh_ephemerons_new(store->heap, &table), expected);
    assert_status(slh_finalizer_add(store->heap, node, NULL), expected);
    store_close(store);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_of_them),           cmocka_unit_test(in_turn),
      cmocka_unit_test(collecting_and_moving), cmocka_unit_test(tracing),
      cmocka_unit_test(young_collections),     cmocka_unit_test(weak_references),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
