/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* How the accessible prefix of a slot grows, and what happens if it cannot. */
#include "tests/faults.h"
#include "tests/helper.h"

#include <errno.h>
#include <unistd.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define FIRST (64 * KIB)
#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

struct fixture {
  slh_runtime *runtime; /* never collects: growth is all there is */
  const slh_type *bytes;
};

static int open_fixture(void **state)
{
  static struct fixture fixture;
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;

  options.collector = SLH_COLLECTOR_NULL;
  fixture.runtime = helper_runtime(&options);
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

static slh_pool *pool_with_max(uint64_t max_heap_bytes)
{
  slh_pool_options options = helper_pool_options(1);

  options.max_heap_bytes = max_heap_bytes;
  return helper_pool(&options);
}

static uint64_t accessible(const slh_heap *heap)
{
  slh_heap_stats stats;

  slh_heap_get_stats(heap, &stats);
  return stats.accessible;
}

static uint64_t used(const slh_heap *heap)
{
  return slh_heap_end(heap) - slh_heap_first(heap);
}

/* An array that takes `bytes`, a multiple of 8, in all. */
static slh_status allocate(const struct fixture *fixture, slh_heap *heap, uint64_t bytes,
                           slh_ref *out)
{
  return slh_new_array_uninit(heap, fixture->bytes, (uint32_t)(bytes - SLH_ARRAY_DATA_OFFSET), out);
}

static uint64_t page_up(uint64_t bytes)
{
  return (bytes + PAGE - 1) / PAGE * PAGE;
}

/* What must be accessible after `need` bytes are asked of a prefix of `now`. */
static uint64_t expected_growth(uint64_t now, uint64_t need, uint64_t max)
{
  uint64_t wish = now == 0 ? FIRST : 2 * now;

  if (need <= now)
    return now;
  wish = wish > max ? max : wish;
  return wish > page_up(need) ? wish : page_up(need);
}

/* ---- doubling ---- */

/* Random sizes up to `max`, each step against expected_growth; one mprotect
 * each time the prefix grows and never else. */
static void grow_randomly(const struct fixture *fixture, uint64_t max, uint64_t *random)
{
  slh_pool *pool = pool_with_max(max);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  uint64_t step = 16 + (max >> helper_below(random, 12));
  uint64_t now = 0, growths = 0;
  slh_heap_stats stats;

  assert_int_equal(accessible(heap), 0);
  for (;;) {
    uint64_t bytes = 16 + helper_below(random, step) / 8 * 8;
    uint64_t calls = faults_calls(OS_ALL);
    uint64_t next = expected_growth(now, used(heap) + bytes, max);
    slh_ref array;

    if (used(heap) + bytes > max) {
      slh_status want = bytes > max ? SLH_E_TOO_LARGE : SLH_E_LIMIT;

      assert_int_equal(allocate(fixture, heap, bytes, &array), want);
      break;
    }
    assert_int_equal(allocate(fixture, heap, bytes, &array), SLH_OK);
    assert_int_equal(accessible(heap), next);
    assert_int_equal(faults_calls(OS_ALL) - calls, next != now);
    growths += next != now;
    now = next;
  }
  slh_heap_get_stats(heap, &stats);
  assert_int_equal(stats.growths, growths);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

static void test_doubles_and_clamps(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t i = helper_rounds(300); i-- > 0;)
    grow_randomly(*state, PAGE * (1 + helper_below(&random, 4096 >> helper_below(&random, 12))),
                  &random);
}

/* A heap fills its maximum to the last byte, and not one object more. */
static void test_fills_its_maximum(void **state)
{
  struct fixture *fixture = *state;
  const uint64_t maxima[] = {PAGE, 2 * PAGE, FIRST, FIRST + PAGE, 3 * FIRST};

  for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
    slh_pool *pool = pool_with_max(maxima[i]);
    slh_heap *heap = helper_acquire(pool, fixture->runtime);
    slh_ref array;

    while (used(heap) < maxima[i]) {
      assert_int_equal(allocate(fixture, heap, PAGE / 8, &array), SLH_OK);
      memset(slh_address(heap, array, 8), 0xff, PAGE / 8 - 8);
    }
    assert_int_equal(accessible(heap), maxima[i]);
    assert_int_equal(allocate(fixture, heap, 8, &array), SLH_E_LIMIT);
    assert_int_equal(slh_heap_grow(heap, 8), SLH_E_LIMIT);
    assert_int_equal(allocate(fixture, heap, maxima[i] + 8, &array), SLH_E_TOO_LARGE);
    assert_int_equal(used(heap), maxima[i]);
    slh_heap_release(heap);
    slh_pool_free(pool);
  }
}

/* A store's own limit, below what the slot gives. */
static void test_limit_of_a_store(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(MIB);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap;
  slh_ref array;

  options.runtime = fixture->runtime;
  options.max_bytes = 100; /* room for 96 */
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_OK);
  assert_int_equal(allocate(fixture, heap, 104, &array), SLH_E_TOO_LARGE);
  assert_int_equal(allocate(fixture, heap, 48, &array), SLH_OK);
  assert_int_equal(allocate(fixture, heap, 56, &array), SLH_E_LIMIT);
  assert_int_equal(allocate(fixture, heap, 48, &array), SLH_OK);
  assert_int_equal(allocate(fixture, heap, 8, &array), SLH_E_LIMIT);
  slh_heap_release(heap);
  options.max_bytes = 2 * MIB; /* the pool's counts */
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_OK);
  assert_int_equal(allocate(fixture, heap, MIB + 8, &array), SLH_E_TOO_LARGE);
  assert_int_equal(allocate(fixture, heap, MIB, &array), SLH_OK);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- what stays ---- */

/* The prefix outlives its store: the next needs no system call to use it. */
static void test_prefix_is_kept(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(64 * MIB);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  uint64_t calls;
  slh_ref array;

  assert_int_equal(allocate(fixture, heap, MIB - 8, &array), SLH_OK);
  slh_heap_release(heap);
  calls = faults_calls(OS_ALL);
  for (int i = 0; i < 3; i++) {
    heap = helper_acquire(pool, fixture->runtime);
    assert_int_equal(accessible(heap), MIB);
    assert_int_equal(allocate(fixture, heap, MIB, &array), SLH_OK);
    memset(slh_address(heap, array, 8), i, MIB - 8);
    slh_heap_release(heap);
  }
  assert_int_equal(faults_calls(OS_ALL), calls);
  slh_pool_free(pool);
}

static void fill(slh_heap *heap, slh_ref array, uint64_t bytes, int value)
{
  memset(slh_address(heap, array, SLH_ARRAY_DATA_OFFSET), value, bytes - SLH_ARRAY_DATA_OFFSET);
}

static void check_filled(slh_heap *heap, slh_ref array, uint64_t bytes, int value)
{
  const char *data = slh_address(heap, array, SLH_ARRAY_DATA_OFFSET);

  assert_int_equal(slh_array_length(heap, array), bytes - SLH_ARRAY_DATA_OFFSET);
  for (uint64_t i = 0; i < bytes - SLH_ARRAY_DATA_OFFSET; i++) {
    if (data[i] != (char)value)
      fail_msg("byte %llu is %d", (unsigned long long)i, data[i]);
  }
}

/* Data stay where and what they are through every growth. */
static void test_data_survive(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(64 * MIB);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  char *base = slh_heap_get_data(heap)->base;
  uint64_t sizes[40];
  slh_ref arrays[40];

  for (int i = 0; i < 40; i++) {
    sizes[i] = i < 20 ? FIRST / 8 : 17 * FIRST;
    assert_int_equal(allocate(fixture, heap, sizes[i], &arrays[i]), SLH_OK);
    fill(heap, arrays[i], sizes[i], i);
  }
  assert_ptr_equal(slh_heap_get_data(heap)->base, base);
  for (int i = 0; i < 40; i++)
    check_filled(heap, arrays[i], sizes[i], i);
  assert_int_equal(slh_heap_verify(heap, NULL, NULL), SLH_OK);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* Some hundred MB, of which a page here and there is touched. */
static void test_large(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(0); /* up to 4 GiB - 64 KiB */
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  slh_ref array;

  assert_int_equal(allocate(fixture, heap, 3 * MIB, &array), SLH_OK);
  assert_int_equal(accessible(heap), 3 * MIB);
  assert_int_equal(allocate(fixture, heap, 400 * MIB, &array), SLH_OK);
  assert_int_equal(accessible(heap), 403 * MIB);
  for (uint32_t at = 0; at < 400 * MIB - 8; at += 16 * MIB + 12345)
    assert_int_equal(slh_array_set_i8(heap, array, at, 77), SLH_OK);
  for (uint32_t at = 0; at < 400 * MIB - 8; at += 16 * MIB + 12345)
    assert_int_equal(slh_get_i8(heap, slh_element(array, at, 1), 0), 77);
  assert_int_equal(allocate(fixture, heap, 8, &array), SLH_OK);
  assert_int_equal(accessible(heap), 806 * MIB);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* The largest heap there is: its last byte has a 32-bit offset. */
static void test_largest(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(0);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  uint64_t most = 4096 * MIB - 64 * KIB;
  slh_ref array, second;

  assert_int_equal(allocate(fixture, heap, most - 16, &array), SLH_OK);
  assert_int_equal(accessible(heap), most);
  assert_int_equal(allocate(fixture, heap, 16, &second), SLH_OK);
  assert_int_equal(second.bits, SLH_WIDE_FIRST + most - 16);
  assert_int_equal(slh_array_set_i8(heap, second, 7, -7), SLH_OK);
  assert_int_equal(slh_array_set_i8(heap, array, (uint32_t)(most - 25), 5), SLH_OK);
  assert_int_equal(slh_get_i8(heap, slh_element(second, 7, 1), 0), -7);
  assert_int_equal(allocate(fixture, heap, 8, &array), SLH_E_LIMIT);
  assert_int_equal(slh_array_length(heap, second), 8);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* ---- the system refuses ---- */

/* Doubling refused: just what is needed is taken, and doubled from later. */
static void test_falls_back_to_need(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(64 * MIB);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  slh_ref first, second, third;

  assert_int_equal(allocate(fixture, heap, FIRST, &first), SLH_OK);
  fill(heap, first, FIRST, 1);
  faults_fail(OS_MPROTECT, 0, 1, ENOMEM);
  assert_int_equal(allocate(fixture, heap, 24, &second), SLH_OK);
  assert_int_equal(faults_end(), 1);
  assert_int_equal(accessible(heap), FIRST + PAGE);
  fill(heap, second, 24, 2);
  assert_int_equal(allocate(fixture, heap, PAGE, &third), SLH_OK);
  assert_int_equal(accessible(heap), 2 * (FIRST + PAGE));
  check_filled(heap, first, FIRST, 1);
  check_filled(heap, second, 24, 2);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

/* Both refused: an error, the heap as it was, and a retry that succeeds. */
static void test_refusal_changes_nothing(void **state)
{
  struct fixture *fixture = *state;
  slh_pool *pool = pool_with_max(64 * MIB);
  slh_heap *heap = helper_acquire(pool, fixture->runtime);
  slh_heap_stats before, after;
  slh_ref first, second = {0};

  assert_int_equal(allocate(fixture, heap, FIRST, &first), SLH_OK);
  fill(heap, first, FIRST, 1);
  slh_heap_get_stats(heap, &before);
  faults_fail(OS_MPROTECT, 0, UINT64_MAX, ENOMEM);
  assert_int_equal(allocate(fixture, heap, 24, &second), SLH_E_NOMEM);
  assert_int_equal(slh_alloc_array(heap, fixture->bytes, 16, &second), SLH_E_NOMEM);
  assert_int_equal(slh_heap_grow(heap, 24), SLH_E_NOMEM);
  assert_int_equal(slh_heap_make_room(heap, 24), SLH_E_NOMEM);
  assert_true(faults_end() >= 4);
  slh_heap_get_stats(heap, &after);
  assert_memory_equal(&before, &after, sizeof before);
  assert_int_equal(slh_heap_verify(heap, NULL, NULL), SLH_OK);
  assert_int_equal(allocate(fixture, heap, 24, &second), SLH_OK);
  assert_int_equal(accessible(heap), 2 * FIRST);
  check_filled(heap, first, FIRST, 1);
  slh_heap_release(heap);
  slh_pool_free(pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_doubles_and_clamps),
      cmocka_unit_test(test_fills_its_maximum),
      cmocka_unit_test(test_limit_of_a_store),
      cmocka_unit_test(test_prefix_is_kept),
      cmocka_unit_test(test_data_survive),
      cmocka_unit_test(test_large),
      cmocka_unit_test(test_largest),
      cmocka_unit_test(test_falls_back_to_need),
      cmocka_unit_test(test_refusal_changes_nothing),
  };

  return helper_run(tests, open_fixture, close_fixture);
}
