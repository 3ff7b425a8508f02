/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Externrefs: dropped exactly once, when they die, and never before.
 * Forged ones are in test-forged-ids.c; what a drop callback may not do is in
 * test-misuse.c. */
/* [promise dropped-once] */
#include "tests/datum.h"

#include <stdlib.h>

/* ---- life and death ---- */

static void lives_as_long_as_it_is_reached(void **state)
{
  struct store *store = *state;
  struct datum data[6] = {{0, false}};
  slh_owned owned;
  slh_ref array;

  SLH_FRAME(frame, store->heap);
  slh_local local;

  store->roots[0] = datum_externref(store, &data[0]);
  store->roots[1] = store_node(store, SLH_NULL, datum_externref(store, &data[1]), 0);
  array = store_array(store, store->refs, 10);
  assert_ok(slh_array_set_ref(store->heap, array, 9, datum_externref(store, &data[2])));
  store->roots[2] = store_node(store, array, SLH_NULL, 0);
  assert_ok(slh_local_new(&frame, datum_externref(store, &data[3]), &local));
  assert_ok(slh_owned_new(store->heap, datum_externref(store, &data[4]), &owned));
  (void)datum_externref(store, &data[5]);
  assert_int_equal(store_stats(store).externrefs, 6);
  for (int i = 0; i < 3; i++)
    store_collect(store);
  for (int i = 0; i < 6; i++)
    assert_int_equal(data[i].drops, i == 5);
  assert_ptr_equal(datum_of(store, slh_local_get(store->heap, local)), &data[3]);
  slh_owned_free(store->heap, owned);
  slh_local_set(store->heap, local, SLH_NULL);
  memset(store->roots, 0, sizeof store->roots);
  assert_int_equal(data[0].drops, 0);
  store_collect(store);
  datum_all_dropped(data, 6);
  assert_int_equal(store_stats(store).externrefs, 0);
}

static void end_of_a_store_drops_all(void **state)
{
  struct store *store = *state;
  struct datum data[100] = {{0, false}};

  for (int i = 0; i < 50; i++)
    store->roots[i % 2] = datum_externref(store, &data[i]);
  store_collect(store);
  slh_heap_reset(store->heap);
  datum_all_dropped(data, 50);
  memset(store->roots, 0, sizeof store->roots);
  for (int i = 50; i < 100; i++)
    (void)datum_externref(store, &data[i]);
  slh_heap_release(store->heap);
  datum_all_dropped(data, 100);
  store->heap = helper_acquire(store->pool, store->runtime);
  assert_int_equal(store_stats(store).externrefs, 0);
}

static void data_without_a_callback(void **state)
{
  struct store *store = *state;
  void *data = NULL;
  int here;

  assert_ok(slh_alloc_externref(store->heap, &here, NULL, &store->roots[0]));
  assert_ok(slh_alloc_externref(store->heap, NULL, NULL, &store->roots[1]));
  store_collect(store);
  assert_ok(slh_externref_data(store->heap, store->roots[0], &data));
  assert_ptr_equal(data, &here);
  assert_ok(slh_externref_data(store->heap, store->roots[1], &data));
  assert_null(data);
  store->roots[0] = store->roots[1] = SLH_NULL;
  store_collect(store);
  assert_int_equal(store_stats(store).externrefs, 0);
}

static void null_collector_drops_at_the_end(void **state)
{
  struct store_options options = {SLH_COLLECTOR_NULL, NULL, 0, 0};
  struct store *store = store_open(&options);
  struct datum data[10] = {{0, false}};

  (void)state;
  for (int i = 0; i < 10; i++)
    (void)datum_externref(store, &data[i]);
  store_collect(store);
  assert_int_equal(store_stats(store).externrefs, 10);
  assert_int_equal(data[0].drops, 0);
  store_close(store);
  datum_all_dropped(data, 10);
}

static void entries_are_used_again(void **state)
{
  struct store *store = *state;
  uint64_t rounds = helper_rounds(2000), bytes = 0;
  struct datum *data = calloc(rounds * 20, sizeof *data);

  for (uint64_t i = 0; i < rounds; i++) {
    for (uint64_t j = 0; j < 20; j++)
      store->roots[j % 3] = datum_externref(store, &data[20 * i + j]);
    assert_ok(slh_heap_collect(store->heap, NULL));
    assert_int_equal(store_stats(store).externrefs, 3);
    if (i == 0)
      bytes = store_stats(store).host_bytes;
  }
  assert_int_equal(store_stats(store).host_bytes, bytes);
  slh_heap_reset(store->heap);
  memset(store->roots, 0, sizeof store->roots);
  datum_all_dropped(data, rounds * 20);
  free(data);
}

/* ---- random programs ---- */

#define STORES 3
#define DATA 30000

struct program {
  struct store *store;
  struct datum *data;
  uint32_t made;
  uint64_t random;
};

/* A reference to something that is alive, or null. */
static slh_ref pick(struct program *program)
{
  struct store *store = program->store;
  slh_ref at = store->roots[helper_below(&program->random, STORE_ROOTS)];

  while (slh_is_object(at) && slh_has_type(store->heap, at, store->node) &&
         !helper_one_in(&program->random, 3)) {
    slh_ref next = slh_get_ref(store->heap, at, helper_one_in(&program->random, 2) ? 4 : 8);

    if (!slh_is_object(next))
      break;
    at = next;
  }
  return at;
}

static void step(struct program *program)
{
  struct store *store = program->store;
  slh_ref *root = &store->roots[helper_below(&program->random, STORE_ROOTS)];
  slh_ref at;

  switch (helper_below(&program->random, 8)) {
  case 0:
    if (program->made < DATA)
      *root = datum_externref(store, &program->data[program->made++]);
    break;
  case 1:
    *root = store_node(store, pick(program), pick(program), 0);
    break;
  case 2:
    if (program->made < DATA) {
      slh_ref fresh = datum_externref(store, &program->data[program->made++]);

      *root = store_node(store, fresh, pick(program), 0);
    }
    break;
  case 3:
    *root = pick(program);
    break;
  case 4:
    *root = SLH_NULL;
    break;
  default:
    at = pick(program);
    if (slh_is_object(at) && slh_has_type(store->heap, at, store->node))
      slh_set_ref(store->heap, at, helper_one_in(&program->random, 2) ? 4 : 8, pick(program));
  }
}

static void mark(struct program *program, slh_ref at)
{
  struct store *store = program->store;

  while (slh_is_object(at)) {
    if (!slh_has_type(store->heap, at, store->node)) {
      datum_of(store, at)->reached = true;
      return;
    }
    if (slh_get_i32(store->heap, at, HELPER_VALUE) != 0)
      return;
    slh_set_i32(store->heap, at, HELPER_VALUE, 1);
    mark(program, slh_get_ref(store->heap, at, HELPER_LEFT));
    at = slh_get_ref(store->heap, at, HELPER_RIGHT);
  }
}

static bool unmark(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct store *store = context;

  (void)size;
  if (type == store->node)
    slh_set_i32(store->heap, object, HELPER_VALUE, 0);
  return true;
}

/* After a collection what the roots reach has not been dropped, and all else
 * has been, once. */
static void check_drops(struct program *program, bool collected)
{
  struct store *store = program->store;

  for (int i = 0; i < STORE_ROOTS; i++)
    mark(program, store->roots[i]);
  for (uint32_t i = 0; i < program->made; i++) {
    struct datum *datum = &program->data[i];

    assert_true(datum->drops <= 1);
    if (datum->reached || collected)
      assert_int_equal(datum->drops, !datum->reached);
    datum->reached = false;
  }
  assert_ok(slh_heap_walk(store->heap, unmark, store));
}

static void random_programs_drop_what_dies(void **state)
{
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, 0, 4096};
  struct program programs[STORES];
  uint64_t seed = helper_seed();

  (void)state;
  for (int i = 0; i < STORES; i++)
    programs[i] = (struct program){store_open(&options), calloc(DATA, sizeof(struct datum)), 0,
                                   seed + (uint64_t)i};
  for (uint64_t i = helper_rounds(150000); i-- > 0;) {
    struct program *program = &programs[helper_below(&seed, STORES)];

    step(program);
    if (helper_one_in(&seed, 1000)) {
      bool collected = helper_one_in(&seed, 2);

      if (collected)
        store_collect(program->store);
      check_drops(program, collected);
    }
  }
  for (int i = 0; i < STORES; i++) {
    datum_check_table(programs[i].store);
    store_close(programs[i].store);
    datum_all_dropped(programs[i].data, programs[i].made);
    free(programs[i].data);
  }
}

/* ---- what a callback may do ---- */

/* All that it likes, with another heap: even end it. */
static void use_another_heap(void *data)
{
  struct store *other = data;

  memset(other->roots, 0, sizeof other->roots);
  other->roots[0] = store_node(other, SLH_NULL, SLH_NULL, 5);
  (void)datum_externref(other, &(struct datum){0, false});
  store_collect(other);
  slh_heap_reset(other->heap);
  slh_heap_release(other->heap);
  other->heap = NULL;
}

static void callback_uses_another_heap(void **state)
{
  struct store *store = *state;
  struct store *other = store_open(NULL);
  slh_ref ref;

  assert_ok(slh_alloc_externref(store->heap, other, use_another_heap, &ref));
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store_collect(store);
  assert_null(other->heap);
  assert_int_equal(store_count(store), 1);
  store->roots[1] = store_node(store, store->roots[0], SLH_NULL, 2);
  store_verify(store);
  slh_pool_free(other->pool);
  slh_runtime_free(other->runtime);
  free(other);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(lives_as_long_as_it_is_reached), TEST(end_of_a_store_drops_all),
      TEST(data_without_a_callback),        cmocka_unit_test(null_collector_drops_at_the_end),
      TEST(entries_are_used_again),         cmocka_unit_test(random_programs_drop_what_dies),
      TEST(callback_uses_another_heap),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
