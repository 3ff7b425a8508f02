/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * drc: what nothing refers to any more goes in the very call that overwrites the last
 * reference to it; not while it may be on a stack, and then with the next collection.
 */
#include "lib/counts.h"
#include "tests/counted.h"

#include <slotheap/dense.h>

#define dropped(counted, number) ((counted)->data[number].drops)

/* ---- at once ---- */

static void fields(void **state)
{
  struct counted *c = *state;
  slh_value null = {SLH_REF, {.ref = SLH_NULL}};

  slh_set_ref(c->heap, c->node, HELPER_LEFT, slh_i31(7));
  assert_int_equal(dropped(c, COUNTED_LEFT), 1);
  assert_int_equal(dropped(c, COUNTED_RIGHT), 0);
  assert_ok(slh_struct_set(c->heap, c->node, 1, &null));
  assert_int_equal(dropped(c, COUNTED_RIGHT), 1);
  store_collect(c->store);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 2);
}

/* By dense.h sums wrap around, and are aligned, in wide pools as well: 4 GiB further on is
 * what the guard does not reach. */
static void sums_that_wrap(void **state)
{
  struct counted *c = *state;
  slh_ref first = slh_element(c->array, 0, sizeof first);
  uint32_t offset = first.bits - c->node.bits;

  assert_true(first.bits < c->node.bits);
  slh_dense_set_ref(c->heap, c->node, offset + 3, slh_i31(7));
  assert_int_equal(dropped(c, 0), 1);
  assert_int_equal(counted_element(c, 0).bits, slh_i31(7).bits);
}

static void elements(void **state)
{
  struct counted *c = *state;
  slh_value null = {SLH_REF, {.ref = SLH_NULL}};

  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  assert_int_equal(dropped(c, 0), 1);
  assert_ok(slh_array_set(c->heap, c->array, 1, &null));
  assert_int_equal(dropped(c, 1), 1);
  /* Number 3 over 2, null over 3. */
  assert_ok(slh_array_copy(c->heap, c->array, 2, c->array, 3, 1));
  assert_int_equal(dropped(c, 2), 1);
  assert_ok(slh_array_copy(c->heap, c->array, 3, c->array, 0, 1));
  assert_int_equal(dropped(c, 3), 0);
  assert_ok(slh_array_fill(c->heap, c->array, 1, 4, &null));
  assert_int_equal(dropped(c, 3), 1);
  assert_int_equal(dropped(c, 4), 1);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 5);
  store_collect(c->store);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 5);
}

/* Overlapping, in both directions: what is still there stays. */
static void copies_within_an_array(void **state)
{
  struct counted *c = *state;

  assert_ok(slh_array_copy(c->heap, c->array, 1, c->array, 0, 5)); /* 0 0 1 2 3 4 */
  assert_int_equal(dropped(c, 5), 1);
  assert_ok(slh_array_copy(c->heap, c->array, 0, c->array, 2, 4)); /* 1 2 3 4 3 4 */
  assert_int_equal(dropped(c, 0), 1);
  for (uint32_t i = 0; i < 4; i++)
    assert_ptr_equal(datum_of(c->store, counted_element(c, i)), &c->data[i + 1]);
  for (uint32_t i = 4; i < 6; i++)
    assert_ptr_equal(datum_of(c->store, counted_element(c, i)), &c->data[i - 1]);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 2);
  assert_ok(slh_array_copy(c->heap, c->array, 2, c->array, 6, 2)); /* 1 2 - - 3 4 */
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 2);
  assert_ok(slh_array_copy(c->heap, c->array, 4, c->array, 6, 2)); /* 1 2 */
  assert_int_equal(dropped(c, 3), 1);
  assert_int_equal(dropped(c, 4), 1);
  store_collect(c->store);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 4);
}

static void owned_roots(void **state)
{
  struct counted *c = *state;
  slh_owned owned[3];

  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(slh_owned_new(c->heap, counted_element(c, i), &owned[i]));
    assert_ok(slh_array_set_ref(c->heap, c->array, i, SLH_NULL));
  }
  store_collect(c->store);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 0);
  slh_owned_free(c->heap, owned[0]);
  assert_int_equal(dropped(c, 0), 1);
  slh_owned_set(c->heap, owned[1], slh_owned_get(c->heap, owned[2]));
  assert_int_equal(dropped(c, 1), 1);
  slh_owned_free(c->heap, owned[2]);
  assert_int_equal(dropped(c, 2), 0);
  slh_owned_free(c->heap, owned[1]);
  assert_int_equal(dropped(c, 2), 1);
}

static void references_of_the_host(void **state)
{
  struct counted *c = *state;
  slh_ref global = SLH_NULL, clone;

  slh_write_ref(c->heap, &global, counted_element(c, 0));
  clone = slh_clone_ref(c->heap, global);
  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  slh_write_ref(c->heap, &global, global);
  slh_write_ref(c->heap, &global, counted_element(c, 1));
  assert_int_equal(dropped(c, 0), 0);
  slh_drop_ref(c->heap, clone);
  assert_int_equal(dropped(c, 0), 1);
  assert_ok(slh_array_set_ref(c->heap, c->array, 1, SLH_NULL));
  assert_int_equal(dropped(c, 1), 0);
  slh_write_ref(c->heap, &global, slh_i31(1));
  assert_int_equal(dropped(c, 1), 1);
  slh_write_ref(c->heap, &global, SLH_NULL);
  /* With all that only the array and the node referred to. */
  counted_write(c->store, 0, SLH_NULL);
  assert_int_equal(datum_drops(c->data, COUNTED_LEFT), COUNTED_LEFT);
  counted_write(c->store, 1, SLH_NULL);
  datum_all_dropped(c->data, COUNTED_DATA);
  store_collect(c->store);
  assert_int_equal(store_stats(c->store).used, 0);
}

/* Dropping is no collection. */
static void in_scopes_without_collection(void **state)
{
  struct counted *c = *state;

  slh_heap_enter_no_gc(c->heap);
  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  slh_heap_leave_no_gc(c->heap);
  assert_int_equal(dropped(c, 0), 1);
}

/* ---- what may be on a stack ---- */

static void exposed(void **state)
{
  struct counted *c = *state;

  assert_int_equal(slh_expose_ref(c->heap, counted_element(c, 0)), counted_element(c, 0).bits);
  (void)slh_expose_ref(c->heap, counted_element(c, 0));
  assert_int_equal(store_stats(c->store).listed, 1);
  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  assert_int_equal(dropped(c, 0), 0);
  store_collect(c->store);
  assert_int_equal(dropped(c, 0), 1);
  assert_int_equal(store_stats(c->store).listed, 0);
}

static void listed_as_a_stack_root(void **state)
{
  struct counted *c = *state;

  c->store->roots[2].bits = slh_expose_ref(c->heap, counted_element(c, 0));
  c->store->on_stack = true;
  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  for (int i = 0; i < 3; i++)
    store_collect(c->store);
  assert_int_equal(dropped(c, 0), 0);
  c->store->roots[2] = SLH_NULL;
  store_collect(c->store);
  assert_int_equal(dropped(c, 0), 1);
  /* The other two had counts besides. */
  c->store->roots[0] = c->store->roots[1] = SLH_NULL;
  store_collect(c->store);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 1);
  slh_drop_ref(c->heap, c->array);
  slh_drop_ref(c->heap, c->node);
  datum_all_dropped(c->data, COUNTED_DATA);
}

static void local_roots(void **state)
{
  struct counted *c = *state;
  slh_frame frame;
  slh_local first, second;

  assert_ok(slh_frame_open(c->heap, &frame));
  assert_ok(slh_local_new(&frame, counted_element(c, 0), &first));
  assert_ok(slh_local_new(&frame, SLH_NULL, &second));
  slh_local_set(c->heap, second, counted_element(c, 1));
  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  assert_ok(slh_array_set_ref(c->heap, c->array, 1, SLH_NULL));
  store_collect(c->store);
  assert_ptr_equal(datum_of(c->store, slh_local_get(c->heap, first)), &c->data[0]);
  assert_ptr_equal(datum_of(c->store, slh_local_get(c->heap, second)), &c->data[1]);
  slh_frame_close(&frame);
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 0);
  store_collect(c->store);
  assert_int_equal(dropped(c, 0), 1);
  assert_int_equal(dropped(c, 1), 1);
}

/* References in new objects are not counted: what is written into one stays for as long
 * as it may be reached from there. */
enum into {
  INIT,
  SET,
  CHECKED,
  ELEMENT,
  COPIED,
  FILLED,
  REMEMBERED,
  WAYS
};

static slh_ref write_into_new(struct counted *c, enum into way, slh_ref ref)
{
  slh_value value = {SLH_REF, {.ref = ref}};
  slh_ref node = store_node(c->store, SLH_NULL, SLH_NULL, 0);
  slh_ref array = store_array(c->store, c->store->refs, 4);

  switch (way) {
  case INIT:
    (void)slh_expose_ref(c->heap, ref);
    slh_init_ref(c->heap, node, HELPER_LEFT, ref);
    return node;
  case SET:
    slh_set_ref(c->heap, node, HELPER_LEFT, ref);
    return node;
  case CHECKED:
    assert_ok(slh_struct_set(c->heap, node, 0, &value));
    return node;
  case ELEMENT:
    assert_ok(slh_array_set_ref(c->heap, array, 1, ref));
    return array;
  case COPIED:
    assert_ok(slh_array_copy(c->heap, array, 0, c->array, 0, 4));
    return array;
  case FILLED:
    assert_ok(slh_array_fill(c->heap, array, 0, 4, &value));
    return array;
  default:
    memcpy(slh_address(c->heap, array, SLH_ARRAY_DATA_OFFSET), &ref, sizeof ref);
    slh_remember_object(c->heap, array);
    return array;
  }
}

/* In a hole among old objects, new ones have lower addresses than those. */
static void make_hole(struct counted *c)
{
  for (uint32_t i = 2; i < 4; i++)
    counted_write(c->store, i, store_array(c->store, c->store->bytes, 1000));
  store_collect(c->store);
  counted_write(c->store, 2, SLH_NULL);
  assert_ok(slh_heap_make_room(c->heap, 64));
  assert_true(slh_heap_get_data(c->heap)->bump < c->store->roots[3].bits);
}

static void written_into_new_objects(void **state)
{
  for (int round = 0; round < 2 * WAYS; round++) {
    struct counted *c;
    slh_ref ref, fresh;

    assert_int_equal(counted_setup((void **)&c), 0);
    if (round >= WAYS)
      make_hole(c);
    ref = counted_element(c, 0);
    fresh = write_into_new(c, (enum into)(round % WAYS), ref);
    counted_write(c->store, 4, fresh);
    assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
    assert_int_equal(dropped(c, 0), 0);
    store_collect(c->store);
    assert_ptr_equal(datum_of(c->store, ref), &c->data[0]);
    assert_int_equal(store_stats(c->store).listed, 0);
    counted_write(c->store, 4, SLH_NULL);
    assert_int_equal(dropped(c, 0), 1);
    assert_int_equal(counted_teardown((void **)&c), 0);
  }
}

/* Each new head refers to the one before, which the global then refers to no more. */
static void a_list_that_grows_at_its_head(void **state)
{
  struct counted *c = *state;
  struct store *store = c->store;
  slh_ref at;

  for (int i = 0; i < 100; i++) {
    counted_write(store, 2, store_node(store, store->roots[2], SLH_NULL, i));
    if (i % 7 == 0)
      store_collect(store);
  }
  at = store->roots[2];
  for (int i = 100; i-- > 0; at = slh_get_ref(c->heap, at, HELPER_LEFT))
    assert_int_equal(slh_get_i32(c->heap, at, HELPER_VALUE), i);
  assert_true(slh_is_null(at));
}

static void the_list_becomes_long_and_short_again(void **state)
{
  struct counted *c = *state;
  uint32_t count = 2 * SLHI_LISTED_DUE;
  slh_ref array = store_array(c->store, c->store->refs, count), ref = SLH_NULL;

  for (uint32_t i = 0; i < count; i++)
    assert_ok(slh_array_init_ref(c->heap, array, i, store_node(c->store, ref, ref, 0)));
  counted_write(c->store, 2, array);
  store_collect(c->store);
  assert_false(slh_needs_collection_before(c->heap, SLHI_LISTED_DUE));
  assert_true(slh_needs_collection_before(c->heap, SLHI_LISTED_DUE + 1));
  for (uint32_t i = 0; i < SLHI_LISTED_DUE; i++) {
    assert_ok(slh_array_get_ref(c->heap, array, i, &ref));
    (void)slh_expose_ref(c->heap, ref);
  }
  assert_false(slh_needs_collection_before(c->heap, 0));
  assert_true(slh_needs_collection_before(c->heap, 1));
  assert_int_equal(store_stats(c->store).listed, SLHI_LISTED_DUE);
  store_collect(c->store);
  assert_false(slh_needs_collection_before(c->heap, SLHI_LISTED_DUE));
  assert_int_equal(store_stats(c->store).listed, 0);
  assert_int_equal(store_count(c->store), COUNTED_DATA + 2 + count + 1);
}

/* ---- counts ---- */

/* What has too many references to count stays until the store ends. */
static void counts_that_are_full(void **state)
{
  struct counted *c = *state;
  slh_ref ref = counted_element(c, 0);
  uint32_t *word = slhi_state(slhi_counts(c->heap), ref.bits);

  assert_int_equal(*word, SLHI_STATE_COUNTED | SLHI_STATE_ONE);
  *word = SLHI_STATE_COUNTED | (SLHI_STATE_COUNT - 2 * SLHI_STATE_ONE);
  for (int i = 0; i < 4; i++)
    (void)slh_clone_ref(c->heap, ref);
  assert_int_equal(*word, SLHI_STATE_COUNTED | SLHI_STATE_COUNT);
  for (int i = 0; i < 8; i++)
    slh_drop_ref(c->heap, ref);
  assert_int_equal(*word, SLHI_STATE_COUNTED | SLHI_STATE_COUNT);
  assert_ok(slh_array_set_ref(c->heap, c->array, 0, SLH_NULL));
  store_collect(c->store);
  assert_int_equal(dropped(c, 0), 0);
  assert_ptr_equal(datum_of(c->store, ref), &c->data[0]);
}

/* Dropping what is not there, or twice, hurts nobody else. */
static void counts_that_are_wrong(void **state)
{
  struct counted *c = *state;

  for (uint32_t bits = 0; bits < 8192; bits++)
    slh_drop_ref(c->heap, (slh_ref){bits | UINT32_C(0x10000000)});
  slh_drop_ref(c->heap, SLH_NULL);
  slh_drop_ref(c->heap, slh_i31(-1));
  assert_int_equal(datum_drops(c->data, COUNTED_DATA), 0);
  store_collect(c->store);
}

/* ---- cycles ---- */

static void make_cycle(struct counted *c, uint32_t to)
{
  slh_ref node = store_node(c->store, SLH_NULL, counted_element(c, to), 0);

  slh_init_ref(c->heap, node, HELPER_LEFT, store_node(c->store, node, SLH_NULL, 1));
  counted_write(c->store, 2, node);
  assert_ok(slh_array_set_ref(c->heap, c->array, to, SLH_NULL));
}

static void old_cycles_stay_and_new_ones_do_not(void **state)
{
  struct counted *c = *state;

  make_cycle(c, 0);
  store_collect(c->store);
  counted_write(c->store, 2, SLH_NULL);
  make_cycle(c, 1);
  counted_write(c->store, 2, SLH_NULL);
  for (int i = 0; i < 3; i++)
    store_collect(c->store);
  assert_int_equal(dropped(c, 0), 0);
  assert_int_equal(dropped(c, 1), 1);
  assert_int_equal(store_count(c->store), 2 + COUNTED_DATA - 1 + 2);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, counted_setup, counted_teardown)
  const struct CMUnitTest tests[] = {
      TEST(fields),
      TEST(sums_that_wrap),
      TEST(elements),
      TEST(copies_within_an_array),
      TEST(owned_roots),
      TEST(references_of_the_host),
      TEST(in_scopes_without_collection),
      TEST(exposed),
      TEST(listed_as_a_stack_root),
      TEST(local_roots),
      cmocka_unit_test(written_into_new_objects),
      TEST(a_list_that_grows_at_its_head),
      TEST(the_list_becomes_long_and_short_again),
      TEST(counts_that_are_full),
      TEST(counts_that_are_wrong),
      TEST(old_cycles_stay_and_new_ones_do_not),
  };

  return helper_run(tests, NULL, NULL);
}
