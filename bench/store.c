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

static void fill_in(struct store_options *options)
{
  static const struct options_list objects = {{0, 10, 100, 1000, 10000}, 5};

  options_choose_all(options->chosen, SYSTEMS);
  if (options->objects.count == 0)
    options->objects = objects;
  if (options->runs == 0)
    options->runs = options->settings.quick ? QUICK_RUNS : RUNS;
  if (options->milliseconds == 0)
    options->milliseconds = options->settings.quick ? QUICK_MILLISECONDS : MILLISECONDS;
}

static bool measure(struct report *report, void *input)
{
  struct store_options *options = input;
  struct peers *peers = memory_new(1, sizeof *peers);
  bool good = true;

  fill_in(options);
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

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"objects", OPTION_LIST, offsetof(struct store_options, objects),
     "Objects of a store (default 0,10,100,1000,10000)", .least = 0, .most = 10000000},
    {"systems", OPTION_NAMES, offsetof(struct store_options, chosen),
     "Which to run (default all): "
     "slotheap,slotheap-drc,floor,glibc,mimalloc,mimalloc-heap,jemalloc-arena,apr-pool",
     .names = systems, .name_count = SYSTEMS, .name_stride = sizeof *systems},
    {"runs", OPTION_NUMBER, offsetof(struct store_options, runs),
     "Runs of each (default 9; 3 with --quick)", .least = 1, .most = RUNS_MAX},
    {"milliseconds", OPTION_NUMBER, offsetof(struct store_options, milliseconds),
     "Of each run (default 25; 8 with --quick)", .least = 1, .most = 60000},
    OPTIONS_SETTINGS,
};

const struct command command_store = {
    .name = "store",
    .summary = "a store of n objects, against other systems",
    .doc = "Times store(n): a warm heap is taken, n linked objects of 16 bytes are allocated in "
           "it, and it is dropped. Prints the median of all runs, and the ratio to slotheap.",
    .options = option_rows,
    .bytes = sizeof(struct store_options),
    .measure = measure,
    .tabulate = tabulate,
};
