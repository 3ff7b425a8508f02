/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Runs a workload in all systems, in turns. The overhead of a system is, as in
 * Cai et al., "Distilling the real cost of production garbage collectors",
 * ISPASS 2022, its cost over the least that the program was seen to cost in
 * any system without the time that this spent in collections.
 */
#include "gc.h"
#include "child.h"
#include "memory.h"
#include "pin.h"
#include "progress.h"

#include <inttypes.h>
#include <math.h>

#define RUNS 3

static const struct system {
  const char *executable;
  const char *mode;
  bool collects;
  bool slow; /* see gc_bench */
} systems[GC_SYSTEMS] = {
    {"gc-slotheap", "", true, false},        {"gc-slotheap", "full", true, false},
    {"gc-slotheap", "drc", true, false},     {"gc-slotheap", "null", false, false},
    {"gc-glibc", "", false, false},          {"gc-jemalloc", "", false, false},
    {"gc-mimalloc", "", false, false},       {"gc-bdwgc", "", true, false},
    {"gc-bdwgc", "incremental", true, true},
};

const char *const gc_system_names[GC_SYSTEMS] = {"slotheap", "slotheap-full", "slotheap-drc",
                                                 "null",     "glibc",         "jemalloc",
                                                 "mimalloc", "bdwgc",         "bdwgc-incremental"};

/* What an executable prints of a run. */
struct sample {
  double seconds;
  double processor_seconds;
  double collection_seconds;
  double collections;
  double peak_bytes;
  double operations;
  uint64_t check;
};

struct peers {
  char paths[GC_SYSTEMS][4160];
  bool built[GC_SYSTEMS];
  bool failed[GC_SYSTEMS]; /* at the current size */
  bool left_out[GC_SYSTEMS];
  struct sample samples[GC_SYSTEMS][GC_RUNS_MAX];
};

static bool runs(const struct peers *peers, size_t system)
{
  return peers->built[system] && !peers->failed[system] && !peers->left_out[system];
}

/* ---- running ---- */

static void find_peers(struct peers *peers, const struct gc_options *options)
{
  for (size_t i = 0; i < GC_SYSTEMS; i++) {
    peers->built[i] = options->chosen[i] &&
                      child_find(systems[i].executable, peers->paths[i], sizeof peers->paths[i]);
    if (options->chosen[i] && !peers->built[i])
      fprintf(stderr, "slotheap-bench: %s was not built; %s is left out\n", systems[i].executable,
              gc_system_names[i]);
  }
}

static bool run_once(const struct peers *peers, size_t system, const struct gc_bench *bench,
                     uint64_t size, uint64_t seed, struct sample *out)
{
  char size_text[24], seed_text[24], line[256];
  char *arguments[] = {(char *)systems[system].executable,
                       (char *)bench->name,
                       size_text,
                       seed_text,
                       (char *)systems[system].mode,
                       NULL};

  snprintf(size_text, sizeof size_text, "%" PRIu64, size);
  snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
  return child_run(peers->paths[system], arguments, line, sizeof line) &&
         sscanf(line, "%lf %lf %lf %lf %lf %lf %" SCNu64, &out->seconds, &out->processor_seconds,
                &out->collection_seconds, &out->collections, &out->peak_bytes, &out->operations,
                &out->check) == 7;
}

/* All systems have run the same program to the same end, or one is wrong. */
static bool agrees(const struct peers *peers, size_t system, uint64_t run)
{
  for (size_t i = 0; i < system; i++)
    if (runs(peers, i) && peers->samples[i][run].check != peers->samples[system][run].check) {
      progress_clear();
      fprintf(stderr, "slotheap-bench: %s comes to another result than %s\n",
              gc_system_names[system], gc_system_names[i]);
      return false;
    }
  return true;
}

/* In turns, so that whatever else the machine does meets all of them. */
static void run_size(struct peers *peers, const struct gc_bench *bench,
                     const struct gc_options *options, size_t number)
{
  uint64_t size = options->sizes.values[number];
  char label[64];

  snprintf(label, sizeof label, "%s, %s=%" PRIu64, bench->name, bench->size, size);
  memset(peers->failed, 0, sizeof peers->failed);
  for (uint64_t run = 0; run < options->runs; run++) {
    progress_show(label, (double)(number * options->runs + run) /
                             (double)(options->sizes.count * options->runs));
    for (size_t i = 0; i < GC_SYSTEMS; i++)
      if (runs(peers, i))
        peers->failed[i] =
            !run_once(peers, i, bench, size, options->settings.seed, &peers->samples[i][run]) ||
            !agrees(peers, i, run);
  }
  progress_clear();
}

/* ---- figures ---- */

/* The least that the program cost in this turn, in processor time or not.
 * Collections are timed by the wall clock; they have the same share of both. */
static double distilled(const struct peers *peers, uint64_t run, bool processor)
{
  double least = NAN;

  for (size_t i = 0; i < GC_SYSTEMS; i++) {
    const struct sample *sample = &peers->samples[i][run];
    double cost = processor ? sample->processor_seconds : sample->seconds;

    if (runs(peers, i))
      least = fmin(least, cost * (1 - sample->collection_seconds / sample->seconds));
  }
  return least;
}

enum figure {
  SECONDS,
  CPU_SECONDS,
  NANOSECONDS_EACH,
  OVERHEAD,
  CPU_OVERHEAD,
  PEAK_BYTES,
  COLLECTIONS,
  FIGURES
};

static double figure_of(const struct peers *peers, size_t system, uint64_t run, enum figure figure)
{
  const struct sample *sample = &peers->samples[system][run];

  switch (figure) {
  case SECONDS:
    return sample->seconds;
  case CPU_SECONDS:
    return sample->processor_seconds;
  case NANOSECONDS_EACH:
    return sample->seconds * 1e9 / sample->operations;
  case OVERHEAD:
    return sample->seconds / distilled(peers, run, false);
  case CPU_OVERHEAD:
    return sample->processor_seconds / distilled(peers, run, true);
  case PEAK_BYTES:
    return sample->peak_bytes;
  default:
    return sample->collections;
  }
}

static void metric_name(const struct gc_bench *bench, enum figure figure, char *name, size_t size)
{
  static const char *const names[FIGURES] = {
      "seconds", "cpu_seconds", "ns_per_", "overhead", "cpu_overhead", "peak_bytes", "collections"};

  snprintf(name, size, "%s%s", names[figure], figure == NANOSECONDS_EACH ? bench->unit : "");
}

static bool add_size(struct report *report, const struct peers *peers, const struct gc_bench *bench,
                     const struct gc_options *options, uint64_t size)
{
  bool good = true;
  char name[64], metric[32];

  snprintf(name, sizeof name, "%s=%" PRIu64, bench->size, size);
  for (size_t i = 0; i < GC_SYSTEMS; i++) {
    good &= !peers->failed[i];
    for (enum figure figure = 0; figure < FIGURES && options->chosen[i]; figure++) {
      double samples[GC_RUNS_MAX];
      size_t count = runs(peers, i) ? options->runs : 0;

      if (peers->left_out[i] || (figure == COLLECTIONS && !systems[i].collects))
        continue;
      for (size_t run = 0; run < count; run++)
        samples[run] = figure_of(peers, i, run, figure);
      metric_name(bench, figure, metric, sizeof metric);
      report_add(report, bench->name, name, gc_system_names[i], metric, samples, count);
    }
  }
  return good;
}

/* ---- what others call ---- */

/* Says what to run where the options do not; true if that is all systems. */
static bool fill_in(const struct gc_bench *bench, struct gc_options *options)
{
  bool all_systems = options_choose_all(options->chosen, GC_SYSTEMS);

  if (options->sizes.count == 0)
    options->sizes = options->settings.quick ? bench->sizes_quick
                     : options->settings.all ? bench->sizes_in_all
                                             : bench->sizes;
  if (options->runs == 0)
    options->runs = RUNS;
  return all_systems;
}

bool gc_measure(struct report *report, const struct gc_bench *bench, struct gc_options *options)
{
  struct peers *peers = memory_new(1, sizeof *peers);
  bool all_systems = fill_in(bench, options);
  bool good = true;

  find_peers(peers, options);
  /* What is started from here inherits the processor. */
  if (!pin_thread(pin_processors() - 1))
    fprintf(stderr, "slotheap-bench: cannot bind to one processor; expect noise\n");
  for (size_t i = 0; i < options->sizes.count; i++) {
    uint64_t size = options->sizes.values[i];

    for (size_t j = 0; j < GC_SYSTEMS; j++)
      peers->left_out[j] = all_systems && systems[j].slow && size >= bench->long_from;
    run_size(peers, bench, options, i);
    good &= add_size(report, peers, bench, options, size);
  }
  pin_release();
  free(peers);
  return good;
}

static void tabulate_row(const struct report *report, struct table *table,
                         const struct gc_bench *bench, const char *name, const char *system)
{
  const struct report_entry *found[FIGURES];

  for (enum figure figure = 0; figure < FIGURES; figure++) {
    char metric[32];

    metric_name(bench, figure, metric, sizeof metric);
    found[figure] = report_find(report, bench->name, name, system, metric);
  }
  if (found[SECONDS] == NULL)
    return;
  table_cell(table, "%s", system);
  if (found[SECONDS]->runs == 0) {
    table_cell(table, "not run");
  } else {
    table_nanoseconds(table, found[NANOSECONDS_EACH]->median);
    table_nanoseconds(table, found[SECONDS]->median * 1e9);
    table_nanoseconds(table, found[CPU_SECONDS]->median * 1e9);
    table_cell(table, "%.2fx", found[OVERHEAD]->median);
    table_cell(table, "%.2fx", found[CPU_OVERHEAD]->median);
    table_bytes(table, found[PEAK_BYTES]->median);
    if (found[COLLECTIONS] != NULL)
      table_number(table, found[COLLECTIONS]->median);
  }
  table_end_row(table);
}

void gc_tabulate(const struct report *report, struct table *table, const struct gc_bench *bench)
{
  const char *cases[OPTIONS_LIST_MAX];
  size_t count = report_cases(report, bench->name, cases, OPTIONS_LIST_MAX);

  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      table_end_row(table);
    table_cell(table, "%s, %s", bench->name, cases[i]);
    table_cell(table, "a %s", bench->unit);
    table_cell(table, "wall");
    table_cell(table, "cpu");
    table_cell(table, "overhead");
    table_cell(table, "of cpu");
    table_cell(table, "peak");
    table_cell(table, "collections");
    table_end_row(table);
    for (size_t j = 0; j < GC_SYSTEMS; j++)
      tabulate_row(report, table, bench, cases[i], gc_system_names[j]);
  }
}
