/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * drc: drop callbacks and what they may not do, deep and wide drops, collections in
 * steps, and the ends of stores.
 */
#include <pthread.h>
#include <stdlib.h>

#include "lib/counts.h"
#include "tests/counted.h"
#include "tests/pooled.h"

/* ---- callbacks ---- */

static struct {
  slh_heap *heap;
  const slh_ref *place;
  slh_ref seen;
} watch;

static void look(void *data)
{
  watch.seen = *watch.place;
  datum_drop(data);
}

/* What is overwritten has its new value when the callback runs. */
static void callbacks_come_after_the_write(void **state)
{
  struct counted *c = *state;
  slh_ref *const places[] = {&c->store->roots[2], slh_address(c->heap, c->node, HELPER_LEFT)};
  struct datum data[2] = {{0, false}};

  for (int i = 0; i < 2; i++) {
    slh_ref ref = SLH_NULL;

    assert_ok(slh_new_externref(c->heap, &data[i], look, &ref));
    if (i == 0)
      counted_write(c->store, 2, ref);
    else
      slh_set_ref(c->heap, c->node, HELPER_LEFT, ref);
    store_collect(c->store);
    watch.place = places[i];
    watch.seen = SLH_NULL;
    if (i == 0)
      counted_write(c->store, 2, slh_i31(5));
    else
      slh_set_ref(c->heap, c->node, HELPER_LEFT, slh_i31(5));
    assert_int_equal(data[i].drops, 1);
    assert_int_equal(watch.seen.bits, slh_i31(5).bits);
  }
}

static void use_write(void *data)
{
  (void)data;
  slh_write_ref(watch.heap, &watch.seen, SLH_NULL);
}

static void use_set(void *data)
{
  slh_set_ref(watch.heap, *(slh_ref *)data, HELPER_LEFT, SLH_NULL);
}

static void use_allocate(void *data)
{
  (void)data;
  REQUIRE_EQUAL(slh_heap_make_room(watch.heap, 8), SLH_OK);
}

static void use_collect(void *data)
{
  (void)data;
  REQUIRE_EQUAL(slh_heap_collect(watch.heap, NULL), SLH_OK);
}

static void use_release(void *data)
{
  (void)data;
  slh_heap_release(watch.heap);
}

struct drop_use {
  struct counted *counted;
  slh_drop_fn *drop;
};

static void misuse(void *context)
{
  const struct drop_use *use = context;
  struct counted *c = use->counted;
  slh_ref ref = SLH_NULL;

  watch.heap = c->heap;
  REQUIRE_EQUAL(slh_new_externref(c->heap, &c->node, use->drop, &ref), SLH_OK);
  counted_write(c->store, 2, ref);
  REQUIRE_EQUAL(slh_heap_collect(c->heap, NULL), SLH_OK);
  counted_write(c->store, 2, SLH_NULL);
}

static void callbacks_cannot_use_the_heap(void **state)
{
  slh_drop_fn *const uses[] = {use_write, use_set, use_allocate, use_collect, use_release};

  for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
    struct drop_use one = {*state, uses[i]};

    helper_expect_stop(misuse, &one, "a drop callback of it runs");
  }
}

/* ---- deep and wide ---- */

#define DEEP 1000000
#define SMALL_STACK (256 * 1024)

static void *drop_and_collect(void *context)
{
  struct store *store = context;

  counted_write(store, 2, SLH_NULL);
  REQUIRE_EQUAL(slh_heap_collect(store->heap, NULL), SLH_OK);
  return NULL;
}

static void *collect(void *context)
{
  struct store *store = context;

  REQUIRE_EQUAL(slh_heap_collect(store->heap, NULL), SLH_OK);
  return NULL;
}

/* On a stack that is too small for recursion. */
static void run(struct store *store, void *(*work)(void *))
{
  pthread_attr_t attributes;
  pthread_t thread;

  assert_int_equal(pthread_attr_init(&attributes), 0);
  assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
  assert_int_equal(pthread_create(&thread, &attributes, work, store), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

static void deep_drops_do_not_recurse(void **state)
{
  struct counted *c = *state;
  struct datum datum = {0, false};
  slh_ref at = datum_externref(c->store, &datum);
  uint64_t used = store_stats(c->store).used;

  for (int i = 0; i < DEEP; i++)
    at = store_node(c->store, i % 2 ? at : SLH_NULL, i % 2 ? SLH_NULL : at, i);
  counted_write(c->store, 2, at);
  run(c->store, collect);
  assert_int_equal(datum.drops, 0);
  assert_int_equal(store_count(c->store), 2 + COUNTED_DATA + 1 + DEEP);
  run(c->store, drop_and_collect);
  assert_int_equal(datum.drops, 1);
  assert_int_equal(store_count(c->store), 2 + COUNTED_DATA);
  assert_true(store_stats(c->store).used < used);
  store_verify(c->store);
}

#define WIDE 50000

static void wide_drops(void **state)
{
  struct counted *c = *state;
  struct datum *data = calloc(WIDE, sizeof *data);
  slh_ref array = store_array(c->store, c->store->refs, WIDE);

  assert_non_null(data);
  counted_write(c->store, 2, array);
  for (uint32_t i = 0; i < WIDE; i++)
    assert_ok(slh_array_set_ref(c->heap, array, i, datum_externref(c->store, &data[i])));
  /* In two places each. */
  array = store_array(c->store, c->store->refs, WIDE);
  counted_write(c->store, 3, array);
  assert_ok(slh_array_copy(c->heap, array, 0, c->store->roots[2], 0, WIDE));
  store_collect(c->store);
  datum_check_table(c->store);
  counted_write(c->store, 2, SLH_NULL);
  assert_int_equal(datum_drops(data, WIDE), 0);
  counted_write(c->store, 3, SLH_NULL);
  datum_all_dropped(data, WIDE);
  datum_check_table(c->store);
  assert_int_equal(store_stats(c->store).externrefs, COUNTED_DATA);
  free(data);
}

/* ---- in steps ---- */

/* References of structs and of arrays are counted, and dropped, once, however small the
 * steps are; each comes to an end. */
static void steps_of_any_size(void **state)
{
  struct counted *c = *state;
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(100); round > 0; round--) {
    uint64_t budget = helper_one_in(&random, 3) ? 1 : helper_below(&random, 60);
    struct datum data[2] = {{0, false}};
    slh_ref first = datum_externref(c->store, &data[0]);
    slh_ref array = store_array(c->store, c->store->refs, 20), node;

    node = store_node(c->store, first, first, 1);
    for (uint32_t i = 0; i < 20; i++)
      assert_ok(slh_array_init_ref(c->heap, array, i, i % 3 ? node : first));
    counted_write(c->store, 2, store_node(c->store, array, first, 2));
    assert_in_range(store_collect_in_steps(c->store, budget), 1, 100000);
    assert_int_equal(*slhi_state(slhi_counts(c->heap), first.bits) / SLHI_STATE_ONE, 7 + 2 + 1);
    assert_int_equal(*slhi_state(slhi_counts(c->heap), node.bits) / SLHI_STATE_ONE, 13);
    /* It dies in the next one. */
    (void)slh_expose_ref(c->heap, c->store->roots[2]);
    slh_set_ref(c->heap, c->store->roots[2], HELPER_RIGHT, datum_externref(c->store, &data[1]));
    counted_write(c->store, 2, SLH_NULL);
    assert_int_equal(datum_drops(data, 2), 0);
    assert_in_range(store_collect_in_steps(c->store, budget), 1, 100000);
    datum_all_dropped(data, 2);
    assert_int_equal(store_count(c->store), 2 + COUNTED_DATA);
  }
}

/* ---- ends ---- */

/* Something to drop at once, at a collection, and at the end: cycles. */
static void fill(struct store *store, struct datum *data)
{
  for (uint32_t i = 0; i < 10; i++) {
    slh_ref node = store_node(store, SLH_NULL, datum_externref(store, &data[i]), 0);

    slh_set_ref(store->heap, node, HELPER_LEFT, i % 3 == 0 ? node : store->roots[2]);
    counted_write(store, 2, node);
    if (i == 5)
      assert_ok(slh_heap_collect(store->heap, NULL));
  }
  (void)slh_expose_ref(store->heap, store->roots[2]);
  counted_write(store, 2, SLH_NULL);
}

enum end {
  RELEASE,
  RESET,
  DISCARD,
  ENDS
};

static void stores_that_end_in_the_middle_of_a_collection(void **state)
{
  for (uint64_t steps = 0; steps < 120; steps++) {
    struct store *store = counted_store(NULL);
    struct datum data[20] = {{0, false}};
    bool complete = false;

    fill(store, data);
    assert_ok(slh_collection_begin(store->heap, NULL));
    for (uint64_t i = 0; i < steps && !complete; i++)
      assert_ok(slh_collection_step(store->heap, 1, &complete));
    if (steps % ENDS == RESET) {
      slh_heap_reset(store->heap);
      memset(store->roots, 0, sizeof store->roots);
      datum_all_dropped(data, 10);
      assert_int_equal(store_stats(store).used + store_stats(store).listed, 0);
      fill(store, data + 10);
      store_collect(store);
    } else if (steps % ENDS == DISCARD) {
      slh_heap_discard(store->heap);
      store->heap = NULL;
    }
    store_close(store);
    datum_all_dropped(data, steps % ENDS == RESET ? 20 : 10);
    if (complete && steps > 90)
      return;
  }
}

/* A drop that a fault has cut off goes on with the next call that can drop. */
static void fault(void *data)
{
  datum_drop(data);
  slh_set_i32(watch.heap, SLH_NULL, 8, 1);
}

#define CUT_OFF 9

/* A list in register 2, counted; the callback of its middle faults. */
static slh_ref list_that_faults(struct counted *c, struct datum *data)
{
  slh_ref at = SLH_NULL, ref = SLH_NULL;

  assert_ok(slh_traps_enable(NULL));
  watch.heap = c->heap;
  for (int i = 0; i < CUT_OFF; i++) {
    assert_ok(slh_new_externref(c->heap, &data[i], i == CUT_OFF / 2 ? fault : datum_drop, &ref));
    at = store_node(c->store, at, ref, i);
  }
  counted_write(c->store, 2, at);
  store_collect(c->store);
  return at;
}

static void is_cut_off(struct counted *c, struct datum *data, slh_protected_fn *call)
{
  assert_status(slh_heap_protect(c->heap, call, c->store, NULL), SLH_E_TRAP);
  slh_traps_disable();
  assert_int_equal(data[CUT_OFF / 2].drops, 1);
  assert_in_range(datum_drops(data, CUT_OFF), 1, CUT_OFF - 1);
}

static void is_made_up_for(struct counted *c, struct datum *data)
{
  datum_all_dropped(data, CUT_OFF);
  store_collect(c->store);
  assert_int_equal(store_count(c->store), 2 + COUNTED_DATA);
}

static void drop_protected(void *context)
{
  struct store *store = context;

  counted_write(store, 2, SLH_NULL);
}

static void drops_that_are_cut_off_go_on(void **state)
{
  struct counted *c = *state;
  struct datum data[CUT_OFF] = {{0, false}};

  (void)list_that_faults(c, data);
  is_cut_off(c, data, drop_protected);
  slh_drop_ref(c->heap, SLH_NULL);
  is_made_up_for(c, data);
}

static void collect_protected(void *context)
{
  (void)collect(context);
}

/* And a collection, with the next step. */
static void collections_that_are_cut_off_go_on(void **state)
{
  struct counted *c = *state;
  struct datum data[CUT_OFF] = {{0, false}};
  bool complete = false;

  /* Listed, and without a count: it dies in the next one. */
  (void)slh_expose_ref(c->heap, list_that_faults(c, data));
  counted_write(c->store, 2, SLH_NULL);
  assert_int_equal(datum_drops(data, CUT_OFF), 0);
  is_cut_off(c, data, collect_protected);
  while (!complete)
    assert_ok(slh_collection_step(c->heap, 1, &complete));
  is_made_up_for(c, data);
}

/* ---- a slot for one collector after the other ---- */

static void use_slot(slh_pool *pool, slh_runtime *runtime, uint64_t *random)
{
  const slh_type *bytes = helper_array_type(runtime, SLH_I8);
  const slh_type *node = helper_node_type(runtime);
  slh_heap *heap = helper_acquire(pool, runtime);
  slh_ref ref = SLH_NULL, other = SLH_NULL;
  slh_heap_stats stats;

  pooled_check_zero(heap);
  slh_heap_get_stats(heap, &stats);
  assert_int_equal(stats.holes + stats.listed + stats.used + stats.old, 0);
  assert_true(slh_needs_collection_before(heap, SLHI_LISTED_DUE + 1) ==
              (slh_heap_collector(heap) == SLH_COLLECTOR_DRC && slhi_counts(heap)));
  for (uint64_t i = helper_below(random, 200); i > 0; i--) {
    slh_ref kept = SLH_NULL;

    assert_ok(slh_new_array(heap, bytes, (uint32_t)helper_below(random, 3000), &ref));
    memset(slh_address(heap, ref, 8), 0xa5, slh_array_length(heap, ref));
    assert_ok(slh_new_struct(heap, node, &other));
    slh_set_ref(heap, other, HELPER_LEFT, ref);
    slh_write_ref(heap, &kept, other);
    if (helper_one_in(random, 10) && slh_heap_collector(heap) == SLH_COLLECTOR_DRC) {
      assert_ok(slh_heap_collect(heap, NULL));
      (void)slh_expose_ref(heap, kept);
      if (helper_one_in(random, 2))
        slh_drop_ref(heap, kept);
    }
  }
  assert_ok(slh_heap_verify(heap, NULL, NULL));
  slh_heap_release(heap);
}

static void slots_go_from_one_collector_to_another(void **state)
{
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  uint64_t random = helper_seed();
  slh_runtime *runtimes[4];

  for (int i = 0; i < 4; i++) {
    slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;

    runtime.collector = (slh_collector)i;
    runtime.zeal = SLH_ZEAL_NEVER;
    assert_ok(slh_runtime_new(&runtime, &runtimes[i], NULL));
  }
  for (uint64_t round = helper_rounds(200); round > 0; round--)
    use_slot(pool,
             runtimes[helper_one_in(&random, 2) ? SLH_COLLECTOR_DRC : helper_below(&random, 4)],
             &random);
  slh_pool_free(pool);
  for (int i = 0; i < 4; i++)
    slh_runtime_free(runtimes[i]);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, counted_setup, counted_teardown)
  const struct CMUnitTest tests[] = {
      TEST(callbacks_come_after_the_write),
      TEST(callbacks_cannot_use_the_heap),
      TEST(deep_drops_do_not_recurse),
      TEST(wide_drops),
      TEST(steps_of_any_size),
      cmocka_unit_test(stores_that_end_in_the_middle_of_a_collection),
      TEST(drops_that_are_cut_off_go_on),
      TEST(collections_that_are_cut_off_go_on),
      cmocka_unit_test(slots_go_from_one_collector_to_another),
  };

  return helper_run(tests, NULL, NULL);
}
