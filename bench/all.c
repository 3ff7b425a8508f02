/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench all: every command that is not left out, one table. */
#include "bench.h"
#include "memory.h"

/* The settings are given, all else has its default. */
static bool measure_one(const struct command *command, struct report *report,
                        const struct settings *settings)
{
  struct settings *options = memory_new(1, command->bytes);
  bool good;

  *options = *settings;
  good = command->measure(report, options);
  free(options);
  return good;
}

static bool measure(struct report *report, void *options)
{
  struct settings settings = *(struct settings *)options;
  bool good = true;

  settings.all = true;
  for (size_t i = 0; commands[i] != NULL; i++)
    if (!commands[i]->alone)
      good &= measure_one(commands[i], report, &settings);
  return good;
}

static void tabulate(const struct report *report, struct table *table)
{
  bool first = true;

  for (size_t i = 0; commands[i] != NULL; i++)
    if (!commands[i]->alone) {
      if (!first)
        table_end_row(table);
      commands[i]->tabulate(report, table);
      first = false;
    }
}

const struct command command_all = {
    .name = "all",
    .summary = "most of the below, in one table",
    .doc = "Runs all commands but decommit, large, policy, touch and report, in less than two "
           "minutes, and prints one table.",
    .options = options_settings,
    .bytes = sizeof(struct settings),
    .measure = measure,
    .tabulate = tabulate,
    .alone = true,
};
