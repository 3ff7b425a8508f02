/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* doc/contract.md: roots. Tests are named after Wasmtime's methods. */
#include "tests/meter.h"
#include "tests/store.h"

static slh_roots *new_roots(struct store *store)
{
  slh_roots *roots = NULL;

  assert_ok(slh_roots_new(store->runtime, &roots));
  return roots;
}

static void add_wasm_stack_root_and_add_root_keep_kind_and_reason(void **state)
{
  slh_roots *roots = new_roots(*state);
  slh_ref refs[3] = {{0}};
  const slh_root *entries;
  size_t count;

  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &refs[0], 1, "frame 7"));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &refs[1], 2, NULL));
  entries = slh_roots_entries(roots, &count);
  assert_int_equal(count, 2);
  assert_string_equal(entries[0].reason, "frame 7");
  assert_int_equal(entries[0].kind, SLH_ROOT_STACK);
  assert_null(entries[1].reason);
  assert_ptr_equal(entries[1].first, &refs[1]);
  assert_int_equal(entries[1].count, 2);
  slh_roots_free(roots);
  slh_roots_free(NULL);
}

/* Ranges of any length, empty ones too, against the array they are cut of. */
static void iter_visits_every_reference_in_order(void **state)
{
  slh_roots *roots = new_roots(*state);
  uint64_t random = helper_seed();
  slh_ref refs[500];

  for (uint64_t round = helper_rounds(200); round > 0; round--) {
    slh_roots_iterator iterator = {.roots = roots};
    uint32_t at = 0, seen = 0;

    slh_roots_clear(roots);
    while (at < 480 && !helper_one_in(&random, 40)) {
      uint32_t count = (uint32_t)helper_below(&random, 20);

      assert_ok(slh_roots_add(roots, at & 1 ? SLH_ROOT_STACK : SLH_ROOT_OTHER, refs + at, count,
                              count & 1 ? "odd" : "even"));
      at += count;
    }
    for (; slh_roots_next(&iterator); seen++) {
      uint32_t first = (uint32_t)(iterator.root->first - refs);

      assert_ptr_equal(iterator.ref, &refs[seen]);
      assert_true(seen >= first && seen < first + iterator.root->count);
      assert_string_equal(iterator.root->reason, iterator.root->count & 1 ? "odd" : "even");
      assert_int_equal(slh_root_is_on_stack(&iterator), first & 1);
    }
    assert_int_equal(seen, at);
    assert_false(slh_roots_next(&iterator)); /* the end stays the end */
  }
  slh_roots_free(roots);
}

static void get_set_and_is_on_wasm_stack(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  slh_ref refs[2] = {store_node(store, SLH_NULL, SLH_NULL, 1), slh_i31(5)};
  slh_roots_iterator iterator = {.roots = roots};

  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &refs[0], 1, NULL));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &refs[1], 1, NULL));
  assert_true(slh_roots_next(&iterator));
  assert_true(slh_root_is_on_stack(&iterator));
  assert_int_equal(slh_root_get(&iterator).bits, refs[0].bits);
  assert_true(slh_roots_next(&iterator));
  assert_false(slh_root_is_on_stack(&iterator));
  slh_root_set(&iterator, refs[0]);
  assert_int_equal(refs[1].bits, refs[0].bits);
  slh_root_set(&iterator, SLH_NULL);
  assert_int_equal(refs[1].bits, 0);
  assert_false(slh_roots_next(&iterator));
  slh_roots_free(roots);
}

static void is_empty_and_clear(void **state)
{
  slh_roots *roots = new_roots(*state);
  slh_ref ref = SLH_NULL;

  assert_true(slh_roots_is_empty(roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &ref, 0, NULL)); /* an entry all the same */
  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, NULL, 0, NULL)); /* of none: as well */
  assert_false(slh_roots_is_empty(roots));
  assert_ok(slh_heap_collect(((struct store *)*state)->heap, roots));
  slh_roots_clear(roots);
  assert_true(slh_roots_is_empty(roots));
  slh_roots_free(roots);
}

#define MANY 1000

static void clear_keeps_the_storage(void **state)
{
  struct meter meter;
  slh_allocator allocator = meter_allocator(&meter);
  struct store_options options = {SLH_COLLECTOR_COPYING, &allocator, 0, 0};
  struct store *store = store_open(&options);
  slh_roots *roots = new_roots(store);
  slh_ref ref = SLH_NULL;
  uint64_t bytes;

  for (int i = 0; i < MANY; i++)
    assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &ref, 1, NULL));
  bytes = meter.bytes;
  slh_roots_clear(roots);
  assert_int_equal(meter.bytes, bytes);
  meter.left = 0;
  for (int i = 0; i < MANY; i++)
    assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &ref, 1, NULL));
  while (slh_roots_add(roots, SLH_ROOT_OTHER, &ref, 1, NULL) == SLH_OK)
    ;
  /* The failure sticks: such a list is not a whole one. */
  assert_status(slh_heap_collect(store->heap, roots), SLH_E_NOMEM);
  assert_status(slh_collection_begin(store->heap, roots), SLH_E_NOMEM);
  assert_false(slh_collection_is_active(store->heap));
  slh_roots_clear(roots);
  assert_ok(slh_heap_collect(store->heap, roots));
  slh_roots_free(roots);
  meter.left = UINT64_MAX;
  store_close(store);
  assert_int_equal(meter.blocks, 0);
}

/* The list can go at once; the references must stay. */
static void list_can_be_cleared_once_the_collection_has_begun(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  slh_ref refs[2], elsewhere = SLH_NULL;

  refs[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  refs[1] = store_node(store, SLH_NULL, SLH_NULL, 2);
  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, refs, 2, NULL));
  assert_ok(slh_collection_begin(store->heap, roots));
  slh_roots_clear(roots);
  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &elsewhere, 1, NULL));
  slh_roots_free(roots);
  assert_ok(slh_collection_abandon(store->heap));
  assert_int_equal(slh_get_i32(store->heap, refs[0], HELPER_VALUE), 1);
  assert_int_equal(slh_get_i32(store->heap, refs[1], HELPER_VALUE), 2);
  assert_int_equal(store_count(store), 2);
}

/* ---- RootScope, Rooted, OwnedRooted ---- */

static void root_scope_is_a_frame_of_locals(void **state)
{
  struct store *store = *state;
  slh_heap *heap = store->heap;
  slh_local outer_local, inner_local;
  slh_frame outer;

  assert_ok(slh_frame_open(heap, &outer));
  assert_ok(slh_local_new(&outer, store_node(store, SLH_NULL, SLH_NULL, 1), &outer_local));
  {
    SLH_FRAME(inner, heap);

    assert_true(slh_frame_is_open(&inner));
    assert_ok(slh_local_new(&inner, store_node(store, SLH_NULL, SLH_NULL, 2), &inner_local));
    store_collect(store);
    assert_int_equal(store_count(store), 2);
    assert_int_equal(slh_get_i32(heap, slh_local_get(heap, inner_local), HELPER_VALUE), 2);
    slh_local_set(heap, outer_local, slh_local_get(heap, inner_local));
  }
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  assert_int_equal(slh_get_i32(heap, slh_local_get(heap, outer_local), HELPER_VALUE), 2);
  slh_frame_close(&outer);
  store_collect(store);
  assert_int_equal(store_count(store), 0);
}

struct use {
  struct store *store;
  slh_local local;
  slh_owned owned;
};

static void get_local(void *context)
{
  struct use *use = context;

  (void)slh_local_get(use->store->heap, use->local);
}

static void get_owned(void *context)
{
  struct use *use = context;

  (void)slh_owned_get(use->store->heap, use->owned);
}

static void owned_rooted_lives_until_it_is_freed(void **state)
{
  struct store *store = *state;
  struct use use = {.store = store};
  slh_frame frame;

  assert_ok(slh_owned_new(store->heap, store_node(store, SLH_NULL, SLH_NULL, 9), &use.owned));
  store_collect(store);
  assert_int_equal(store_count(store), 1);
  slh_owned_set(store->heap, use.owned, slh_i31(4));
  assert_int_equal(slh_i31_signed(slh_owned_get(store->heap, use.owned)), 4);
  slh_owned_free(store->heap, use.owned);
  assert_int_equal(store_stats(store).owned_roots, 0);
  helper_expect_stop(get_owned, &use, "slh_owned_get");
  assert_ok(slh_frame_open(store->heap, &frame));
  assert_ok(slh_local_new(&frame, SLH_NULL, &use.local));
  slh_frame_close(&frame);
  helper_expect_stop(get_local, &use, "slh_local_get");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(add_wasm_stack_root_and_add_root_keep_kind_and_reason),
      TEST(iter_visits_every_reference_in_order),
      TEST(get_set_and_is_on_wasm_stack),
      TEST(is_empty_and_clear),
      cmocka_unit_test(clear_keeps_the_storage),
      TEST(list_can_be_cleared_once_the_collection_has_begun),
      TEST(root_scope_is_a_frame_of_locals),
      TEST(owned_rooted_lives_until_it_is_freed),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
