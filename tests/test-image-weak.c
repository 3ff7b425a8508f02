/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What goes with an image's objects without keeping them: weak references, ephemeron
 * tables; and finalizers, which do not. */
#include "tests/imaged.h"

/* ---- weak references ---- */

static void weak_references_keep_nothing(void **state)
{
  struct store *store = *state;
  slh_ref kept = store_node(store, SLH_NULL, SLH_NULL, 1), not = store_node(store, kept, kept, 2);
  slh_ref refs[] = {kept, not, SLH_NULL, slh_i31(7), kept, {2}};
  slh_weak weak[6];
  slh_image_root root = {NULL, kept};
  slh_image_contents contents = {.roots = &root, .root_count = 1, .weak = weak, .weak_count = 6};
  slh_image *image = NULL;
  slh_heap *heap;

  for (int i = 0; i < 6; i++)
    assert_ok(slh_weak_new(store->heap, refs[i], &weak[i]));
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  assert_int_equal(imaged_info(image).objects, 1);
  assert_int_equal(imaged_info(image).weak, 6);
  for (int i = 0; i < 6; i++)
    assert_int_equal(slh_weak_get(store->heap, weak[i]).bits, refs[i].bits);
  kept = imaged_root(image, 0);
  for (int resume = 0; resume < 2; resume++) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

    options.resume = resume != 0;
    heap = imaged_start(store->pool, image, &options);
    assert_int_equal(slh_weak_get(heap, slh_heap_image_weak(heap, 0)).bits, kept.bits);
    assert_true(slh_is_null(slh_weak_get(heap, slh_heap_image_weak(heap, 1))));
    assert_true(slh_is_null(slh_weak_get(heap, slh_heap_image_weak(heap, 2))));
    assert_int_equal(slh_i31_signed(slh_weak_get(heap, slh_heap_image_weak(heap, 3))), 7);
    assert_int_equal(slh_weak_get(heap, slh_heap_image_weak(heap, 4)).bits, kept.bits);
    assert_true(slh_is_null(slh_weak_get(heap, slh_heap_image_weak(heap, 5)))); /* of no object */
    slh_weak_free(heap, slh_heap_image_weak(heap, 4));
    assert_ok(slh_heap_collect(heap, NULL));
    /* What an image has lives as long as the store. */
    if (slh_heap_collector(heap) != SLH_COLLECTOR_NULL)
      assert_int_equal(slh_is_null(slh_weak_get(heap, slh_heap_image_weak(heap, 0))), resume);
    slh_heap_release(heap);
  }
  slh_image_free(image);
}

/* ---- ephemerons ---- */

#define CHAIN 200

/* Each value is the key of the next entry; the entries come last first. */
static void values_lead_to_further_keys(void **state)
{
  struct store *store = *state;
  slh_ref nodes[CHAIN + 1], dead = store_node(store, SLH_NULL, SLH_NULL, -1), value = SLH_NULL;
  slh_ephemerons tables[3];
  slh_image_root root = {NULL, SLH_NULL};
  slh_image_contents contents = {
      .roots = &root, .root_count = 1, .ephemerons = tables, .ephemerons_count = 2};
  slh_image *image = NULL;
  slh_heap *heap;

  for (int i = 0; i < 3; i++)
    assert_ok(slh_ephemerons_new(store->heap, &tables[i]));
  for (int i = 0; i <= CHAIN; i++)
    nodes[i] = store_node(store, SLH_NULL, SLH_NULL, i);
  for (int i = CHAIN; i-- > 0;)
    assert_ok(slh_ephemerons_set(store->heap, tables[i % 2], nodes[i], nodes[i + 1]));
  assert_ok(slh_ephemerons_set(store->heap, tables[0], dead, nodes[1]));
  assert_ok(slh_ephemerons_set(store->heap, tables[1], nodes[0], slh_i31(3)));
  assert_ok(slh_ephemerons_set(store->heap, tables[2], nodes[0], dead)); /* stays behind */
  root.ref = nodes[0];
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  assert_int_equal(imaged_info(image).objects, CHAIN + 1);
  assert_int_equal(imaged_info(image).ephemerons, 2);
  assert_int_equal(imaged_info(image).entries, CHAIN + 1);
  for (int resume = 0; resume < 2; resume++) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    slh_ref key = imaged_root(image, 0);

    options.resume = resume != 0;
    heap = imaged_start(store->pool, image, &options);
    assert_true(slh_ephemerons_get(heap, slh_heap_image_ephemerons(heap, 1), key, &value));
    assert_int_equal(slh_i31_signed(value), 3);
    for (int i = 0; i < CHAIN; i++) {
      assert_int_equal(slh_get_i32(heap, key, HELPER_VALUE), i);
      assert_true(slh_ephemerons_get(heap, slh_heap_image_ephemerons(heap, i % 2), key, &key));
    }
    assert_int_equal(slh_get_i32(heap, key, HELPER_VALUE), CHAIN);
    assert_false(slh_ephemerons_get(heap, slh_heap_image_ephemerons(heap, 0), key, &value));
    assert_ok(slh_heap_collect(heap, NULL));
    if (slh_heap_collector(heap) != SLH_COLLECTOR_NULL)
      assert_int_equal(slh_ephemerons_get(heap, slh_heap_image_ephemerons(heap, 1),
                                          imaged_root(image, 0), &value),
                       !resume);
    slh_ephemerons_free(heap, slh_heap_image_ephemerons(heap, 0));
    slh_heap_release(heap);
  }
  slh_image_free(image);
}

/* Values that die with the image's key's entry only: never, then. */
static void entries_of_image_keys_keep_new_values(void **state)
{
  struct store *store = *state;
  slh_ref key = store_node(store, SLH_NULL, SLH_NULL, 1), value = SLH_NULL;
  slh_ephemerons table;
  slh_image_root root = {NULL, key};
  slh_image_contents contents = {
      .roots = &root, .root_count = 1, .ephemerons = &table, .ephemerons_count = 1};
  slh_image *image = NULL;

  assert_ok(slh_ephemerons_new(store->heap, &table));
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  imaged_restart(store, image, NULL);
  key = imaged_root(image, 0);
  table = slh_heap_image_ephemerons(store->heap, 0);
  for (int round = 0; round < 5; round++) {
    store_node(store, SLH_NULL, SLH_NULL, -1);
    assert_ok(
        slh_ephemerons_set(store->heap, table, key, store_node(store, SLH_NULL, SLH_NULL, round)));
    assert_ok(round % 2 ? slh_heap_collect_young(store->heap, NULL)
                        : slh_heap_collect(store->heap, NULL));
    assert_true(slh_ephemerons_get(store->heap, table, key, &value));
    assert_int_equal(slh_get_i32(store->heap, value, HELPER_VALUE), round);
    store_verify(store);
  }
  slh_image_free(image);
}

/* ---- finalizers ---- */

static void finalizers_are_refused_or_left_out(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 1);
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image_root root = {NULL, node};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_image *image = NULL;
  slh_ref found = SLH_NULL;
  void *data = NULL;

  /* That of an object that does not go in is of no concern. */
  assert_ok(slh_finalizer_add(store->heap, store_node(store, SLH_NULL, SLH_NULL, 2), NULL));
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  slh_image_free(image);
  assert_ok(slh_finalizer_add(store->heap, node, &data));
  assert_ok(slh_finalizer_add(store->heap, node, &data));
  imaged_expect_refusal(store, &contents, SLH_E_UNSUPPORTED, "2 objects have finalizers");
  options.without_finalizers = true;
  assert_ok(slh_image_freeze(store->heap, &contents, &options, &image, NULL));
  imaged_restart(store, image, NULL);
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_false(slh_finalizer_poll(store->heap, &found, &data));
  slh_image_free(image);
}

/* Those that wait in the queue, too. */
static void queued_finalizers_are_refused(void **state)
{
  struct store *store = *state;
  slh_image_root root = {NULL, SLH_NULL};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_image *image = NULL;
  slh_weak weak;
  void *data = NULL;

  if (slh_heap_collector(store->heap) == SLH_COLLECTOR_NULL)
    return;
  root.ref = store_node(store, SLH_NULL, SLH_NULL, 1);
  assert_ok(slh_finalizer_add(store->heap, root.ref, NULL));
  assert_ok(slh_heap_collect(store->heap, NULL));
  root.ref.bits = SLH_WIDE_FIRST;
  assert_int_equal(slh_get_i32(store->heap, root.ref, HELPER_VALUE), 1);
  imaged_expect_refusal(store, &contents, SLH_E_UNSUPPORTED, "finalizers");
  assert_true(slh_finalizer_poll(store->heap, &root.ref, &data));
  assert_ok(slh_weak_new(store->heap, root.ref, &weak));
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  slh_image_free(image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(weak_references_keep_nothing),          TEST(values_lead_to_further_keys),
      TEST(entries_of_image_keys_keep_new_values), TEST(finalizers_are_refused_or_left_out),
      TEST(queued_finalizers_are_refused),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
