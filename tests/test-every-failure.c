/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Through the whole life of pools and stores, every system call and every host
 * allocation fails in turn, then many of both at random. Nothing leaks, and the
 * pool works afterwards. What each failure comes to in detail is in
 * test-os-failures.c and test-host-memory.c.
 */
/* [promise nothing-lost] */
#include "tests/faults.h"
#include "tests/footprint.h"
#include "tests/life.h"
#include "tests/pooled.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Pools of both kinds with each engine: `number` counts from 0. */
#define POOLS (2 * SLH_DECOMMIT_ENGINES)

/* Some of them are used in a child, too, and have images. */
static struct life_options pool_by_number(unsigned number)
{
  slh_decommit engine = (slh_decommit)(number / 2);
  bool all = engine == SLH_DECOMMIT_AUTO || engine == SLH_DECOMMIT_URING;

  return (struct life_options){
      .kind = number % 2 ? SLH_POOL_DENSE : SLH_POOL_WIDE,
      .engine = engine,
      .fork = engine == SLH_DECOMMIT_AUTO,
      .images = all,
      .give_up = engine == SLH_DECOMMIT_MADVISE || engine == SLH_DECOMMIT_RUNS,
  };
}

static void say(const struct life_options *options, const char *what, uint64_t runs)
{
  print_message("%s, %s: %" PRIu64 " %s\n", options->kind == SLH_POOL_DENSE ? "dense" : "wide",
                slh_decommit_name(options->engine), runs, what);
}

/* ---- one after the other ---- */

static uint64_t live_without_call(const struct life_options *options, uint64_t pass, uint64_t count)
{
  struct meter meter;
  uint64_t failed;

  (void)meter_allocator(&meter);
  faults_fail(OS_ALL, pass, count, ENOMEM);
  failed = life_run(options, &meter);
  (void)faults_end();
  return failed;
}

static uint64_t live_without_memory(const struct life_options *options, uint64_t pass,
                                    uint64_t count)
{
  struct meter meter;

  (void)meter_allocator(&meter);
  failing_row(&meter.failing, pass, count);
  return life_run(options, &meter);
}

typedef uint64_t live_fn(const struct life_options *options, uint64_t pass, uint64_t count);

/* The k-th of them, or all from the k-th on, for every k until none fails. With
 * `skip`, or where time counts, for fewer the further it comes. */
static void fail_each(live_fn *live, unsigned pools, uint64_t count, bool skip, const char *what)
{
  skip = skip || helper_rounds(16) < 16;
  for (unsigned i = 0; i < pools; i++) {
    struct life_options options = pool_by_number(i);
    uint64_t k = 0, runs = 0;

    options.give_up = options.give_up || (pools == 2 && i == 1);

    for (; live(&options, k, count) != 0; runs++)
      k += skip ? 1 + k / 4 : 1;
    assert_true(runs > 5);
    say(&options, what, runs);
  }
}

static void test_each_call(void **state)
{
  (void)state;
  fail_each(live_without_call, POOLS, 1, false, "calls");
}

static void test_all_calls_from_one_on(void **state)
{
  (void)state;
  fail_each(live_without_call, POOLS, UINT64_MAX, true, "calls, and all after them");
}

/* Which are the same, whatever way pages go back. */
static void test_each_allocation(void **state)
{
  (void)state;
  fail_each(live_without_memory, 2, 1, false, "allocations");
}

static void test_all_allocations_from_one_on(void **state)
{
  (void)state;
  fail_each(live_without_memory, POOLS, UINT64_MAX, true, "allocations, and all after them");
}

/* ---- at random ---- */

/* By a descriptor that is open for the time of a call (os-linux.c), which a child
 * inherits if another thread makes one just then. */
static bool may_use_descriptor(slh_decommit engine)
{
  return engine == SLH_DECOMMIT_AUTO || engine == SLH_DECOMMIT_BATCH ||
         engine == SLH_DECOMMIT_URING;
}

static void live_at_random(struct life_options *options, uint64_t *random)
{
  uint64_t one_in = UINT64_C(2) << helper_below(random, 6);
  struct meter meter;

  options->decay_thread = helper_one_in(random, 2);
  options->fork =
      helper_one_in(random, 4) && !(options->decay_thread && may_use_descriptor(options->engine));
  options->images = helper_one_in(random, 2);
  options->give_up = helper_one_in(random, 2);
  (void)meter_allocator(&meter);
  if (!helper_one_in(random, 4))
    failing_at_random(&meter.failing, one_in, helper_random(random));
  if (!helper_one_in(random, 4))
    faults_fail_at_random(OS_ALL, one_in, helper_random(random));
  if (helper_one_in(random, 2))
    faults_shorten((1 + helper_below(random, 4)) * pooled_page());
  (void)life_run(options, &meter);
  (void)faults_end();
  faults_shorten(0);
}

static void test_at_random(void **state)
{
  uint64_t random = helper_seed();

  (void)state;
  for (uint64_t round = helper_rounds(10 * POOLS); round-- > 0;) {
    struct life_options options = pool_by_number((unsigned)helper_below(&random, POOLS));

    live_at_random(&options, &random);
  }
}

static void *do_nothing(void *context)
{
  return context;
}

/* What a process makes once is there: the stack of a thread, and what is known of the
 * kernel. */
static int warm_up(void **state)
{
  struct meter meter;

  (void)pooled_setup(state);
  footprint_settle();
  pooled_run(1, do_nothing, &meter, 0);
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    if (!slh_decommit_available((slh_decommit)i))
      print_message("no %s\n", slh_decommit_name((slh_decommit)i));
  for (unsigned i = 0; i < POOLS; i++) {
    struct life_options options = pool_by_number(i);

    options.decay_thread = true;
    options.fork = false;
    (void)meter_allocator(&meter);
    assert_int_equal(life_run(&options, &meter), 0);
  }
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_call),       cmocka_unit_test(test_all_calls_from_one_on),
      cmocka_unit_test(test_each_allocation), cmocka_unit_test(test_all_allocations_from_one_on),
      cmocka_unit_test(test_at_random),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, warm_up, pooled_teardown);
}
