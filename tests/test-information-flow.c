/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a store finds of the store before it, byte for byte: for every kind of pool,
 * engine, isolation and bound of what stays resident, every way for a store to end, and
 * everything that can go wrong when pages are given back. test-zeroes.c does the
 * like at random, test-isolation.c with tenants on threads.
 */
/* [promise isolated] */
#include "tests/faults.h"
#include "tests/pages.h"
#include "tests/pooled.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/heap.h"

#define SLOTS 3
#define TENANTS 2 /* before; one slot stays fresh */
#define CANARY 0xa5

/* ---- all there is ---- */

static const struct cut {
  slh_pool_kind kind;
  uint64_t slot_bytes, guard_bytes, max_heap_bytes;
} cuts[] = {
    {SLH_POOL_WIDE, 0, 0, 160 * POOLED_KIB},
    {SLH_POOL_DENSE, 512, 0, 16 * POOLED_KIB}, /* slots share pages */
    {SLH_POOL_DENSE, 4096, 0, 32 * POOLED_KIB},
    {SLH_POOL_DENSE, 64 * POOLED_KIB, 4096, 120 * POOLED_KIB},
};

static const uint64_t keeps[] = {1, 20 * POOLED_KIB, POOLED_MIB};

enum ending {
  END_RELEASE,
  END_RESET,   /* the store goes on in the same heap */
  END_DISCARD, /* in the middle of a collection */
  END_TRIM,
  END_OVER_BUDGET,
  ENDINGS
};

#define DECOMMITS                                                                                  \
  (OS_MADVISE | OS_PROCESS_MADVISE | OS_PIDFD_OPEN | OS_RING_OPEN | OS_RING_SUBMIT | OS_RING_WAIT)

/* What the system does when pages are given back. */
static const struct trouble {
  unsigned which;
  uint64_t pass, count;
  int error;
  uint64_t at_most_pages; /* of a process_madvise; 0: all */
  bool lock;              /* the kernel itself refuses: a page is locked */
} troubles[] = {
    {0, 0, 0, 0, 0, false},
    {0, 0, 0, 0, 0, true},
    {OS_MADVISE, 0, UINT64_MAX, EINVAL, 0, false},
    {OS_PROCESS_MADVISE, 0, UINT64_MAX, EPERM, 0, false},
    {OS_PROCESS_MADVISE, 0, UINT64_MAX, 0, 0, false}, /* says it did, and did not */
    {OS_PROCESS_MADVISE, 1, 1, EINTR, 1, false},
    {OS_RING_SUBMIT, 0, UINT64_MAX, EAGAIN, 3, false},
    {OS_RING_SUBMIT, 1, 1, EPERM, 0, false},
    {DECOMMITS, 0, 3, EINTR, 2, false},
    {DECOMMITS, 0, 1, ENOMEM, 0, false},
    {DECOMMITS, 1, 1, ENOMEM, 0, false},
    {DECOMMITS & ~OS_RING_WAIT, 0, UINT64_MAX, ENOMEM, 0, false},
};
#define TROUBLES (sizeof troubles / sizeof *troubles)

/* A page in the middle of what the heap has. */
static struct slhi_range lock_some(const slh_heap *heap)
{
  uint64_t page = pooled_page(), bytes = slhi_heap_committed(heap) / 2;
  uintptr_t at = ((uintptr_t)pooled_start(heap) + bytes) & ~(uintptr_t)(page - 1);
  struct slhi_range range = {(char *)at, page, NULL};

  if (!pages_lock(&range))
    range.bytes = 0; /* a limit forbids it */
  return range;
}

static void begin_trouble(const struct trouble *trouble)
{
  faults_fail(trouble->which, trouble->pass, trouble->count, trouble->error);
  faults_shorten(trouble->at_most_pages * pooled_page());
}

/* Returns how many calls failed. */
static uint64_t end_trouble(void)
{
  faults_shorten(0);
  return faults_end();
}

struct world {
  slh_isolation isolation;
  enum ending ending;
  slh_pool *pool;
  slh_heap *heaps[SLOTS];
  uint64_t seen; /* bytes of others */
};

/* ---- who is there before ---- */

static slh_ref new_bytes(slh_heap *heap, uint32_t length)
{
  slh_ref array = SLH_NULL;

  REQUIRE_EQUAL(slh_alloc_array_uninit(heap, pooled.bytes, length, &array), SLH_OK);
  memset(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), CANARY, length);
  return array;
}

static uint64_t max_of(const slh_heap *heap)
{
  slh_heap_stats stats;

  slh_heap_get_stats(heap, &stats);
  return stats.max;
}

/* Fills `bytes` of the heap. In a dense pool it has moved through all smaller slots then, and
 * written to each. */
static void fill(slh_heap *heap, uint64_t bytes)
{
  uint64_t used = 0, step = 400;

  for (; used + step <= bytes; used += step, step = used) {
    REQUIRE_EQUAL(slh_heap_grow(heap, step), SLH_OK);
    (void)new_bytes(heap, (uint32_t)step - 8);
  }
}

/* Wherever it is accessible: only strict isolation promises anything then. */
static void write_everywhere(const slh_heap *heap)
{
  uint64_t bytes = slhi_heap_committed(heap) - slhi_heap_slot(heap)->slab->gap;

  memset(pooled_start(heap), 0xc3, bytes);
}

static void live(struct world *world, slh_heap *heap, unsigned number)
{
  slh_ref ref = SLH_NULL;

  fill(heap, max_of(heap) >> number);
  if (number % 2 || world->ending == END_DISCARD) { /* all of it is garbage */
    REQUIRE_EQUAL(slh_heap_collect(heap, NULL), SLH_OK);
    REQUIRE_EQUAL(slh_new_struct(heap, pooled.node, &ref), SLH_OK);
    slh_set_i32(heap, ref, HELPER_VALUE, -1);
  }
  if (world->isolation == SLH_ISOLATION_STRICT)
    write_everywhere(heap);
}

static void end(struct world *world, slh_heap **heap)
{
  bool complete;

  switch (world->ending) {
  case END_RESET:
    slh_heap_reset(*heap);
    return;
  case END_DISCARD:
    /* What was written everywhere is no heap that could be collected. */
    if (world->isolation != SLH_ISOLATION_STRICT) {
      REQUIRE_EQUAL(slh_collection_begin(*heap, NULL), SLH_OK);
      REQUIRE_EQUAL(slh_collection_step(*heap, 1, &complete), SLH_OK);
    }
    slh_heap_discard(*heap);
    break;
  default:
    slh_heap_release(*heap);
  }
  *heap = NULL;
}

/* ---- who comes after ---- */

static void check_zero(const char *bytes, uint64_t count)
{
  if (count == 0 || (*bytes == 0 && memcmp(bytes, bytes + 1, count - 1) == 0))
    return;
  for (uint64_t i = 0; i < count; i++)
    if (bytes[i] != 0)
      helper_stop(__FILE__, __LINE__, "zero (offset, byte)", i, (unsigned char)bytes[i]);
}

/* Of what it has from `from` on. */
static void look(struct world *world, const slh_heap *heap, uint64_t from)
{
  const char *base = slh_heap_get_data(heap)->base;
  uint64_t dirty = slh_heap_get_data(heap)->dirty, end = slhi_heap_committed(heap);

  if (world->isolation != SLH_ISOLATION_NONE || dirty < from)
    dirty = from;
  for (uint64_t i = from; i < dirty; i++)
    world->seen += base[i] != 0;
  if (end > dirty)
    check_zero(base + dirty, end - dirty);
}

/* Grows through all that a store before it can have had. */
static void look_around(struct world *world, slh_heap *heap)
{
  uint64_t max = max_of(heap);

  look(world, heap, slhi_heap_slot(heap)->slab->gap);
  for (uint64_t step = 400; slh_heap_end(heap) + 2 * step < max; step *= 2) {
    slh_ref array = SLH_NULL;

    REQUIRE_EQUAL(slh_heap_grow(heap, 2 * step), SLH_OK);
    look(world, heap, slh_heap_end(heap));
    REQUIRE_EQUAL(slh_alloc_array(heap, pooled.bytes, (uint32_t)step - 8, &array), SLH_OK);
    check_zero(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), step - 8);
  }
  REQUIRE_EQUAL(slh_heap_verify(heap, NULL, NULL), SLH_OK);
}

static uint64_t pass_on(struct world *world, const slh_pool_options *options,
                        const struct trouble *trouble)
{
  struct slhi_range locked = {NULL, 0, NULL};
  uint64_t failed;

  world->pool = helper_pool(options);
  for (unsigned i = 0; i < TENANTS; i++)
    world->heaps[i] = pooled_take(world->pool);
  for (unsigned i = 0; i < TENANTS; i++)
    live(world, world->heaps[i], i);
  if (trouble->lock)
    locked = lock_some(world->heaps[0]);
  begin_trouble(trouble);
  for (unsigned i = 0; i < TENANTS; i++)
    end(world, &world->heaps[i]);
  if (world->ending == END_TRIM)
    slh_pool_trim(world->pool);
  for (unsigned i = 0; i < SLOTS; i++)
    if (!world->heaps[i])
      world->heaps[i] = pooled_take(world->pool);
  failed = end_trouble();
  if (locked.bytes != 0)
    pages_unlock(&locked);
  for (unsigned i = 0; i < SLOTS; i++)
    look_around(world, world->heaps[i]);
  pooled_release(world->heaps, SLOTS);
  slh_pool_free(world->pool);
  memset(world->heaps, 0, sizeof world->heaps);
  return failed;
}

/* ---- all of it ---- */

static slh_pool_options options_for(const struct cut *cut, const struct world *world)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  options.max_collections = 1;
  options.kind = cut->kind;
  options.slot_bytes = cut->slot_bytes;
  options.guard_bytes = cut->guard_bytes;
  options.max_heap_bytes = cut->max_heap_bytes;
  options.isolation = world->isolation;
  options.resident_budget_bytes = world->ending == END_OVER_BUDGET ? 1 : 0;
  return options;
}

/* Every second combination; with SLOTHEAP_SCALE=100 all, where time counts fewer. */
static void pass_on_by_all(const struct cut *cut)
{
  uint64_t random = helper_seed(), one_in = 1 + 64 / helper_rounds(64);
  uint64_t seen[3] = {0}, failed = 0;

  for (unsigned i = 0; i < SLH_DECOMMIT_ENGINES * 3u * 3u * ENDINGS * TROUBLES; i++) {
    unsigned rest = i / (SLH_DECOMMIT_ENGINES * 9);
    struct world world = {.isolation = (slh_isolation)(i / 3 % 3),
                          .ending = (enum ending)(rest % ENDINGS)};
    slh_pool_options options = options_for(cut, &world);

    options.keep_resident_bytes = keeps[i % 3];
    options.decommit = (slh_decommit)(i / 9 % SLH_DECOMMIT_ENGINES);
    if (!helper_one_in(&random, one_in))
      continue;
    failed += pass_on(&world, &options, &troubles[rest / ENDINGS]);
    seen[world.isolation] += world.seen;
  }
  assert_int_equal(seen[SLH_ISOLATION_SCRUB], 0);
  assert_int_equal(seen[SLH_ISOLATION_STRICT], 0);
  assert_true(seen[SLH_ISOLATION_NONE] > 0); /* so it would have been noticed */
  assert_int_equal(failed > 0, faults_reach_decommit());
}

static void test_wide(void **state)
{
  (void)state;
  pass_on_by_all(&cuts[0]);
}

static void test_dense_shared_pages(void **state)
{
  (void)state;
  pass_on_by_all(&cuts[1]);
}

static void test_dense_pages(void **state)
{
  (void)state;
  pass_on_by_all(&cuts[2]);
}

static void test_dense_guarded(void **state)
{
  (void)state;
  pass_on_by_all(&cuts[3]);
}

/* ---- pages that are not in memory ---- */

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* Pages of a range that are in swap, by bit 62 of their entries. */
static uint64_t count_swapped(const char *start, uint64_t bytes)
{
  uint64_t page = pooled_page(), count = 0, entry;
  int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

  for (uint64_t at = 0; file >= 0 && at < bytes; at += page)
    if (pread(file, &entry, 8, (off_t)(((uintptr_t)start + at) / page * 8)) == 8)
      count += entry >> 62 & 1;
  if (file >= 0)
    close(file);
  return count;
}

static bool has_swap(void)
{
  FILE *file = fopen("/proc/swaps", "re");
  char line[256];
  int lines = 0;

  while (file && fgets(line, sizeof line, file))
    lines++;
  if (file)
    fclose(file);
  return lines > 1; /* the first is a heading */
}

static void pass_on_swapped(const slh_pool_options *options, uint64_t *swapped)
{
  struct world world = {.isolation = options->isolation, .ending = END_RELEASE};
  slh_heap *heap;
  uint64_t bytes;

  world.pool = helper_pool(options);
  for (unsigned round = 0; round < 2; round++) {
    heap = pooled_take(world.pool);
    look(&world, heap, slhi_heap_slot(heap)->slab->gap);
    live(&world, heap, round);
    bytes = slhi_heap_committed(heap) - slhi_heap_slot(heap)->slab->gap;
    (void)syscall(SYS_madvise, pooled_start(heap), bytes & ~(pooled_page() - 1), MADV_PAGEOUT);
    *swapped += count_swapped(pooled_start(heap), bytes);
    slh_heap_release(heap);
  }
  heap = pooled_take(world.pool);
  look_around(&world, heap);
  slh_heap_release(heap);
  slh_pool_free(world.pool);
}

/* A page in swap is as dirty as it was (design: do not trust PAGEMAP_SCAN). */
static void test_swapped(void **state)
{
  uint64_t swapped = 0;

  (void)state;
  if (!has_swap()) {
    print_message("no swap is configured\n");
    skip();
  }
  for (unsigned i = 0; i < SLH_DECOMMIT_ENGINES * 2u * 3u; i++) {
    struct world world = {.isolation = (slh_isolation)(i % 2)};
    slh_pool_options options = options_for(&cuts[0], &world);

    options.keep_resident_bytes = keeps[i / 2 % 3];
    options.decommit = (slh_decommit)(i / 6);
    pass_on_swapped(&options, &swapped);
  }
  if (swapped == 0) {
    print_message("nothing was swapped out\n");
    skip();
  }
}

static int find_out(void **state)
{
  /* Before calls begin to fail. */
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    if (!slh_decommit_available((slh_decommit)i))
      print_message("no %s\n", slh_decommit_name((slh_decommit)i));
  return pooled_setup(state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wide),        cmocka_unit_test(test_dense_shared_pages),
      cmocka_unit_test(test_dense_pages), cmocka_unit_test(test_dense_guarded),
      cmocka_unit_test(test_swapped),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, find_out, pooled_teardown);
}
