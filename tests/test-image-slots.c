/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Slots that serve stores of several images and of none, in any order: each store
 * sees its image's bytes, what it wrote itself, and zeroes; whatever way pages go
 * back. What slots keep is what the pool thinks they keep.
 */
/* [promise as-new] */
#include "tests/faults.h"
#include "tests/imaged.h"
#include "tests/pooled.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/image.h"

#define SLOTS 3
#define IMAGES 6
#define MOST (2 * POOLED_MIB)

/* A store, and the bytes that it must see. */
struct seen {
  slh_heap *heap;
  bool zeroed;   /* behind what it has, all is zero */
  uint64_t size; /* from the slot's first byte on */
  char bytes[MOST];
};

struct world {
  slh_pool_options options;
  slh_pool *pool;
  uint64_t random;
  slh_image *images[IMAGES];
  struct seen *stores; /* SLOTS of them */
};

static uint64_t below(struct world *world, uint64_t bound)
{
  return helper_below(&world->random, bound);
}

/* ---- what they see ---- */

static const char *first_byte(const struct seen *seen)
{
  return slhi_heap_memory(seen->heap);
}

static void check(const struct seen *seen)
{
  uint64_t end = slhi_heap_committed(seen->heap) - slhi_heap_slot(seen->heap)->slab->gap;
  const char *bytes = first_byte(seen);

  REQUIRE(memcmp(bytes, seen->bytes, seen->size) == 0);
  if (seen->zeroed && seen->size < end)
    REQUIRE(bytes[seen->size] == 0 &&
            memcmp(bytes + seen->size, bytes + seen->size + 1, end - seen->size - 1) == 0);
}

static void check_all(const struct world *world)
{
  for (int i = 0; i < SLOTS; i++) {
    if (world->stores[i].heap)
      check(&world->stores[i]);
  }
}

/* ---- what they do ---- */

static void take(struct world *world, struct seen *seen)
{
  uint64_t which = below(world, IMAGES + 2);
  const slh_image *image = which < IMAGES ? world->images[which] : NULL;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  uint32_t gap;

  options.tag = (uint32_t)below(world, 2);
  options.runtime = pooled.runtime;
  options.image = image;
  options.resume = below(world, 3) == 0;
  REQUIRE_EQUAL(slh_heap_acquire_within(world->pool, &options, 0, &seen->heap, NULL), SLH_OK);
  gap = slhi_heap_slot(seen->heap)->slab->gap;
  seen->size = image ? image->end - gap : 0;
  seen->zeroed = world->options.isolation != SLH_ISOLATION_NONE;
  if (image)
    memcpy(seen->bytes, image->body.memory, seen->size);
  check(seen);
  REQUIRE_EQUAL(slh_heap_verify(seen->heap, NULL, NULL), SLH_OK);
}

/* Bytes anywhere in its objects; the headers stay. */
static void write(struct world *world, struct seen *seen)
{
  uint64_t from, count;

  if (seen->size < 64)
    return;
  from = 32 + below(world, seen->size - 32);
  count = below(world, 1 + (below(world, 4) ? 100 : seen->size - from));
  count = slhi_at_most(count, seen->size - from);
  memset(slhi_heap_memory(seen->heap) + from, (int)below(world, 256), count);
  memcpy(seen->bytes + from, first_byte(seen) + from, count);
}

static void allocate(struct world *world, struct seen *seen)
{
  uint32_t length = (uint32_t)(below(world, 512 * POOLED_KIB) >> below(world, 18));
  slh_ref array = SLH_NULL;
  char *bytes;

  if (seen->size + length + 16 > MOST || slh_heap_grow(seen->heap, length + 16) != SLH_OK)
    return;
  REQUIRE_EQUAL(slh_alloc_array(seen->heap, pooled.bytes, length, &array), SLH_OK);
  bytes = slh_address(seen->heap, array, SLH_ARRAY_DATA_OFFSET);
  REQUIRE(length == 0 || (*bytes == 0 && memcmp(bytes, bytes + 1, length - 1) == 0));
  memset(bytes, (int)below(world, 256), length);
  seen->size = slh_heap_end(seen->heap) - slhi_heap_slot(seen->heap)->slab->gap;
  memcpy(seen->bytes, first_byte(seen), seen->size);
}

/* Beyond what it has allocated: only strict isolation holds against it. */
static void write_wildly(struct world *world, struct seen *seen)
{
  uint64_t end = slhi_heap_committed(seen->heap) - slhi_heap_slot(seen->heap)->slab->gap;
  uint64_t from = end ? below(world, end) : 0;

  memset(slhi_heap_memory(seen->heap) + from, 0xc3, end - from);
}

static void end(struct world *world, struct seen *seen)
{
  if (world->options.isolation == SLH_ISOLATION_STRICT && below(world, 2))
    write_wildly(world, seen);
  switch (below(world, 4)) {
  case 0:
    slh_heap_reset(seen->heap);
    seen->size = 0;
    check(seen);
    return;
  case 1:
    slh_heap_discard(seen->heap);
    break;
  default:
    slh_heap_release(seen->heap);
  }
  seen->heap = NULL;
}

/* What was written of a heap is dropped, so the figure is for free slots. */
static void check_figures(const struct world *world)
{
  const struct slab *slab = &world->pool->heaps[0];
  uint64_t total = 0;

  for (uint32_t i = slhi_slab_touched(slab); i-- > 0;) {
    const struct slot *slot = &slab->slots[i];

    total += slot->resident;
    if (slab->gap != 0)
      REQUIRE(slhi_slot_front(slot) <= slhi_slot_committed(slot));
  }
  REQUIRE(total <= pooled_stats(world->pool).resident_bytes);
}

static void act(struct world *world)
{
  struct seen *seen = &world->stores[below(world, SLOTS)];

  if (!seen->heap)
    take(world, seen);
  for (uint64_t i = below(world, 4); i-- > 0;) {
    write(world, seen);
    allocate(world, seen);
  }
  if (below(world, 2))
    check_all(world);
  if (below(world, 3) == 0)
    end(world, seen);
  if (below(world, 24) == 0)
    slh_pool_trim(world->pool);
  else if (below(world, 12) == 0)
    slh_pool_decay(world->pool);
  check_figures(world);
}

/* ---- images ---- */

/* Of a page less 8 bytes, one page, and so on; one has nothing in it. */
static slh_image *make_image(struct world *world, slh_image_start start, int number)
{
  static const uint32_t lengths[IMAGES] = {4096 - 24, 4096 - 16, 65536 - 16, 100000, 700000, 0};
  slh_pool_options options = world->options;
  slh_ref array = SLH_NULL;
  slh_pool *pool;
  slh_heap *heap;
  slh_image *image;

  options.max_heap_bytes = options.slot_bytes = 0;
  options.slots = 1;
  pool = helper_pool(&options);
  heap = pooled_take(pool);
  if (lengths[number] != 0) {
    REQUIRE_EQUAL(slh_new_array(heap, pooled.bytes, lengths[number], &array), SLH_OK);
    memset(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), 0x11 * (number + 1), lengths[number]);
  }
  image = imaged_freeze(heap, &array, 1, start);
  slh_heap_release(heap);
  slh_pool_free(pool);
  return image;
}

static void renew_image(struct world *world)
{
  int number = (int)below(world, IMAGES);

  slh_image_free(world->images[number]);
  world->images[number] = make_image(world, (slh_image_start)below(world, 3), number);
}

/* ---- worlds ---- */

/* Calls that make mappings, and that give pages back. */
static void fail_some(struct world *world)
{
  static const int errors[] = {EINVAL, ENOMEM, EPERM};
  static const unsigned calls[] = {OS_MMAP, OS_MREMAP, OS_MADVISE, OS_MADVISE | OS_PROCESS_MADVISE};

  faults_fail(calls[below(world, 4)], below(world, 4), 1 + below(world, 20),
              errors[below(world, 3)]);
}

static void run_stores(struct world *world, bool failing)
{
  world->options.slots = SLOTS;
  world->options.max_collections = 1;
  world->options.decay_ms = 1;
  world->options.keep_resident_bytes = UINT64_C(1) << below(world, 22);
  world->options.max_heap_bytes = 4 * POOLED_MIB;
  if (below(world, 4) == 0)
    world->options.resident_budget_bytes = 1 + below(world, 512 * POOLED_KIB);
  if (world->options.kind == SLH_POOL_DENSE)
    world->options.slot_bytes = UINT64_C(512) << below(world, 10);
  for (int i = 0; i < IMAGES; i++)
    world->images[i] = make_image(world, (slh_image_start)below(world, 3), i);
  world->pool = helper_pool(&world->options);
  world->stores = calloc(SLOTS, sizeof *world->stores);
  REQUIRE(world->stores != NULL);
  for (int i = 0; i < 80; i++) {
    if (failing && i % 8 == 0)
      fail_some(world);
    act(world);
    if (failing && i % 8 == 7)
      (void)faults_end();
    else if (!failing && below(world, 40) == 0)
      renew_image(world);
  }
  (void)faults_end();
  check_all(world);
  for (int i = 0; i < SLOTS; i++)
    slh_heap_release(world->stores[i].heap);
  slh_pool_trim(world->pool);
  for (uint32_t i = slhi_slab_touched(&world->pool->heaps[0]); i-- > 0 && !failing;)
    REQUIRE(!world->pool->heaps[0].slots[i].has_front);
  slh_pool_free(world->pool);
  free(world->stores);
  for (int i = 0; i < IMAGES; i++)
    slh_image_free(world->images[i]);
}

static void run_all(bool failing, const slh_pool_options *options)
{
  uint64_t random = helper_seed();

  for (uint64_t round = helper_rounds(1); round-- > 0;) {
    for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
      for (int isolation = 0; isolation < 3; isolation++) {
        struct world world = {.options = *options, .random = helper_random(&random)};

        world.options.decommit = (slh_decommit)engine;
        world.options.isolation = (slh_isolation)isolation;
        run_stores(&world, failing);
      }
    }
  }
}

static void every_engine_and_isolation(void **state)
{
  const slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  run_all(false, &options);
}

/* No mapping to be had, or no page taken back. */
static void what_the_system_refuses_does_not_show(void **state)
{
  const slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  run_all(true, &options);
}

static void pools_that_populate(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.populate = true;
  run_all(false, &options);
}

static void pools_without_huge_pages(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.huge_pages = SLH_HUGE_NEVER;
  run_all(false, &options);
}

static void dense_pools(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  options.kind = SLH_POOL_DENSE;
  run_all(false, &options);
}

/* An image of which the system refuses to make memory to share is copied. In particular,
 * nothing is written where there is no room for it. */
static void images_that_cannot_be_shared(void **state)
{
  static const struct {
    unsigned calls;
    uint64_t pass;
    int error;
  } refused[] = {{OS_SEAL, 0, EBUSY},
                 {OS_MEMFD, 0, ENOSYS},
                 {OS_FTRUNCATE, 0, ENOSPC},
                 {OS_FTRUNCATE, 1, ENOSPC},
                 {OS_FTRUNCATE, 2, ENOSPC}};
  slh_pool_options options = helper_pool_options(1);
  struct world world = {.options = options};
  slh_pool *pool = helper_pool(&options);
  uint64_t all = 0;

  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    uint64_t failed;
    slh_image *image;
    slh_heap *heap;

    faults_fail(refused[i].calls, refused[i].pass, 1, refused[i].error);
    image = make_image(&world, SLH_IMAGE_MAP, 3);
    failed = faults_end();
    all += failed;
    heap = imaged_start(pool, image, NULL);
    assert_int_equal(imaged_is_mapped(heap), failed == 0);
    assert_memory_equal(slhi_heap_memory(heap), image->body.memory,
                        image->end - slhi_heap_slot(heap)->slab->gap);
    slh_heap_release(heap);
    slh_image_free(image);
  }
  assert_in_range(all, 3, 4);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_engine_and_isolation),
      cmocka_unit_test(what_the_system_refuses_does_not_show),
      cmocka_unit_test(pools_that_populate),
      cmocka_unit_test(pools_without_huge_pages),
      cmocka_unit_test(dense_pools),
      cmocka_unit_test(images_that_cannot_be_shared),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
