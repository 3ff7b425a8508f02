/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What release and reset leave of a store: zeroes, mappings, resident bytes. */
#include "tests/faults.h"
#include "tests/helper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pool/pool.h"
#include "pool/os.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

struct fixture {
  slh_runtime *runtime;
  const slh_type *bytes;
};

static int open_fixture(void **state)
{
  static struct fixture fixture;

  fixture.runtime = helper_runtime(NULL);
  fixture.bytes = helper_array_type(fixture.runtime, SLH_I8);
  *state = &fixture;
  return 0;
}

static int close_fixture(void **state)
{
  struct fixture *fixture = *state;

  slh_runtime_free(fixture->runtime);
  return 0;
}

static slh_pool *pool_by_engine(uint64_t keep, slh_isolation isolation, slh_decommit engine)
{
  slh_pool_options options = helper_pool_options(1);

  options.max_heap_bytes = 64 * MIB;
  options.keep_resident_bytes = keep;
  options.isolation = isolation;
  options.decommit = engine;
  return helper_pool(&options);
}

/* Pages are given back at release, not later with those of others. */
static slh_pool *pool_that_keeps(uint64_t keep, slh_isolation isolation)
{
  return pool_by_engine(keep, isolation, SLH_DECOMMIT_MADVISE);
}

/* Allocates `bytes` (a multiple of 8) and writes all of them. */
static void dirty(const struct fixture *fixture, slh_heap *heap, uint64_t bytes)
{
  slh_ref array;

  assert_int_equal(slh_heap_grow(heap, bytes), SLH_OK);
  assert_int_equal(slh_alloc_array_uninit(heap, fixture->bytes, (uint32_t)bytes - 8, &array),
                   SLH_OK);
  memset(slh_address(heap, array, 0), 0xa5, bytes);
}

static uint64_t accessible(const slh_heap *heap)
{
  slh_heap_stats stats;

  slh_heap_get_stats(heap, &stats);
  return stats.accessible;
}

static char *start_of(const slh_heap *heap)
{
  return slh_heap_get_data(heap)->base + SLH_WIDE_FIRST;
}

/* Every byte that can be read, not only those that were written. */
static void check_all_zero(const slh_heap *heap)
{
  const char *start = start_of(heap);
  uint64_t size = accessible(heap);

  for (uint64_t at = 0; at < size; at += 8) {
    uint64_t word;

    memcpy(&word, start + at, 8);
    if (word != 0)
      fail_msg("word at byte %" PRIu64 " of %" PRIu64 " is %" PRIx64, at, size, word);
  }
}

static slh_pool_stats stats_of(slh_pool *pool)
{
  slh_pool_stats stats;

  slh_pool_get_stats(pool, &stats);
  return stats;
}

static uint64_t resident(slh_pool *pool)
{
  uint64_t bytes;

  assert_int_equal(slh_pool_resident(pool, &bytes, NULL), SLH_OK);
  return bytes;
}

/* ---- zeroes ---- */

static uint64_t random_size(uint64_t *random)
{
  return 8 + (helper_below(random, 4 * MIB) >> helper_below(random, 20)) / 8 * 8;
}

/* Stores of random sizes, one after the other in one slot; each finds zeroes.
 */
static void run_stores(const struct fixture *fixture, slh_isolation isolation, uint64_t *random)
{
  uint64_t keep = random_size(random);
  slh_decommit engine = (slh_decommit)helper_below(random, SLH_DECOMMIT_ENGINES);
  slh_pool *pool = pool_by_engine(keep, isolation, engine);

  for (int i = 0; i < 8; i++) {
    slh_heap *heap = helper_acquire(pool, fixture->runtime);

    check_all_zero(heap);
    dirty(fixture, heap, random_size(random));
    if (helper_one_in(random, 3)) {
      slh_heap_reset(heap);
      assert_int_equal(slh_heap_end(heap), slh_heap_first(heap));
      check_all_zero(heap);
      dirty(fixture, heap, random_size(random));
    }
    if (helper_one_in(random, 3))
      assert_int_equal(slh_heap_collect(heap, NULL), SLH_OK);
    if (helper_one_in(random, 3))
      dirty(fixture, heap, random_size(random));
    slh_heap_release(heap);
  }
  slh_pool_free(pool);
}

static void test_next_store_finds_zeroes(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(150); i-- > 0;)
    run_stores(*state, helper_one_in(&random, 2) ? SLH_ISOLATION_SCRUB : SLH_ISOLATION_STRICT,
               &random);
}

/* A free slot holds no more than the bound. Nothing is read here: reading a
 * page that was given back maps the zero page, which counts as resident. */
static void test_resident_is_bounded(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(100); i-- > 0;) {
    uint64_t keep = random_size(&random);
    slh_pool *pool = pool_that_keeps(keep, (slh_isolation)helper_below(&random, 3));

    for (int j = 0; j < 8; j++) {
      slh_heap *heap = helper_acquire(pool, ((struct fixture *)*state)->runtime);

      dirty(*state, heap, random_size(&random));
      slh_heap_release(heap);
      assert_true(resident(pool) <= keep + PAGE);
    }
    slh_pool_free(pool);
  }
}

/* Sizes next to the keep bound and to pages, where rounding goes wrong. */
static void test_around_the_bound(void **state)
{
  struct fixture *fixture = *state;
  uint64_t keep = 16 * PAGE;
  slh_pool *pools[2] = {pool_that_keeps(keep, SLH_ISOLATION_SCRUB),
                        pool_that_keeps(keep - 24, SLH_ISOLATION_STRICT)};

  for (uint64_t size = keep - PAGE - 16; size <= keep + 2 * PAGE + 16; size += 8) {
    for (int i = 0; i < 2; i++) {
      slh_heap *heap = helper_acquire(pools[i], fixture->runtime);

      dirty(fixture, heap, size);
      slh_heap_release(heap);
      heap = helper_acquire(pools[i], fixture->runtime);
      check_all_zero(heap);
      slh_heap_release(heap);
    }
  }
  slh_pool_free(pools[0]);
  slh_pool_free(pools[1]);
}

/* A collection lowers bump; what was above it was dirty all the same. */
static void test_collected_garbage_is_scrubbed(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_that_keeps(MIB, SLH_ISOLATION_SCRUB);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  uint64_t scrubbed;

  dirty(fixture, heap, 64 * KIB);
  assert_int_equal(slh_heap_collect(heap, NULL), SLH_OK);
  assert_int_equal(slh_heap_end(heap), slh_heap_first(heap));
  dirty(fixture, heap, 8 * KIB);
  scrubbed = stats_of(pool).scrubbed_bytes;
  slh_heap_release(heap);
  assert_int_equal(stats_of(pool).scrubbed_bytes - scrubbed, 64 * KIB);
  heap = helper_acquire(pool, fixture->runtime);
  check_all_zero(heap);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* Compiled code that broke its own bump pointer: clamped, scrubbed. */
static void test_wild_bump(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_that_keeps(MIB, SLH_ISOLATION_SCRUB);
  static const uint64_t wild[] = {UINT64_MAX, UINT64_C(1) << 32, SLH_WIDE_FIRST + 64 * KIB + 8};

  for (int i = 0; i < 3; i++) {
    slh_heap *heap = helper_acquire(pool, fixture->runtime);

    dirty(fixture, heap, 64);
    memset(start_of(heap), 0xff, accessible(heap));
    slh_heap_get_data(heap)->bump = wild[i];
    slh_heap_release(heap);
    heap = helper_acquire(pool, fixture->runtime);
    check_all_zero(heap);
    slh_heap_release(heap);
  }
  slh_pool_free(pool);
}

/* ---- figures ---- */

/* Up to the bound by memset, beyond it given back, and nothing of both for
 * bytes that were never written. */
static void test_what_is_counted(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_that_keeps(128 * KIB, SLH_ISOLATION_SCRUB);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  uint64_t calls = faults_calls(OS_MADVISE);

  slh_heap_release(heap);
  assert_int_equal(stats_of(pool).scrubbed_bytes, 0);
  heap = helper_acquire(pool, fixture->runtime);
  dirty(fixture, heap, 1000);
  slh_heap_release(heap);
  assert_int_equal(stats_of(pool).scrubbed_bytes, 1000);
  assert_int_equal(faults_calls(OS_MADVISE), calls);
  assert_int_equal(stats_of(pool).decommitted_bytes, 0);
  heap = helper_acquire(pool, fixture->runtime);
  dirty(fixture, heap, 10 * MIB + 8);
  slh_heap_release(heap);
  assert_int_equal(faults_calls(OS_MADVISE), calls + 1);
  assert_int_equal(stats_of(pool).scrubbed_bytes, 1000 + 128 * KIB);
  assert_int_equal(stats_of(pool).decommitted_bytes, 10 * MIB + PAGE - 128 * KIB);
  assert_int_equal(stats_of(pool).decommit_failures, 0);
  assert_true(resident(pool) <= 128 * KIB);
  slh_pool_free(pool);
}

static void test_strict_drops_all(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_that_keeps(128 * KIB, SLH_ISOLATION_STRICT);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  uint64_t all;

  dirty(fixture, heap, 10 * MIB);
  slh_heap_reset(heap);
  all = accessible(heap);
  assert_int_equal(stats_of(pool).decommitted_bytes, all - 128 * KIB);
  memset(start_of(heap), 0xff, all);
  dirty(fixture, heap, 8);
  slh_heap_release(heap);
  assert_true(resident(pool) <= PAGE);
  heap = helper_acquire(pool, fixture->runtime);
  assert_int_equal(accessible(heap), all);
  check_all_zero(heap);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* Not scrubbed, but kept within the bound; and fields come zeroed. */
static void test_none_keeps_bytes(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_that_keeps(128 * KIB, SLH_ISOLATION_NONE);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  slh_heap_stats stats;
  slh_ref array;

  dirty(fixture, heap, 10 * MIB);
  slh_heap_release(heap);
  assert_int_equal(stats_of(pool).scrubbed_bytes, 0);
  assert_true(resident(pool) <= 128 * KIB);
  heap = helper_acquire(pool, fixture->runtime);
  slh_heap_get_stats(heap, &stats);
  assert_int_equal(stats.dirty, 128 * KIB);
  assert_int_equal(start_of(heap)[128 * KIB - 1], (char)0xa5);
  assert_int_equal(start_of(heap)[128 * KIB], 0);
  assert_int_equal(slh_heap_verify(heap, NULL, NULL), SLH_OK);
  assert_int_equal(slh_new_array(heap, fixture->bytes, 256 * KIB, &array), SLH_OK);
  for (uint32_t i = 0; i < 256 * KIB; i++)
    assert_int_equal(slh_get_i8(heap, slh_element(array, i, 1), 0), 0);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- mappings ---- */

/* The lines of /proc/self/maps that lie in the pool's slots. */
static void read_mappings(const slh_pool *pool, char *text, size_t size)
{
  FILE *file = fopen("/proc/self/maps", "re");
  uint64_t low = (uintptr_t)pool->heaps[0].memory;
  uint64_t from, to;
  size_t length = 0;
  char line[1024];

  assert_non_null(file);
  while (fgets(line, sizeof line, file)) {
    assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to), 2);
    if (from >= low + pool->heaps[0].bytes || to <= low)
      continue;
    assert_true(length + strlen(line) < size);
    strcpy(text + length, line);
    length += strlen(line);
  }
  fclose(file);
  assert_true(length > 0);
}

static void test_mappings_are_kept(void **state)
{
  struct fixture *fixture = *state;

  for (int isolation = 0; isolation <= SLH_ISOLATION_NONE; isolation++) {
    slh_pool *pool = pool_that_keeps(MIB, (slh_isolation)isolation);
    slh_heap *heap = helper_acquire(pool, fixture->runtime);
    char before[4096], after[4096];

    dirty(fixture, heap, 5 * MIB);
    read_mappings(pool, before, sizeof before);
    slh_heap_reset(heap);
    read_mappings(pool, after, sizeof after);
    assert_string_equal(before, after);
    dirty(fixture, heap, 3 * MIB);
    slh_heap_release(heap);
    read_mappings(pool, after, sizeof after);
    assert_string_equal(before, after);
    heap = helper_acquire(pool, fixture->runtime);
    dirty(fixture, heap, MIB);
    slh_heap_release(heap);
    read_mappings(pool, after, sizeof after);
    assert_string_equal(before, after);
    slh_pool_free(pool);
  }
}

/* ---- the system takes nothing back ---- */

/* A store of 3 MiB, released while `count` calls of madvise fail. */
static slh_pool_stats release_with_faults(const struct fixture *fixture, slh_isolation isolation,
                                          uint64_t count, int error)
{
  slh_pool *pool = pool_that_keeps(MIB, isolation);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  slh_pool_stats stats;

  dirty(fixture, heap, 3 * MIB);
  faults_fail(OS_MADVISE, 0, count, error);
  slh_heap_release(heap);
  assert_true(faults_end() > 0);
  stats = stats_of(pool);
  heap = helper_acquire(pool, fixture->runtime);
  if (isolation != SLH_ISOLATION_NONE)
    check_all_zero(heap);
  assert_int_equal(slh_heap_verify(heap, NULL, NULL), SLH_OK);
  slh_heap_release(heap);
  slh_pool_free(pool);
  return stats;
}

static void test_decommit_refused(void **state)
{
  static const int errors[] = {ENOMEM, EINVAL, EPERM, ENOSYS, EAGAIN};

  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    for (int isolation = 0; isolation <= SLH_ISOLATION_NONE; isolation++) {
      slh_pool_stats stats =
          release_with_faults(*state, (slh_isolation)isolation, UINT64_MAX, errors[i]);
      bool scrubs = isolation != SLH_ISOLATION_NONE;

      assert_int_equal(stats.decommit_failures, 1);
      assert_int_equal(stats.decommitted_bytes, 0);
      assert_int_equal(stats.scrubbed_bytes, (scrubs ? 1 : 0) * MIB);
      assert_int_equal(stats.decommitted_by[SLH_DECOMMIT_MEMSET], 2 * MIB);
    }
  }
}

/* Interrupted once or twice, it is tried again; for ever, it is given up. */
static void test_decommit_interrupted(void **state)
{
  slh_pool_stats stats;

  for (uint64_t times = 1; times <= 2; times++) {
    stats = release_with_faults(*state, SLH_ISOLATION_SCRUB, times, EINTR);
    assert_int_equal(stats.decommit_failures, 0);
    assert_int_equal(stats.decommitted_bytes, 2 * MIB);
    assert_int_equal(stats.scrubbed_bytes, MIB);
  }
  stats = release_with_faults(*state, SLH_ISOLATION_SCRUB, UINT64_MAX, EINTR);
  assert_int_equal(stats.decommit_failures, 1);
  assert_int_equal(stats.scrubbed_bytes, MIB);
  assert_int_equal(stats.decommitted_bytes, 0);
  assert_int_equal(stats.decommitted_by[SLH_DECOMMIT_MEMSET], 2 * MIB);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_next_store_finds_zeroes),
      cmocka_unit_test(test_resident_is_bounded),
      cmocka_unit_test(test_around_the_bound),
      cmocka_unit_test(test_collected_garbage_is_scrubbed),
      cmocka_unit_test(test_wild_bump),
      cmocka_unit_test(test_what_is_counted),
      cmocka_unit_test(test_strict_drops_all),
      cmocka_unit_test(test_none_keeps_bytes),
      cmocka_unit_test(test_mappings_are_kept),
      cmocka_unit_test(test_decommit_refused),
      cmocka_unit_test(test_decommit_interrupted),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  return helper_run(tests, open_fixture, close_fixture);
}
