/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench: the list of subcommands, and the choice among them. */
#include "bench.h"
#include "memory.h"

#include <argp.h>
#include <slotheap/base.h>
#include <stdlib.h>
#include <string.h>

const struct command *const commands[] = {&command_all,     &command_serve,    &command_store,
                                          &command_scaling, &command_image,    &command_evacuate,
                                          &command_large,   &command_roots,    &command_drop,
                                          &command_trees,   &command_gcbench,  &command_splay,
                                          &command_lru,     &command_strings,  &command_pause,
                                          &command_policy,  &command_decommit, &command_touch,
                                          &command_density, &command_report,   NULL};

static const struct command *chosen;

static void print_version(FILE *stream, struct argp_state *state)
{
  fprintf(stream, "slotheap-bench (slotheap) %s\n", slh_version());
}

/* Adds the list of subcommands to --help. */
static char *help_filter(int key, const char *text, void *input)
{
  char *list = NULL;
  size_t size;
  FILE *stream;

  if (key != ARGP_KEY_HELP_POST_DOC || (stream = open_memstream(&list, &size)) == NULL)
    return (char *)text;
  fputs("Commands:\n", stream);
  for (size_t i = 0; commands[i] != NULL; i++)
    fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
  fputs("\n`slotheap-bench COMMAND --help' lists the options of a command.", stream);
  fclose(stream);
  return list;
}

static void choose(struct argp_state *state, const char *name)
{
  char names[256] = "";

  for (size_t i = 0; commands[i] != NULL; i++) {
    if (strcmp(commands[i]->name, name) == 0)
      chosen = commands[i];
    snprintf(names + strlen(names), sizeof names - strlen(names), " %s", commands[i]->name);
  }
  if (chosen == NULL)
    argp_error(state, "there is no command '%s'; there are:%s", name, names);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  switch (key) {
  case ARGP_KEY_ARG:
    choose(state, text);
    /* The rest is for the command. */
    *(int *)state->input = state->next;
    state->next = state->argc;
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_usage(state);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

/* Prints the table unless JSON was asked for. */
static int run(const struct command *command, int argc, char **argv)
{
  struct settings *settings = memory_new(1, command->bytes);
  struct report *report;
  bool measured;

  settings->seed = 1;
  options_read(argc, argv, command->doc, command->options, command->check, settings);
  report = report_new(settings->json);
  measured = command->measure(report, settings);
  if (!settings->json && report_count(report) > 0) {
    struct table *table = table_new();

    command->tabulate(report, table);
    table_print(table, stdout);
    table_free(table);
  }
  report_free(report);
  free(settings);
  return measured ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
  static const struct argp argp = {
      .parser = parse,
      .args_doc = "COMMAND [OPTION...]",
      .doc = "Measures slotheap, and what else could take its place.\v ",
      .help_filter = help_filter,
  };
  char name[64];
  int next = argc;

  argp_program_version_hook = print_version;
  argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &next);
  /* Under this name the command speaks in its messages. */
  snprintf(name, sizeof name, "slotheap-bench %s", chosen->name);
  argv[next - 1] = name;
  argc -= next - 1;
  argv += next - 1;
  return chosen->main != NULL ? chosen->main(argc, argv) : run(chosen, argc, argv);
}
