/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench trees, gcbench, splay, lru, strings: see gc.h. */
#include "gc.h"

static const struct gc_bench bench_trees = {
    .name = "trees",
    .size = "depth",
    .unit = "node",
    .sizes = {{16, 18, 20}, 3},
    .sizes_in_all = {{16}, 1},
    .sizes_quick = {{12}, 1},
    .long_from = 20,
};

static const struct gc_bench bench_gcbench = {
    .name = "gcbench",
    .size = "depth",
    .unit = "node",
    .sizes = {{16, 18}, 2},
    .sizes_in_all = {{16}, 1},
    .sizes_quick = {{10}, 1},
    .long_from = UINT64_MAX,
};

static const struct gc_bench bench_splay = {
    .name = "splay",
    .size = "nodes",
    .unit = "step",
    .sizes = {{8000, 50000}, 2},
    .sizes_in_all = {{8000}, 1},
    .sizes_quick = {{2000}, 1},
    .long_from = UINT64_MAX,
};

static const struct gc_bench bench_lru = {
    .name = "lru",
    .size = "entries",
    .unit = "request",
    .sizes = {{10000, 100000}, 2},
    .sizes_in_all = {{10000}, 1},
    .sizes_quick = {{2000}, 1},
    .long_from = UINT64_MAX,
};

static const struct gc_bench bench_strings = {
    .name = "strings",
    .size = "kept",
    .unit = "string",
    .sizes = {{10000, 100000}, 2},
    .sizes_in_all = {{10000}, 1},
    .sizes_quick = {{2000}, 1},
    .long_from = UINT64_MAX,
};

/* ---- the commands ---- */

#define FIELD(name) offsetof(struct gc_options, name)
#define DOC                                                                                        \
  "Runs a program that makes garbage with slotheap, with allocators and with another collector. "  \
  "Prints the median of all runs; overhead is over the least that the program was seen to cost "   \
  "without collections."
#define SYSTEMS_TEXT                                                                               \
  "Which to run (default all): slotheap,slotheap-full,slotheap-drc,null,glibc,jemalloc,mimalloc,"  \
  "bdwgc,bdwgc-incremental"

/* SIZE is the option for its one number, and DEFAULTS those of its bench. */
#define COMMAND(NAME, SUMMARY, SIZE, DEFAULTS, LEAST, MOST)                                        \
  static const struct option_row options_##NAME[] = {                                              \
      {SIZE, OPTION_LIST, FIELD(sizes), "Sizes to run: " SIZE " (default " DEFAULTS ")",           \
       .least = LEAST, .most = MOST},                                                              \
      {"runs", OPTION_NUMBER, FIELD(runs), "Runs of each (default 3)", .least = 1,                 \
       .most = GC_RUNS_MAX},                                                                       \
      {"systems", OPTION_NAMES, FIELD(chosen), SYSTEMS_TEXT, .names = gc_system_names,             \
       .name_count = GC_SYSTEMS, .name_stride = sizeof *gc_system_names},                          \
      OPTIONS_SETTINGS,                                                                            \
  };                                                                                               \
  static bool measure_##NAME(struct report *report, void *options)                                 \
  {                                                                                                \
    return gc_measure(report, &bench_##NAME, options);                                             \
  }                                                                                                \
  static void tabulate_##NAME(const struct report *report, struct table *table)                    \
  {                                                                                                \
    gc_tabulate(report, table, &bench_##NAME);                                                     \
  }                                                                                                \
  const struct command command_##NAME = {                                                          \
      .name = #NAME,                                                                               \
      .summary = SUMMARY,                                                                          \
      .doc = DOC,                                                                                  \
      .options = options_##NAME,                                                                   \
      .bytes = sizeof(struct gc_options),                                                          \
      .measure = measure_##NAME,                                                                   \
      .tabulate = tabulate_##NAME,                                                                 \
  };

COMMAND(trees, "binary trees, against allocators and a collector", "depth", "16,18,20", 6, 24)
COMMAND(gcbench, "Boehm's GCBench, against the same", "depth", "16,18", 4, 22)
COMMAND(splay, "a splay tree with payloads: many references are written", "nodes", "8000,50000", 2,
        1000000)
COMMAND(lru, "a cache: the old refers to the young", "entries", "10000,100000", 2, 1000000)
COMMAND(strings, "short strings are joined, and some are kept", "kept", "10000,100000", 1, 1000000)
