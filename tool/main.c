/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap, the command: the list of subcommands, and the choice among them. */
#include "tool/tool.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
  const char *name;
  const char *summary; /* a line of --help */
  int (*run)(int argc, char **argv);
} commands[] = {
    {"inspect", "what is in an image file, or why it is none", tool_inspect},
    {"options", "what can be set of pools, runtimes and heaps", tool_options},
    {"plan", "what the options of a pool come to, or why they fail", tool_plan},
    {"probe", "which features the kernel has, and what is used", tool_probe},
#ifdef HAVE_YAJL
    {"snapshot", "an image file's objects, for Chrome DevTools", tool_snapshot},
    {"summary", "an image file's objects by type, and who retains most", tool_summary},
#endif
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* Adds the list of subcommands to --help. */
static char *add_commands(int key, const char *text, void *input)
{
  char *list = NULL;
  size_t size;
  FILE *stream;

  (void)input;
  if (key != ARGP_KEY_HELP_POST_DOC || !(stream = open_memstream(&list, &size)))
    return (char *)text;
  fputs("Commands:\n", stream);
  for (size_t i = 0; i < COMMANDS; i++)
    fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fputs("\n'slotheap COMMAND --help' tells more.", stream);
  fclose(stream);
  return list;
}

static void refuse(const struct argp_state *state, const char *name)
{
  char names[128] = "";
  size_t length = 0;

  for (size_t i = 0; i < COMMANDS; i++)
    length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                               i == 0             ? ""
                               : i + 1 < COMMANDS ? ", "
                                                  : " and ",
                               commands[i].name);
  argp_error(state, "no command '%s'; there are %s", name, names);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  static char name[64];

  if (key == ARGP_KEY_NO_ARGS)
    argp_usage(state);
  if (key != ARGP_KEY_ARG)
    return ARGP_ERR_UNKNOWN;
  for (size_t i = 0; i < COMMANDS; i++) {
    int argc = state->argc - state->next + 1;
    char **argv = state->argv + state->next - 1;

    if (strcmp(text, commands[i].name) != 0)
      continue;
    snprintf(name, sizeof name, "slotheap %s", text);
    argv[0] = name;
    state->next = state->argc;
    *(int *)state->input = commands[i].run(argc, argv);
    return 0;
  }
  refuse(state, text);
  return 0;
}

int main(int argc, char **argv)
{
  static const struct argp argp = {
      .parser = parse,
      .args_doc = "COMMAND [OPTION...]",
      .doc = "What slotheap finds on this machine, what pools come to, and what image files "
             "hold.\v ",
      .help_filter = add_commands,
  };
  int status = 0;

  argp_program_version = slh_build_text();
  argp_err_exit_status = 2;
  argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &status);
  return fflush(stdout) == 0 ? status : EXIT_FAILURE;
}
