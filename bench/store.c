/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench store: the cost of a short-lived store against that of other
 * systems. Each is an executable beside this one (see peer.h), run in turns.
 */
#include "bench.h"
#include "child.h"
#include "memory.h"
#include "options.h"
#include "pin.h"
#include "progress.h"

#include <inttypes.h>
#include <math.h>

#define RUNS 9
#define QUICK_RUNS 3
#define RUNS_MAX 1000
#define MILLISECONDS 25
#define QUICK_MILLISECONDS 8

/* The first is the one that the others are compared with. */
static const char *const systems[] = {"slotheap", "slotheap-drc",  "floor",          "glibc",
                                      "mimalloc", "mimalloc-heap", "jemalloc-arena", "apr-pool"};
#define SYSTEMS (sizeof systems / sizeof *systems)
#define METRIC "ns_per_store"
#define RATIO "ratio_to_slotheap"

struct store_options {
  struct settings settings;
  struct options_list objects;
  bool chosen[SYSTEMS];
  uint64_t runs;         /* 0: the default */
  uint64_t milliseconds; /* of one run; 0: the default */
};

/* One run: nanoseconds a store, or NaN after a line on stderr. */
static double run_peer(const char *path, const struct store_options *options, uint64_t objects)
{
  char count[24], milliseconds[24], line[64];
  char *arguments[] = {(char *)path, count, milliseconds, NULL};
  double result;

  snprintf(count, sizeof count, "%" PRIu64, objects);
  snprintf(milliseconds, sizeof milliseconds, "%" PRIu64, options->milliseconds);
  if (!child_run(path, arguments, line, sizeof line))
    return NAN;
  if (sscanf(line, "%lf", &result) == 1)
    return result;
  progress_clear();
  fprintf(stderr, "slotheap-bench: %s printed no number\n", path);
  return NAN;
}

/* ---- the measurement ---- */

struct peers {
  char paths[SYSTEMS][4160];
  bool built[SYSTEMS];
  double samples[SYSTEMS][RUNS_MAX];
  bool failed[SYSTEMS];
};

static void find_peers(struct peers *peers, const struct store_options *options)
{
  for (size_t i = 0; i < SYSTEMS; i++) {
    char name[64];

    snprintf(name, sizeof name, "store-%s", systems[i]);
    peers->built[i] =
        options->chosen[i] && child_find(name, peers->paths[i], sizeof peers->paths[i]);
    if (options->chosen[i] && !peers->built[i])
      fprintf(stderr, "slotheap-bench: store-%s was not built; left out\n", systems[i]);
  }
}

/* All runs of all systems at one size, in turns, so that whatever else the
 * machine does meets them all. */
static void run_size(struct peers *peers, const struct store_options *options, size_t size)
{
  uint64_t objects = options->objects.values[size];
  char label[64];

  snprintf(label, sizeof label, "store(%" PRIu64 ")", objects);
  memset(peers->failed, 0, sizeof peers->failed);
  for (uint64_t run = 0; run < options->runs; run++) {
    progress_show(label, (double)(size * options->runs + run) /
                             (double)(options->objects.count * options->runs));
    for (size_t i = 0; i < SYSTEMS; i++)
      if (peers->built[i] && !peers->failed[i]) {
        peers->samples[i][run] = run_peer(peers->paths[i], options, objects);
        peers->failed[i] = isnan(peers->samples[i][run]);
      }
  }
}

/* Ratios are made of the samples of one turn, not of medians. */
static bool add_size(struct report *report, const struct peers *peers,
                     const struct store_options *options, uint64_t objects)
{
  bool good = true;
  char name[32];

  snprintf(name, sizeof name, "n=%" PRIu64, objects);
  for (size_t i = 0; i < SYSTEMS; i++) {
    double ratios[RUNS_MAX];
    size_t runs = peers->built[i] && !peers->failed[i] ? options->runs : 0;

    if (!options->chosen[i])
      continue;
    good &= !peers->failed[i];
    report_add(report, "store", name, systems[i], METRIC, peers->samples[i], runs);
    for (size_t run = 0; run < runs; run++)
      ratios[run] = peers->samples[i][run] / peers->samples[0][run];
    if (peers->built[0] && !peers->failed[0])
      report_add(report, "store", name, systems[i], RATIO, ratios, runs);
  }
  return good;
}

static bool measure(struct report *report, const struct store_options *options)
{
  struct peers *peers = memory_new(1, sizeof *peers);
  bool good = true;

  find_peers(peers, options);
  /* What is started from here inherits the processor; the last one, as the
   * first often serves the machine's interrupts. */
  if (!pin_thread(pin_processors() - 1))
    fprintf(stderr, "slotheap-bench: cannot bind to one processor; expect noise\n");
  for (size_t i = 0; i < options->objects.count; i++) {
    run_size(peers, options, i);
    good &= add_size(report, peers, options, options->objects.values[i]);
  }
  progress_clear();
  pin_release();
  free(peers);
  return good;
}

static void fill_in(struct store_options *options)
{
  static const struct options_list objects = {{0, 10, 100, 1000, 10000}, 5};
  bool any = false;

  for (size_t i = 0; i < SYSTEMS; i++)
    any |= options->chosen[i];
  for (size_t i = 0; i < SYSTEMS && !any; i++)
    options->chosen[i] = true;
  if (options->objects.count == 0)
    options->objects = objects;
  if (options->runs == 0)
    options->runs = options->settings.quick ? QUICK_RUNS : RUNS;
  if (options->milliseconds == 0)
    options->milliseconds = options->settings.quick ? QUICK_MILLISECONDS : MILLISECONDS;
}

static bool measure_default(struct report *report, const struct settings *settings)
{
  struct store_options options = {.settings = *settings};

  fill_in(&options);
  return measure(report, &options);
}

static void tabulate_cell(const struct report *report, struct table *table, const char *name,
                          const char *system)
{
  const struct report_entry *entry = report_find(report, "store", name, system, METRIC);
  const struct report_entry *ratio = report_find(report, "store", name, system, RATIO);

  if (entry == NULL || entry->runs == 0) {
    table_cell(table, "not run");
    table_cell(table, "%s", "");
    return;
  }
  table_nanoseconds(table, entry->median);
  if (ratio == NULL || ratio->runs == 0)
    table_cell(table, "%s", "");
  else
    table_cell(table, "%.2fx", ratio->median);
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *cases[OPTIONS_LIST_MAX];
  const char *names[SYSTEMS];
  size_t case_count = report_cases(report, "store", cases, OPTIONS_LIST_MAX);
  size_t name_count = report_systems(report, "store", names, SYSTEMS);

  table_cell(table, "store(n)");
  for (size_t i = 0; i < case_count; i++) {
    table_cell(table, "%s", cases[i]);
    table_cell(table, "%s", "");
  }
  table_end_row(table);
  for (size_t i = 0; i < name_count; i++) {
    table_cell(table, "%s", names[i]);
    for (size_t j = 0; j < case_count; j++)
      tabulate_cell(report, table, cases[j], names[i]);
    table_end_row(table);
  }
}

/* ---- arguments ---- */

enum {
  KEY_RUNS = 0x200,
  KEY_MILLISECONDS,
  KEY_OBJECTS,
  KEY_SYSTEMS
};

static const struct argp_option argp_options[] = {
    {"objects", KEY_OBJECTS, "LIST", 0, "Objects of a store (default 0,10,100,1000,10000)", 0},
    {"systems", KEY_SYSTEMS, "LIST", 0,
     "Which to run (default all): slotheap,slotheap-drc,floor,glibc,mimalloc,mimalloc-heap,"
     "jemalloc-arena,apr-pool",
     0},
    {"runs", KEY_RUNS, "NUMBER", 0, "Runs of each (default 9; 3 with --quick)", 0},
    {"milliseconds", KEY_MILLISECONDS, "NUMBER", 0, "Of each run (default 25; 8 with --quick)", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct store_options *options = state->input;

  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &options->settings;
    return 0;
  case KEY_OBJECTS:
    options_numbers(state, "--objects", text, 0, 10000000, &options->objects);
    return 0;
  case KEY_SYSTEMS:
    options_choose(state, "--systems", text, systems, SYSTEMS, options->chosen);
    return 0;
  case KEY_RUNS:
    options->runs = options_number(state, "--runs", text, 1, RUNS_MAX);
    return 0;
  case KEY_MILLISECONDS:
    options->milliseconds = options_number(state, "--milliseconds", text, 1, 60000);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static int main_store(int argc, char **argv)
{
  static const struct argp argp = OPTIONS_ARGP(
      argp_options, parse,
      "Times store(n): a warm heap is taken, n linked objects of 16 bytes are allocated in "
      "it, and it is dropped. Prints the median of all runs, and the ratio to slotheap.");
  struct store_options options = {.settings = SETTINGS_INIT};
  struct report *report;

  argp_parse(&argp, argc, argv, 0, NULL, &options);
  fill_in(&options);
  report = report_new(options.settings.json);
  return bench_finish(&command_store, report, &options.settings, measure(report, &options));
}

const struct command command_store = {"store", "a store of n objects, against other systems",
                                      main_store, measure_default, tabulate};
