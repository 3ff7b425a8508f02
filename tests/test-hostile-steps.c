/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What tests/torture/ has found: heaps that change between two steps of a collection,
 * and what was at the edge of that. */
/* [promise checked] */
#include "tests/generational.h"

#define STEP 64
#define LENGTH 200 /* an array that is remembered as a whole */

/* Debug builds walk the heap in the end, and meet what is behind a shorter array. */
#ifdef SLH_DEBUG
#define SHORTER SLH_E_CORRUPT
#else
#define SHORTER SLH_OK
#endif

/* Steps until it is complete, or the heap is found corrupt; it must come to that. */
static slh_status complete(struct store *store, uint64_t most)
{
  bool is_complete = false;
  slh_status status = SLH_OK;

  while (status == SLH_OK && !is_complete && most-- > 0)
    status = slh_collection_step(store->heap, STEP, &is_complete);
  assert_true(status == SLH_OK || status == SLH_E_CORRUPT);
  assert_int_equal(is_complete, status == SLH_OK); /* else it is as it was */
  return status;
}

static void step_some(struct store *store, uint64_t steps)
{
  bool is_complete = false;

  while (steps-- > 0 && !is_complete)
    assert_ok(slh_collection_step(store->heap, STEP, &is_complete));
  if (is_complete)
    assert_ok(slh_collection_begin_young(store->heap, NULL));
}

/* An old array is being looked at, a few elements at a time, when one of its first
 * two words changes. */
static slh_status change_remembered_array(uint64_t steps, uint64_t offset, uint32_t word)
{
  slh_status status;
  struct store *store = generational_open(SLH_ZEAL_NEVER);
  slh_ref array = generational_make_old_array(store, LENGTH);

  for (uint32_t i = 0; i < LENGTH; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i,
                                store_node(store, SLH_NULL, SLH_NULL, (int32_t)i)));
  assert_ok(slh_collection_begin_young(store->heap, NULL));
  step_some(store, steps);
  *store_word(store, array.bits + offset) = word;
  status = complete(store, 10000);
  store_close(store);
  return status;
}

/* What is behind them is not looked at. */
static void remembered_arrays_that_become_shorter(void **state)
{
  for (uint64_t steps = 0; steps < 40; steps++)
    assert_status(change_remembered_array(steps, SLH_ARRAY_LENGTH_OFFSET, 3), SHORTER);
}

static void remembered_arrays_that_become_nothing(void **state)
{
  for (uint64_t steps = 0; steps < 40; steps++)
    (void)change_remembered_array(steps, 0, 0);
}

/* ---- images ---- */

/* Puts a store that began from an image of what root 0 reaches in the place of the
 * old one. */
static void start_from_image(struct store *store)
{
  const slh_image_root root = {NULL, store->roots[0]};
  const slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = NULL;

  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  slh_heap_release(store->heap);
  memset(store->roots, 0, sizeof store->roots);
  options.runtime = store->runtime;
  options.image = image;
  assert_ok(slh_heap_acquire(store->pool, &options, &store->heap));
  store->roots[0] = slh_image_root_at(image, 0, NULL);
  slh_image_free(image);
}

/* An array of an image becomes one without references while it is looked through. */
static void arrays_of_images_that_become_others(void **state)
{
  for (uint64_t steps = 0; steps < 20; steps++) {
    struct store *store = store_open(NULL);
    bool is_complete = false;

    store->roots[0] = store_array(store, store->refs, 1000);
    start_from_image(store);
    assert_ok(slh_collection_begin(store->heap, NULL));
    for (uint64_t i = 0; i < steps && !is_complete; i++)
      assert_ok(slh_collection_step(store->heap, STEP, &is_complete));
    if (!is_complete) {
      *store_word(store, store->roots[0].bits) = store->bytes->header;
      (void)complete(store, 10000);
    }
    store_close(store);
  }
}

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  fail_msg("an object at %#x", object.bits);
  return true;
}

/* In a wide pool it has no byte. */
static void images_without_objects(void **state)
{
  const slh_image_contents nothing = {.root_count = 0};
  struct store *store = store_open(NULL);
  slh_image *image = NULL;

  assert_ok(slh_image_freeze(store->heap, &nothing, NULL, &image, NULL));
  slh_image_walk(image, visit, NULL);
  slh_image_free(image);
  start_from_image(store);
  store_collect(store);
  store_close(store);
}

/* ---- besides ---- */

/* Its space is as large as what was young, not as the heap. */
static void young_collections_that_are_dropped(void **state)
{
  for (int discard = 0; discard < 2; discard++) {
    struct store *store = generational_open(SLH_ZEAL_NEVER);
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    bool is_complete;

    /* Each of them small, so that no space is larger by then. */
    for (int i = 1; i < STORE_ROOTS; i++) {
      store->roots[i] = store_array(store, store->bytes, 32768);
      assert_ok(slh_heap_collect_young(store->heap, NULL));
    }
    store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
    assert_ok(slh_collection_begin_young(store->heap, NULL));
    assert_ok(slh_collection_step(store->heap, 1, &is_complete));
    assert_false(is_complete);
    if (discard)
      slh_heap_discard(store->heap);
    else
      slh_heap_release(store->heap);
    options.runtime = store->runtime;
    assert_ok(slh_heap_acquire(store->pool, &options, &store->heap));
    store_close(store);
  }
}

/* As all other calls that return a status. */
static void no_local_roots_of_what_was_found_corrupt(void **state)
{
  struct store *store = store_open(NULL);
  slh_frame frame;
  slh_local local;

  assert_ok(slh_frame_open(store->heap, &frame));
  store->roots[0].bits = 4;
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_local_new(&frame, SLH_NULL, &local), SLH_E_CORRUPT);
  slh_frame_close(&frame);
  store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(remembered_arrays_that_become_shorter),
      cmocka_unit_test(remembered_arrays_that_become_nothing),
      cmocka_unit_test(arrays_of_images_that_become_others),
      cmocka_unit_test(images_without_objects),
      cmocka_unit_test(young_collections_that_are_dropped),
      cmocka_unit_test(no_local_roots_of_what_was_found_corrupt),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
