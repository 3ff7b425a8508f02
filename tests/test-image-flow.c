/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What stores find that begin with images, and those after them, byte for byte: the
 * image as it was frozen and zeroes behind it, or zeroes only; nothing of another image,
 * nor of what a store before has written. By every engine, isolation and way to start, and
 * whatever the system refuses.
 */
/* [promise isolated] */
#include "tests/faults.h"
#include "tests/pooled.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/heap.h"

#define SLOTS 2
#define ALL_CALLS                                                                                  \
  (OS_MMAP | OS_MREMAP | OS_MADVISE | OS_PROCESS_MADVISE | OS_PIDFD_OPEN | OS_RING_OPEN |          \
   OS_RING_SUBMIT | OS_RING_WAIT)

/* An image, and the bytes of a store that has just begun with it. */
struct prelude {
  slh_image *image;
  char *bytes;
  uint64_t count;
};

struct world {
  slh_pool_options options;
  slh_pool *pool;
  struct prelude preludes[3]; /* small, some pages, more pages: each of its own byte */
  uint64_t random;
  uint64_t seen; /* bytes of others */
};

static uint64_t below(struct world *world, uint64_t bound)
{
  return helper_below(&world->random, bound);
}

static char *first_byte(const slh_heap *heap)
{
  return pooled_start(heap);
}

static uint64_t accessible(const slh_heap *heap)
{
  return slhi_heap_committed(heap) - slhi_heap_slot(heap)->slab->gap;
}

/* ---- images ---- */

static slh_ref fill_array(slh_heap *heap, uint32_t length, unsigned char byte)
{
  slh_ref array = SLH_NULL;

  REQUIRE_EQUAL(slh_heap_grow(heap, length + 16), SLH_OK);
  REQUIRE_EQUAL(slh_alloc_array_uninit(heap, pooled.bytes, length, &array), SLH_OK);
  memset(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), byte, length);
  return array;
}

static slh_status acquire(slh_pool *pool, const slh_image *image, bool resume, slh_heap **out)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = pooled.runtime;
  options.initial_bytes = 64 * POOLED_KIB;
  options.image = image;
  options.resume = resume;
  return slh_heap_acquire(pool, &options, out);
}

static void freeze(struct world *world, struct prelude *prelude, uint32_t length,
                   unsigned char byte, slh_image_start start)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_pool_options plain = world->options;
  slh_image_contents contents = {0};
  slh_image_root root = {"array", SLH_NULL};
  slh_image_info info;
  slh_error error = {0};
  slh_pool *pool;
  slh_heap *heap;

  plain.isolation = SLH_ISOLATION_SCRUB;
  pool = helper_pool(&plain);
  heap = pooled_take(pool);
  root.ref = fill_array(heap, length, byte);
  contents.roots = &root;
  contents.root_count = 1;
  options.start = start;
  REQUIRE_EQUAL(slh_image_freeze(heap, &contents, &options, &prelude->image, &error), SLH_OK);
  slh_heap_release(heap);
  slh_image_get_info(prelude->image, &info);
  REQUIRE_EQUAL(info.objects, 1);
  /* By hand: as a wide slot has it from its first byte on, or a dense one. */
  prelude->count = (world->options.kind == SLH_POOL_DENSE ? SLH_DENSE_FIRST : 0) + info.bytes;
  prelude->bytes = calloc(1, prelude->count);
  REQUIRE_EQUAL(acquire(pool, prelude->image, false, &heap), SLH_OK);
  memcpy(prelude->bytes, first_byte(heap), prelude->count);
  for (uint64_t i = prelude->count - length; i < prelude->count - 8; i++)
    REQUIRE_EQUAL((unsigned char)prelude->bytes[i], byte);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- stores ---- */

static void check(struct world *world, const slh_heap *heap, const struct prelude *prelude)
{
  uint64_t count = prelude ? prelude->count : 0;
  const char *bytes = first_byte(heap);
  uint64_t dirty = slh_heap_get_data(heap)->dirty - slhi_heap_slot(heap)->slab->gap;

  if (prelude)
    REQUIRE(memcmp(bytes, prelude->bytes, count) == 0);
  for (uint64_t i = count; i < accessible(heap); i++) {
    if (bytes[i] == 0)
      continue;
    if (world->options.isolation == SLH_ISOLATION_NONE && i < dirty)
      world->seen++;
    else
      helper_stop(__FILE__, __LINE__, "zero (offset, byte)", i, (unsigned char)bytes[i]);
  }
  REQUIRE_EQUAL(slh_heap_verify(heap, NULL, NULL), SLH_OK);
}

/* In its image, behind it, and if that must not show wherever it can. */
static void write_all(struct world *world, slh_heap *heap, const struct prelude *prelude)
{
  if (below(world, 2))
    (void)fill_array(heap, (uint32_t)below(world, 40 * POOLED_KIB), 0xa5);
  if (below(world, 4) == 0)
    REQUIRE_EQUAL(slh_heap_collect(heap, NULL), SLH_OK);
  if (prelude && below(world, 2)) {
    uint64_t from = below(world, prelude->count);

    memset(first_byte(heap) + from, 0xc3, 1 + below(world, prelude->count - from));
  }
  if (world->options.isolation == SLH_ISOLATION_STRICT && below(world, 2))
    memset(first_byte(heap), 0xee, accessible(heap));
}

static void refuse_something(struct world *world)
{
  static const unsigned calls[] = {
      OS_MMAP, OS_MREMAP, OS_MADVISE, OS_PROCESS_MADVISE, OS_RING_SUBMIT, ALL_CALLS,
  };
  unsigned which = calls[below(world, 6)];

  faults_fail(which, below(world, 3), which & OS_RING_WAIT ? 1 + below(world, 2) : below(world, 9),
              below(world, 2) ? ENOMEM : EINVAL);
}

/* Acquired, looked at, written and ended. Without memory there is none. */
static void live(struct world *world)
{
  uint64_t number = below(world, 4);
  const struct prelude *prelude = number < 3 ? &world->preludes[number] : NULL;
  slh_heap *heaps[SLOTS] = {NULL};
  uint64_t count = 1 + below(world, SLOTS);

  for (uint64_t i = 0; i < count; i++) {
    if (below(world, 3) == 0)
      refuse_something(world);
    if (acquire(world->pool, prelude ? prelude->image : NULL, below(world, 2), &heaps[i]) !=
        SLH_OK) {
      REQUIRE(faults_failed() > 0);
      heaps[i] = NULL;
    }
    (void)faults_end();
  }
  for (uint64_t i = 0; i < count; i++) {
    if (!heaps[i])
      continue;
    check(world, heaps[i], prelude);
    write_all(world, heaps[i], prelude);
    if (below(world, 3) == 0)
      refuse_something(world);
    if (below(world, 4) == 0) {
      slh_heap_reset(heaps[i]); /* begins with nothing then */
      check(world, heaps[i], NULL);
      write_all(world, heaps[i], NULL);
    }
    slh_heap_release(heaps[i]);
    if (below(world, 8) == 0)
      slh_pool_trim(world->pool);
    (void)faults_end();
  }
}

static uint64_t run(const slh_pool_options *options, slh_image_start start, uint64_t random,
                    uint64_t rounds)
{
  struct world world = {.options = *options, .random = random};
  uint32_t most = options->kind == SLH_POOL_DENSE ? 12 * 1024 : 90 * 1024;

  freeze(&world, &world.preludes[0], 100, 0x11, start);
  freeze(&world, &world.preludes[1], most / 3, 0x22, start);
  freeze(&world, &world.preludes[2], most, 0x33, start);
  world.pool = helper_pool(options);
  while (rounds-- > 0)
    live(&world);
  slh_pool_free(world.pool);
  for (int i = 0; i < 3; i++) {
    slh_image_free(world.preludes[i].image);
    free(world.preludes[i].bytes);
  }
  return world.seen;
}

static void run_all(slh_pool_kind kind)
{
  static const uint64_t keeps[] = {1, 20 * POOLED_KIB, POOLED_MIB};
  uint64_t random = helper_seed(), rounds = helper_rounds(80), seen = 0;

  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++)
    for (int isolation = 0; isolation < 3; isolation++)
      for (int start = SLH_IMAGE_COPY; start <= SLH_IMAGE_MAP; start++) {
        slh_pool_options options = helper_pool_options(SLOTS);

        options.kind = kind;
        options.max_heap_bytes = POOLED_MIB;
        options.slot_bytes = kind == SLH_POOL_DENSE ? 4096 : 0;
        options.decommit = (slh_decommit)engine;
        options.isolation = (slh_isolation)isolation;
        options.keep_resident_bytes = keeps[helper_below(&random, 3)];
        options.resident_budget_bytes = helper_one_in(&random, 4) ? 1 : 0;
        seen += run(&options, (slh_image_start)start, helper_random(&random), rounds);
      }
  /* Where it may be: so it would have been noticed. */
  assert_true(rounds < 80 || seen > 0);
}

static void test_wide(void **state)
{
  (void)state;
  run_all(SLH_POOL_WIDE);
}

static void test_dense(void **state)
{
  (void)state;
  run_all(SLH_POOL_DENSE);
}

static int find_out(void **state)
{
  /* Before calls begin to fail. */
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    (void)slh_decommit_available((slh_decommit)i);
  return pooled_setup(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wide),
      cmocka_unit_test(test_dense),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, find_out, pooled_teardown);
}
