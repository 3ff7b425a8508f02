/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Every engine zeroes what it is told to and nothing beside, gives it back to
 * the system, and says what it did. */
#include "tests/helper.h"
#include "tests/pages.h"

#include <pthread.h>

#include "pool/os.h"

#define PAGES 256
#define RANGES 200

/* Uses whatever the engine has: takes off this thread what it takes. */
static void give_back(struct decommit *decommit, struct slhi_range *ranges, uint32_t count)
{
  void *owner;

  for (uint32_t i = 0; i < count; i++)
    if (!slhi_decommit_start(decommit, &ranges[i]))
      slhi_decommit_now(decommit, &ranges[i], 1);
  while (slhi_decommit_reap(decommit, &owner, 1, true) > 0)
    continue;
}

/* ---- choosing ---- */

static void test_names(void **state)
{
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++) {
    assert_true(strlen(slh_decommit_name((slh_decommit)i)) > 1);
    for (int j = 0; j < i; j++)
      assert_string_not_equal(slh_decommit_name((slh_decommit)i),
                              slh_decommit_name((slh_decommit)j));
  }
  assert_string_equal(slh_decommit_name(SLH_DECOMMIT_URING), "uring");
  assert_string_equal(slh_decommit_name((slh_decommit)SLH_DECOMMIT_ENGINES), "?");
  assert_string_equal(slh_decommit_name((slh_decommit)-1), "?");
}

static void test_available(void **state)
{
  assert_true(slh_decommit_available(SLH_DECOMMIT_AUTO));
  assert_true(slh_decommit_available(SLH_DECOMMIT_MEMSET));
  assert_true(slh_decommit_available(SLH_DECOMMIT_MADVISE));
  assert_true(slh_decommit_available(SLH_DECOMMIT_RUNS));
  assert_false(slh_decommit_available((slh_decommit)SLH_DECOMMIT_ENGINES));
  assert_false(slh_decommit_available((slh_decommit)-1));
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++) {
    struct decommit decommit;
    bool available = slh_decommit_available((slh_decommit)i);

    pages_open_engine(&decommit, (slh_decommit)i);
    assert_int_equal(available, slh_decommit_available((slh_decommit)i));
    assert_int_equal(decommit.engine == (slh_decommit)i, available);
    slhi_decommit_close(&decommit);
    print_message("%s: %s\n", slh_decommit_name((slh_decommit)i), available ? "yes" : "no");
  }
}

static void test_no_such_engine(void **state)
{
  struct decommit decommit;
  slh_error error;

  assert_int_equal(slhi_decommit_open(&decommit, (slh_decommit)6, &error), SLH_E_INVALID);
  assert_int_equal(error.status, SLH_E_INVALID);
  assert_non_null(strstr(error.message, "6"));
  assert_int_equal(slhi_decommit_open(&decommit, (slh_decommit)-1, NULL), SLH_E_INVALID);
}

/* ---- what is zeroed ---- */

/* Each at its size, at an edge or not, apart or beside one another, and in
 * any order. */
static const struct layout {
  uint32_t count;
  uint32_t at[4][2]; /* first page, pages */
} layouts[] = {
    {1, {{1, 1}}},
    {1, {{0, PAGES}}},
    {1, {{100, 17}}},
    {2, {{1, 1}, {3, 1}}},
    {2, {{7, 3}, {4, 3}}},
    {3, {{9, 1}, {8, 1}, {7, 1}}},
    {4, {{250, 6}, {0, 1}, {1, 1}, {3, 7}}},
    {4, {{20, 2}, {40, 2}, {22, 2}, {42, 2}}},
};

static void check_layout(struct pages *pages, slh_decommit engine, const struct layout *layout)
{
  struct decommit decommit;
  struct slhi_range ranges[4];
  uint64_t bytes = 0, resident;

  pages_open_engine(&decommit, engine);
  for (uint32_t i = 0; i < layout->count; i++) {
    ranges[i] = pages_range(pages, layout->at[i][0], layout->at[i][1]);
    bytes += ranges[i].bytes;
  }
  pages_expect_zero(pages, ranges, layout->count);
  resident = pages_resident(pages);
  slhi_decommit_now(&decommit, ranges, layout->count);
  assert_int_equal(pages_resident(pages),
                   engine == SLH_DECOMMIT_MEMSET ? resident : resident - bytes);
  pages_check(pages);
  assert_int_equal(pages_counted(&decommit), bytes);
  assert_int_equal(decommit.counts.failures, 0);
  slhi_decommit_close(&decommit);
}

static void test_layouts(void **state)
{
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++)
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
      struct pages pages;

      pages_open(&pages, PAGES);
      check_layout(&pages, (slh_decommit)engine, &layouts[i]);
      pages_close(&pages);
    }
}

/* More than one call takes, from the last to the first. */
static void test_many_ranges(void **state)
{
  static struct slhi_range ranges[PAGES_MAX / 2];
  static struct pages pages;

  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    struct decommit decommit;

    pages_open(&pages, PAGES_MAX);
    pages_open_engine(&decommit, (slh_decommit)engine);
    for (uint32_t i = 0; i < PAGES_MAX / 2; i++)
      ranges[i] = pages_range(&pages, PAGES_MAX - 2 - 2 * i, 1);
    pages_expect_zero(&pages, ranges, PAGES_MAX / 2);
    slhi_decommit_now(&decommit, ranges, PAGES_MAX / 2);
    pages_check(&pages);
    assert_int_equal(pages_counted(&decommit), PAGES_MAX / 2 * pages.page);
    slhi_decommit_close(&decommit);
    pages_close(&pages);
  }
}

static void test_no_ranges(void **state)
{
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    struct decommit decommit;

    pages_open_engine(&decommit, (slh_decommit)engine);
    slhi_decommit_now(&decommit, NULL, 0);
    assert_int_equal(pages_counted(&decommit), 0);
    slhi_decommit_close(&decommit);
  }
}

/* ---- who did it ---- */

/* The bytes of two ranges, of which the second starts at page `second`. */
static void check_who(slh_decommit engine, uint32_t second, uint32_t count, slh_decommit who)
{
  struct decommit decommit;
  struct pages pages;
  struct slhi_range ranges[2];

  pages_open(&pages, 16);
  pages_open_engine(&decommit, engine);
  ranges[0] = pages_range(&pages, 4, 2);
  ranges[1] = pages_range(&pages, second, 2);
  slhi_decommit_now(&decommit, ranges, count);
  assert_int_equal(decommit.counts.bytes[who], 2 * count * pages.page);
  assert_int_equal(pages_counted(&decommit), 2 * count * pages.page);
  slhi_decommit_close(&decommit);
  pages_close(&pages);
}

static void test_who(void **state)
{
  bool has_batch = slh_decommit_available(SLH_DECOMMIT_BATCH);

  check_who(SLH_DECOMMIT_MEMSET, 8, 2, SLH_DECOMMIT_MEMSET);
  check_who(SLH_DECOMMIT_MADVISE, 8, 2, SLH_DECOMMIT_MADVISE);
  check_who(SLH_DECOMMIT_RUNS, 8, 2, SLH_DECOMMIT_RUNS);
  check_who(SLH_DECOMMIT_RUNS, 6, 2, SLH_DECOMMIT_RUNS);
  check_who(SLH_DECOMMIT_BATCH, 8, 2, has_batch ? SLH_DECOMMIT_BATCH : SLH_DECOMMIT_MADVISE);
  check_who(SLH_DECOMMIT_BATCH, 8, 1, has_batch ? SLH_DECOMMIT_BATCH : SLH_DECOMMIT_MADVISE);
  check_who(SLH_DECOMMIT_AUTO, 8, 1, SLH_DECOMMIT_MADVISE);
  check_who(SLH_DECOMMIT_AUTO, 8, 2, has_batch ? SLH_DECOMMIT_BATCH : SLH_DECOMMIT_RUNS);
  check_who(SLH_DECOMMIT_AUTO, 6, 2, SLH_DECOMMIT_RUNS);
  check_who(SLH_DECOMMIT_AUTO, 2, 2, SLH_DECOMMIT_RUNS);
}

/* ---- any of it, at random ---- */

static void fill_some(struct pages *pages, uint64_t *random)
{
  uint32_t first = (uint32_t)helper_below(random, PAGES);
  uint32_t count = (uint32_t)helper_below(random, PAGES - first) + 1;

  pages_fill(pages, first, count, (unsigned char)helper_below(random, 256));
}

static void test_random(void **state)
{
  struct decommit engines[SLH_DECOMMIT_ENGINES];
  struct slhi_range ranges[RANGES];
  uint64_t random = helper_seed();
  struct pages pages;

  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    pages_open_engine(&engines[i], (slh_decommit)i);
  pages_open(&pages, PAGES);
  for (uint64_t i = helper_rounds(3000); i-- > 0;) {
    struct decommit *decommit = &engines[helper_below(&random, SLH_DECOMMIT_ENGINES)];
    uint32_t most = 1 + ((uint32_t)helper_below(&random, RANGES) >> helper_below(&random, 8));
    uint32_t count = pages_random(&pages, &random, ranges, most);

    pages_expect_zero(&pages, ranges, count);
    if (helper_one_in(&random, 2))
      slhi_decommit_now(decommit, ranges, count);
    else
      give_back(decommit, ranges, count);
    pages_check(&pages);
    fill_some(&pages, &random);
  }
  pages_close(&pages);
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++) {
    assert_int_equal(engines[i].counts.failures, 0);
    slhi_decommit_close(&engines[i]);
  }
}

/* ---- by several threads at once ---- */

#define THREADS 4

struct worker {
  struct decommit *decommit;
  uint64_t random;
  uint64_t bytes;
};

static void *work(void *context)
{
  struct worker *worker = context;
  struct slhi_range ranges[16];
  struct pages pages;

  pages_open(&pages, 64);
  for (uint64_t i = helper_rounds(500); i-- > 0;) {
    uint32_t count = pages_random(&pages, &worker->random, ranges, 16);

    pages_expect_zero(&pages, ranges, count);
    slhi_decommit_now(worker->decommit, ranges, count);
    for (uint32_t j = 0; j < count; j++)
      worker->bytes += ranges[j].bytes;
    pages_check(&pages);
    pages_fill(&pages, 1, 62, (unsigned char)i);
  }
  pages_close(&pages);
  return NULL;
}

static void test_threads(void **state)
{
  uint64_t seed = helper_seed();

  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    struct decommit decommit;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    uint64_t bytes = 0;

    pages_open_engine(&decommit, (slh_decommit)engine);
    for (int i = 0; i < THREADS; i++) {
      workers[i] = (struct worker){&decommit, seed + (uint64_t)i, 0};
      assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
      assert_int_equal(pthread_join(threads[i], NULL), 0);
      bytes += workers[i].bytes;
    }
    assert_int_equal(pages_counted(&decommit), bytes);
    slhi_decommit_close(&decommit);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_available),
      cmocka_unit_test(test_no_such_engine),
      cmocka_unit_test(test_layouts),
      cmocka_unit_test(test_many_ranges),
      cmocka_unit_test(test_no_ranges),
      cmocka_unit_test(test_who),
      cmocka_unit_test(test_random),
      cmocka_unit_test(test_threads),
  };

  if (!slhi_os_has(SLHI_OS_RESIDENT))
    return helper_skip("this system does not tell what is in memory");
  helper_seed();
  return helper_run(tests, NULL, NULL);
}
