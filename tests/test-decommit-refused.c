/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Whatever the system refuses, or does in part, the ranges are zero. */
#include "tests/faults.h"
#include "tests/helper.h"
#include "tests/pages.h"

#include <errno.h>
#include <unistd.h>

#include "pool/os.h"

#define RING_CALLS (OS_RING_OPEN | OS_RING_SUBMIT | OS_RING_WAIT)

static const int errors[] = {EPERM, ENOSYS, EINVAL, ENOMEM, EAGAIN, EINTR, EBADF, EMFILE};
#define ERRORS (sizeof errors / sizeof *errors)

/* ---- engines that are not there ----
 * These come first: a process remembers what it has found. */

static uint64_t child_random;

static slh_decommit engine_for(slh_decommit wish)
{
  struct decommit decommit;

  pages_open_engine(&decommit, wish);
  slhi_decommit_close(&decommit);
  return decommit.engine;
}

static void have_no_batch(void *context)
{
  faults_fail(OS_PROCESS_MADVISE, 0, UINT64_MAX, *(const int *)context);
  REQUIRE(!slh_decommit_available(SLH_DECOMMIT_BATCH));
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_BATCH), SLH_DECOMMIT_MADVISE);
  REQUIRE(faults_end() > 0);
  /* Remembered: it is not asked again. */
  REQUIRE(!slh_decommit_available(SLH_DECOMMIT_BATCH));
  pages_give_back_by_all(&child_random, 4);
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_AUTO), SLH_DECOMMIT_AUTO);
}

/* A descriptor takes the place of the number for "this process", which is
 * newer than the call; and is closed again. */
static void have_no_number(void *context)
{
  int next = dup(0);

  close(next);
  faults_fail(OS_PROCESS_MADVISE, 0, 1, EBADF);
  REQUIRE(slh_decommit_available(SLH_DECOMMIT_BATCH));
  REQUIRE_EQUAL(faults_end(), 1);
  REQUIRE(faults_calls(OS_PIDFD_OPEN) > 0);
  pages_give_back_by_all(&child_random, 4);
  REQUIRE_EQUAL(dup(0), next);
  faults_fail(OS_PIDFD_OPEN, 0, UINT64_MAX, EMFILE);
  pages_give_back_by_all(&child_random, 4);
  REQUIRE(faults_end() > 0);
}

static void have_batch(void *context)
{
  if (!slh_decommit_available(SLH_DECOMMIT_BATCH))
    _exit(77);
  if (pages_kernel_at_least(6, 14))
    REQUIRE_EQUAL(faults_calls(OS_PIDFD_OPEN), 0);
}

static void test_no_number(void **state)
{
  int status = helper_in_child(have_batch, NULL);

  if (status == 77 << 8)
    skip();
  assert_int_equal(status, 0);
  child_random = helper_seed();
  assert_int_equal(helper_in_child(have_no_number, NULL), 0);
}

static void have_no_ring(void *context)
{
  faults_fail(OS_RING_OPEN, 0, UINT64_MAX, *(const int *)context);
  REQUIRE(!slh_decommit_available(SLH_DECOMMIT_URING));
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_URING), SLH_DECOMMIT_AUTO);
  pages_give_back_by_all(&child_random, 4);
}

/* There at first, and then not. */
static void lose_the_ring(void *context)
{
  if (!slh_decommit_available(SLH_DECOMMIT_URING))
    return;
  faults_fail(OS_RING_OPEN, 0, UINT64_MAX, *(const int *)context);
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_URING), SLH_DECOMMIT_AUTO);
  REQUIRE(faults_end() > 0);
}

static void have_no_madvise(void *context)
{
  faults_fail(OS_MADVISE, 0, UINT64_MAX, *(const int *)context);
  REQUIRE(!slh_decommit_available(SLH_DECOMMIT_MADVISE));
  REQUIRE(!slh_decommit_available(SLH_DECOMMIT_RUNS));
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_MADVISE), SLH_DECOMMIT_MEMSET);
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_RUNS), SLH_DECOMMIT_MEMSET);
  REQUIRE_EQUAL(engine_for(SLH_DECOMMIT_AUTO), SLH_DECOMMIT_MEMSET);
  pages_give_back_by_all(&child_random, 4);
}

/* A probe that has no memory to try on has found nothing. */
static void have_no_memory(void *context)
{
  faults_fail(OS_MMAP, 0, 1, ENOMEM);
  REQUIRE(!slh_decommit_available(SLH_DECOMMIT_MADVISE));
  REQUIRE_EQUAL(faults_end(), 1);
  REQUIRE(slh_decommit_available(SLH_DECOMMIT_MADVISE));
}

static void test_not_there(void **state)
{
  child_random = helper_seed();
  for (size_t i = 0; i < ERRORS; i++) {
    int error = errors[i];

    assert_int_equal(helper_in_child(have_no_batch, &error), 0);
    assert_int_equal(helper_in_child(have_no_ring, &error), 0);
    assert_int_equal(helper_in_child(lose_the_ring, &error), 0);
    assert_int_equal(helper_in_child(have_no_madvise, &error), 0);
  }
  assert_int_equal(helper_in_child(have_no_memory, NULL), 0);
}

/* ---- each call fails ---- */

/* What is there, before calls begin to fail. */
static int find_out(void **state)
{
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++)
    if (!slh_decommit_available((slh_decommit)engine))
      print_message("no %s\n", slh_decommit_name((slh_decommit)engine));
  return 0;
}

/* Of each engine with each error: the k-th of `which`, for all k there are. */
static void fail_each(unsigned which, uint64_t count)
{
  uint64_t random = helper_seed();
  uint64_t failed;

  for (size_t i = 0; i < ERRORS; i++)
    for (uint64_t k = 0; k < 200; k += 1 + k / 8) {
      faults_fail(which, k, count, errors[i]);
      pages_give_back_by_all(&random, 1);
      failed = faults_end();
      if (failed == 0)
        break;
    }
}

static void test_each_call_fails(void **state)
{
  fail_each(OS_MADVISE, 1);
  fail_each(OS_PROCESS_MADVISE, 1);
  fail_each(RING_CALLS, 1);
  fail_each(OS_ALL & ~(OS_MMAP | OS_MINCORE), 1);
}

static void test_all_calls_fail_from_one_on(void **state)
{
  fail_each(OS_MADVISE, UINT64_MAX);
  fail_each(OS_PROCESS_MADVISE | OS_PIDFD_OPEN, UINT64_MAX);
  fail_each(OS_RING_OPEN | OS_RING_SUBMIT, UINT64_MAX);
  fail_each(OS_RING_WAIT, UINT64_MAX);
  fail_each(OS_ALL & ~(OS_MMAP | OS_MINCORE | OS_MUNMAP), UINT64_MAX);
}

/* Failures are counted where nothing but scrubbing is left. */
static void test_failures_are_counted(void **state)
{
  struct decommit decommit;
  struct pages pages;
  struct slhi_range ranges[3];
  uint64_t bytes;

  pages_open(&pages, 16);
  pages_open_engine(&decommit, SLH_DECOMMIT_BATCH);
  for (uint32_t i = 0; i < 3; i++)
    ranges[i] = pages_range(&pages, 1 + 4 * i, 2);
  bytes = 3 * ranges[0].bytes;
  faults_fail(OS_PROCESS_MADVISE, 0, UINT64_MAX, EINVAL);
  slhi_decommit_now(&decommit, ranges, 3);
  faults_end();
  assert_int_equal(decommit.counts.failures, 0);
  assert_int_equal(decommit.counts.bytes[SLH_DECOMMIT_MADVISE], bytes);
  faults_fail(OS_PROCESS_MADVISE | OS_MADVISE, 0, UINT64_MAX, EINVAL);
  slhi_decommit_now(&decommit, ranges, 3);
  faults_end();
  assert_int_equal(decommit.counts.failures, 3);
  assert_int_equal(decommit.counts.bytes[SLH_DECOMMIT_MEMSET], bytes);
  assert_int_equal(pages_counted(&decommit), 2 * bytes);
  slhi_decommit_close(&decommit);
  pages_close(&pages);
}

/* ---- less than was asked for ---- */

static void test_short(void **state)
{
  uint64_t random = helper_seed();

  for (uint64_t pages = 1; pages <= 16; pages++) {
    faults_shorten(pages * slhi_os_page_size());
    pages_give_back_by_all(&random, 8);
    for (uint64_t k = 0; k < 4; k++) {
      faults_fail(OS_PROCESS_MADVISE, k, 1 + pages % 3, EINTR);
      pages_give_back_by_all(&random, 1);
      faults_end();
    }
  }
  faults_shorten(0);
  faults_fail(OS_PROCESS_MADVISE, 0, UINT64_MAX, 0);
  pages_give_back_by_all(&random, 8);
  assert_true(faults_end() > 0 || !slh_decommit_available(SLH_DECOMMIT_BATCH));
}

/* By the kernel itself: it stops at a range that is locked, in the middle of
 * what it was given. */
static void test_locked(void **state)
{
  for (int engine = 0; engine < SLH_DECOMMIT_ENGINES; engine++) {
    struct decommit decommit;
    struct pages pages;
    struct slhi_range ranges[5], locked;

    pages_open(&pages, 32);
    pages_open_engine(&decommit, (slh_decommit)engine);
    for (uint32_t i = 0; i < 5; i++)
      ranges[i] = pages_range(&pages, 1 + 5 * i, 4);
    locked = pages_range(&pages, 12, 1);
    if (!pages_lock(&locked))
      skip();
    pages_expect_zero(&pages, ranges, 5);
    slhi_decommit_now(&decommit, ranges, 5);
    pages_check(&pages);
    assert_int_equal(decommit.counts.failures, engine == SLH_DECOMMIT_MEMSET ? 0 : 1);
    assert_int_equal(pages_counted(&decommit), 5 * 4 * pages.page);
    slhi_decommit_close(&decommit);
    pages_close(&pages);
  }
}

/* A submission that failed leaves nothing behind that acts later. */
static void test_nothing_acts_later(void **state)
{
  struct decommit decommit;
  struct pages pages;
  struct slhi_range range;
  void *owner;

  pages_open(&pages, 16);
  pages_open_engine(&decommit, SLH_DECOMMIT_URING);
  range = pages_range(&pages, 1, 2);
  for (int i = 0; i < 3 * SLHI_DECOMMIT_DEPTH; i++) {
    faults_fail(OS_RING_SUBMIT, 0, UINT64_MAX, EAGAIN);
    assert_false(slhi_decommit_start(&decommit, &range));
    faults_end();
    assert_int_equal(slhi_decommit_in_flight(&decommit), 0);
  }
  range = pages_range(&pages, 8, 2);
  if (slhi_decommit_start(&decommit, &range)) {
    pages_expect_zero(&pages, &range, 1);
    assert_int_equal(slhi_decommit_reap(&decommit, &owner, 1, true), 1);
    assert_int_equal(slhi_decommit_reap(&decommit, &owner, 1, true), 0);
  } else {
    assert_int_not_equal(decommit.engine, SLH_DECOMMIT_URING);
  }
  slhi_decommit_close(&decommit);
  pages_check(&pages);
  pages_close(&pages);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_number),
      cmocka_unit_test(test_not_there),
      cmocka_unit_test_setup(test_each_call_fails, find_out),
      cmocka_unit_test(test_all_calls_fail_from_one_on),
      cmocka_unit_test(test_failures_are_counted),
      cmocka_unit_test(test_short),
      cmocka_unit_test(test_locked),
      cmocka_unit_test(test_nothing_acts_later),
  };

  if (!faults_reach_decommit())
    return helper_skip("pages do not go back by calls that are refused here");
  helper_seed();
  return helper_run(tests, NULL, NULL);
}
