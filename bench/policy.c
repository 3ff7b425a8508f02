/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench policy: what the default policy costs, and what fixed ones would. */
#include "policy.h"
#include "bench.h"
#include "memory.h"
#include "options.h"
#include "pin.h"
#include "progress.h"

#include <math.h>

#define MIB (UINT64_C(1) << 20)
#define MAX_BYTES (32 * MIB)
#define QUICK_MAX_BYTES (8 * MIB)
#define RUNS 5
#define QUICK_RUNS 2
#define RUNS_MAX 100

/* So many times as long as the default, and that is enough. */
#define PATIENCE 10

struct policy_options {
  struct settings settings;
  uint64_t max_bytes; /* 0: the default */
  uint64_t runs;      /* 0: the default */
};

static const struct system {
  const char *name;
  slh_collector collector;
} collectors[] = {{"generational", SLH_COLLECTOR_GENERATIONAL}, {"copying", SLH_COLLECTOR_COPYING}};
#define COLLECTORS (sizeof collectors / sizeof *collectors)

/* What one case came to. */
struct outcome {
  struct policy_result results[POLICY_CHOICES][RUNS_MAX];
  bool left_out[POLICY_CHOICES];
  bool given_up[POLICY_CHOICES];
};

/* ---- running ---- */

static bool agrees(const struct outcome *outcome, size_t choice, uint64_t run)
{
  if (outcome->given_up[choice] ||
      outcome->results[choice][run].check == outcome->results[0][run].check)
    return true;
  progress_clear();
  fprintf(stderr, "slotheap-bench: policy: %s comes to another result than %s\n",
          policy_choices[choice].name, policy_choices[0].name);
  return false;
}

static bool applies(const struct system *collector, size_t choice)
{
  return !policy_choices[choice].generational || collector->collector == SLH_COLLECTOR_GENERATIONAL;
}

/* In turns, so that whatever else the machine does meets all of them. */
static bool run_turn(slh_pool *pool, const struct system *collector,
                     const struct policy_scenario *scenario, const struct policy_options *options,
                     uint64_t run, struct outcome *outcome)
{
  uint64_t patience = UINT64_MAX;

  for (size_t i = 0; i < POLICY_CHOICES; i++) {
    struct policy_result *result = &outcome->results[i][run];

    if (outcome->left_out[i] || outcome->given_up[i])
      continue;
    outcome->given_up[i] =
        !policy_run(pool, collector->collector, &policy_choices[i], scenario, options->max_bytes,
                    options->settings.seed, patience, result);
    if (!agrees(outcome, i, run))
      return false;
    if (i == 0)
      patience = PATIENCE * result->cpu_ns;
  }
  return true;
}

static bool run_case(slh_pool *pool, const struct system *collector,
                     const struct policy_scenario *scenario, const struct policy_options *options,
                     struct outcome *outcome)
{
  char label[64];
  bool good = true;

  snprintf(label, sizeof label, "%s, %s", scenario->name, collector->name);
  memset(outcome, 0, sizeof *outcome);
  for (size_t i = 0; i < POLICY_CHOICES; i++)
    outcome->left_out[i] = !applies(collector, i);
  for (uint64_t run = 0; run < options->runs && good; run++) {
    progress_show(label, (double)run / (double)options->runs);
    good = run_turn(pool, collector, scenario, options, run, outcome);
  }
  progress_clear();
  return good;
}

/* ---- figures ---- */

enum figure {
  CPU_SECONDS,
  CPU_RATIO,
  YOUNG,
  FULL,
  COPIED,
  PEAK_USED,
  PEAK_RATIO,
  QUESTIONS,
  FIGURES
};

static const char *const metrics[FIGURES] = {
    "cpu_seconds",  "cpu_ratio_to_best", "young_collections",       "full_collections",
    "copied_bytes", "peak_used_bytes",   "peak_used_ratio_to_best", "questions"};

static double figure_of(const struct policy_result *result, enum figure figure)
{
  switch (figure) {
  case CPU_SECONDS:
  case CPU_RATIO:
    return (double)result->cpu_ns * 1e-9;
  case YOUNG:
    return (double)result->young;
  case FULL:
    return (double)result->full;
  case COPIED:
    return (double)result->copied;
  case PEAK_USED:
  case PEAK_RATIO:
    return (double)result->peak_used;
  case QUESTIONS:
    return (double)result->questions;
  case FIGURES:
    break;
  }
  return NAN;
}

/* The least of all runs under all policies; 1 for what is no ratio. */
static double best_of(const struct outcome *outcome, uint64_t runs, enum figure figure)
{
  double best = NAN;

  if (figure != CPU_RATIO && figure != PEAK_RATIO)
    return 1;
  for (size_t i = 0; i < POLICY_CHOICES; i++)
    for (uint64_t run = 0; run < runs && !outcome->left_out[i] && !outcome->given_up[i]; run++)
      best = fmin(best, figure_of(&outcome->results[i][run], figure));
  return best;
}

static void add_case(struct report *report, const struct outcome *outcome, uint64_t runs,
                     const char *name)
{
  for (enum figure figure = 0; figure < FIGURES; figure++) {
    double best = best_of(outcome, runs, figure);

    for (size_t i = 0; i < POLICY_CHOICES; i++) {
      double samples[RUNS_MAX];

      if (outcome->left_out[i])
        continue;
      for (uint64_t run = 0; run < runs; run++)
        samples[run] = figure_of(&outcome->results[i][run], figure) / best;
      report_add(report, "policy", name, policy_choices[i].name, metrics[figure], samples,
                 outcome->given_up[i] ? 0 : runs);
    }
  }
}

static void fill_in(struct policy_options *options)
{
  if (options->max_bytes == 0)
    options->max_bytes = options->settings.quick ? QUICK_MAX_BYTES : MAX_BYTES;
  if (options->runs == 0)
    options->runs = options->settings.quick ? QUICK_RUNS : RUNS;
}

static bool measure(struct report *report, void *input)
{
  struct policy_options *options = input;
  struct outcome *outcome = memory_new(1, sizeof *outcome);
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_error error = {0};
  bool good = true;
  slh_pool *pool;

  fill_in(options);
  pool_options.slots = 1;
  if (slh_pool_new(&pool_options, &pool, &error) != SLH_OK) {
    fprintf(stderr, "slotheap-bench: policy: %s\n", error.message);
    free(outcome);
    return false;
  }
  pin_thread(pin_processors() - 1);
  for (size_t i = 0; i < COLLECTORS * POLICY_SCENARIOS && good; i++) {
    const struct system *collector = &collectors[i / POLICY_SCENARIOS];
    const struct policy_scenario *scenario = &policy_scenarios[i % POLICY_SCENARIOS];
    char name[64];

    snprintf(name, sizeof name, "%s, %s", scenario->name, collector->name);
    good = run_case(pool, collector, scenario, options, outcome);
    if (good)
      add_case(report, outcome, options->runs, name);
  }
  pin_release();
  slh_pool_free(pool);
  free(outcome);
  return good;
}

/* ---- the table ---- */

static void tabulate_row(const struct report *report, struct table *table, const char *name,
                         const char *policy)
{
  const struct report_entry *found[FIGURES];

  for (enum figure figure = 0; figure < FIGURES; figure++)
    found[figure] = report_find(report, "policy", name, policy, metrics[figure]);
  if (found[CPU_SECONDS] == NULL)
    return;
  table_cell(table, "%s", policy);
  if (found[CPU_SECONDS]->runs == 0) {
    table_cell(table, "given up");
  } else {
    table_nanoseconds(table, found[CPU_SECONDS]->min * 1e9);
    table_cell(table, "%.2fx", found[CPU_RATIO]->min);
    table_number(table, found[YOUNG]->median);
    table_number(table, found[FULL]->median);
    table_bytes(table, found[COPIED]->median);
    table_bytes(table, found[PEAK_USED]->median);
    table_cell(table, "%.2fx", found[PEAK_RATIO]->median);
  }
  table_end_row(table);
}

static void tabulate(const struct report *report, struct table *table)
{
  static const char *const columns[] = {"cpu",    "of best", "young",  "full",
                                        "copied", "used",    "of best"};
  const char *cases[COLLECTORS * POLICY_SCENARIOS];
  size_t count = report_cases(report, "policy", cases, COLLECTORS * POLICY_SCENARIOS);

  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      table_end_row(table);
    table_cell(table, "%s", cases[i]);
    for (size_t j = 0; j < sizeof columns / sizeof *columns; j++)
      table_cell(table, "%s", columns[j]);
    table_end_row(table);
    for (size_t j = 0; j < POLICY_CHOICES; j++)
      tabulate_row(report, table, cases[i], policy_choices[j].name);
  }
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"max", OPTION_SIZE, offsetof(struct policy_options, max_bytes),
     "What a heap may hold (default 32M; 8M with --quick)", .least = 4 * MIB, .most = 1024 * MIB},
    {"runs", OPTION_NUMBER, offsetof(struct policy_options, runs),
     "Runs of each (default 5; 2 with --quick)", .least = 1, .most = RUNS_MAX},
    OPTIONS_SETTINGS,
};

const struct command command_policy = {
    .name = "policy",
    .summary = "the default policy against fixed ones",
    .doc = "Runs programs with different amounts of garbage under the default policy and under "
           "fixed ones, and compares processor time, collections and memory.",
    .options = option_rows,
    .bytes = sizeof(struct policy_options),
    .measure = measure,
    .tabulate = tabulate,
    .alone = true,
};
