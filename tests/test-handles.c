/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Local and owned roots: they keep objects, follow them, and end in time.
 * Handles used wrongly are in test-misuse.c. */
/* [promise own-handles] */
#include "tests/meter.h"
#include "tests/store.h"

static slh_ref node(struct store *store, int32_t value)
{
  return store_node(store, SLH_NULL, SLH_NULL, value);
}

static int32_t value_of(struct store *store, slh_ref ref)
{
  return slh_get_i32(store->heap, ref, HELPER_VALUE);
}

/* Objects that a collection leaves. */
static uint64_t survivors(struct store *store)
{
  store_collect(store);
  return store_count(store);
}

/* ---- frames ---- */

static void local_roots_end_with_their_frame(void **state)
{
  struct store *store = *state;
  slh_frame frame;
  slh_local local;

  assert_ok(slh_frame_open(store->heap, &frame));
  assert_true(slh_frame_is_open(&frame));
  for (int32_t i = 0; i < 100; i++)
    assert_ok(slh_local_new(&frame, node(store, i), &local));
  assert_int_equal(survivors(store), 100);
  assert_int_equal(store_stats(store).local_roots, 100);
  assert_int_equal(value_of(store, slh_local_get(store->heap, local)), 99);
  slh_frame_close(&frame);
  assert_false(slh_frame_is_open(&frame));
  assert_int_equal(store_stats(store).local_roots, 0);
  assert_int_equal(survivors(store), 0);
}

static void frames_nest(void **state)
{
  struct store *store = *state;
  slh_frame frames[10];
  slh_local locals[10];

  for (int32_t i = 0; i < 10; i++) {
    assert_ok(slh_frame_open(store->heap, &frames[i]));
    assert_ok(slh_local_new(&frames[i], node(store, i), &locals[i]));
  }
  for (int32_t i = 10; i-- > 0;) {
    assert_int_equal(survivors(store), i + 1);
    for (int32_t j = 0; j <= i; j++)
      assert_int_equal(value_of(store, slh_local_get(store->heap, locals[j])), j);
    slh_frame_close(&frames[i]);
  }
  assert_int_equal(survivors(store), 0);
}

static void local_roots_can_be_set(void **state)
{
  struct store *store = *state;
  slh_frame frame;
  slh_local local;

  assert_ok(slh_frame_open(store->heap, &frame));
  assert_ok(slh_local_new(&frame, SLH_NULL, &local));
  assert_true(slh_is_null(slh_local_get(store->heap, local)));
  slh_local_set(store->heap, local, slh_i31(-5));
  store_collect(store);
  assert_int_equal(slh_i31_signed(slh_local_get(store->heap, local)), -5);
  slh_local_set(store->heap, local, node(store, 1));
  slh_local_set(store->heap, local, node(store, 2));
  assert_int_equal(survivors(store), 1);
  assert_int_equal(value_of(store, slh_local_get(store->heap, local)), 2);
  slh_frame_close(&frame);
}

/* ---- SLH_FRAME ---- */

static bool leave_by_return(struct store *store)
{
  SLH_FRAME(frame, store->heap);
  slh_local local;

  if (!slh_frame_is_open(&frame) || slh_local_new(&frame, node(store, 1), &local) != SLH_OK)
    return false;
  return survivors(store) == 1;
}

static void leave_by_break_and_continue(struct store *store)
{
  for (int i = 0; i < 10; i++) {
    SLH_FRAME(frame, store->heap);
    slh_local local;

    assert_ok(slh_local_new(&frame, node(store, i), &local));
    assert_int_equal(store_stats(store).local_roots, 1);
    if (i == 8)
      break;
    if (i % 2)
      continue;
    assert_int_equal(value_of(store, slh_local_get(store->heap, local)), i);
  }
}

static void frame_of_a_block_closes_itself(void **state)
{
  struct store *store = *state;

  assert_true(leave_by_return(store));
  assert_int_equal(store_stats(store).local_roots, 0);
  leave_by_break_and_continue(store);
  assert_int_equal(store_stats(store).local_roots, 0);
  assert_int_equal(survivors(store), 0);
}

static slh_status open_by_macro(slh_heap *heap)
{
  slh_frame explicit;

  SLH_FRAME(frame, heap);
  assert_false(slh_frame_is_open(&frame));
  return slh_frame_open(heap, &explicit);
}

static void frame_that_failed_is_closed_safely(void **state)
{
  struct store *store = *state;
  struct meter meter;
  slh_allocator allocator = meter_allocator(&meter);
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool;
  slh_heap *heap;
  slh_frame frame;
  slh_local local;

  options.allocator = &allocator;
  assert_ok(slh_pool_new(&options, &pool, NULL));
  heap = helper_acquire(pool, store->runtime);
  meter.left = 0;
  assert_status(slh_frame_open(heap, &frame), SLH_E_NOMEM);
  assert_false(slh_frame_is_open(&frame));
  assert_status(slh_local_new(&frame, SLH_NULL, &local), SLH_E_NOMEM);
  slh_frame_close(&frame);
  assert_status(open_by_macro(heap), SLH_E_NOMEM);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- owned roots ---- */

static void owned_roots_outlive_frames(void **state)
{
  struct store *store = *state;
  slh_frame frame;
  slh_owned owned[50];

  assert_ok(slh_frame_open(store->heap, &frame));
  for (int32_t i = 0; i < 50; i++)
    assert_ok(slh_owned_new(store->heap, node(store, i), &owned[i]));
  slh_frame_close(&frame);
  assert_int_equal(survivors(store), 50);
  for (int32_t i = 0; i < 50; i += 2)
    slh_owned_free(store->heap, owned[i]);
  assert_int_equal(store_stats(store).owned_roots, 25);
  assert_int_equal(survivors(store), 25);
  for (int32_t i = 1; i < 50; i += 2) {
    slh_owned copy = owned[i];

    assert_int_equal(value_of(store, slh_owned_get(store->heap, copy)), i);
    slh_owned_set(store->heap, copy, SLH_NULL);
    assert_true(slh_is_null(slh_owned_get(store->heap, owned[i])));
  }
  assert_int_equal(survivors(store), 0);
}

static void storage_of_freed_roots_is_used_again(void **state)
{
  struct store *store = *state;
  slh_owned owned[20];
  uint64_t bytes = 0;

  for (uint64_t i = 0; i < helper_rounds(1000000); i++) {
    slh_owned *at = &owned[i % 20];

    if (i >= 20)
      slh_owned_free(store->heap, *at);
    if (i == 20)
      bytes = store_stats(store).host_bytes;
    assert_ok(slh_owned_new(store->heap, slh_i31((int32_t)i), at));
  }
  assert_int_equal(store_stats(store).owned_roots, 20);
  assert_int_equal(store_stats(store).host_bytes, bytes);
}

static void storage_of_frames_is_used_again(void **state)
{
  struct store *store = *state;
  uint64_t bytes = 0;

  for (uint64_t i = 0; i < helper_rounds(100000); i++) {
    SLH_FRAME(frame, store->heap);
    slh_local local;

    for (int j = 0; j < 5; j++)
      assert_ok(slh_local_new(&frame, slh_i31(j), &local));
    if (i == 0)
      bytes = store_stats(store).host_bytes;
  }
  assert_int_equal(store_stats(store).host_bytes, bytes);
}

/* ---- a random program and a model of it ---- */

#define FRAMES 12
#define LOCALS 200
#define OWNED 200

struct model {
  struct store *store;
  uint64_t random;
  slh_frame frames[FRAMES];
  unsigned first[FRAMES]; /* local of each frame */
  unsigned depth;
  slh_local locals[LOCALS];
  int32_t local_values[LOCALS]; /* of the node; 0: null */
  unsigned local_count;
  slh_owned owned[OWNED];
  int32_t owned_values[OWNED]; /* 0: null; -1: no such root */
  int32_t last;
};

static slh_ref random_ref(struct model *model, int32_t *value)
{
  *value = helper_one_in(&model->random, 5) ? 0 : ++model->last;
  return *value ? node(model->store, *value) : SLH_NULL;
}

static void change_frames(struct model *model)
{
  slh_heap *heap = model->store->heap;

  if (model->depth < FRAMES && helper_one_in(&model->random, 2)) {
    model->first[model->depth] = model->local_count;
    assert_ok(slh_frame_open(heap, &model->frames[model->depth++]));
  } else if (model->depth > 0) {
    slh_frame_close(&model->frames[--model->depth]);
    model->local_count = model->first[model->depth];
  }
}

static void change_locals(struct model *model)
{
  int32_t value;
  slh_ref ref = random_ref(model, &value);

  if (model->local_count > 0 && helper_one_in(&model->random, 3)) {
    unsigned i = (unsigned)helper_below(&model->random, model->local_count);

    slh_local_set(model->store->heap, model->locals[i], ref);
    model->local_values[i] = value;
  } else if (model->depth > 0 && model->local_count < LOCALS) {
    unsigned i = model->local_count++;

    assert_ok(slh_local_new(&model->frames[model->depth - 1], ref, &model->locals[i]));
    model->local_values[i] = value;
  }
}

static void change_owned(struct model *model)
{
  unsigned i = (unsigned)helper_below(&model->random, OWNED);
  int32_t value;
  slh_ref ref = random_ref(model, &value);

  if (model->owned_values[i] < 0) {
    assert_ok(slh_owned_new(model->store->heap, ref, &model->owned[i]));
  } else if (helper_one_in(&model->random, 2)) {
    slh_owned_free(model->store->heap, model->owned[i]);
    value = -1;
  } else {
    slh_owned_set(model->store->heap, model->owned[i], ref);
  }
  model->owned_values[i] = value;
}

/* Returns how many nodes it keeps alive: 0 or 1. */
static uint64_t check_root(struct model *model, slh_ref ref, int32_t value)
{
  if (value == 0)
    assert_true(slh_is_null(ref));
  else
    assert_int_equal(value_of(model->store, ref), value);
  return value != 0;
}

static void check(struct model *model)
{
  slh_heap *heap = model->store->heap;
  uint64_t live = 0, owned = 0;

  store_collect(model->store);
  for (unsigned i = 0; i < model->local_count; i++)
    live += check_root(model, slh_local_get(heap, model->locals[i]), model->local_values[i]);
  for (unsigned i = 0; i < OWNED; i++) {
    if (model->owned_values[i] < 0)
      continue;
    owned++;
    live += check_root(model, slh_owned_get(heap, model->owned[i]), model->owned_values[i]);
  }
  assert_int_equal(store_count(model->store), live);
  assert_int_equal(store_stats(model->store).local_roots, model->local_count);
  assert_int_equal(store_stats(model->store).owned_roots, owned);
}

static void random_programs_agree_with_a_model(void **state)
{
  struct model model = {.store = *state, .random = helper_seed()};

  for (int i = 0; i < OWNED; i++)
    model.owned_values[i] = -1;
  for (uint64_t i = helper_rounds(100000); i-- > 0;) {
    switch (helper_below(&model.random, 20)) {
    case 0:
      change_frames(&model);
      break;
    case 1:
      if (helper_one_in(&model.random, 10))
        check(&model);
      break;
    default:
      (helper_one_in(&model.random, 2) ? change_locals : change_owned)(&model);
    }
  }
  check(&model);
}

/* ---- the end of a store ---- */

static void store_begins_without_roots(void **state)
{
  struct store *store = *state;
  slh_frame frame;
  slh_local local;
  slh_owned owned;

  for (int round = 0; round < 4; round++) {
    /* Every other time so many that their storage is not kept. */
    for (int i = 0; i < (round % 2 ? 20000 : 20); i++) {
      assert_ok(slh_frame_open(store->heap, &frame));
      assert_ok(slh_local_new(&frame, node(store, i), &local));
      assert_ok(slh_owned_new(store->heap, node(store, i), &owned));
    }
    slh_heap_reset(store->heap); /* with all frames open */
    assert_int_equal(store_stats(store).local_roots, 0);
    assert_int_equal(store_stats(store).owned_roots, 0);
    assert_true(store_stats(store).host_bytes <= 64 * 1024);
    assert_int_equal(survivors(store), 0);
  }
  assert_ok(slh_frame_open(store->heap, &frame));
  assert_ok(slh_local_new(&frame, node(store, 1), &local));
  assert_int_equal(survivors(store), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(local_roots_end_with_their_frame),
      TEST(frames_nest),
      TEST(local_roots_can_be_set),
      TEST(frame_of_a_block_closes_itself),
      TEST(frame_that_failed_is_closed_safely),
      TEST(owned_roots_outlive_frames),
      TEST(storage_of_freed_roots_is_used_again),
      TEST(storage_of_frames_is_used_again),
      TEST(random_programs_agree_with_a_model),
      TEST(store_begins_without_roots),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
