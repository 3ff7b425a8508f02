/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench all: every command that can measure, one table. */
#include "bench.h"
#include "options.h"

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

static error_t parse(int key, char *text, struct argp_state *state)
{
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = state->input;
    return 0;
  case ARGP_KEY_ARG:
    argp_error(state, "'%s' was not expected; all takes options only", text);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static int main_all(int argc, char **argv)
{
  static const struct argp_child children[] = {{&options_settings, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .parser = parse,
      .doc = "Runs every command, in less than two minutes, and prints one table.",
      .children = children};
  struct settings settings = SETTINGS_INIT;
  struct report *report;

  argp_parse(&argp, argc, argv, 0, NULL, &settings);
  report = report_new(settings.json);
  return bench_finish(&command_all, report, &settings, measure_all(report, &settings));
}

const struct command command_all = {"all", "all of the below, in one table", main_all, NULL,
                                    tabulate_all};
