/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stores that begin with an image: what they count, where they end, and what cannot
 * begin with one. */
#include "tests/imaged.h"
#include "tests/pooled.h"

#include <stdlib.h>

#include "lib/image.h"

#define LENGTH 100000

/* An array of references, and nodes that lead to it and on; the array is root 0, the
 * last node root 1. */
static slh_image *make_image(struct store *store, slh_image_start start)
{
  slh_heap *heap = store->heap;
  slh_image *image;

  store->heap = helper_acquire(store->pool, store->runtime);
  store->roots[0] = store_array(store, store->refs, LENGTH);
  store->roots[1] = SLH_NULL;
  for (int i = 0; i < 100; i++)
    store->roots[1] = store_node(store, store->roots[1], store->roots[0], i);
  image = imaged_freeze(store->heap, store->roots, 2, start);
  store->roots[0] = store->roots[1] = SLH_NULL;
  slh_heap_release(store->heap);
  store->heap = heap;
  return image;
}

static void take_roots(struct store *store, const slh_image *image)
{
  store->roots[0] = imaged_root(image, 0);
  store->roots[1] = imaged_root(image, 1);
}

/* ---- figures ---- */

static void an_image_counts_for_nothing(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);
  uint64_t bytes = imaged_info(image).bytes;
  slh_heap_stats stats;

  options.max_bytes = 4096;
  options.initial_bytes = 1024;
  imaged_restart(store, image, &options);
  stats = store_stats(store);
  assert_int_equal(stats.image, bytes);
  assert_int_equal(stats.used, 0);
  assert_int_equal(stats.max, 4096);
  assert_int_equal(stats.soft_limit, 1024);
  assert_int_equal(stats.old, 0);
  assert_int_equal(stats.live, 0);
  assert_int_equal(stats.allocated_total, 0);
  assert_int_equal(stats.dirty, bytes);
  assert_int_equal(slh_heap_first(store->heap), SLH_WIDE_FIRST);
  assert_int_equal(slh_heap_end(store->heap), SLH_WIDE_FIRST + bytes);
  assert_int_equal(store_count(store), 101);
  for (int i = 0; i < 256; i++) /* 4096 bytes of its own */
    store_node(store, imaged_root(image, 1), SLH_NULL, i);
  assert_status(slh_heap_grow(store->heap, 16), SLH_E_LIMIT);
  assert_status(slh_heap_extend(store->heap, 4104), SLH_E_TOO_LARGE);
  store_collect(store);
  stats = store_stats(store);
  if (slh_heap_collector(store->heap) != SLH_COLLECTOR_NULL) {
    assert_int_equal(stats.used, 0);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.reclaimed_total, 4096);
    assert_int_equal(stats.copied_total, 0);
  }
  assert_int_equal(stats.image, bytes);
  /* A reset forgets the image, but not what may be used. */
  slh_heap_reset(store->heap);
  stats = store_stats(store);
  assert_int_equal(stats.image, 0);
  assert_int_equal(stats.dirty, 0);
  assert_int_equal(stats.max, 4096);
  assert_int_equal(stats.soft_limit, 1024);
  assert_int_equal(slh_heap_end(store->heap), SLH_WIDE_FIRST);
  assert_int_equal(store_count(store), 0);
  store_verify(store);
  assert_int_equal(store_node(store, SLH_NULL, SLH_NULL, 1).bits, SLH_WIDE_FIRST);
  slh_image_free(image);
}

static void resumed_objects_count(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_COPY);
  uint64_t bytes = imaged_info(image).bytes;
  slh_heap_stats stats;
  slh_heap *heap = NULL;
  slh_error error = {0};

  options.resume = true;
  options.runtime = store->runtime;
  options.image = image;
  options.max_bytes = bytes - 1;
  assert_status(slh_heap_acquire_within(store->pool, &options, 0, &heap, &error), SLH_E_LIMIT);
  assert_non_null(strstr(error.message, "max_bytes"));
  assert_null(heap);
  options.max_bytes = bytes + 16;
  options.initial_bytes = 1024;
  imaged_restart(store, image, &options);
  stats = store_stats(store);
  assert_int_equal(stats.image, 0);
  assert_int_equal(stats.used, bytes);
  assert_int_equal(stats.live, bytes);
  assert_int_equal(stats.max, bytes + 16);
  assert_int_equal(slh_heap_first(store->heap), SLH_WIDE_FIRST);
  take_roots(store, image);
  slh_image_free(image);
  assert_ok(slh_heap_collect(store->heap, NULL));
  assert_int_equal(store_stats(store).used, bytes);
  store_verify(store);
  store->roots[0] = store->roots[1] = SLH_NULL;
  assert_ok(slh_heap_collect(store->heap, NULL));
  if (slh_heap_collector(store->heap) != SLH_COLLECTOR_NULL)
    assert_int_equal(store_stats(store).used, 0);
}

static void the_budget_is_for_what_is_resumed(void **state)
{
  slh_pool_options pool_options = helper_pool_options(2);
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);
  uint64_t bytes = imaged_info(image).bytes;
  slh_pool_stats stats;
  slh_pool *pool;
  slh_heap *a, *b = NULL;

  pool_options.budget_bytes = bytes + 100000;
  pool = helper_pool(&pool_options);
  options.initial_bytes = 4096;
  a = imaged_start(pool, image, &options);
  slh_pool_get_stats(pool, &stats);
  assert_int_equal(stats.budget_used_bytes, 0);
  slh_heap_release(a);
  options.resume = true;
  a = imaged_start(pool, image, &options);
  slh_pool_get_stats(pool, &stats);
  assert_true(stats.budget_used_bytes >= bytes - 4096);
  options.runtime = store->runtime;
  options.image = image;
  assert_status(slh_heap_acquire(pool, &options, &b), SLH_E_POOL_LIMIT);
  assert_null(b);
  slh_heap_release(a);
  slh_pool_get_stats(pool, &stats);
  assert_int_equal(stats.budget_used_bytes, 0);
  assert_int_equal(stats.slots_in_use, 0);
  slh_pool_free(pool);
  slh_image_free(image);
}

static bool refuse(void *host, slh_heap *heap, const slh_growth *growth)
{
  (void)heap;
  assert_true(growth->to > growth->from);
  ++*(int *)host;
  return false;
}

static void the_store_has_a_say_in_what_is_resumed(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_COPY);
  slh_heap *heap = NULL;
  int asked = 0;

  options.runtime = store->runtime;
  options.image = image;
  options.resume = true;
  options.grow = refuse;
  options.host = &asked;
  options.initial_bytes = 4096;
  assert_status(slh_heap_acquire(store->pool, &options, &heap), SLH_E_REFUSED);
  assert_true(asked > 0);
  assert_null(heap);
  heap = helper_acquire(store->pool, store->runtime);
  pooled_check_zero(heap);
  slh_heap_release(heap);
  /* It is not asked for what it may use anyway. */
  asked = 0;
  options.resume = false;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  slh_heap_release(heap);
  options.resume = true;
  options.initial_bytes = imaged_info(image).bytes + 8;
  assert_ok(slh_heap_acquire(store->pool, &options, &heap));
  slh_heap_release(heap);
  slh_image_free(image);
}

/* ---- what cannot be ---- */

static void images_must_fit(void **state)
{
  slh_pool_options pool_options = helper_pool_options(1);
  struct store *store = *state;
  struct store *other = store_open(NULL);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_MAP), *foreign = make_image(other, SLH_IMAGE_MAP);
  slh_heap *heap = NULL;
  slh_error error = {0};
  slh_pool *pool;

  options.runtime = store->runtime;
  options.image = foreign;
  assert_status(slh_heap_acquire_within(store->pool, &options, 0, &heap, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "runtime"));
  slh_image_free(foreign);
  store_close(other);
  options.image = image;
  pool_options.kind = SLH_POOL_DENSE;
  pool = helper_pool(&pool_options);
  assert_status(slh_heap_acquire_within(pool, &options, 0, &heap, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, "dense"));
  slh_pool_free(pool);
  pool_options.kind = SLH_POOL_WIDE;
  pool_options.max_heap_bytes = LENGTH;
  pool = helper_pool(&pool_options);
  assert_status(slh_heap_acquire_within(pool, &options, 0, &heap, &error), SLH_E_TOO_LARGE);
  assert_status(slh_heap_acquire(pool, &options, &heap), SLH_E_TOO_LARGE);
  slh_pool_free(pool);
  options.struct_size--;
  assert_status(slh_heap_acquire(store->pool, &options, &heap), SLH_E_INVALID);
  options.struct_size++;
  options.runtime = NULL;
  assert_status(slh_heap_acquire(store->pool, &options, &heap), SLH_E_INVALID);
  assert_null(heap);
  slh_image_free(image);
}

static void whoever_waits_gets_an_image_too(void **state)
{
  slh_pool_options pool_options = helper_pool_options(1);
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);
  slh_pool *pool = helper_pool(&pool_options);
  slh_heap *heap = helper_acquire(pool, store->runtime), *other = NULL;

  options.runtime = store->runtime;
  options.image = image;
  assert_status(slh_heap_acquire_within(pool, &options, 1000000, &other, NULL), SLH_E_FULL);
  assert_null(other);
  slh_heap_release(heap);
  assert_ok(slh_heap_acquire_within(pool, &options, 1000000, &other, NULL));
  slh_heap_release(other);
  slh_pool_free(pool);
  slh_image_free(image);
}

static void types_of_images_stay(void **state)
{
  struct store *store = *state;
  const slh_type *type = helper_array_type(store->runtime, SLH_I64);
  slh_image *image = make_image(store, SLH_IMAGE_MAP);

  slh_heap_release(store->heap);
  assert_status(slh_type_unregister(store->runtime, type, NULL), SLH_E_BUSY);
  slh_image_free(image);
  assert_ok(slh_type_unregister(store->runtime, type, NULL));
  store->heap = helper_acquire(store->pool, store->runtime);
}

/* ---- life ---- */

static void heaps_on_demand_begin_with_images(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);
  slh_pool_options small = SLH_POOL_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = store->runtime;
  options.image = image;
  small.max_heap_bytes = 4096;
  assert_status(slh_heap_new(&small, &options, &heap, NULL), SLH_E_TOO_LARGE);
  assert_null(heap);
  assert_ok(slh_heap_new(NULL, &options, &heap, NULL));
  assert_true(imaged_is_mapped(heap));
  assert_int_equal(slh_get_i32(heap, imaged_root(image, 1), HELPER_VALUE), 99);
  slh_heap_reset(heap);
  assert_ok(slh_heap_verify(heap, NULL, NULL));
  slh_heap_release(heap);
  slh_image_free(image);
}

/* What is given back of an image is a filler; nothing new lies there. */
static void objects_of_an_image_are_given_back(void **state)
{
  struct store *store = *state;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);
  uint64_t end = SLH_WIDE_FIRST + imaged_info(image).bytes;
  slh_ref last = {0}, node;

  for (int resume = 0; resume < 2; resume++) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

    options.resume = resume != 0;
    imaged_restart(store, image, &options);
    last.bits = (uint32_t)end - 16;
    slh_set_ref(store->heap, (slh_ref){last.bits - 16}, HELPER_LEFT, SLH_NULL);
    assert_ok(slh_dealloc(store->heap, last));
    assert_ok(slh_dealloc(store->heap, imaged_root(image, 1)));
    if (!resume || slh_heap_collector(store->heap) == SLH_COLLECTOR_GENERATIONAL)
      assert_int_equal(slh_heap_end(store->heap), end);
    assert_int_equal(store_count(store), 99);
    store_verify(store);
    node = store_node(store, SLH_NULL, SLH_NULL, 5);
    if (!resume)
      assert_int_equal(node.bits, end);
    store_collect(store);
    slh_heap_reset(store->heap);
  }
  slh_image_free(image);
}

/* The next one sees nothing of it. */
static void stores_end_in_the_middle_of_a_collection(void **state)
{
  struct store *store = *state;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);

  options.enumerate_roots = store->heap->enumerate_roots;
  options.host = store;
  imaged_restart(store, image, NULL);
  for (int how = 0; how < 30; how++) {
    bool complete = false;

    take_roots(store, image);
    for (uint32_t i = 0; i < LENGTH; i += 100)
      assert_ok(slh_array_set_ref(store->heap, store->roots[0], i,
                                  store_node(store, SLH_NULL, SLH_NULL, (int32_t)i)));
    assert_ok(slh_collection_begin(store->heap, NULL));
    for (int i = 0; i < how * 20 && !complete; i++)
      assert_ok(slh_collection_step(store->heap, 1000, &complete));
    if (how % 3 == 0)
      slh_heap_reset(store->heap);
    if (how % 3 == 1)
      slh_heap_discard(store->heap);
    else
      slh_heap_release(store->heap);
    store->roots[0] = store->roots[1] = SLH_NULL;
    store->heap = imaged_start(store->pool, image, &options);
    assert_memory_equal(slh_heap_get_data(store->heap)->base + SLH_WIDE_FIRST, image->body.memory,
                        imaged_info(image).bytes);
    store_verify(store);
  }
  slh_image_free(image);
}

/* ---- references out of the image ---- */

/* Written anywhere in a large array and in nodes; each kind of collection keeps what
 * they lead to, and moves nothing of the image. */
static void what_an_image_refers_to_lives(void **state)
{
  uint64_t random = helper_seed();
  struct store *store = *state;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);
  static int32_t model[LENGTH];

  for (int start = 0; start < 4; start++) {
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    uint32_t live = 0;

    memset(model, -1, sizeof model);
    options.initial_bytes = UINT64_C(64) << 10;
    imaged_restart(store, image, &options);
    take_roots(store, image);
    for (int i = 0; i < 3000; i++) {
      uint32_t at = (uint32_t)helper_below(&random, i % 2 ? LENGTH : 300);
      slh_ref ref = SLH_NULL;

      assert_ok(slh_new_struct(store->heap, store->node, &ref));
      slh_set_i32(store->heap, ref, HELPER_VALUE, i);
      live += model[at] < 0;
      model[at] = i;
      assert_int_equal(store->roots[0].bits, imaged_root(image, 0).bits);
      assert_ok(slh_array_set_ref(store->heap, store->roots[0], at, ref));
      if (helper_one_in(&random, 300))
        (void)store_collect_in_steps(store, 1 + helper_below(&random, 20000));
      else if (helper_one_in(&random, 100))
        assert_ok(slh_heap_collect_young(store->heap, NULL));
    }
    store_collect(store);
    assert_int_equal(store->roots[0].bits, imaged_root(image, 0).bits);
    assert_int_equal(store->roots[1].bits, imaged_root(image, 1).bits);
    for (uint32_t at = 0; at < LENGTH; at++) {
      slh_ref ref = SLH_NULL;

      assert_ok(slh_array_get_ref(store->heap, store->roots[0], at, &ref));
      assert_int_equal(slh_is_null(ref), model[at] < 0);
      if (model[at] >= 0)
        assert_int_equal(slh_get_i32(store->heap, ref, HELPER_VALUE), model[at]);
    }
    if (slh_heap_collector(store->heap) != SLH_COLLECTOR_NULL)
      assert_int_equal(store_stats(store).used, 16 * live);
  }
  slh_image_free(image);
}

/* A step of a small budget is small, whatever the image has. */
static void looking_through_an_image_takes_steps(void **state)
{
  struct store *store = *state;
  slh_image *image = make_image(store, SLH_IMAGE_MAP);

  imaged_restart(store, image, NULL);
  take_roots(store, image);
  if (slh_heap_collector(store->heap) != SLH_COLLECTOR_NULL)
    assert_true(store_collect_in_steps(store, 1000) > 4 * LENGTH / 2000);
  slh_image_free(image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(an_image_counts_for_nothing),
      TEST(resumed_objects_count),
      TEST(the_budget_is_for_what_is_resumed),
      TEST(the_store_has_a_say_in_what_is_resumed),
      TEST(images_must_fit),
      TEST(whoever_waits_gets_an_image_too),
      TEST(types_of_images_stay),
      TEST(heaps_on_demand_begin_with_images),
      TEST(objects_of_an_image_are_given_back),
      TEST(stores_end_in_the_middle_of_a_collection),
      TEST(what_an_image_refers_to_lives),
      TEST(looking_through_an_image_takes_steps),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
