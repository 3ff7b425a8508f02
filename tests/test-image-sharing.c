/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images that slots have mapped: what is shared stays so, what is not is one store's
 * only, and when mappings come and go. */
/* [promise relative] */
#include "tests/faults.h"
#include "tests/imaged.h"
#include "tests/pooled.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/image.h"
#include "pool/os.h"

#define PAGES 128
#define LENGTH (uint32_t)(PAGES * pooled_page() - SLH_ARRAY_DATA_OFFSET)

static slh_image *bytes_of(struct store *store)
{
  return imaged_bytes(store, LENGTH, 3, SLH_IMAGE_MAP);
}

static uint64_t private_pages(const slh_heap *heap)
{
  return imaged_private_pages(slhi_heap_memory(heap), PAGES * pooled_page());
}

static unsigned char *element(slh_heap *heap, uint32_t page)
{
  slh_ref array = {SLH_WIDE_FIRST};

  return slh_address(heap, array, (uint32_t)(page * pooled_page() + 100));
}

/* Mappings that a slot has up to its last accessible byte. */
static int count_mappings(const slh_heap *heap)
{
  uint64_t first = (uintptr_t)slhi_heap_memory(heap), start, end;
  uint64_t last = first + slhi_slot_committed(slhi_heap_slot(heap));
  FILE *file = fopen("/proc/self/maps", "re");
  char line[512];
  int count = 0;

  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2)
      count += start < last && end > first;
  }
  fclose(file);
  return count;
}

/* ---- sharing ---- */

static void pages_are_copied_when_written(void **state)
{
  struct store *store = *state;
  slh_image *image = bytes_of(store);
  slh_heap *heap = imaged_start(store->pool, image, NULL);

  assert_true(imaged_is_mapped(heap));
  for (uint32_t i = 0; i < PAGES; i++)
    assert_int_equal(*element(heap, i), (unsigned char)(3 + i * pooled_page() + 92));
  assert_int_equal(private_pages(heap), 0);
  *element(heap, 5) = 0;
  *element(heap, 77) = 1;
  assert_int_equal(private_pages(heap), 2);
  slh_heap_release(heap);
  slh_image_free(image);
}

/* Nodes all over the image, one of them with a reference to what is collected. */
static void collections_write_no_page_for_nothing(void **state)
{
  struct store *store = *state;
  uint32_t count = (uint32_t)(PAGES * pooled_page() / 16), at;
  uint64_t written;
  slh_image *image;

  store->roots[0] = SLH_NULL;
  for (uint32_t i = 0; i < count; i++)
    store->roots[0] = store_node(store, store->roots[0], slh_i31((int32_t)i), (int32_t)i);
  image = imaged_freeze(store->heap, store->roots, 1, SLH_IMAGE_MAP);
  imaged_restart(store, image, NULL);
  at = imaged_root(image, 0).bits + 16 * (count / 2);
  store->roots[0] = imaged_root(image, 0);
  slh_set_ref(store->heap, (slh_ref){at}, HELPER_RIGHT, store_node(store, SLH_NULL, SLH_NULL, -7));
  written = private_pages(store->heap);
  assert_int_equal(written, 1);
  for (int i = 0; i < 12; i++) {
    for (int j = 0; j < 100; j++)
      store_node(store, store->roots[0], SLH_NULL, j);
    if (i % 3 == 0)
      assert_ok(slh_heap_collect(store->heap, NULL));
    else if (i % 3 == 1)
      assert_ok(slh_heap_collect_young(store->heap, NULL));
    else
      (void)store_collect_in_steps(store, 100);
    assert_int_equal(private_pages(store->heap), written);
    assert_int_equal(slh_get_i32(store->heap, slh_get_ref(store->heap, (slh_ref){at}, HELPER_RIGHT),
                                 HELPER_VALUE),
                     -7);
  }
  slh_image_free(image);
}

/* ---- mappings from one store to the next ---- */

static void slots_keep_their_mapping(void **state)
{
  struct store *store = *state;
  slh_image *image = bytes_of(store), *other = bytes_of(store);
  uint64_t calls;
  slh_heap *heap = imaged_start(store->pool, image, NULL);

  *element(heap, 5) = 0;
  slh_heap_release(heap);
  calls = faults_calls(OS_ALL);
  heap = imaged_start(store->pool, image, NULL);
  assert_int_equal(faults_calls(OS_ALL), calls);
  assert_int_equal(*element(heap, 5), (unsigned char)(3 + 5 * pooled_page() + 92));
  assert_int_equal(private_pages(heap), 0);
  slh_heap_release(heap);
  assert_int_equal(faults_calls(OS_ALL), calls + 1);
  /* Not for another that is alike. */
  heap = imaged_start(store->pool, other, NULL);
  assert_true(faults_calls(OS_ALL) > calls + 1);
  slh_heap_release(heap);
  slh_image_free(image);
  slh_image_free(other);
}

/* A slot that has the image mapped is taken before those that do not. */
static void slots_with_the_mapping_are_preferred(void **state)
{
  struct store *store = *state;
  slh_image *images[3] = {bytes_of(store), bytes_of(store), bytes_of(store)};
  slh_heap *heaps[3];
  uint32_t numbers[3];

  for (int i = 0; i < 3; i++)
    heaps[i] = imaged_start(store->pool, images[i], NULL);
  for (int i = 0; i < 3; i++) {
    numbers[i] = pooled_number(heaps[i]);
    slh_heap_release(heaps[i]);
  }
  for (int round = 0; round < 5; round++) {
    int order[] = {round % 3, (round + 2) % 3, (round + 1) % 3};

    for (int i = 0; i < 3; i++) {
      uint64_t calls = faults_calls(OS_MMAP);

      heaps[i] = imaged_start(store->pool, images[order[i]], NULL);
      assert_int_equal(pooled_number(heaps[i]), numbers[order[i]]);
      assert_int_equal(faults_calls(OS_MMAP), calls);
    }
    for (int i = 0; i < 3; i++)
      slh_heap_release(heaps[i]);
  }
  for (int i = 0; i < 3; i++)
    slh_image_free(images[i]);
}

/* Stores with and without an image take turns, and none costs a mapping. */
static void stores_without_an_image_leave_them(void **state)
{
  struct store *store = *state;
  slh_image *image = bytes_of(store);
  slh_heap *with = imaged_start(store->pool, image, NULL);
  slh_heap *without = helper_acquire(store->pool, store->runtime);
  uint64_t calls;

  slh_heap_release(without);
  slh_heap_release(with);
  calls = faults_calls(OS_MMAP);
  for (int round = 0; round < 5; round++) {
    without = helper_acquire(store->pool, store->runtime);
    slh_heap_release(without);
    with = imaged_start(store->pool, image, NULL);
    slh_heap_release(with);
  }
  assert_int_equal(faults_calls(OS_MMAP), calls);
  slh_image_free(image);
}

/* By a store without, a reset, trim, decay, and for want of memory; and then there is
 * one mapping again, with the advice that it had. */
static void mappings_are_dropped(void **state)
{
  slh_pool_options options = helper_pool_options(1);
  struct store *store = *state;
  slh_image *image = bytes_of(store);

  for (int huge = SLH_HUGE_SYSTEM; huge <= SLH_HUGE_LARGE; huge++) {
    for (int how = 0; how < 5; how++) {
      slh_pool *pool;
      slh_heap *heap;
      int mappings;

      options.huge_pages = (slh_huge_pages)huge;
      options.decay_ms = 1;
      options.resident_budget_bytes = how == 4 ? 1 : 0;
      pool = helper_pool(&options);
      heap = helper_acquire(pool, store->runtime);
      assert_ok(slh_heap_grow(heap, 2 * LENGTH));
      *(volatile char *)(slhi_heap_memory(heap) + PAGES * pooled_page()) = 0;
      mappings = count_mappings(heap);
      slh_heap_release(heap);
      heap = imaged_start(pool, image, NULL);
      assert_true(imaged_is_mapped(heap));
      assert_int_equal(count_mappings(heap), mappings + 1);
      *element(heap, 0) = 0;
      if (how == 1)
        slh_heap_reset(heap);
      slh_heap_release(heap);
      if (how == 2)
        slh_pool_trim(pool);
      for (int i = 0; i < 1000 && how == 3 && slhi_heap_slot(heap)->has_front; i++) {
        struct timespec pause = {0, 1000000};

        nanosleep(&pause, NULL);
        slh_pool_decay(pool);
      }
      if (how == 4)
        slh_pool_trim(pool);
      assert_int_equal(imaged_is_mapped(heap), how == 0);
      heap = helper_acquire(pool, store->runtime);
      assert_false(imaged_is_mapped(heap));
      pooled_check_zero(heap);
      assert_int_equal(count_mappings(heap), mappings);
      slh_heap_release(heap);
      slh_pool_free(pool);
    }
  }
  slh_image_free(image);
}

/* Pages behind a mapping are known when it is gone, and those that it covers are not
 * kept. */
static void what_slots_keep_is_known(void **state)
{
  slh_pool_options options = helper_pool_options(1);
  struct store *store = *state;
  slh_image *image = bytes_of(store);
  uint64_t front = PAGES * pooled_page();
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = helper_acquire(pool, store->runtime);
  slh_ref array = SLH_NULL;

  assert_ok(slh_new_array(heap, store->bytes, LENGTH + 100, &array));
  slh_heap_release(heap);
  assert_true(slhi_heap_slot(heap)->resident >= front);
  heap = imaged_start(pool, image, NULL);
  assert_true(slhi_heap_slot(heap)->resident <= pooled_page());
  assert_ok(slh_new_array_uninit(heap, store->bytes, 200000, &array));
  memset(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), 1, 200000);
  slh_heap_release(heap);
  assert_true(pooled_stats(pool).resident_bytes >= 200000);
  assert_true(pooled_stats(pool).resident_bytes < front);
  heap = helper_acquire(pool, store->runtime);
  assert_int_equal(slhi_heap_slot(heap)->resident, 0); /* all of it was dropped */
  slh_heap_release(heap);
  slh_pool_trim(pool);
  assert_int_equal(pooled_stats(pool).resident_bytes, 0);
  assert_int_equal(pooled_resident(pool), 0);
  slh_pool_free(pool);
  slh_image_free(image);
}

/* An image that ends where the slot's accessible bytes do; the system takes nothing
 * back. */
static void nothing_behind_the_slot_is_touched(void **state)
{
  slh_pool_options options = helper_pool_options(1);
  struct store *store = *state;
  slh_image *image = bytes_of(store);

  options.max_heap_bytes = PAGES * pooled_page();
  for (int budget = 0; budget < 2; budget++) {
    slh_pool *pool;
    slh_heap *heap;

    options.resident_budget_bytes = (uint64_t)budget;
    pool = helper_pool(&options);
    for (int round = 0; round < 3; round++) {
      heap = imaged_start(pool, image, NULL);
      assert_int_equal(slh_heap_get_data(heap)->bump - SLH_WIDE_FIRST,
                       slhi_slot_committed(slhi_heap_slot(heap)));
      *element(heap, PAGES - 1) = 0;
      faults_fail(OS_MADVISE | OS_PROCESS_MADVISE, 0, UINT64_MAX, EINVAL);
      slh_heap_release(heap);
      slh_pool_trim(pool);
      (void)faults_end();
    }
    heap = helper_acquire(pool, store->runtime);
    pooled_check_zero(heap);
    slh_heap_release(heap);
    slh_pool_free(pool);
  }
  slh_image_free(image);
}

static void count_empty_ranges(void *context, const slh_event *event)
{
  if (event->kind == SLH_EVENT_DECOMMIT)
    *(int *)context += event->bytes == 0;
}

/* Where all that is accessible is the image's: its mapping goes, and no range of no bytes
 * is given back. */
static void a_slot_that_is_all_image_has_nothing_to_give_back(void **state)
{
  int empty = 0;
  slh_listener listener = {count_empty_ranges, &empty};
  slh_pool_options options = helper_pool_options(1);
  struct store *store = *state;
  slh_image *image = bytes_of(store);
  slh_pool *pool = helper_pool(&options);
  slh_heap *heap = imaged_start(pool, image, NULL);

  assert_int_equal(slh_heap_get_data(heap)->bump - SLH_WIDE_FIRST,
                   slhi_slot_committed(slhi_heap_slot(heap)));
  slh_heap_release(heap);
  slh_set_listener(&listener);
  slh_pool_trim(pool);
  slh_set_listener(NULL);
  assert_int_equal(empty, 0);
  assert_false(imaged_is_mapped(heap));
  slh_pool_free(pool);
  slh_image_free(image);
}

/* ---- where there is no mapping ---- */

static bool is_mapped_in(const slh_image *image, const slh_pool_options *options, unsigned refuse)
{
  slh_pool *pool = helper_pool(options);
  slh_heap *heap;
  bool mapped;

  if (refuse != 0)
    faults_fail(refuse, 0, UINT64_MAX, ENOMEM);
  heap = imaged_start(pool, image, NULL);
  (void)faults_end();
  mapped = imaged_is_mapped(heap);
  assert_int_equal(*element(heap, 9), (unsigned char)(3 + 9 * pooled_page() + 92));
  slh_heap_release(heap);
  slh_pool_free(pool);
  return mapped;
}

static void some_pools_copy(void **state)
{
  struct store *store = *state;
  slh_image *image = bytes_of(store), *copied = imaged_bytes(store, LENGTH, 3, SLH_IMAGE_COPY);
  slh_pool_options options = helper_pool_options(1);

  assert_true(is_mapped_in(image, &options, 0));
  assert_false(is_mapped_in(copied, &options, 0));
  options.isolation = SLH_ISOLATION_STRICT;
  assert_true(is_mapped_in(image, &options, 0));
  options.isolation = SLH_ISOLATION_NONE;
  assert_false(is_mapped_in(image, &options, 0));
  options.isolation = SLH_ISOLATION_SCRUB;
  options.populate = true;
  assert_false(is_mapped_in(image, &options, 0));
  options.populate = false;
  options.decommit = SLH_DECOMMIT_MEMSET;
  assert_false(is_mapped_in(image, &options, 0));
  options.decommit = SLH_DECOMMIT_AUTO;
  assert_false(is_mapped_in(image, &options, OS_MMAP));
  assert_false(is_mapped_in(image, &options, OS_MREMAP));
  slh_image_free(image);
  slh_image_free(copied);
}

/* ---- forks ---- */

struct forked {
  struct store *store;
  slh_image *image;
  slh_heap *heap;
};

/* The child's pages are its own, and its slots serve on. */
static void use_in_child(void *context)
{
  struct forked *f = context;
  slh_heap *heap;

  REQUIRE_EQUAL(*element(f->heap, 3), 0x77);
  *element(f->heap, 4) = 0x78;
  slh_heap_release(f->heap);
  for (int i = 0; i < 3; i++) {
    heap = i == 1 ? helper_acquire(f->store->pool, f->store->runtime)
                  : imaged_start(f->store->pool, f->image, NULL);
    if (i != 1)
      REQUIRE_EQUAL(*element(heap, 3), (unsigned char)(3 + 3 * pooled_page() + 92));
    slh_heap_release(heap);
  }
  slh_pool_trim(f->store->pool);
  slh_image_free(f->image);
}

static void use_in_child_without_image(void *context)
{
  struct forked *f = context;
  slh_heap *heap = helper_acquire(f->store->pool, f->store->runtime);

  pooled_check_zero(heap);
  slh_pool_abandon(f->store->pool);
}

static void children_have_their_own(void **state)
{
  struct forked f = {*state, bytes_of(*state), NULL};

  f.heap = imaged_start(f.store->pool, f.image, NULL);
  *element(f.heap, 3) = 0x77;
  slh_heap_release(imaged_start(f.store->pool, f.image, NULL));
  assert_int_equal(helper_in_child(use_in_child_without_image, &f), 0);
  assert_int_equal(helper_in_child(use_in_child, &f), 0);
  assert_int_equal(*element(f.heap, 3), 0x77);
  assert_int_equal(*element(f.heap, 4), (unsigned char)(3 + 4 * pooled_page() + 92));
  slh_heap_release(f.heap);
  slh_image_free(f.image);
}

/* More of them than are looked at together; trim comes to an end, and a later one does more. */
#define FRONTS 70

static void trim_without_mappings(void *argument)
{
  slh_pool *pool = argument;

  pooled_limit_time(60);
  faults_fail(OS_MMAP | OS_MREMAP, 0, UINT64_MAX, ENOMEM);
  slh_pool_trim(pool);
  REQUIRE(faults_end() != 0);
  REQUIRE(pooled_stats(pool).resident_bytes != 0);
  slh_pool_trim(pool);
  REQUIRE_EQUAL(pooled_stats(pool).resident_bytes, 0);
}

static void fronts_that_cannot_be_dropped(void **state)
{
  struct store *store = *state;
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_image *image = bytes_of(store);
  slh_heap *heaps[FRONTS];
  slh_pool *pool;

  options.slots = FRONTS;
  pool = helper_pool(&options);
  for (int i = 0; i < FRONTS; i++) {
    heaps[i] = imaged_start(pool, image, NULL);
    assert_true(imaged_is_mapped(heaps[i]));
  }
  for (int i = 0; i < FRONTS; i++)
    slh_heap_release(heaps[i]);
  assert_int_equal(helper_in_child(trim_without_mappings, pool), 0);
  slh_pool_free(pool);
  slh_image_free(image);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(pages_are_copied_when_written),
      TEST(collections_write_no_page_for_nothing),
      TEST(slots_keep_their_mapping),
      TEST(slots_with_the_mapping_are_preferred),
      TEST(stores_without_an_image_leave_them),
      TEST(mappings_are_dropped),
      TEST(what_slots_keep_is_known),
      TEST(nothing_behind_the_slot_is_touched),
      TEST(a_slot_that_is_all_image_has_nothing_to_give_back),
      TEST(fronts_that_cannot_be_dropped),
      TEST(some_pools_copy),
      TEST(children_have_their_own),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
