/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What all tests share. Environment:
 *   SLOTHEAP_SEED=N   repeats the run whose seed was N
 *   SLOTHEAP_SCALE=N  makes random tests N times as long (default 1; 0.1 is fine)
 *   SLOTHEAP_COLLECTOR=N  replaces the copying collector by that one
 *   SLOTHEAP_TEST=PATTERN runs those cases alone whose name matches, as a shell's pattern
 *   SLOTHEAP_CGROUP=DIR   where test-real-limits may make a memory cgroup
 */
#ifndef SLOTHEAP_TESTS_HELPER_H
#define SLOTHEAP_TESTS_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <slotheap.h>

/* 1 where the address or thread sanitizer makes everything slow, and makes
 * allocations and system calls of its own. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HELPER_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HELPER_SANITIZED 1
#endif
#endif
#ifndef HELPER_SANITIZED
#define HELPER_SANITIZED 0
#endif

/* For main to return: runs the cases of an array, or those of them that SLOTHEAP_TEST asks
 * for, which fails if there is none. The fixture functions of the group can be NULL. */
#define helper_run(cases, setup, teardown)                                                         \
  helper_run_cases((cases), sizeof(cases) / sizeof *(cases), (setup), (teardown))

int helper_run_cases(const struct CMUnitTest *cases, size_t count, CMFixtureFunction setup,
                     CMFixtureFunction teardown);

/* For main to return before it runs any case: says why none can. */
int helper_skip(const char *why);

/* This run's seed: from the environment, else of the moment. The first call
 * prints it. Call it on the main thread first. */
uint64_t helper_seed(void);

/* `rounds` times SLOTHEAP_SCALE; a sixteenth of that under a sanitizer and
 * in debug builds, and never 0. */
uint64_t helper_rounds(uint64_t rounds);

/* Random bits from `*state`, which any value can start (splitmix64). */
uint64_t helper_random(uint64_t *state);

/* Below `bound`, which is not 0. */
uint64_t helper_below(uint64_t *state, uint64_t bound);

/* True once in `n` times. */
bool helper_one_in(uint64_t *state, uint64_t n);

/* slh_runtime_options.zeal of runtimes whose options do not say. Tests that count
 * collections, or allocate by slh_alloc_*, set it to SLH_ZEAL_NEVER. */
extern uint32_t helper_zeal;

/* The collector of runtimes whose options name the copying one, which is the
 * default. */
extern slh_collector helper_collector;

/* These fail the test if the call does. `options` may be NULL. */
slh_runtime *helper_runtime(const slh_runtime_options *options);
slh_pool *helper_pool(const slh_pool_options *options);
slh_heap *helper_acquire(slh_pool *pool, slh_runtime *runtime);

/* Small: `slots` slots, all else by default but 2 collections at a time. */
slh_pool_options helper_pool_options(uint64_t slots);

/* The struct {ref, ref, i32}, 16 bytes, and arrays. */
const slh_type *helper_node_type(slh_runtime *runtime);
const slh_type *helper_array_type(slh_runtime *runtime, slh_storage element);

#define HELPER_LEFT 4
#define HELPER_RIGHT 8
#define HELPER_VALUE 12

/* Calls `misuse` in a child process, which must abort with a message on
 * standard error that contains `message`. */
void helper_expect_stop(void (*misuse)(void *context), void *context, const char *message);

/* The same for each of some. */
struct misuse {
  void (*commit)(void *context);
  const char *message;
};
void helper_expect_stops(const struct misuse *misuses, size_t count, void *context);

/* Calls `work` in a child process that takes the default action on SIGABRT,
 * SIGBUS and SIGSEGV. Returns its wait status: 0 if `work` returned. */
int helper_in_child(void (*work)(void *context), void *context);

/* For threads and children, where cmocka's asserts do not work: prints and
 * aborts. */
#define REQUIRE(condition)                                                                         \
  ((condition) ? (void)0 : helper_stop(__FILE__, __LINE__, #condition, 0, 0))
#define REQUIRE_EQUAL(a, b)                                                                        \
  do {                                                                                             \
    uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);                                               \
    if (a_ != b_)                                                                                  \
      helper_stop(__FILE__, __LINE__, #a " == " #b, a_, b_);                                       \
  } while (0)

_Noreturn void helper_stop(const char *file, int line, const char *what, uint64_t a, uint64_t b);

#endif
