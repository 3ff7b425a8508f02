/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Collections in increments: whatever the budget, the heap ends up as it does
 * at once, byte by byte; and one can be given up at every step.
 */
/* [promise bounded-step] */
#include "tests/datum.h"
#include "tests/model.h"

#include "lib/collection.h"

#include <stdlib.h>

#define DATA 30
#define WEAK 20

static const uint64_t budgets[] = {1, 7, 64, 1000, 65536, UINT64_MAX};

/* A random program in a store of its own: two with one seed are equal. */
struct program {
  struct store *store;
  struct model *model;
  uint64_t random;
  struct datum data[DATA];
  slh_owned owned[3];
  slh_weak weak[WEAK];
  slh_ephemerons table;
};

static slh_ref random_object(struct program *p)
{
  return p->model->nodes[helper_below(&p->random, p->model->node_count)]->at;
}

/* Host data, most of it dead; handles; weak tables. */
static void add_tables(struct program *p)
{
  slh_heap *heap = p->store->heap;

  /* The model does not know of a collection here. */
  assert_ok(slh_heap_grow(heap, 64 * 1024));
  for (int i = 0; i < DATA; i++) {
    slh_ref ref = datum_externref(p->store, &p->data[i]);

    if (i < 3)
      assert_ok(slh_owned_new(heap, ref, &p->owned[i]));
  }
  assert_ok(slh_ephemerons_new(heap, &p->table));
  for (int i = 0; i < WEAK; i++) {
    slh_ref key = random_object(p);

    assert_ok(slh_weak_new(heap, random_object(p), &p->weak[i]));
    assert_ok(slh_ephemerons_set(heap, p->table, key, random_object(p)));
    if (i % 2)
      assert_ok(slh_finalizer_add(heap, random_object(p), &p->weak[i]));
  }
}

static void fill(struct program *p, uint64_t steps)
{
  for (; steps > 0; steps--) {
    uint64_t what = helper_below(&p->random, 8);

    if (what == 0)
      model_set_root(p->model);
    else if (what == 1)
      model_link(p->model);
    else if (!model_allocate(p->model))
      return;
  }
}

static struct program *open_program(uint64_t seed, uint64_t steps)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 2 * MODEL_HEAP_BYTES,
                                  MODEL_HEAP_BYTES};
  struct program *p = calloc(1, sizeof *p);

  assert_non_null(p);
  p->random = seed;
  p->store = store_open(&options);
  p->model = model_open(p->store, seed, NULL, 0);
  fill(p, steps);
  assert_true(p->model->node_count != 0 || model_allocate(p->model)); /* tables need one */
  add_tables(p);
  return p;
}

static void close_program(struct program *p)
{
  model_close(p->model);
  store_close(p->store);
  datum_all_dropped(p->data, DATA);
  free(p);
}

static uint64_t spaces_in_use(const struct program *p)
{
  slh_pool_stats stats;

  slh_pool_get_stats(p->store->pool, &stats);
  return stats.evacuation_in_use;
}

/* ---- comparing ---- */

static void expect_same_tables(struct program *a, struct program *b)
{
  const struct tables *x = slhi_heap_tables(a->store->heap);
  const struct tables *y = slhi_heap_tables(b->store->heap);

  for (int i = 0; i < WEAK; i++)
    assert_int_equal(slh_weak_get(a->store->heap, a->weak[i]).bits,
                     slh_weak_get(b->store->heap, b->weak[i]).bits);
  assert_int_equal(x->ephemerons.count, y->ephemerons.count);
  for (uint32_t i = 0; i < x->ephemerons.count; i++) {
    assert_int_equal(x->ephemerons.entries[i].key.bits, y->ephemerons.entries[i].key.bits);
    assert_int_equal(x->ephemerons.entries[i].value.bits, y->ephemerons.entries[i].value.bits);
  }
  assert_int_equal(x->queue.count, y->queue.count);
  if (x->queue.count != 0)
    assert_memory_equal(x->queue.refs, y->queue.refs, x->queue.count * sizeof(slh_ref));
  for (int i = 0; i < DATA; i++)
    assert_int_equal(a->data[i].drops, b->data[i].drops);
}

static void expect_same(struct program *a, struct program *b)
{
  slh_heap_stats x = store_stats(a->store), y = store_stats(b->store);
  void *x_bytes, *y_bytes;
  uint64_t length;

  assert_memory_equal(&x, &y, sizeof x);
  slh_heap_slice(a->store->heap, &x_bytes, &length);
  slh_heap_slice(b->store->heap, &y_bytes, &length);
  assert_memory_equal(x_bytes, y_bytes, length);
  assert_memory_equal(a->store->roots, b->store->roots, sizeof a->store->roots);
  expect_same_tables(a, b);
}

static void every_budget_leaves_the_same_heap(void **state)
{
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(64); round > 0; round--, seed++) {
    struct program *once = open_program(seed, 1 + seed % 900);

    store_collect(once->store);
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
      struct program *p = open_program(seed, 1 + seed % 900);
      uint64_t steps = store_collect_in_steps(p->store, budgets[i]);

      assert_true(budgets[i] != UINT64_MAX || steps == 1);
      expect_same(p, once);
      assert_int_equal(spaces_in_use(p), 0);
      close_program(p);
    }
    close_program(once);
  }
}

static void random_budgets_leave_the_same_heap(void **state)
{
  uint64_t seed = helper_seed() + 1000, random = seed;

  for (uint64_t round = helper_rounds(150); round > 0; round--, seed++) {
    struct program *once = open_program(seed, 500), *p = open_program(seed, 500);
    bool complete = false;

    store_collect(once->store);
    assert_ok(slh_collection_begin(p->store->heap, NULL));
    while (!complete) {
      uint64_t budget = helper_random(&random) >> helper_below(&random, 64);

      assert_ok(slh_collection_step(p->store->heap, budget, &complete));
    }
    expect_same(p, once);
    close_program(p);
    close_program(once);
  }
}

/* ---- giving up ---- */

/* A collection with `steps` steps of 200 bytes behind it; false if that
 * completed it. */
static bool go_some_steps(struct program *p, uint64_t steps)
{
  bool complete = false;

  assert_ok(slh_collection_begin(p->store->heap, NULL));
  while (!complete && steps-- > 0)
    assert_ok(slh_collection_step(p->store->heap, 200, &complete));
  return !complete;
}

static void abandoned_at_every_step(void **state)
{
  uint64_t seed = helper_seed() + 2000;
  struct program *once = open_program(seed, 60);
  bool under_way = true;

  store_collect(once->store);
  for (uint64_t steps = 0; under_way; steps++) {
    struct program *p = open_program(seed, 60);

    under_way = go_some_steps(p, steps);
    assert_int_equal(slh_collection_is_active(p->store->heap), under_way);
    assert_int_equal(spaces_in_use(p), under_way);
    assert_ok(slh_collection_abandon(p->store->heap));
    assert_int_equal(spaces_in_use(p), 0);
    expect_same(p, once);
    close_program(p);
  }
  close_program(once);
}

/* Nothing of the old store is there, and everything works. */
static void expect_clean(struct program *p)
{
  struct store *store = p->store;
  const slh_heap_data *data = slh_heap_get_data(store->heap);
  slh_heap_stats stats = store_stats(store);

  assert_int_equal(spaces_in_use(p), 0);
  assert_false(slh_collection_is_active(store->heap));
  datum_all_dropped(p->data, DATA);
  assert_int_equal(stats.used + stats.dirty + stats.externrefs + stats.owned_roots, 0);
  for (uint64_t at = 0; at < stats.accessible; at += 8) {
    uint64_t word;

    memcpy(&word, data->base + slh_heap_first(store->heap) + at, sizeof word);
    assert_int_equal(word, 0);
  }
  memset(store->roots, 0, sizeof store->roots);
  memset(p->data, 0, sizeof p->data);
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 5);
  for (int i = 0; i < DATA; i++)
    (void)datum_externref(store, &p->data[i]);
  store_node(store, store->roots[0], SLH_NULL, 6);
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  datum_all_dropped(p->data, DATA);
}

static void release_and_acquire(struct program *p)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = p->store->runtime;
  options.enumerate_roots = p->store->heap->enumerate_roots;
  options.host = p->store;
  slh_heap_release(p->store->heap);
  assert_ok(slh_heap_acquire(p->store->pool, &options, &p->store->heap));
}

static void ended_with_its_store_at_every_step(void **state)
{
  uint64_t seed = helper_seed() + 3000;
  bool under_way = true;

  for (uint64_t steps = 0; under_way; steps++) {
    for (int way = 0; way < 2; way++) {
      struct program *p = open_program(seed, 60);

      under_way = go_some_steps(p, steps);
      if (way == 0)
        slh_heap_reset(p->store->heap);
      else
        release_and_acquire(p);
      expect_clean(p);
      close_program(p);
    }
  }
}

/* ---- corrupt in the middle ---- */

/* Overwrites some of the heap, as compiled code could on another thread. */
static void scribble(struct program *p)
{
  uint64_t start = slh_heap_first(p->store->heap), bump = slh_heap_end(p->store->heap);

  for (int i = 0; i < 40; i++) {
    uint64_t at = start + helper_below(&p->random, (bump - start) / 4) * 4;
    uint32_t word = (uint32_t)helper_random(&p->random);

    if (helper_one_in(&p->random, 2))
      word = (uint32_t)(start + helper_below(&p->random, bump - start));
    *store_word(p->store, at) = word;
  }
}

/* How many collections found it out. */
static uint64_t scribble_at_every_step(uint64_t seed)
{
  uint64_t corrupt = 0;
  bool under_way = true;

  for (uint64_t steps = 0; under_way; steps++) {
    struct program *p = open_program(seed, 60);
    slh_status status;

    p->random += steps;
    under_way = go_some_steps(p, steps);
    scribble(p);
    status = slh_collection_abandon(p->store->heap);
    assert_true(status == SLH_OK || status == SLH_E_CORRUPT);
    corrupt += status == SLH_E_CORRUPT;
    assert_false(slh_collection_is_active(p->store->heap));
    assert_int_equal(spaces_in_use(p), 0);
    if (steps % 2)
      slh_heap_reset(p->store->heap);
    else
      release_and_acquire(p);
    expect_clean(p);
    close_program(p);
  }
  return corrupt;
}

static void scribbled_over_at_every_step(void **state)
{
  uint64_t seed = helper_seed() + 4000;
  int tries = 0;

  /* A heap can be lucky, but not ten of them. */
  while (scribble_at_every_step(seed + (uint64_t)tries) == 0)
    assert_true(++tries < 10);
}

static void corrupted_before_it_gets_there(void **state)
{
  struct store *store = store_open(NULL);
  slh_ref array = store->roots[0] = store_array(store, store->refs, 1000);
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  bool complete = false;
  slh_pool_stats stats;
  slh_status status;

  assert_ok(slh_array_set_ref(store->heap, array, 999, node));
  assert_ok(slh_collection_begin(store->heap, NULL));
  assert_ok(slh_collection_step(store->heap, 16, &complete));
  *store_word(store, node.bits) = UINT32_MAX;
  while ((status = slh_collection_step(store->heap, 64, &complete)) == SLH_OK)
    assert_false(complete);
  assert_status(status, SLH_E_CORRUPT);
  slh_pool_get_stats(store->pool, &stats);
  assert_int_equal(stats.evacuation_in_use, 0);
  assert_status(slh_collection_step(store->heap, 64, &complete), SLH_E_CORRUPT);
  store_close(store);
}

/* ---- what the evacuation space held before ---- */

/* It is not scrubbed: arrays of every length must cover it, padding and all. */
static void old_bytes_of_the_space_never_come_back(void **state)
{
  struct store *store = *state;

  store->roots[0] = store_array(store, store->bytes, 400000);
  memset(slh_address(store->heap, store->roots[0], 8), 0xa5, 400000);
  store_collect(store);
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
    uint32_t length = 0;
    slh_heap_reset(store->heap);
    store->roots[0] = store_array(store, store->refs, 60);
    for (uint32_t j = 0; j < 60; j++) {
      slh_ref array = store_array(store, store->bytes, length);

      assert_ok(slh_array_set_ref(store->heap, store->roots[0], j, array));
      length = j == 19 ? 4080 : j == 39 ? 12000 : length + 1;
    }
    (void)store_collect_in_steps(store, budgets[i]);
    for (uint64_t at = slh_heap_first(store->heap); at < slh_heap_end(store->heap); at += 4)
      assert_int_not_equal(*store_word(store, at) & 0xff000000, 0xa5000000);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_budget_leaves_the_same_heap),
      cmocka_unit_test(random_budgets_leave_the_same_heap),
      cmocka_unit_test(abandoned_at_every_step),
      cmocka_unit_test(ended_with_its_store_at_every_step),
      cmocka_unit_test(scribbled_over_at_every_step),
      cmocka_unit_test(corrupted_before_it_gets_there),
      TEST(old_bytes_of_the_space_never_come_back),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
