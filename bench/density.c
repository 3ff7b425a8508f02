/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench density: a million small heaps alive at a time, and what else
 * gives each of as many owners a heap. Each system is an executable beside this
 * one (density-peer.h); they run one after the other.
 */
#include "bench.h"
#include "child.h"
#include "memory.h"
#include "options.h"
#include "pin.h"
#include "progress.h"

#include <inttypes.h>
#include <math.h>

#define HEAPS 1000000
#define HEAPS_IN_ALL 100000
#define QUICK_HEAPS 20000
#define HEAPS_MAX 10000000
#define RUNS_MAX 100
#define MEMORY (UINT64_C(7) << 30)

static const struct system {
  const char *name;
  const char *executable;
  const char *mode;
} systems[] = {
    {"slotheap", "density-slotheap", ""},
    {"slotheap-small", "density-slotheap", "small"},
    {"erlang", "density-erlang", ""},
    {"erlang-awake", "density-erlang", "awake"},
    {"mimalloc-heap", "density-mimalloc-heap", ""},
};
#define SYSTEMS (sizeof systems / sizeof *systems)

/* What an executable prints, in its order. */
enum {
  HEAPS_ALIVE,
  RESIDENT,
  PAGE_TABLES,
  MAPPINGS,
  CREATE,
  COLLECT,
  MUTATE,
  RELEASE,
  METRICS
};
static const char *const metrics[METRICS] = {"heaps_alive",      "resident_bytes_per_heap",
                                             "page_table_bytes", "mappings_added",
                                             "create_ns",        "collect_ns",
                                             "mutate_ns",        "release_ns"};

struct density_options {
  struct settings settings;
  bool chosen[SYSTEMS]; /* none: all */
  uint64_t heaps;       /* 0: the default */
  uint64_t memory;      /* 0: the default */
  uint64_t runs;
};

/* ---- the measurement ---- */

/* What is there without pushing others out; UINT64_MAX if the system does not
 * say. */
static uint64_t available_bytes(void)
{
  FILE *file = fopen("/proc/meminfo", "re");
  uint64_t kib = 0;
  char line[128];

  while (file != NULL && kib == 0 && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "MemAvailable: %" SCNu64, &kib) != 1)
      kib = 0;
  if (file != NULL)
    fclose(file);
  return kib == 0 ? UINT64_MAX : kib * 1024;
}

static void fill_in(struct density_options *options)
{
  uint64_t available = available_bytes() / 4 * 3;

  options_choose_all(options->chosen, SYSTEMS);
  if (options->heaps == 0)
    options->heaps = options->settings.quick ? QUICK_HEAPS
                     : options->settings.all ? HEAPS_IN_ALL
                                             : HEAPS;
  if (options->memory == 0)
    options->memory = MEMORY < available ? MEMORY : available;
  if (options->runs == 0)
    options->runs = 1;
}

static bool run_once(const struct system *system, const char *path,
                     const struct density_options *options, double sample[METRICS])
{
  char heaps[24], bytes[24], line[256];
  char *arguments[] = {(char *)system->executable, heaps, bytes, (char *)system->mode, NULL};

  snprintf(heaps, sizeof heaps, "%" PRIu64, options->heaps);
  snprintf(bytes, sizeof bytes, "%" PRIu64, options->memory);
  if (!child_run(path, arguments, line, sizeof line))
    return false;
  if (sscanf(line, "%lf %lf %lf %lf %lf %lf %lf %lf", &sample[0], &sample[1], &sample[2],
             &sample[3], &sample[4], &sample[5], &sample[6], &sample[7]) != METRICS) {
    progress_clear();
    fprintf(stderr, "slotheap-bench: %s printed '%s'\n", system->executable, line);
    return false;
  }
  sample[RESIDENT] /= sample[HEAPS_ALIVE];
  return true;
}

static void add_system(struct report *report, const char *system,
                       const struct density_options *options, double samples[RUNS_MAX][METRICS])
{
  char name[32];

  snprintf(name, sizeof name, "heaps=%" PRIu64, options->heaps);
  if (samples[0][HEAPS_ALIVE] < (double)options->heaps)
    fprintf(stderr, "slotheap-bench: %s had no more than %.0f heaps; its figures are of those\n",
            system, samples[0][HEAPS_ALIVE]);
  for (int i = 0; i < METRICS; i++) {
    double column[RUNS_MAX];
    size_t count = isnan(samples[0][i]) ? 0 : options->runs;

    for (size_t run = 0; run < count; run++)
      column[run] = samples[run][i];
    report_add(report, "density", name, system, metrics[i], column, count);
  }
}

/* All runs of one, then those of the next: there is memory for one at a time,
 * and some of these take seconds to give theirs back. */
static bool measure_system(struct report *report, size_t number,
                           const struct density_options *options)
{
  static double samples[RUNS_MAX][METRICS];
  const struct system *system = &systems[number];
  char path[4160], label[64];
  bool good = true;

  if (!child_find(system->executable, path, sizeof path)) {
    fprintf(stderr, "slotheap-bench: %s was not built; %s is left out\n", system->executable,
            system->name);
    return true;
  }
  snprintf(label, sizeof label, "density, %s", system->name);
  for (uint64_t run = 0; run < options->runs && good; run++) {
    progress_show(label,
                  (double)(number * options->runs + run) / (double)(SYSTEMS * options->runs));
    good = run_once(system, path, options, samples[run]);
  }
  progress_clear();
  if (good)
    add_system(report, system->name, options, samples);
  return good;
}

static bool measure(struct report *report, void *input)
{
  struct density_options *options = input;
  bool good = true;

  fill_in(options);
  /* What is started from here inherits the processor. */
  if (!pin_thread(pin_processors() - 1))
    fprintf(stderr, "slotheap-bench: cannot bind to one processor; expect noise\n");
  for (size_t i = 0; i < SYSTEMS; i++)
    if (options->chosen[i])
      good &= measure_system(report, i, options);
  pin_release();
  return good;
}

/* ---- the table ---- */

static void tabulate_row(const struct report *report, struct table *table, const char *name,
                         const char *system)
{
  double figures[METRICS];

  for (int i = 0; i < METRICS; i++) {
    const struct report_entry *entry = report_find(report, "density", name, system, metrics[i]);

    if (entry == NULL)
      return;
    figures[i] = entry->median;
  }
  table_cell(table, "%s", system);
  table_number(table, figures[HEAPS_ALIVE]);
  table_cell(table, "%.0f B", figures[RESIDENT]);
  table_bytes(table, figures[PAGE_TABLES]);
  table_cell(table, "%.0f", figures[MAPPINGS]);
  for (int i = CREATE; i <= RELEASE; i++)
    table_nanoseconds(table, figures[i]);
  table_end_row(table);
}

static void tabulate(const struct report *report, struct table *table)
{
  static const char *const headings[METRICS] = {"alive",  "each",    "page tables", "mappings",
                                                "create", "collect", "mutate",      "release"};
  const char *name;

  if (report_cases(report, "density", &name, 1) == 0)
    return;
  table_cell(table, "density, %s", name);
  for (int i = 0; i < METRICS; i++)
    table_cell(table, "%s", headings[i]);
  table_end_row(table);
  for (size_t i = 0; i < SYSTEMS; i++)
    tabulate_row(report, table, name, systems[i].name);
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"heaps", OPTION_NUMBER, offsetof(struct density_options, heaps),
     "Alive at a time (default 1,000,000; 20,000 with --quick)", .least = 1, .most = HEAPS_MAX},
    {"memory", OPTION_SIZE, offsetof(struct density_options, memory),
     "No more heaps once a system has this much in memory (default 7G, or three quarters of what "
     "is available)",
     .least = UINT64_C(1) << 20, .most = UINT64_C(1) << 50},
    {"runs", OPTION_NUMBER, offsetof(struct density_options, runs), "Runs of each (default 1)",
     .least = 1, .most = RUNS_MAX},
    {"systems", OPTION_NAMES, offsetof(struct density_options, chosen),
     "Which to run (default all): slotheap,slotheap-small,erlang,erlang-awake,mimalloc-heap",
     .names = &systems[0].name, .name_count = SYSTEMS, .name_stride = sizeof *systems},
    OPTIONS_SETTINGS,
};

const struct command command_density = {
    .name = "density",
    .summary = "a million small heaps alive at a time",
    .doc = "Keeps a million heaps of 30 objects alive in one process, collects, changes and "
           "releases each. Prints what they take in memory, and the time of each step.",
    .options = option_rows,
    .bytes = sizeof(struct density_options),
    .measure = measure,
    .tabulate = tabulate,
};
