/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench all: every command that can measure, one table. */
#include "bench.h"

static bool measure_all(struct report *report, const struct settings *settings)
{
  bool good = true;

  for (size_t i = 0; commands[i] != NULL; i++)
    if (commands[i]->measure != NULL)
      good &= commands[i]->measure(report, settings);
  return good;
}

static void tabulate_all(const struct report *report, struct table *table)
{
  bool first = true;

  for (size_t i = 0; commands[i] != NULL; i++)
    if (commands[i]->measure != NULL) {
      if (!first)
        table_end_row(table);
      commands[i]->tabulate(report, table);
      first = false;
    }
}

static int main_all(int argc, char **argv)
{
  static const char doc[] =
      "Runs all commands but decommit, large, policy, touch and report, in less than two minutes, "
      "and prints one table.";

  return bench_main(&command_all, doc, measure_all, argc, argv);
}

const struct command command_all = {"all", "most of the below, in one table", main_all, NULL,
                                    tabulate_all};
