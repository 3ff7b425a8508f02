/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Ids that a guest forged in externrefs: whatever they are, nothing is dropped
 * twice, or too early for others than the forger. */
/* [promise checked] */
#include "tests/datum.h"

#include <stdlib.h>

static void forge(struct store *store, slh_ref ref, uint32_t id)
{
  slh_set_u32(store->heap, ref, 4, id);
}

static void forged_ids_are_refused_or_another_entry(void **state)
{
  struct store *store = *state;
  static struct datum data[8];
  void *found = NULL;

  for (int i = 0; i < 8; i++)
    store->roots[i] = datum_externref(store, &data[i]);
  for (int i = 4; i < 8; i++)
    store->roots[i] = SLH_NULL;
  store_collect(store);
  for (uint32_t i = 0; i < 100000; i++) {
    uint32_t id = i < 200 ? i : i * 42949u;
    slh_status status;

    forge(store, store->roots[0], id);
    status = slh_externref_data(store->heap, store->roots[0], &found);
    assert_int_equal(status, id < 4 ? SLH_OK : SLH_E_CORRUPT);
    if (status == SLH_OK)
      assert_ptr_equal(found, &data[id]);
  }
  assert_ok(slh_heap_verify(store->heap, NULL, NULL));
}

static void other_objects_are_no_externrefs(void **state)
{
  struct store *store = *state;
  void *found;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 0);

  assert_status(slh_externref_data(store->heap, SLH_NULL, &found), SLH_E_TYPE);
  assert_status(slh_externref_data(store->heap, slh_i31(1), &found), SLH_E_TYPE);
  assert_status(slh_externref_data(store->heap, node, &found), SLH_E_TYPE);
  assert_status(slh_externref_data(store->heap, (slh_ref){0x10000000}, &found), SLH_E_CORRUPT);
  /* One that was never made, before there is a table. */
  *store_word(store, node.bits) = slh_externref_type(store->runtime)->header;
  assert_status(slh_externref_data(store->heap, node, &found), SLH_E_CORRUPT);
  store->roots[0] = node;
  assert_ok(slh_heap_collect(store->heap, NULL));
}

/* Whatever ids a guest forges: each entry is dropped once, none that is free
 * is dropped, and no id stays in use that nothing can have. */
static void forged_ids_drop_nothing_twice(void **state)
{
  uint64_t random = helper_seed();
  struct store *store = *state;
  uint64_t rounds = helper_rounds(1000);
  struct datum *data = calloc(rounds * 10, sizeof *data);

  for (uint64_t i = 0; i < rounds; i++) {
    for (uint64_t j = 0; j < 10; j++)
      store->roots[helper_below(&random, STORE_ROOTS)] = datum_externref(store, &data[10 * i + j]);
    for (int j = 0; j < 8; j++) {
      slh_ref *root = &store->roots[helper_below(&random, STORE_ROOTS)];

      if (slh_is_object(*root))
        forge(store, *root, (uint32_t)(helper_random(&random) >> (32 + helper_below(&random, 32))));
      if (helper_one_in(&random, 4))
        *root = SLH_NULL;
    }
    store_collect(store);
    datum_check_table(store);
    assert_true(store_stats(store).externrefs <= STORE_ROOTS);
    for (uint64_t j = 0; j < 10 * (i + 1); j += 1 + i / 50)
      assert_true(data[j].drops <= 1);
  }
  slh_heap_reset(store->heap);
  memset(store->roots, 0, sizeof store->roots);
  datum_all_dropped(data, rounds * 10);
  free(data);
}

/* An externref whose entry went because its id was overwritten finds, with
 * the id restored, nothing or the entry's next owner. */
static void dropped_entries_do_not_come_back(void **state)
{
  struct store *store = *state;
  static struct datum data[3];
  uint32_t id;

  store->roots[0] = datum_externref(store, &data[0]);
  store->roots[1] = datum_externref(store, &data[1]);
  id = slh_get_u32(store->heap, store->roots[1], 4);
  forge(store, store->roots[1], 0xffffffff);
  store_collect(store);
  assert_int_equal(data[1].drops, 1);
  forge(store, store->roots[1], id);
  assert_status(slh_externref_data(store->heap, store->roots[1], &(void *){NULL}), SLH_E_CORRUPT);
  store->roots[2] = datum_externref(store, &data[2]);
  assert_ptr_equal(datum_of(store, store->roots[1]), &data[2]);
  store->roots[2] = SLH_NULL;
  store_collect(store);
  assert_int_equal(data[2].drops, 0); /* the forged one keeps it */
  store->roots[1] = SLH_NULL;
  store_collect(store);
  assert_int_equal(datum_drops(data, 3), 2);
}

/* A collection that stops half-way has dropped nothing. */
static void corrupt_heap_drops_at_the_end(void **state)
{
  struct store *store = *state;
  static struct datum data[3];

  store->roots[0] = datum_externref(store, &data[0]);
  store->roots[1] = store_node(store, datum_externref(store, &data[1]), SLH_NULL, 0);
  (void)datum_externref(store, &data[2]);
  *store_word(store, store->roots[1].bits) = 0xfffffff8;
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  assert_int_equal(datum_drops(data, 3), 0);
  slh_heap_reset(store->heap);
  memset(store->roots, 0, sizeof store->roots);
  datum_all_dropped(data, 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(forged_ids_are_refused_or_another_entry), TEST(other_objects_are_no_externrefs),
      TEST(forged_ids_drop_nothing_twice),           TEST(dropped_entries_do_not_come_back),
      TEST(corrupt_heap_drops_at_the_end),
  };

  return helper_run(tests, NULL, NULL);
}
