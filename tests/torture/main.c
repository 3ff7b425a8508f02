/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The command line of torture. */
#include <argp.h>
#include <stdlib.h>

#include "tests/torture/driver.h"

/* What `make check` does. */
#define USUAL_COUNT 100000

enum {
  KEY_COUNT = 'n',
  KEY_SEED = 's',
  KEY_FROM = 'f',
  KEY_ROUNDS = 'r',
  KEY_QUICK = 'q',
  KEY_VERBOSE = 'v',
  KEY_DEBUG = 'd'
};

static uint64_t number(const char *text, struct argp_state *state)
{
  char *end;
  uint64_t value = strtoull(text, &end, 0);

  if (*text == '\0' || *text == '-' || *end != '\0')
    argp_error(state, "'%s' is no number", text);
  return value;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct run *run = state->input;

  switch (key) {
  case KEY_COUNT:
    run->count = number(text, state);
    break;
  case KEY_SEED:
    run->seed = number(text, state);
    break;
  case KEY_FROM:
    run->from = number(text, state);
    break;
  case KEY_ROUNDS:
    run->rounds = number(text, state);
    break;
  case KEY_QUICK:
    run->count = USUAL_COUNT / 10;
    break;
  case KEY_VERBOSE:
    run->verbose = true;
    break;
  case KEY_DEBUG:
    run->in_process = true;
    break;
  default:
    return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

int main(int argc, char **argv)
{
  static const struct argp_option options[] = {
      {"count", KEY_COUNT, "N", 0, "corruptions to do; 100000", 0},
      {"seed", KEY_SEED, "S", 0, "repeats the run that had this seed", 0},
      {"from", KEY_FROM, "ROUND", 0, "begins with this round", 0},
      {"rounds", KEY_ROUNDS, "N", 0, "ends after so many rounds", 0},
      {"quick", KEY_QUICK, NULL, 0, "a tenth of the usual", 0},
      {"verbose", KEY_VERBOSE, NULL, 0, "prints each corruption and each status", 0},
      {"debug", KEY_DEBUG, NULL, 0, "makes no children, for a debugger", 0},
      {0}};
  static const char doc[] = "Corrupts heaps in all ways, and calls everything of the library: "
                            "whatever a heap holds, each call returns, and nothing else is hurt.";
  const struct argp argp = {.options = options, .parser = parse, .doc = doc};
  struct run run = {0};

  argp_parse(&argp, argc, argv, 0, NULL, &run);
  if (run.count == 0 && run.rounds == 0)
    run.count = USUAL_COUNT;
  if (run.seed == 0)
    run.seed = helper_seed();
  return torture_run(&run) && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
