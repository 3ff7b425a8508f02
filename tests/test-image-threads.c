/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads whose stores begin with the same images, while mappings are dropped. */
#include "tests/imaged.h"
#include "tests/pooled.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/image.h"
#include "pool/os.h"

#define THREADS 4
#define SLOTS 3
#define IMAGES 3
#define LENGTH 70000

struct worker {
  slh_pool *pool;
  slh_image *const *images;
  uint64_t random;
};

static atomic_bool stop;

/* Root 0 is an array of references, of which 0 is a node with the image's number. */
static slh_image *make_image(int number)
{
  slh_pool_options options = helper_pool_options(1);
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = pooled_take(pool);
  slh_ref array = SLH_NULL, node = SLH_NULL;
  slh_image *image;

  REQUIRE_EQUAL(slh_new_array(heap, helper_array_type(pooled.runtime, SLH_REF), LENGTH, &array),
                SLH_OK);
  REQUIRE_EQUAL(slh_new_struct(heap, pooled.node, &node), SLH_OK);
  slh_set_i32(heap, node, HELPER_VALUE, number);
  REQUIRE_EQUAL(slh_array_set_ref(heap, array, 0, node), SLH_OK);
  image = imaged_freeze(heap, &array, 1, number == 0 ? SLH_IMAGE_COPY : SLH_IMAGE_MAP);
  slh_heap_release(heap);
  slh_pool_free(pool);
  return image;
}

/* What it began with is there; what it writes is its own. */
static void use(struct worker *worker, slh_heap *heap, int number)
{
  slh_ref array = imaged_root(worker->images[number], 0), node = SLH_NULL;

  REQUIRE_EQUAL(slh_array_get_ref(heap, array, 0, &node), SLH_OK);
  REQUIRE_EQUAL(slh_get_i32(heap, node, HELPER_VALUE), number);
  slh_set_i32(heap, node, HELPER_VALUE, (int32_t)helper_random(&worker->random));
  for (int i = 0; i < 20; i++) {
    uint32_t at = 1 + (uint32_t)helper_below(&worker->random, LENGTH - 1);

    REQUIRE_EQUAL(slh_array_get_ref(heap, array, at, &node), SLH_OK);
    REQUIRE(slh_is_null(node) || slh_get_i32(heap, node, HELPER_VALUE) == 77);
    REQUIRE_EQUAL(slh_new_struct(heap, pooled.node, &node), SLH_OK);
    slh_set_i32(heap, node, HELPER_VALUE, 77);
    REQUIRE_EQUAL(slh_array_set_ref(heap, array, at, node), SLH_OK);
  }
  if (helper_one_in(&worker->random, 4))
    REQUIRE_EQUAL(slh_heap_collect(heap, NULL), SLH_OK);
}

static void *work(void *context)
{
  struct worker *worker = context;

  for (uint64_t i = helper_rounds(400); i > 0; i--) {
    int number = (int)helper_below(&worker->random, IMAGES + 1);
    slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
    slh_heap *heap = NULL;
    slh_status status;

    options.runtime = pooled.runtime;
    options.image = number < IMAGES ? worker->images[number] : NULL;
    status = slh_heap_acquire_within(worker->pool, &options, helper_below(&worker->random, 2000000),
                                     &heap, NULL);
    REQUIRE(status == SLH_OK || status == SLH_E_FULL);
    if (status != SLH_OK)
      continue;
    if (number < IMAGES)
      use(worker, heap, number);
    else
      pooled_check_zero(heap);
    slh_heap_release(heap);
  }
  return NULL;
}

static void *drop_mappings(void *context)
{
  slh_pool *pool = context;

  while (!atomic_load(&stop)) {
    struct timespec pause = {0, 300000};

    slh_pool_trim(pool);
    slh_pool_decay(pool);
    (void)pooled_stats(pool);
    (void)pooled_resident(pool);
    nanosleep(&pause, NULL);
  }
  return NULL;
}

static void run(const slh_pool_options *options)
{
  slh_image *images[IMAGES];
  struct worker workers[THREADS];
  slh_pool *pool = helper_pool(options);
  uint64_t random = helper_seed();
  pthread_t other;

  for (int i = 0; i < IMAGES; i++)
    images[i] = make_image(i);
  for (int i = 0; i < THREADS; i++)
    workers[i] = (struct worker){pool, images, helper_random(&random)};
  atomic_store(&stop, false);
  assert_int_equal(pthread_create(&other, NULL, drop_mappings, pool), 0);
  pooled_run(THREADS, work, workers, sizeof *workers);
  atomic_store(&stop, true);
  assert_int_equal(pthread_join(other, NULL), 0);
  for (int i = 0; i < IMAGES; i++)
    slh_image_free(images[i]);
  slh_pool_free(pool);
}

static void threads_share_images(void **state)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  (void)state;
  options.max_collections = THREADS;
  options.decay_ms = 1;
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    options.decommit = (slh_decommit)engine;
    options.isolation = engine % 2 ? SLH_ISOLATION_STRICT : SLH_ISOLATION_SCRUB;
    options.resident_budget_bytes = engine == SLH_DECOMMIT_BATCH ? 100000 : 0;
    run(&options);
  }
}

/* ---- freezing and freeing beside one another ---- */

static void *freeze_and_start(void *context)
{
  struct worker *worker = context;

  for (uint64_t i = helper_rounds(300); i > 0; i--) {
    int32_t value = (int32_t)helper_random(&worker->random);
    slh_heap *heap = pooled_take(worker->pool);
    slh_ref node = SLH_NULL;
    slh_image *image;

    REQUIRE_EQUAL(slh_new_struct(heap, pooled.node, &node), SLH_OK);
    slh_set_i32(heap, node, HELPER_VALUE, value);
    image = imaged_freeze(heap, &node, 1,
                          helper_one_in(&worker->random, 2) ? SLH_IMAGE_MAP : SLH_IMAGE_COPY);
    slh_heap_release(heap);
    heap = imaged_start(worker->pool, image, NULL);
    node = imaged_root(image, 0);
    slh_image_free(image);
    REQUIRE_EQUAL(slh_get_i32(heap, node, HELPER_VALUE), value);
    slh_heap_release(heap);
  }
  return NULL;
}

static void threads_make_images(void **state)
{
  slh_pool_options options = helper_pool_options(THREADS);
  struct worker workers[THREADS];
  slh_pool *pool = helper_pool(&options);
  uint64_t random = helper_seed();

  (void)state;
  for (int i = 0; i < THREADS; i++)
    workers[i] = (struct worker){pool, NULL, helper_random(&random)};
  pooled_run(THREADS, freeze_and_start, workers, sizeof *workers);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_share_images),
      cmocka_unit_test(threads_make_images),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
