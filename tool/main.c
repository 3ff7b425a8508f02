/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "tool/tool.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"inspect", tool_inspect},   {"options", tool_options},
    {"plan", tool_plan},         {"probe", tool_probe},
#ifdef HAVE_YAJL
    {"snapshot", tool_snapshot}, {"summary", tool_summary},
#endif
};

#ifdef HAVE_YAJL
#define COMMANDS "inspect, options, plan, probe, snapshot and summary"
#else
#define COMMANDS "inspect, options, plan and probe"
#endif

static error_t parse(int key, char *text, struct argp_state *state)
{
  static char name[64];

  if (key == ARGP_KEY_NO_ARGS)
    argp_usage(state);
  if (key != ARGP_KEY_ARG)
    return ARGP_ERR_UNKNOWN;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
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
  argp_error(state, "no command '%s'; there are " COMMANDS, text);
  return 0;
}

int main(int argc, char **argv)
{
  static const char doc[] = "What slotheap finds on this machine, what pools come to, and "
                            "what image files hold.\v"
                            "Commands:\n"
                            "  inspect  what is in an image file, or why it is none\n"
                            "  options  what can be set of pools, runtimes and heaps\n"
                            "  plan     what the options of a pool come to, or why they fail\n"
                            "  probe    which features the kernel has, and what is used\n"
#ifdef HAVE_YAJL
                            "  snapshot an image file's objects, for Chrome DevTools\n"
                            "  summary  an image file's objects by type, and who retains most\n"
#endif
                            "\n"
                            "'slotheap COMMAND --help' tells more.";
  struct argp argp = {.parser = parse, .args_doc = "COMMAND [OPTION...]", .doc = doc};
  int status = 0;

  argp_program_version = slh_build_text();
  argp_err_exit_status = 2;
  argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &status);
  return fflush(stdout) == 0 ? status : EXIT_FAILURE;
}
