/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An image has what is reachable, side by side, and nothing else; the heap that
 * was frozen stays as it is. */
#include "tests/imaged.h"
#include "tests/model.h"

#include <stdlib.h>

#include "lib/image.h"

/* ---- random graphs ---- */

/* The model's numbers of functions are of none. */
static void forget_functions(struct model *model)
{
  slh_value none = {SLH_FUNCREF, {0}};

  for (size_t i = 0; i < model->node_count; i++) {
    struct model_node *node = model->nodes[i];

    for (uint32_t j = 0; j < node->count; j++) {
      if (node->cells[j].value.storage != SLH_FUNCREF)
        continue;
      node->cells[j].value = none;
      assert_ok(slh_struct_set(model->store->heap, node->at, j, &none));
    }
  }
}

struct walk {
  uint64_t bytes;
  uint64_t objects;
};

static bool visit(void *context, slh_ref ref, const slh_type *type, uint64_t size)
{
  struct walk *walk = context;

  assert_int_equal(ref.bits, SLH_WIDE_FIRST + walk->bytes);
  assert_non_null(type);
  walk->bytes += size;
  walk->objects++;
  return true;
}

/* Freezes the store, and goes on with another that has what is in the image. */
static void put_away(struct model *model)
{
  struct store *store = model->store;
  slh_image_start start = (slh_image_start)helper_below(&model->random, 3);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct walk walk = {0, 0};
  struct imaged_copy copy;
  slh_image_info info;
  slh_image *image;

  forget_functions(model);
  copy = imaged_copy_heap(store->heap);
  image = imaged_freeze(store->heap, store->roots, STORE_ROOTS, start);
  imaged_check_copy(store->heap, &copy);
  info = imaged_info(image);
  slh_image_walk(image, visit, &walk);
  assert_int_equal(walk.bytes, info.bytes);
  assert_int_equal(walk.objects, info.objects);
  options.max_bytes = MODEL_HEAP_BYTES;
  options.initial_bytes = 1024 + helper_below(&model->random, MODEL_HEAP_BYTES / 8);
  options.resume = true;
  imaged_restart(store, image, &options);
  for (size_t i = 0; i < STORE_ROOTS; i++)
    store->roots[i] = imaged_root(image, i);
  slh_image_free(image);
  model_compare(model); /* just what is reachable, without a gap */
  assert_int_equal(model->node_count, info.objects);
  assert_int_equal(store_stats(store).used, info.bytes);
  store_verify(store);
}

static void step(struct model *model)
{
  switch (helper_below(&model->random, 8)) {
  case 0:
    model_write(model);
    break;
  case 1:
    model_link(model);
    break;
  case 2:
  case 3:
    model_set_root(model);
    break;
  default:
    model_allocate_new(model);
  }
}

static void images_have_what_is_reachable(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(40); i > 0; i--) {
    struct store_options options = {(slh_collector)helper_below(&random, 3), NULL, MODEL_HEAP_BYTES,
                                    4096};
    struct store *store = store_open(&options);
    struct model *model = model_open(store, helper_random(&random), NULL, 0);

    for (int steps = 0; steps < 1500; steps++) {
      step(model);
      if (helper_one_in(&model->random, 200))
        put_away(model);
    }
    put_away(model);
    put_away(model); /* an image of what began with one */
    model_close(model);
    store_close(store);
  }
}

/* Frozen twice, a heap gives the same image, whatever lies between its objects. */
static void images_of_one_heap_are_the_same(void **state)
{
  uint64_t random = helper_seed();
  struct store_options options = {SLH_COLLECTOR_COPYING, NULL, MODEL_HEAP_BYTES, 0};
  struct store *store = store_open(&options);
  struct model *model = model_open(store, random, NULL, 0);
  slh_image *images[2];

  for (int i = 0; i < 1000; i++)
    step(model);
  forget_functions(model);
  images[0] = imaged_freeze(store->heap, store->roots, STORE_ROOTS, SLH_IMAGE_COPY);
  assert_ok(slh_heap_collect(store->heap, NULL));
  model_compare(model);
  images[1] = imaged_freeze(store->heap, store->roots, STORE_ROOTS, SLH_IMAGE_MAP);
  assert_int_equal(images[0]->end, images[1]->end);
  assert_memory_equal(images[0]->body.memory, images[1]->body.memory, imaged_info(images[0]).bytes);
  for (size_t i = 0; i < STORE_ROOTS; i++)
    assert_int_equal(imaged_root(images[0], i).bits, imaged_root(images[1], i).bits);
  slh_image_free(images[0]);
  slh_image_free(images[1]);
  model_close(model);
  store_close(store);
}

/* ---- particular graphs ---- */

static void nothing_makes_an_empty_image(void **state)
{
  struct store *store = *state;
  slh_ref nothing[2] = {SLH_NULL, slh_i31(-5)};
  struct walk walk = {0, 0};
  slh_image *image;
  slh_image_info info;
  slh_heap *heap;

  store_node(store, SLH_NULL, SLH_NULL, 1);
  for (int start = SLH_IMAGE_AUTO; start <= SLH_IMAGE_MAP; start++) {
    image = imaged_freeze(store->heap, nothing, 2, (slh_image_start)start);
    info = imaged_info(image);
    assert_int_equal(info.bytes, 0);
    assert_int_equal(info.objects, 0);
    assert_int_equal(info.roots, 2);
    assert_true(slh_is_null(imaged_root(image, 0)));
    assert_int_equal(slh_i31_signed(imaged_root(image, 1)), -5);
    slh_image_walk(image, visit, &walk);
    assert_int_equal(walk.objects, 0);
    heap = imaged_start(store->pool, image, NULL);
    slh_image_free(image);
    assert_int_equal(slh_heap_end(heap), SLH_WIDE_FIRST);
    assert_ok(slh_heap_verify(heap, NULL, NULL));
    image = imaged_freeze(heap, NULL, 0, (slh_image_start)start);
    slh_heap_release(heap);
    assert_int_equal(imaged_info(image).roots, 0);
    slh_image_free(image);
  }
}

static void cycles_and_shared_objects_stay_what_they_are(void **state)
{
  struct store *store = *state;
  slh_ref shared = store_node(store, SLH_NULL, slh_i31(INT32_MAX >> 1), 1);
  slh_ref a = store_node(store, shared, shared, 2), b = store_node(store, a, shared, 3);
  slh_ref roots[3], a2, b2, shared2;
  slh_image *image;
  slh_heap *heap;

  slh_set_ref(store->heap, a, HELPER_LEFT, b); /* a <-> b */
  slh_set_ref(store->heap, shared, HELPER_LEFT, shared);
  roots[0] = roots[2] = a;
  roots[1] = shared;
  image = imaged_freeze(store->heap, roots, 3, SLH_IMAGE_AUTO);
  assert_int_equal(imaged_info(image).objects, 3);
  heap = imaged_start(store->pool, image, NULL);
  a2 = imaged_root(image, 0);
  shared2 = imaged_root(image, 1);
  assert_int_equal(imaged_root(image, 2).bits, a2.bits);
  b2 = slh_get_ref(heap, a2, HELPER_LEFT);
  assert_int_equal(slh_get_ref(heap, b2, HELPER_LEFT).bits, a2.bits);
  assert_int_equal(slh_get_ref(heap, b2, HELPER_RIGHT).bits, shared2.bits);
  assert_int_equal(slh_get_ref(heap, a2, HELPER_RIGHT).bits, shared2.bits);
  assert_int_equal(slh_get_ref(heap, shared2, HELPER_LEFT).bits, shared2.bits);
  assert_int_equal(slh_i31_signed(slh_get_ref(heap, shared2, HELPER_RIGHT)), INT32_MAX >> 1);
  slh_heap_release(heap);
  slh_image_free(image);
}

/* Deeper than any stack that a recursive copy would have. */
static void long_lists_are_frozen(void **state)
{
  struct store *store = *state;
  uint32_t length = (uint32_t)helper_rounds(200000);
  slh_ref list = SLH_NULL;
  slh_image *image;
  slh_heap *heap;

  for (uint32_t i = 0; i < length; i++)
    list = store_node(store, list, SLH_NULL, (int32_t)i);
  image = imaged_freeze(store->heap, &list, 1, SLH_IMAGE_AUTO);
  assert_int_equal(imaged_info(image).bytes, 16 * (uint64_t)length);
  heap = imaged_start(store->pool, image, NULL);
  list = imaged_root(image, 0);
  while (length-- > 0) {
    assert_int_equal(slh_get_i32(heap, list, HELPER_VALUE), (int32_t)length);
    list = slh_get_ref(heap, list, HELPER_LEFT);
  }
  assert_true(slh_is_null(list));
  slh_heap_release(heap);
  slh_image_free(image);
}

/* A subtype, an exception, and what they refer to. */
static void types_stay_what_they_are(void **state)
{
  struct store *store = *state;
  const slh_field fields[] = {
      {"left", SLH_REF, 0}, {"right", SLH_REF, 0}, {"value", SLH_I32, 0}, {"more", SLH_REF, 0}};
  const slh_type *sub = NULL, *exn = NULL, *type = NULL;
  slh_ref ref = SLH_NULL, exception = SLH_NULL;
  uint32_t instance = 0, index = 0;
  slh_image *image;
  slh_heap *heap;

  assert_ok(slh_struct_type_new(store->runtime, "sub", store->node, fields, 4, &sub, NULL));
  assert_ok(slh_exn_type_new(store->runtime, "exn", &fields[3], 1, &exn, NULL));
  assert_ok(slh_new_struct(store->heap, sub, &ref));
  assert_ok(slh_new_struct(store->heap, exn, &exception));
  slh_set_u32(store->heap, exception, SLH_EXN_TAG_INSTANCE_OFFSET, SLH_WIDE_FIRST);
  slh_set_u32(store->heap, exception, SLH_EXN_TAG_INDEX_OFFSET, 8);
  slh_set_ref(store->heap, exception, exn->fields[exn->field_count - 1].offset, ref);
  slh_set_ref(store->heap, ref, sub->fields[3].offset, exception);
  image = imaged_freeze(store->heap, &exception, 1, SLH_IMAGE_AUTO);
  heap = imaged_start(store->pool, image, NULL);
  exception = imaged_root(image, 0);
  assert_ok(slh_exn_tag(heap, exception, &instance, &index));
  assert_int_equal(instance, SLH_WIDE_FIRST); /* no reference, whatever it looks like */
  assert_int_equal(index, 8);
  ref = slh_get_ref(heap, exception, exn->fields[exn->field_count - 1].offset);
  assert_ok(slh_object_type(heap, ref, &type));
  assert_ptr_equal(type, sub);
  assert_true(slh_object_is(heap, ref, store->node));
  assert_int_equal(slh_get_ref(heap, ref, sub->fields[3].offset).bits, exception.bits);
  slh_heap_release(heap);
  slh_image_free(image);
}

/* Those that collections leave where they are. */
static void large_arrays_are_frozen(void **state)
{
  struct store *store = *state;
  const uint32_t length = 100000;
  slh_image *image;
  slh_ref array, bytes;
  slh_heap *heap;

  store->roots[0] = store_array(store, store->refs, length);
  store->roots[1] = store_array(store, store->bytes, 300001);
  memset(slh_address(store->heap, store->roots[1], SLH_ARRAY_DATA_OFFSET), 0x5a, 300001);
  store_array(store, store->refs, length); /* dead */
  for (uint32_t i = 0; i < length; i += 1000)
    assert_ok(slh_array_set_ref(store->heap, store->roots[0], i,
                                store_node(store, store->roots[0], store->roots[1], (int32_t)i)));
  for (int collected = 0; collected < 2; collected++) {
    image = imaged_freeze(store->heap, store->roots, 2, SLH_IMAGE_AUTO);
    assert_int_equal(imaged_info(image).objects, 2 + length / 1000);
    heap = imaged_start(store->pool, image, NULL);
    array = imaged_root(image, 0);
    bytes = imaged_root(image, 1);
    for (uint32_t i = 0; i < length; i++) {
      slh_ref ref = SLH_NULL;

      assert_ok(slh_array_get_ref(heap, array, i, &ref));
      assert_int_equal(slh_is_null(ref), i % 1000 != 0);
      if (i % 1000 == 0) {
        assert_int_equal(slh_get_i32(heap, ref, HELPER_VALUE), i);
        assert_int_equal(slh_get_ref(heap, ref, HELPER_LEFT).bits, array.bits);
        assert_int_equal(slh_get_ref(heap, ref, HELPER_RIGHT).bits, bytes.bits);
      }
    }
    assert_int_equal(*(char *)slh_address(heap, bytes, SLH_ARRAY_DATA_OFFSET + 300000), 0x5a);
    slh_heap_release(heap);
    slh_image_free(image);
    store_collect(store);
  }
}

/* What the barrier has marked in the heap is not marked in the image. */
static void marks_of_the_barrier_stay_behind(void **state)
{
  struct store_options options = {SLH_COLLECTOR_GENERATIONAL, NULL, 0, 0};
  struct store *store = store_open(&options);
  slh_image *image;
  slh_heap *heap;
  slh_ref old;

  store->roots[0] = store_node(store, SLH_NULL, SLH_NULL, 1);
  store_collect(store);
  old = store->roots[0];
  slh_set_ref(store->heap, old, HELPER_LEFT, store_node(store, SLH_NULL, SLH_NULL, 2));
  assert_true((*store_word(store, old.bits) & SLH_HEADER_LOGGED) != 0);
  image = imaged_freeze(store->heap, store->roots, 1, SLH_IMAGE_AUTO);
  assert_true((*store_word(store, old.bits) & SLH_HEADER_LOGGED) != 0);
  heap = imaged_start(store->pool, image, NULL);
  old = imaged_root(image, 0);
  assert_int_equal(*(uint32_t *)slh_address(heap, old, 0), store->node->header);
  slh_heap_release(heap);
  slh_image_free(image);
  store_collect(store);
  assert_int_equal(store_stats(store).used, 32);
  store_close(store);
}

static void heaps_in_which_nothing_may_be_collected_are_frozen(void **state)
{
  struct store *store = *state;
  slh_ref ref = store_node(store, SLH_NULL, SLH_NULL, 7);
  slh_image *image;

  slh_heap_enter_no_gc(store->heap);
  image = imaged_freeze(store->heap, &ref, 1, SLH_IMAGE_AUTO);
  slh_heap_leave_no_gc(store->heap);
  assert_int_equal(imaged_info(image).objects, 1);
  slh_image_free(image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(images_have_what_is_reachable),
      cmocka_unit_test(images_of_one_heap_are_the_same),
      TEST(nothing_makes_an_empty_image),
      TEST(cycles_and_shared_objects_stay_what_they_are),
      TEST(long_lists_are_frozen),
      TEST(types_stay_what_they_are),
      TEST(large_arrays_are_frozen),
      cmocka_unit_test(marks_of_the_barrier_stay_behind),
      TEST(heaps_in_which_nothing_may_be_collected_are_frozen),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
