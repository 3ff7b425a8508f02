/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Lists of roots: keeping them, and what a collection does with them. */
#include "tests/store.h"

#define MANY 1000

static slh_roots *new_roots(struct store *store)
{
  slh_roots *roots = NULL;

  assert_ok(slh_roots_new(store->runtime, &roots));
  return roots;
}

static size_t count_of(const slh_roots *roots)
{
  size_t count = SIZE_MAX;

  (void)slh_roots_entries(roots, &count);
  return count;
}

static int32_t value(struct store *store, slh_ref node)
{
  return slh_get_i32(store->heap, node, HELPER_VALUE);
}

/* ---- the list ---- */

static void list_keeps_what_is_added(void **state)
{
  slh_roots *roots = new_roots(*state);
  static slh_ref refs[MANY];

  assert_int_equal(count_of(roots), 0);
  for (uint32_t i = 0; i < MANY; i++) {
    size_t count;
    const slh_root *entries;

    assert_ok(slh_roots_add(roots, i % 2 ? SLH_ROOT_STACK : SLH_ROOT_OTHER, &refs[i], i,
                            i % 3 ? "reason" : NULL));
    entries = slh_roots_entries(roots, &count);
    assert_int_equal(count, i + 1);
    for (uint32_t j = i < 40 ? 0 : i; j <= i; j++) {
      assert_ptr_equal(entries[j].first, &refs[j]);
      assert_int_equal(entries[j].count, j);
      assert_int_equal(entries[j].kind, j % 2 ? SLH_ROOT_STACK : SLH_ROOT_OTHER);
      if (j % 3)
        assert_string_equal(entries[j].reason, "reason");
      else
        assert_null(entries[j].reason);
    }
  }
  slh_roots_free(roots);
}

static void cleared_list_is_used_again(void **state)
{
  slh_roots *roots = new_roots(*state);
  slh_ref ref = SLH_NULL;

  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < MANY >> round; i++)
      assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, &ref, 1, NULL));
    assert_int_equal(count_of(roots), MANY >> round);
    slh_roots_clear(roots);
    assert_int_equal(count_of(roots), 0);
  }
  slh_roots_free(roots);
  slh_roots_free(NULL);
}

/* ---- what a collection does with them ---- */

static void every_root_is_rewritten(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  static slh_ref refs[MANY];

  for (int32_t i = 0; i < MANY; i++) {
    refs[i] = store_node(store, SLH_NULL, SLH_NULL, i);
    store_node(store, SLH_NULL, SLH_NULL, -1);
    assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &refs[i], 1, NULL));
  }
  assert_ok(slh_heap_collect(store->heap, roots));
  for (int32_t i = 0; i < MANY; i++) {
    assert_int_equal(refs[i].bits, SLH_WIDE_FIRST + 16 * i);
    assert_int_equal(value(store, refs[i]), i);
  }
  slh_roots_free(roots);
}

/* The neighbours of a range are not roots, and not touched. */
static void ranges_end_where_they_end(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  slh_ref refs[10], before[10];

  for (int32_t i = 0; i < 10; i++)
    before[i] = refs[i] = store_node(store, SLH_NULL, SLH_NULL, i);
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, refs + 2, 3, "middle"));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, refs + 7, 0, "empty"));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, refs + 9, 1, "last"));
  assert_ok(slh_heap_collect(store->heap, roots));
  assert_int_equal(store_count(store), 4);
  for (int i = 0; i < 10; i++) {
    if ((i >= 2 && i < 5) || i == 9)
      assert_int_equal(value(store, refs[i]), i);
    else
      assert_int_equal(refs[i].bits, before[i].bits);
  }
  slh_roots_free(roots);
}

static void enumerated_and_given_roots_are_both_kept(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  slh_ref given = store_node(store, SLH_NULL, SLH_NULL, 1);

  store->roots[STORE_ROOTS - 1] = store_node(store, given, SLH_NULL, 2);
  store_node(store, SLH_NULL, SLH_NULL, 3);
  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &given, 1, "given"));
  assert_ok(slh_heap_collect(store->heap, roots));
  assert_int_equal(store_count(store), 2);
  assert_int_equal(value(store, given), 1);
  assert_int_equal(value(store, store->roots[STORE_ROOTS - 1]), 2);
  assert_int_equal(count_of(roots), 1);
  slh_roots_free(roots);
}

static void null_and_i31_roots_stay_as_they_are(void **state)
{
  struct store *store = *state;

  store->roots[0] = slh_i31(INT32_C(-1));
  store->roots[1] = slh_i31(2048);
  store->roots[2] = store_node(store, SLH_NULL, SLH_NULL, 3);
  store_collect(store);
  assert_int_equal(store->roots[0].bits, UINT32_MAX);
  assert_int_equal(store->roots[1].bits, 4097);
  assert_int_equal(store->roots[3].bits, 0);
  assert_int_equal(store_count(store), 1);
}

/* A host may well list a variable from two places. */
static void root_listed_twice_is_one_root(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  slh_ref other = store_node(store, SLH_NULL, SLH_NULL, 1);

  store_node(store, SLH_NULL, SLH_NULL, -1);
  store->roots[0] = store_node(store, other, SLH_NULL, 2);
  store->roots[1] = store_node(store, other, SLH_NULL, 3);
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, store->roots, STORE_ROOTS, "again"));
  assert_ok(slh_heap_collect(store->heap, roots));
  assert_int_equal(store_count(store), 3);
  assert_int_equal(value(store, store->roots[0]), 2);
  assert_int_equal(value(store, store->roots[1]), 3);
  store_verify(store);
  slh_roots_free(roots);
}

static void heap_without_roots_forgets_all(void **state)
{
  struct store *store = *state;
  slh_heap *heap = helper_acquire(store->pool, store->runtime);
  slh_ref ref = SLH_NULL;

  assert_ok(slh_new_struct(heap, store->node, &ref));
  assert_ok(slh_heap_collect(heap, NULL));
  assert_int_equal(slh_heap_end(heap), SLH_WIDE_FIRST);
  slh_heap_release(heap);
}

/* ---- roots that point at no object ---- */

/* With `bits` in a root: refused, and the heap takes no more calls. */
static void expect_corrupt(struct store *store, uint32_t bits)
{
  slh_ref ref = SLH_NULL;
  slh_error error = {0};

  slh_heap_reset(store->heap);
  memset(store->roots, 0, sizeof store->roots);
  store_node(store, SLH_NULL, SLH_NULL, 1);
  store_array(store, store->bytes, 40);
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store->roots[1].bits = bits;
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_alloc_struct_uninit(store->heap, store->node, &ref), SLH_E_CORRUPT);
  assert_status(slh_new_struct_uninit(store->heap, store->node, &ref), SLH_E_CORRUPT);
  assert_status(slh_new_struct(store->heap, store->node, &ref), SLH_E_CORRUPT);
  assert_status(slh_alloc_array(store->heap, store->bytes, 0, &ref), SLH_E_CORRUPT);
  assert_status(slh_heap_grow(store->heap, 8), SLH_E_CORRUPT);
  assert_status(slh_heap_make_room(store->heap, 8), SLH_E_CORRUPT);
  assert_status(slh_heap_verify(store->heap, NULL, &error), SLH_E_CORRUPT);
}

static void root_that_is_no_object_is_refused(void **state)
{
  struct store *store = *state;
  const uint32_t bits[] = {
      SLH_WIDE_FIRST + 8,       /* the middle of a node */
      SLH_WIDE_FIRST + 16 + 16, /* the zeroes in an array */
      SLH_WIDE_FIRST + 2,       /* between words */
      SLH_WIDE_FIRST + 4,       /* a word, but no object starts there */
      SLH_WIDE_FIRST + 80,      /* the bump pointer */
      SLH_WIDE_FIRST + 4096,    /* beyond */
      SLH_WIDE_FIRST - 8,       /* before */
      8,
      4,
      UINT32_C(0xfffffff8),
  };

  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
    expect_corrupt(store, bits[i]);
  memset(store->roots, 0, sizeof store->roots);
  slh_heap_reset(store->heap);
  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store_collect(store);
  assert_int_equal(value(store, store->roots[0]), 1);
}

/* A header of a struct that would reach beyond the bump pointer. */
static void object_that_does_not_fit_is_refused(void **state)
{
  struct store *store = *state;

  for (uint64_t room = 8; room <= 16; room += 8) {
    uint64_t end;

    slh_heap_reset(store->heap);
    store_array(store, store->bytes, 1000);
    end = slh_heap_end(store->heap);
    *store_word(store, end - room) = store->node->header;
    store->roots[0].bits = (uint32_t)(end - room);
    assert_status(slh_heap_collect(store->heap, NULL), room < 16 ? SLH_E_CORRUPT : SLH_OK);
  }
}

/* Nothing can be read where the accessible bytes end. */
static void references_to_the_end_of_a_full_slot_are_refused(void **state)
{
  for (uint32_t distance = 0; distance <= 16; distance += 8) {
    struct store *store = store_open(NULL);
    slh_ref array = store_array(store, store->refs, 2);
    const slh_type *type = NULL;
    uint32_t bump;

    store_array(store, store->bytes, (uint32_t)store_stats(store).accessible - 16 - 8);
    bump = (uint32_t)slh_heap_end(store->heap);
    assert_int_equal(store_stats(store).used, store_stats(store).accessible);
    store->roots[0] = array;
    assert_ok(slh_array_set_ref(store->heap, array, 1, (slh_ref){bump + distance}));
    assert_status(slh_object_type(store->heap, (slh_ref){bump + distance}, &type), SLH_E_CORRUPT);
    assert_status(slh_heap_verify(store->heap, NULL, NULL), SLH_E_CORRUPT);
    assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
    slh_heap_reset(store->heap);
    store->roots[0].bits = bump + distance;
    store_array(store, store->bytes, (uint32_t)store_stats(store).accessible - 8);
    assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
    store_close(store);
  }
}

/* ---- what a heap has of its own ---- */

/* The entry with that reason, of which there is one. */
static const slh_root *entry_of(const slh_roots *roots, const char *reason)
{
  const slh_root *found = NULL;
  size_t count;
  const slh_root *entries = slh_roots_entries(roots, &count);

  for (size_t i = 0; i < count; i++) {
    if (entries[i].reason && strcmp(entries[i].reason, reason) == 0) {
      assert_null(found);
      found = &entries[i];
    }
  }
  assert_non_null(found);
  return found;
}

static void heap_lists_its_roots(void **state)
{
  struct store *store = *state;
  slh_roots *roots = new_roots(store);
  slh_ref given = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_owned owned;
  slh_local local;
  size_t enumerated;

  assert_ok(slh_heap_list_roots(store->heap, roots));
  enumerated = count_of(roots);
  assert_true(enumerated >= 1); /* store->roots */
  assert_ptr_equal(slh_roots_entries(roots, &enumerated)[0].first, store->roots);
  assert_ok(slh_roots_add(roots, SLH_ROOT_STACK, &given, 1, "given"));
  SLH_FRAME(frame, store->heap);
  assert_ok(slh_local_new(&frame, given, &local));
  assert_ok(slh_owned_new(store->heap, given, &owned));
  assert_ok(slh_heap_list_roots(store->heap, roots));
  assert_int_equal(count_of(roots), 2 * enumerated + 3);
  assert_int_equal(entry_of(roots, "local roots")->first->bits, given.bits);
  assert_int_equal(entry_of(roots, "owned roots")->first->bits, given.bits);
  assert_ptr_equal(entry_of(roots, "given")->first, &given);
  slh_frame_close(&frame);
  slh_owned_free(store->heap, owned);
  assert_ok(slh_finalizer_add(store->heap, given, NULL));
  store_collect(store);
  slh_roots_clear(roots);
  assert_ok(slh_heap_list_roots(store->heap, roots));
  assert_int_equal(value(store, *entry_of(roots, "queued finalizers")->first), 1);
  slh_roots_free(roots);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(list_keeps_what_is_added),
      TEST(cleared_list_is_used_again),
      TEST(every_root_is_rewritten),
      TEST(ranges_end_where_they_end),
      TEST(enumerated_and_given_roots_are_both_kept),
      TEST(null_and_i31_roots_stay_as_they_are),
      TEST(root_listed_twice_is_one_root),
      TEST(heap_without_roots_forgets_all),
      TEST(root_that_is_no_object_is_refused),
      TEST(object_that_does_not_fit_is_refused),
      TEST(heap_lists_its_roots),
      cmocka_unit_test(references_to_the_end_of_a_full_slot_are_refused),
  };

  return helper_run(tests, NULL, NULL);
}
