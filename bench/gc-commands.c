/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench trees, gcbench, splay, lru, strings: see gc.h. */
#include "gc.h"
#include "memory.h"

#include <inttypes.h>

static const struct gc_bench bench_trees = {
    .name = "trees",
    .size = "depth",
    .unit = "node",
    .sizes = {{16, 18, 20}, 3},
    .sizes_in_all = {{16}, 1},
    .sizes_quick = {{12}, 1},
    .least = 6,
    .most = 24,
    .long_from = 20,
};

static const struct gc_bench bench_gcbench = {
    .name = "gcbench",
    .size = "depth",
    .unit = "node",
    .sizes = {{16, 18}, 2},
    .sizes_in_all = {{16}, 1},
    .sizes_quick = {{10}, 1},
    .least = 4,
    .most = 22,
    .long_from = UINT64_MAX,
};

static const struct gc_bench bench_splay = {
    .name = "splay",
    .size = "nodes",
    .unit = "step",
    .sizes = {{8000, 50000}, 2},
    .sizes_in_all = {{8000}, 1},
    .sizes_quick = {{2000}, 1},
    .least = 2,
    .most = 1000000,
    .long_from = UINT64_MAX,
};

static const struct gc_bench bench_lru = {
    .name = "lru",
    .size = "entries",
    .unit = "request",
    .sizes = {{10000, 100000}, 2},
    .sizes_in_all = {{10000}, 1},
    .sizes_quick = {{2000}, 1},
    .least = 2,
    .most = 1000000,
    .long_from = UINT64_MAX,
};

static const struct gc_bench bench_strings = {
    .name = "strings",
    .size = "kept",
    .unit = "string",
    .sizes = {{10000, 100000}, 2},
    .sizes_in_all = {{10000}, 1},
    .sizes_quick = {{2000}, 1},
    .least = 1,
    .most = 1000000,
    .long_from = UINT64_MAX,
};

/* ---- arguments ---- */

enum {
  KEY_SIZES = 0x200,
  KEY_RUNS,
  KEY_SYSTEMS
};

/* What argp hands to the parser. */
struct input {
  struct gc_options options;
  const struct gc_bench *bench;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct input *input = state->input;

  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &input->options.settings;
    return 0;
  case KEY_SIZES:
    options_numbers(state, input->bench->size, text, input->bench->least, input->bench->most,
                    &input->options.sizes);
    return 0;
  case KEY_RUNS:
    input->options.runs = options_number(state, "--runs", text, 1, GC_RUNS_MAX);
    return 0;
  case KEY_SYSTEMS:
    options_choose(state, "--systems", text, gc_system_names, GC_SYSTEMS, input->options.chosen);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static void print_sizes(const struct gc_bench *bench, char *text, size_t size)
{
  int length = snprintf(text, size, "Sizes to run: %s (default ", bench->size);

  for (size_t i = 0; i < bench->sizes.count; i++)
    length += snprintf(text + length, size - (size_t)length, "%s%" PRIu64, i > 0 ? "," : "",
                       bench->sizes.values[i]);
  snprintf(text + length, size - (size_t)length, ")");
}

static int main_of(const struct command *command, const struct gc_bench *bench, int argc,
                   char **argv)
{
  static const struct argp_child children[] = {{&options_settings, 0, NULL, 0}, {0}};
  char sizes[160];
  const struct argp_option list[] = {
      {bench->size, KEY_SIZES, "LIST", 0, sizes, 0},
      {"runs", KEY_RUNS, "NUMBER", 0, "Runs of each (default 3)", 0},
      {"systems", KEY_SYSTEMS, "LIST", 0,
       "Which to run (default all): slotheap,slotheap-full,slotheap-drc,null,glibc,jemalloc,"
       "mimalloc,bdwgc,bdwgc-incremental",
       0},
      {0}};
  const struct argp argp = {
      .options = list,
      .parser = parse,
      .doc = "Runs a program that makes garbage with slotheap, with allocators and with another "
             "collector. Prints the median of all runs; overhead is over the least that the "
             "program was seen to cost without collections.",
      .children = children};
  struct input input = {{.settings = SETTINGS_INIT}, bench};
  struct report *report;

  print_sizes(bench, sizes, sizeof sizes);
  argp_parse(&argp, argc, argv, 0, NULL, &input);
  report = report_new(input.options.settings.json);
  return bench_finish(command, report, &input.options.settings,
                      gc_measure(report, bench, &input.options, false));
}

static bool measure_of(const struct gc_bench *bench, struct report *report,
                       const struct settings *settings)
{
  struct gc_options options = {.settings = *settings};

  return gc_measure(report, bench, &options, true);
}

/* ---- the commands; they have no context of their own to be told apart by ---- */

#define COMMAND(NAME, SUMMARY)                                                                     \
  static int main_##NAME(int argc, char **argv)                                                    \
  {                                                                                                \
    return main_of(&command_##NAME, &bench_##NAME, argc, argv);                                    \
  }                                                                                                \
  static bool measure_##NAME(struct report *report, const struct settings *settings)               \
  {                                                                                                \
    return measure_of(&bench_##NAME, report, settings);                                            \
  }                                                                                                \
  static void tabulate_##NAME(const struct report *report, struct table *table)                    \
  {                                                                                                \
    gc_tabulate(report, table, &bench_##NAME);                                                     \
  }                                                                                                \
  const struct command command_##NAME = {#NAME, SUMMARY, main_##NAME, measure_##NAME,              \
                                         tabulate_##NAME};

COMMAND(trees, "binary trees, against allocators and a collector")
COMMAND(gcbench, "Boehm's GCBench, against the same")
COMMAND(splay, "a splay tree with payloads: many references are written")
COMMAND(lru, "a cache: the old refers to the young")
COMMAND(strings, "short strings are joined, and some are kept")
