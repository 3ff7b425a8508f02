/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Ranges in flight: each owner comes back once, after its range is zero; in
 * forked children, too. */
#include "tests/helper.h"
#include "tests/pages.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/os.h"

#define PAGES 512
#define DEPTH SLHI_DECOMMIT_DEPTH

struct flight {
  struct pages pages;
  struct decommit decommit;
  bool out[DEPTH + 1]; /* in flight, by number: the owner is its address */
};

static struct slhi_range range_of(struct flight *flight, uint32_t number)
{
  struct slhi_range range = pages_range(&flight->pages, 1 + 4 * number, 3);

  range.owner = &flight->out[number];
  return range;
}

static bool start(struct flight *flight, uint32_t number)
{
  struct slhi_range range = range_of(flight, number);

  REQUIRE(!flight->out[number]);
  if (!slhi_decommit_start(&flight->decommit, &range))
    return false;
  flight->out[number] = true;
  return true;
}

/* What has come back, which must have been away. */
static uint32_t reap(struct flight *flight, uint32_t most, bool wait)
{
  void *owners[DEPTH + 1];
  uint32_t count = slhi_decommit_reap(&flight->decommit, owners, most, wait);

  REQUIRE(count <= most);
  for (uint32_t i = 0; i < count; i++) {
    bool *out = owners[i];
    struct slhi_range range = range_of(flight, (uint32_t)(out - flight->out));

    REQUIRE(*out);
    *out = false;
    REQUIRE_EQUAL(range.start[0], 0);
    REQUIRE_EQUAL(range.start[range.bytes - 1], 0);
    pages_expect_zero(&flight->pages, &range, 1);
  }
  return count;
}

static void reap_all(struct flight *flight)
{
  while (slhi_decommit_in_flight(&flight->decommit) > 0)
    REQUIRE(reap(flight, DEPTH, true) > 0);
  REQUIRE_EQUAL(reap(flight, DEPTH, true), 0);
  for (uint32_t i = 0; i <= DEPTH; i++)
    REQUIRE(!flight->out[i]);
  pages_check(&flight->pages);
}

static int open_flight(void **state)
{
  static struct flight flight;

  memset(&flight, 0, sizeof flight);
  pages_open(&flight.pages, PAGES);
  pages_open_engine(&flight.decommit, SLH_DECOMMIT_URING);
  *state = &flight;
  return 0;
}

static int close_flight(void **state)
{
  struct flight *flight = *state;

  slhi_decommit_close(&flight->decommit);
  pages_close(&flight->pages);
  return 0;
}

/* Where there is no ring, that much must hold, and the rest cannot be tested. */
static void need_ring(struct flight *flight)
{
  if (flight->decommit.engine == SLH_DECOMMIT_URING)
    return;
  assert_false(slh_decommit_available(SLH_DECOMMIT_URING));
  assert_false(start(flight, 0));
  assert_int_equal(reap(flight, 1, true), 0);
  skip();
}

/* ---- there and back ---- */

static void test_one(void **state)
{
  struct flight *flight = *state;

  need_ring(flight);
  assert_true(start(flight, 0));
  assert_int_equal(slhi_decommit_in_flight(&flight->decommit), 1);
  assert_int_equal(reap(flight, 0, true), 0);
  assert_int_equal(reap(flight, 1, true), 1);
  reap_all(flight);
  assert_int_equal(flight->decommit.counts.bytes[SLH_DECOMMIT_URING], 3 * flight->pages.page);
  assert_int_equal(pages_counted(&flight->decommit), 3 * flight->pages.page);
}

static void test_queue_full(void **state)
{
  struct flight *flight = *state;

  need_ring(flight);
  for (uint32_t i = 0; i < DEPTH; i++)
    assert_true(start(flight, i));
  assert_int_equal(slhi_decommit_in_flight(&flight->decommit), DEPTH);
  assert_false(start(flight, DEPTH));
  assert_int_equal(reap(flight, 1, true), 1);
  assert_true(start(flight, DEPTH));
  reap_all(flight);
  assert_int_equal(flight->decommit.counts.failures, 0);
}

/* In batches of any size, started and reaped in any order. */
static void test_random(void **state)
{
  struct flight *flight = *state;
  uint64_t random = helper_seed();

  need_ring(flight);
  for (uint64_t i = helper_rounds(20000); i-- > 0;) {
    uint32_t number = (uint32_t)helper_below(&random, DEPTH + 1);

    if (!flight->out[number]) {
      pages_fill(&flight->pages, 1 + 4 * number, 3, (unsigned char)helper_below(&random, 256));
      start(flight, number);
    }
    if (helper_one_in(&random, 4))
      reap(flight, (uint32_t)helper_below(&random, DEPTH), helper_one_in(&random, 2));
    if (helper_one_in(&random, 500))
      reap_all(flight);
  }
  reap_all(flight);
}

static void test_in_flight_at_close(void **state)
{
  struct flight *flight = *state;

  need_ring(flight);
  for (uint32_t i = 0; i < DEPTH; i++) {
    struct slhi_range range = range_of(flight, i);

    assert_true(start(flight, i));
    pages_expect_zero(&flight->pages, &range, 1);
  }
  slhi_decommit_close(&flight->decommit);
  assert_int_equal(slhi_decommit_in_flight(&flight->decommit), 0);
  pages_check(&flight->pages);
  for (uint32_t i = 0; i < PAGES; i++)
    pages_fill(&flight->pages, i, 1, 7);
  usleep(20000);
  pages_check(&flight->pages); /* nothing comes late */
}

/* More than 32 bits can say. */
static void test_wide(void **state)
{
  struct flight *flight = *state;
  size_t bytes = (size_t)5 << 30;
  struct slhi_range range = {.bytes = bytes, .owner = flight};
  void *memory, *owner = NULL;

  need_ring(flight);
  if (slhi_os_map(bytes, &memory))
    skip();
  range.start = memory;
  range.start[0] = range.start[bytes / 2] = range.start[bytes - 1] = 1;
  if (slhi_decommit_start(&flight->decommit, &range)) {
    assert_true(slhi_os_has(SLHI_OS_RING_WIDE));
    assert_int_equal(slhi_decommit_reap(&flight->decommit, &owner, 1, true), 1);
    assert_ptr_equal(owner, flight);
    assert_int_equal(flight->decommit.counts.bytes[SLH_DECOMMIT_URING], bytes);
    assert_int_equal(range.start[0] | range.start[bytes / 2] | range.start[bytes - 1], 0);
  } else {
    assert_false(slhi_os_has(SLHI_OS_RING_WIDE));
    assert_false(pages_kernel_at_least(6, 11));
  }
  slhi_os_unmap(memory, bytes);
}

/* ---- what the kernel refuses ---- */

/* Locked memory is not given back: all that remains is to scrub it. */
static void test_locked(void **state)
{
  struct flight *flight = *state;
  struct slhi_range range = range_of(flight, 1);
  struct slhi_range locked = pages_range(&flight->pages, 6, 1);

  need_ring(flight);
  if (!pages_lock(&locked))
    skip();
  for (uint32_t i = 0; i < 3; i++)
    assert_true(start(flight, i));
  reap_all(flight);
  assert_int_equal(flight->decommit.counts.failures, 1);
  assert_int_equal(flight->decommit.counts.bytes[SLH_DECOMMIT_MEMSET], range.bytes);
  assert_int_equal(flight->decommit.counts.bytes[SLH_DECOMMIT_URING], 2 * range.bytes);
}

/* Refused to the ring, taken by the time it is repaired. */
static void test_locked_for_a_while(void **state)
{
  struct flight *flight = *state;
  struct slhi_range range = range_of(flight, 0);

  need_ring(flight);
  if (!pages_lock(&range))
    skip();
  assert_true(start(flight, 0));
  usleep(50000);
  pages_unlock(&range);
  reap_all(flight);
  assert_int_equal(flight->decommit.counts.failures, 0);
  assert_int_equal(pages_counted(&flight->decommit), range.bytes);
}

static void *start_all(void *context)
{
  for (uint32_t i = 0; i < DEPTH; i++)
    REQUIRE(start(context, i));
  return NULL;
}

/* The kernel cancels what a thread had in flight when it ends. */
static void test_thread_ends(void **state)
{
  struct flight *flight = *state;
  pthread_t thread;

  need_ring(flight);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(pthread_create(&thread, NULL, start_all, flight), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    reap_all(flight);
    for (uint32_t page = 0; page < PAGES; page++)
      pages_fill(&flight->pages, page, 1, (unsigned char)(page + 1));
  }
  assert_int_equal(flight->decommit.counts.failures, 0);
}

/* ---- forks ---- */

/* What is in flight in the parent has to be done here once more; and rings
 * made here are no concern of the parent's. */
static void live_in_child(struct flight *flight, bool announced)
{
  uint32_t orphans = slhi_decommit_in_flight(&flight->decommit);

  if (announced)
    slhi_decommit_after_fork(&flight->decommit);
  REQUIRE_EQUAL(slhi_decommit_in_flight(&flight->decommit), orphans);
  for (uint32_t i = orphans; i < DEPTH; i++)
    REQUIRE(start(flight, i));
  REQUIRE(!start(flight, DEPTH));
  REQUIRE_EQUAL(reap(flight, 1, true), 1);
  reap_all(flight);
  for (uint32_t i = 0; i < 10; i++) {
    pages_fill(&flight->pages, 1, 4 * DEPTH, 77);
    for (uint32_t number = 0; number < DEPTH; number++)
      REQUIRE(start(flight, number));
    reap_all(flight);
  }
  slhi_decommit_close(&flight->decommit);
  pages_check(&flight->pages);
}

static void check_fork(struct flight *flight, uint32_t before, bool announced)
{
  pid_t child;
  int status;

  for (uint32_t i = 0; i < before; i++)
    assert_true(start(flight, i));
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(60);
    live_in_child(flight, announced);
    _exit(0);
  }
  /* Meanwhile, on pages of its own, and on entries that the child uses. */
  for (uint32_t i = before; i < DEPTH; i += 2)
    assert_true(start(flight, i));
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  reap_all(flight);
}

static void test_fork(void **state)
{
  struct flight *flight = *state;

  need_ring(flight);
  for (int announced = 0; announced < 2; announced++)
    for (uint32_t before = 0; before <= DEPTH; before += 16) {
      for (uint32_t page = 0; page < PAGES; page++)
        pages_fill(&flight->pages, page, 1, (unsigned char)(1 + page % 200));
      check_fork(flight, before, announced);
    }
  assert_int_equal(flight->decommit.counts.failures, 0);
}

/* A child that closes first thing, as one that only wants to exec would. */
static void close_in_child(void *context)
{
  struct flight *flight = context;

  slhi_decommit_close(&flight->decommit);
  for (uint32_t i = 0; i < 8; i++) {
    struct slhi_range range = range_of(flight, i);

    pages_expect_zero(&flight->pages, &range, 1);
  }
  pages_check(&flight->pages);
}

static void test_child_closes(void **state)
{
  struct flight *flight = *state;

  need_ring(flight);
  for (uint32_t i = 0; i < 8; i++)
    assert_true(start(flight, i));
  assert_int_equal(helper_in_child(close_in_child, flight), 0);
  for (uint32_t i = 8; i < DEPTH; i++)
    assert_true(start(flight, i));
  reap_all(flight);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_flight, close_flight)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_one),
      TEST(test_queue_full),
      TEST(test_random),
      TEST(test_in_flight_at_close),
      TEST(test_wide),
      TEST(test_locked),
      TEST(test_locked_for_a_while),
      TEST(test_thread_ends),
      TEST(test_fork),
      TEST(test_child_closes),
  };

  helper_seed();
  return helper_run(tests, NULL, NULL);
}
