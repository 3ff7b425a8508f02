/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Running cases, seeds, runtimes and pools, and children that are to stop. */
#include "tests/helper.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- seed and scale ---- */

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
  const char *text = getenv(name);

  return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

uint64_t helper_seed(void)
{
  static uint64_t seed;
  struct timespec now;

  if (seed == 0) {
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20 ^ (uint64_t)getpid();
    seed = from_environment("SLOTHEAP_SEED", seed);
    fprintf(stderr, "seed: SLOTHEAP_SEED=%" PRIu64 "\n", seed);
  }
  return seed;
}

uint64_t helper_rounds(uint64_t rounds)
{
#ifdef SLH_DEBUG
  uint64_t slowdown = 16;
#else
  uint64_t slowdown = HELPER_SANITIZED ? 16 : 1;
#endif

  const char *scale = getenv("SLOTHEAP_SCALE");

  rounds = (uint64_t)((double)rounds * (scale && *scale ? strtod(scale, NULL) : 1)) / slowdown;
  return rounds ? rounds : 1;
}

/* ---- cases ---- */

static size_t choose(const char *pattern, const struct CMUnitTest *cases, size_t count,
                     struct CMUnitTest *chosen)
{
  size_t found = 0;

  for (size_t i = 0; i < count; i++)
    if (!pattern || !*pattern || fnmatch(pattern, cases[i].name, 0) == 0)
      chosen[found++] = cases[i];
  if (found == 0) {
    fprintf(stderr, "SLOTHEAP_TEST=%s: no case matches; there are", pattern);
    for (size_t i = 0; i < count; i++)
      fprintf(stderr, " %s", cases[i].name);
    fprintf(stderr, "\n");
  }
  return found;
}

int helper_skip(const char *why)
{
  printf("SKIP: %s\n", why);
  return 77;
}

int helper_run_cases(const struct CMUnitTest *cases, size_t count, CMFixtureFunction setup,
                     CMFixtureFunction teardown)
{
  struct CMUnitTest *chosen = calloc(count, sizeof *chosen);
  size_t found;
  int failed = 1;

  if (!chosen)
    abort();
  found = choose(getenv("SLOTHEAP_TEST"), cases, count, chosen);
  if (found != 0)
    failed = _cmocka_run_group_tests(program_invocation_short_name, chosen, found, setup, teardown);
  free(chosen);
  return failed;
}

/* ---- random ---- */

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014. */
uint64_t helper_random(uint64_t *state)
{
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

uint64_t helper_below(uint64_t *state, uint64_t bound)
{
  return helper_random(state) % bound;
}

bool helper_one_in(uint64_t *state, uint64_t n)
{
  return helper_below(state, n) == 0;
}

/* ---- making things ---- */

static void check(slh_status status, const slh_error *error)
{
  if (status != SLH_OK)
    fail_msg("%s: %s", slh_status_name(status), error->message);
}

uint32_t helper_zeal;

slh_collector helper_collector;

slh_runtime *helper_runtime(const slh_runtime_options *given)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_error error = {0};
  slh_runtime *runtime = NULL;

  if (given)
    options = *given;
  if (options.zeal == 0)
    options.zeal = helper_zeal;
  if (options.collector == SLH_COLLECTOR_COPYING)
    options.collector =
        (slh_collector)from_environment("SLOTHEAP_COLLECTOR", (uint64_t)helper_collector);
  check(slh_runtime_new(&options, &runtime, &error), &error);
  return runtime;
}

slh_pool *helper_pool(const slh_pool_options *options)
{
  slh_error error = {0};
  slh_pool *pool = NULL;

  check(slh_pool_new(options, &pool, &error), &error);
  return pool;
}

slh_pool_options helper_pool_options(uint64_t slots)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  options.slots = slots;
  options.max_collections = 2;
  return options;
}

slh_heap *helper_acquire(slh_pool *pool, slh_runtime *runtime)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap *heap = NULL;

  options.runtime = runtime;
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_OK);
  return heap;
}

const slh_type *helper_node_type(slh_runtime *runtime)
{
  const slh_field fields[] = {{"left", SLH_REF, 0}, {"right", SLH_REF, 0}, {"value", SLH_I32, 0}};
  const slh_type *type = NULL;
  slh_error error = {0};

  check(slh_struct_type_new(runtime, "node", NULL, fields, 3, &type, &error), &error);
  assert_int_equal(type->size, 16);
  return type;
}

const slh_type *helper_array_type(slh_runtime *runtime, slh_storage element)
{
  const slh_type *type = NULL;
  slh_error error = {0};

  check(slh_array_type_new(runtime, "array", element, &type, &error), &error);
  return type;
}

/* ---- stopping ---- */

static _Noreturn void run_in_child(void (*work)(void *), void *context)
{
  struct rlimit no_core = {0, 0};

  setrlimit(RLIMIT_CORE, &no_core);
  signal(SIGABRT, SIG_DFL);
  signal(SIGBUS, SIG_DFL);
  signal(SIGSEGV, SIG_DFL);
  work(context);
  _exit(0);
}

int helper_in_child(void (*work)(void *context), void *context)
{
  pid_t child = fork();
  int status;

  assert_true(child >= 0);
  if (child == 0)
    run_in_child(work, context);
  assert_int_equal(waitpid(child, &status, 0), child);
  return status;
}

void helper_expect_stop(void (*misuse)(void *context), void *context, const char *message)
{
  char text[4096];
  size_t length = 0;
  int ends[2], status;
  ssize_t some;
  pid_t child;

  assert_int_equal(pipe(ends), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    run_in_child(misuse, context);
  }
  close(ends[1]);
  while ((some = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
    length += (size_t)some;
  text[length] = '\0';
  close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!strstr(text, message))
    fail_msg("standard error has no \"%s\": %s", message, text);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

void helper_expect_stops(const struct misuse *misuses, size_t count, void *context)
{
  for (size_t i = 0; i < count; i++)
    helper_expect_stop(misuses[i].commit, context, misuses[i].message);
}

void helper_stop(const char *file, int line, const char *what, uint64_t a, uint64_t b)
{
  fprintf(stderr, "%s:%d: not so: %s (%" PRIu64 ", %" PRIu64 ")\n", file, line, what, a, b);
  abort();
}
