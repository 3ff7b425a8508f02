/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An image's roots, what a heap must not hold, options, and misuse. */
#include "tests/imaged.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- roots ---- */

static void roots_have_numbers_and_names(void **state)
{
  struct store *store = *state;
  slh_image_root roots[] = {{"first", SLH_NULL},
                            {NULL, SLH_NULL},
                            {"", SLH_NULL},
                            {"null", SLH_NULL},
                            {"i31", slh_i31(-1)}};
  slh_image_contents contents = {.roots = roots, .root_count = 5};
  slh_ref shared = store_node(store, SLH_NULL, SLH_NULL, 1), found = SLH_NULL;
  slh_image *image = NULL;
  const char *name = NULL;

  roots[0].ref = roots[1].ref = shared;
  roots[2].ref = store_node(store, SLH_NULL, SLH_NULL, 2);
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  memset(roots, 0x5a, sizeof roots); /* the image has its own */
  assert_int_equal(imaged_info(image).roots, 5);
  assert_int_equal(imaged_info(image).objects, 2);
  assert_int_equal(slh_image_root_at(image, 0, &name).bits, imaged_root(image, 1).bits);
  assert_string_equal(name, "first");
  assert_int_equal(slh_image_root_at(image, 1, &name).bits, imaged_root(image, 0).bits);
  assert_null(name);
  assert_true(slh_image_find_root(image, "", &found));
  assert_int_equal(found.bits, imaged_root(image, 2).bits);
  assert_true(slh_image_find_root(image, "null", &found));
  assert_true(slh_is_null(found));
  assert_true(slh_image_find_root(image, "i31", &found));
  assert_int_equal(slh_i31_signed(found), -1);
  found = shared;
  assert_false(slh_image_find_root(image, "firs", &found));
  assert_false(slh_image_find_root(image, "first ", &found));
  assert_int_equal(found.bits, shared.bits);
  slh_image_free(image);
}

#define MANY 1000

static void many_names_are_found(void **state)
{
  struct store *store = *state;
  slh_image_root *roots = calloc(MANY, sizeof *roots);
  slh_image_contents contents = {.roots = roots, .root_count = MANY};
  char(*names)[64] = calloc(MANY, sizeof *names);
  slh_image *image = NULL;

  assert_non_null(roots);
  assert_non_null(names);
  for (int i = 0; i < MANY; i++) {
    snprintf(names[i], sizeof names[i], "root %*d", i % 40, i);
    roots[i] = (slh_image_root){names[i], slh_i31(i)};
  }
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  for (int i = 0; i < MANY; i++) {
    slh_ref found = SLH_NULL;

    assert_true(slh_image_find_root(image, names[i], &found));
    assert_int_equal(slh_i31_signed(found), i);
  }
  slh_image_free(image);
  free(roots);
  free(names);
}

static void names_are_unique(void **state)
{
  slh_image_root roots[] = {{"a", SLH_NULL},
                            {"twice", SLH_NULL},
                            {NULL, SLH_NULL},
                            {NULL, SLH_NULL},
                            {"twice", SLH_NULL}};
  slh_image_contents contents = {.roots = roots, .root_count = 5};

  imaged_expect_refusal(*state, &contents, SLH_E_INVALID, "twice");
}

static void roots_must_be_objects(void **state)
{
  struct store *store = *state;
  slh_ref node = store_node(store, SLH_NULL, SLH_NULL, 0);
  slh_ref filler = store_node(store, SLH_NULL, SLH_NULL, 0);
  slh_image_root roots[] = {{"good", node}, {"bad one", SLH_NULL}};
  slh_image_contents contents = {.roots = roots, .root_count = 2};
  const uint32_t bad[] = {2,
                          4,
                          8,
                          SLH_WIDE_FIRST - 8,
                          node.bits + 2,
                          node.bits + 4,
                          node.bits + 8,
                          filler.bits,
                          filler.bits + 48,
                          UINT32_MAX - 7};

  store_node(store, SLH_NULL, SLH_NULL, 0);
  assert_ok(slh_dealloc(store->heap, filler));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    roots[1].ref.bits = bad[i];
    imaged_expect_refusal(store, &contents, SLH_E_INVALID, "root 1 (bad one)");
  }
}

/* ---- what the heap holds ---- */

static void references_must_be_sound(void **state)
{
  struct store *store = *state;
  slh_ref array = store_array(store, store->refs, 3);
  slh_ref node = store_node(store, array, SLH_NULL, 0);
  slh_image_root root = {NULL, node};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  const uint32_t bad[] = {2,
                          4,
                          8,
                          node.bits + 2,
                          node.bits + 4,
                          node.bits + 8,
                          node.bits + 16,
                          SLH_WIDE_FIRST - 8,
                          UINT32_MAX - 7};
  slh_image *image = NULL;

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[32];

    snprintf(text, sizeof text, "%#x", (unsigned)bad[i]);
    *(uint32_t *)slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET + 4) = bad[i];
    imaged_expect_refusal(store, &contents, SLH_E_CORRUPT, text);
    *(uint32_t *)slh_address(store->heap, array, SLH_ARRAY_DATA_OFFSET + 4) = 0;
    *(uint32_t *)slh_address(store->heap, node, HELPER_RIGHT) = bad[i];
    imaged_expect_refusal(store, &contents, SLH_E_CORRUPT, text);
    *(uint32_t *)slh_address(store->heap, node, HELPER_RIGHT) = 0;
  }
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  slh_image_free(image);
}

/* Objects that overlap would take more than there is. */
static void forged_objects_do_no_harm(void **state)
{
  struct store *store = *state;
  slh_ref bytes = store_array(store, store->bytes, 4096),
          array = store_array(store, store->refs, 64);
  slh_image_root root = {NULL, array};
  slh_image_contents contents = {.roots = &root, .root_count = 1};

  for (uint32_t i = 0; i < 64; i++) {
    uint32_t at = SLH_ARRAY_DATA_OFFSET + 8 * i;

    *(uint32_t *)slh_address(store->heap, bytes, at) = store->bytes->header;
    *(uint32_t *)slh_address(store->heap, bytes, at + 4) = 3000;
    assert_ok(slh_array_set_ref(store->heap, array, i, (slh_ref){bytes.bits + at}));
  }
  imaged_expect_refusal(store, &contents, SLH_E_CORRUPT, "is to no object");
}

/* A heap that a collection has found corrupt. */
static void corrupt_heaps_are_refused(void **state)
{
  struct store *store = *state;
  slh_image_contents contents = {.root_count = 0};
  slh_image *image = NULL;

  store->roots[0] = store_node(store, (slh_ref){SLH_WIDE_FIRST + 800}, SLH_NULL, 0);
  assert_status(slh_heap_collect(store->heap, NULL), SLH_E_CORRUPT);
  assert_status(slh_image_freeze(store->heap, &contents, NULL, &image, NULL), SLH_E_CORRUPT);
  assert_null(image);
  slh_heap_reset(store->heap);
  store->roots[0] = SLH_NULL;
}

/* ---- options ---- */

static void options_are_checked(void **state)
{
  struct store *store = *state;
  const slh_image_options good = SLH_IMAGE_OPTIONS_INIT;
  slh_image_options bad[5] = {good, good, good, good, good};
  static const char *const text[] = {"struct_size", "start", "written_percent", "kind", "start"};
  slh_image_contents contents = {.root_count = 0};
  size_t *small = malloc(sizeof *small); /* nothing is read behind it */
  slh_image *image = NULL;

  assert_non_null(small);
  bad[0].struct_size = 0;
  bad[1].start = (slh_image_start)3;
  bad[2].written_percent = 101;
  bad[3].kind = (slh_pool_kind)2;
  bad[4].start = (slh_image_start)-1;
  for (int i = 0; i < 5; i++) {
    slh_error error = {0};

    assert_status(slh_image_freeze(store->heap, &contents, &bad[i], &image, &error), SLH_E_INVALID);
    assert_non_null(strstr(error.message, text[i]));
  }
  *small = sizeof *small;
  assert_null(image);
  assert_ok(slh_image_freeze(store->heap, &contents, (const void *)small, &image, NULL));
  free(small);
  slh_image_free(image);
}

static bool is_for_mapping(const slh_heap *heap, slh_ref ref, slh_image_start start,
                           uint32_t percent)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image_root root = {NULL, ref};
  slh_image_contents contents = {.roots = &root, .root_count = 1};
  slh_image *image = NULL;
  bool mapped;

  options.start = start;
  options.written_percent = percent;
  assert_ok(slh_image_freeze(heap, &contents, &options, &image, NULL));
  mapped = imaged_info(image).mapped;
  slh_image_free(image);
  return mapped;
}

/* If it is not said how: the more is written, the dearer is a mapping. */
static void images_say_whether_they_are_mapped(void **state)
{
  struct store *store = *state;
  slh_ref large = store_array(store, store->bytes, 3000000);
  slh_ref small = store_array(store, store->bytes, 1000);
  bool before = true;

  for (uint32_t percent = 1; percent <= 100; percent += 9) {
    bool mapped = is_for_mapping(store->heap, large, SLH_IMAGE_AUTO, percent);

    assert_true(before || !mapped);
    before = mapped;
    assert_false(is_for_mapping(store->heap, large, SLH_IMAGE_COPY, percent));
    assert_true(is_for_mapping(store->heap, large, SLH_IMAGE_MAP, percent));
    assert_true(is_for_mapping(store->heap, small, SLH_IMAGE_MAP, percent));
    assert_false(is_for_mapping(store->heap, small, SLH_IMAGE_AUTO, percent));
  }
  assert_true(is_for_mapping(store->heap, large, SLH_IMAGE_AUTO, 1));
  assert_false(is_for_mapping(store->heap, large, SLH_IMAGE_AUTO, 100));
}

/* ---- misuse ---- */

struct subject {
  struct store *store;
  slh_image *image;
  slh_weak weak;
};

static void freeze_while_collecting(void *context)
{
  struct subject *subject = context;
  slh_image_contents contents = {.root_count = 0};

  REQUIRE_EQUAL(slh_collection_begin(subject->store->heap, NULL), SLH_OK);
  (void)!slh_image_freeze(subject->store->heap, &contents, NULL, &subject->image, NULL);
}

static void freeze_a_dead_handle(void *context)
{
  struct subject *subject = context;
  slh_image_contents contents = {.weak = &subject->weak, .weak_count = 1};

  (void)!slh_image_freeze(subject->store->heap, &contents, NULL, &subject->image, NULL);
}

static void freeze_a_dead_table(void *context)
{
  struct subject *subject = context;
  slh_ephemerons table = {subject->weak.stamp + 1, 0};
  slh_image_contents contents = {.ephemerons = &table, .ephemerons_count = 1};

  (void)!slh_image_freeze(subject->store->heap, &contents, NULL, &subject->image, NULL);
}

static void ask_for_a_root(void *context)
{
  (void)slh_image_root_at(((struct subject *)context)->image, 1, NULL);
}

static void ask_for_a_weak(void *context)
{
  (void)slh_heap_image_weak(((struct subject *)context)->store->heap, 0);
}

static void ask_for_a_table(void *context)
{
  (void)slh_heap_image_ephemerons(((struct subject *)context)->store->heap, 0);
}

static void free_the_runtime(void *context)
{
  struct subject *subject = context;

  slh_heap_release(subject->store->heap);
  slh_runtime_free(subject->store->runtime);
}

static void misuse_stops(void **state)
{
  struct subject subject = {*state, NULL, {0, 0}};
  slh_ref nothing = SLH_NULL;

  helper_expect_stop(freeze_while_collecting, &subject, "slh_image_freeze");
  helper_expect_stop(freeze_a_dead_handle, &subject, "slh_image_freeze");
  helper_expect_stop(freeze_a_dead_table, &subject, "slh_image_freeze");
  assert_ok(slh_weak_new(subject.store->heap, SLH_NULL, &subject.weak));
  helper_expect_stop(freeze_a_dead_table, &subject, "slh_image_freeze");
  slh_weak_free(subject.store->heap, subject.weak);
  helper_expect_stop(freeze_a_dead_handle, &subject, "slh_image_freeze");
  subject.image = imaged_freeze(subject.store->heap, &nothing, 1, SLH_IMAGE_AUTO);
  helper_expect_stop(ask_for_a_root, &subject, "slh_image_root_at");
  helper_expect_stop(ask_for_a_weak, &subject, "slh_heap_image_weak");
  helper_expect_stop(ask_for_a_table, &subject, "slh_heap_image_ephemerons");
  helper_expect_stop(free_the_runtime, &subject, "an image of the runtime");
  slh_image_free(subject.image);
  slh_image_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(roots_have_numbers_and_names),
      TEST(many_names_are_found),
      TEST(names_are_unique),
      TEST(roots_must_be_objects),
      TEST(references_must_be_sound),
      TEST(forged_objects_do_no_harm),
      TEST(corrupt_heaps_are_refused),
      TEST(options_are_checked),
      TEST(images_say_whether_they_are_mapped),
      TEST(misuse_stops),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
