/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench is a set of subcommands. One is a struct command, in a file
 * of its own and in the list in main.c; `all` runs each that can measure.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "options.h"
#include "report.h"
#include "table.h"

#include <stdbool.h>
#include <stdint.h>

struct command {
  const char *name;
  const char *summary; /* one line of `slotheap-bench --help` */
  const char *doc;     /* what `slotheap-bench COMMAND --help` begins with */

  /* What it is asked for. The struct is a struct settings, or begins with one; what
   * was not given is 0, and means the default. */
  const struct option_row *options;
  size_t bytes; /* of the struct */
  options_check *check;

  /* False after a line on stderr that says what failed. */
  bool (*measure)(struct report *report, void *options);

  /* Adds what the report has of it to the table. */
  void (*tabulate)(const struct report *report, struct table *table);

  bool alone; /* `all` leaves it out */

  /* In place of all this: reads its own arguments and runs. NULL: as said above. */
  int (*main)(int argc, char **argv);
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

#endif
