/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Rounds run in children, a batch in each: so a crash ends a batch only, and the
 * parent knows from shared memory what it was about. Each round has a seed of its
 * own, and each batch fresh pools: any round, or its batch up to it, can be run
 * again alone.
 */
#include "tests/torture/driver.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256

/* Of one batch; what takes longer hangs. */
#define BATCH_SECONDS 60

/* Of what a child printed, so much is shown. */
#define TAIL_BYTES 12000

static double now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- a batch ---- */

static void run_round(const struct run *run, struct figures *figures, uint64_t round)
{
  struct torture *t = calloc(1, sizeof *t);

  REQUIRE(t != NULL);
  t->random = run->seed ^ (round + 1) * UINT64_C(0xd1342543de82ef95);
  t->figures = figures;
  t->verbose = run->verbose;
  figures->round = round;
  figures->call = CALL_slh_heap_acquire;
  if (run->verbose)
    fprintf(stderr, "round %" PRIu64 "\n", round);
  torture_round(t);
  figures->rounds++;
  free(t);
}

static bool is_over(const struct run *run, const struct figures *figures)
{
  return run->count != 0 && figures->corruptions >= run->count;
}

/* Rounds [first, end), in pools of their own, of which nothing is left. */
static void run_batch(const struct run *run, struct figures *figures, uint64_t first, uint64_t end)
{
  REQUIRE_EQUAL(slh_traps_enable(NULL), SLH_OK);
  for (uint64_t round = first; round < end && !is_over(run, figures); round++)
    run_round(run, figures, round);
  torture_close_arenas();
  torture_close_worlds();
  slh_traps_disable();
  REQUIRE_EQUAL(torture_host_blocks(), 0);
}

static _Noreturn void be_child(const struct run *run, struct figures *figures, uint64_t first,
                               uint64_t end, int output)
{
  struct rlimit no_core = {0, 0};

  setrlimit(RLIMIT_CORE, &no_core);
  if (!run->verbose)
    dup2(output, STDERR_FILENO);
  alarm(BATCH_SECONDS);
  run_batch(run, figures, first, end);
  _exit(0);
}

/* Its wait status. */
static int run_child(const struct run *run, struct figures *figures, uint64_t first, uint64_t end,
                     int output)
{
  pid_t child;
  int status;

  REQUIRE(ftruncate(output, 0) == 0 && lseek(output, 0, SEEK_SET) == 0);
  fflush(NULL);
  child = fork();
  REQUIRE(child >= 0);
  if (child == 0)
    be_child(run, figures, first, end, output);
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

/* ---- failures ---- */

static void show_tail(int output)
{
  static char text[TAIL_BYTES];
  off_t end = lseek(output, 0, SEEK_END);
  off_t from = end > (off_t)sizeof text ? end - (off_t)sizeof text : 0;
  ssize_t length = pread(output, text, sizeof text, from);

  if (length > 0)
    fwrite(text, 1, (size_t)length, stderr);
}

static const char *how(int status)
{
  static char text[64];

  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return "hangs";
  if (WIFSIGNALED(status))
    snprintf(text, sizeof text, "ended by signal %d", WTERMSIG(status));
  else
    snprintf(text, sizeof text, "exited with %d", WEXITSTATUS(status));
  return text;
}

/* Names the shortest run that ends in the same way. */
static void report(const struct run *run, const struct figures *figures, uint64_t first, int status,
                   int output)
{
  uint64_t round = figures->round, from = round;
  struct figures *again =
      mmap(NULL, sizeof *again, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct run alone = *run;

  show_tail(output);
  fprintf(stderr,
          "\ntorture: round %" PRIu64 " of seed %" PRIu64
          " failed: %s, in or after %s, after %s (%s)\n",
          round, run->seed, how(status), torture_call_name(figures->call),
          torture_corruption_name(figures->last), torture_phase_name(figures->phase));
  alone.count = 0;
  if (again == MAP_FAILED || run_child(&alone, again, round, round + 1, output) == 0)
    from = first;
  fprintf(stderr,
          "again: ./dev torture --seed=%" PRIu64 " --from=%" PRIu64 " --rounds=%" PRIu64 "\n",
          run->seed, from, round + 1 - from);
}

/* ---- all ---- */

static bool run_batches(const struct run *run, struct figures *figures, int output)
{
  uint64_t first = run->from, end, last = run->rounds ? run->from + run->rounds : UINT64_MAX;

  for (; first < last && !is_over(run, figures); first = end) {
    int status;

    end = first + BATCH < last ? first + BATCH : last;
    if (run->in_process) {
      run_batch(run, figures, first, end);
      continue;
    }
    status = run_child(run, figures, first, end, output);
    if (status != 0) {
      report(run, figures, first, status, output);
      return false;
    }
  }
  return true;
}

bool torture_run(const struct run *run)
{
  struct figures *figures =
      mmap(NULL, sizeof *figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  FILE *output = tmpfile();
  double begun = now(), seconds;
  bool well;

  REQUIRE(figures != MAP_FAILED && output != NULL);
  printf("torture: seed %" PRIu64 "\n", run->seed);
  well = run_batches(run, figures, fileno(output));
  seconds = now() - begun;
  torture_print_figures(figures);
  printf("\n%" PRIu64 " corruptions in %" PRIu64 " rounds, %.1f s, %.0f a second; seed %" PRIu64
         ": %s\n",
         figures->corruptions, figures->rounds, seconds, (double)figures->corruptions / seconds,
         run->seed, well ? "nothing was hurt" : "FAILED");
  fclose(output);
  munmap(figures, sizeof *figures);
  return well;
}
