/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * drc, and stores that begin from images: what is written into an image's objects counts;
 * those of a store that is resumed die as others do. There are no weak references, so images
 * with some are refused.
 */
#include "tests/counted.h"
#include "tests/image-bytes.h"
#include "tests/imaged.h"

static const slh_image_start starts[] = {SLH_IMAGE_COPY, SLH_IMAGE_MAP};

/* The image of two nodes, of which the first refers to the other twice. */
static slh_image *freeze(struct store *store, slh_image_start start)
{
  slh_ref other = store_node(store, SLH_NULL, SLH_NULL, 2);
  slh_ref first = store_node(store, other, other, 1);

  return imaged_freeze(store->heap, &first, 1, start);
}

static void references_in_an_image_count(void **state)
{
  (void)state;
  for (int i = 0; i < 2; i++) {
    struct store *store = counted_store(NULL);
    slh_image *image = freeze(store, starts[i]);
    slh_ref first = imaged_root(image, 0), other;
    struct datum data[2] = {{0, false}};

    imaged_restart(store, image, NULL);
    other = slh_get_ref(store->heap, first, HELPER_RIGHT);
    slh_set_ref(store->heap, first, HELPER_LEFT, datum_externref(store, &data[0]));
    slh_set_ref(store->heap, other, HELPER_LEFT, datum_externref(store, &data[1]));
    store_collect(store);
    store_collect(store);
    assert_int_equal(datum_drops(data, 2), 0);
    assert_int_equal(store_count(store), 4);
    slh_set_ref(store->heap, first, HELPER_LEFT, SLH_NULL);
    assert_int_equal(data[0].drops, 1);
    /* Nothing else refers to the other one, which is there as long as the store. */
    slh_set_ref(store->heap, first, HELPER_RIGHT, SLH_NULL);
    store_collect(store);
    assert_int_equal(data[1].drops, 0);
    assert_int_equal(slh_get_i32(store->heap, other, HELPER_VALUE), 2);
    assert_int_equal(store_count(store), 3);
    slh_heap_reset(store->heap);
    datum_all_dropped(data, 2);
    slh_heap_reset(store->heap);
    slh_image_free(image);
    store_close(store);
  }
}

static void a_store_that_is_resumed(void **state)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  (void)state;
  options.resume = true;
  for (int i = 0; i < 2; i++) {
    struct store *store = counted_store(NULL);
    slh_image *image = freeze(store, starts[i]);
    slh_ref first = imaged_root(image, 0);
    uint64_t used = imaged_info(image).bytes;

    imaged_restart(store, image, &options);
    counted_write(store, 0, first);
    store_collect(store);
    assert_int_equal(store_stats(store).used, used);
    slh_set_ref(store->heap, first, HELPER_LEFT, SLH_NULL);
    assert_int_equal(store_stats(store).holes, 0);
    slh_set_ref(store->heap, first, HELPER_RIGHT, SLH_NULL);
    assert_int_equal(store_stats(store).holes, used / 2);
    counted_write(store, 0, SLH_NULL);
    store_collect(store);
    assert_int_equal(store_stats(store).used, 0);
    slh_heap_reset(store->heap);
    slh_image_free(image);
    store_close(store);
  }
}

/* Holes and what is dead are not in the image; nor is what bump says its end. */
static void frozen_while_bump_is_in_a_hole(void **state)
{
  struct store *store = counted_store(NULL);
  slh_ref array = store_array(store, store->refs, 30), image_array;
  slh_image *image;

  (void)state;
  counted_write(store, 0, array);
  for (uint32_t i = 0; i < 30; i++)
    assert_ok(slh_array_set_ref(store->heap, array, i, store_array(store, store->bytes, 1000)));
  store_collect(store);
  for (uint32_t i = 0; i < 30; i += 2)
    assert_ok(slh_array_set_ref(store->heap, array, i, SLH_NULL));
  assert_ok(slh_heap_make_room(store->heap, 16));
  assert_ok(slh_array_set_ref(store->heap, array, 0, store_node(store, array, SLH_NULL, 7)));
  assert_true(slh_heap_get_data(store->heap)->bump < slh_heap_end(store->heap));
  image = imaged_freeze(store->heap, &array, 1, SLH_IMAGE_COPY);
  assert_int_equal(imaged_info(image).objects, 1 + 15 + 1);
  store_verify(store);
  store->roots[0] = SLH_NULL;
  imaged_restart(store, image, NULL);
  image_array = imaged_root(image, 0);
  assert_ok(slh_array_get_ref(store->heap, image_array, 0, &array));
  assert_int_equal(slh_get_i32(store->heap, array, HELPER_VALUE), 7);
  assert_int_equal(slh_get_ref(store->heap, array, HELPER_LEFT).bits, image_array.bits);
  store_verify(store);
  slh_image_free(image);
  store_close(store);
}

/* Made with another collector, and read from a file. */
static void weak_references_are_refused(void **state)
{
  struct store *store = store_open(NULL), *counted = counted_store(NULL);
  slh_weak weak;
  slh_ephemerons table;

  (void)state;
  assert_ok(slh_weak_new(store->heap, SLH_NULL, &weak));
  assert_ok(slh_ephemerons_new(store->heap, &table));
  for (int i = 0; i < 3; i++) {
    slh_image_contents contents = {.weak = &weak, .ephemerons = &table};
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    slh_image *image = NULL, *read = NULL;
    slh_error error = {0};
    struct image_bytes bytes;
    slh_heap *heap = NULL;

    contents.weak_count = i == 1;
    contents.ephemerons_count = i == 2;
    assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
    bytes = image_bytes_of(image);
    assert_ok(image_bytes_read(counted->runtime, bytes.at, bytes.size, NULL, &read, NULL));
    options.runtime = counted->runtime;
    options.image = read;
    assert_status(slh_heap_acquire_within(counted->pool, &options, 0, &heap, &error),
                  i == 0 ? SLH_OK : SLH_E_UNSUPPORTED);
    if (i == 0)
      slh_heap_release(heap);
    else
      assert_non_null(strstr(error.message, "drc"));
    image_bytes_free(&bytes);
    slh_image_free(read);
    slh_image_free(image);
  }
  store_close(counted);
  store_close(store);
}

static void there_are_none_in_its_own(void **state)
{
  struct store *store = counted_store(NULL);
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 0);
  slh_weak weak;
  slh_ephemerons table;

  (void)state;
  assert_status(slh_weak_new(store->heap, node, &weak), SLH_E_UNSUPPORTED);
  assert_status(slh_ephemerons_new(store->heap, &table), SLH_E_UNSUPPORTED);
  assert_status(slh_finalizer_add(store->heap, node, NULL), SLH_E_UNSUPPORTED);
  store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(references_in_an_image_count),
      cmocka_unit_test(a_store_that_is_resumed),
      cmocka_unit_test(frozen_while_bump_is_in_a_hole),
      cmocka_unit_test(weak_references_are_refused),
      cmocka_unit_test(there_are_none_in_its_own),
  };

  helper_collector = SLH_COLLECTOR_COPYING;
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, NULL, NULL);
}
