/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench is a set of subcommands. One is a struct command, in a file
 * of its own and in the list in main.c; `all` runs each that can measure.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "report.h"
#include "table.h"

#include <stdbool.h>
#include <stdint.h>

/* What every subcommand is asked for. */
struct settings {
  bool json;  /* print JSON objects, not a table */
  bool quick; /* a first impression, in seconds */
  uint64_t seed;
};

#define SETTINGS_INIT                                                                              \
  {                                                                                                \
    false, false, 1                                                                                \
  }

struct command {
  const char *name;
  const char *summary; /* one line of `slotheap-bench --help` */

  /* Reads its own arguments and runs; the process exits with the result. */
  int (*main)(int argc, char **argv);

  /* For `all`: measures with the defaults. False after a line on stderr that
   * says what failed. NULL: `all` leaves this one out. */
  bool (*measure)(struct report *report, const struct settings *settings);

  /* Adds what the report has of it to the table. */
  void (*tabulate)(const struct report *report, struct table *table);
};

/* All of them, NULL at the end. */
extern const struct command *const commands[];

extern const struct command command_all;
extern const struct command command_decommit;
extern const struct command command_density;
extern const struct command command_drop;
extern const struct command command_evacuate;
extern const struct command command_gcbench;
extern const struct command command_image;
extern const struct command command_lru;
extern const struct command command_pause;
extern const struct command command_policy;
extern const struct command command_large;
extern const struct command command_report;
extern const struct command command_roots;
extern const struct command command_scaling;
extern const struct command command_serve;
extern const struct command command_splay;
extern const struct command command_store;
extern const struct command command_strings;
extern const struct command command_trees;
extern const struct command command_touch;

/* The main of a subcommand that has no options but the settings. */
int bench_main(const struct command *command, const char *doc,
               bool (*measure)(struct report *report, const struct settings *settings), int argc,
               char **argv);

/* The end of a subcommand's main: prints the table unless JSON was asked for,
 * frees the report, gives the exit status. */
int bench_finish(const struct command *command, struct report *report,
                 const struct settings *settings, bool measured);

#endif
