/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap options: what can be set of pools, runtimes and heaps. */
#include <inttypes.h>
#include <stdio.h>

#include "tool/tool.h"

static const struct {
  slh_option_struct of;
  const char *name;
} structs[] = {{SLH_OPTION_OF_POOL, "slh_pool_options"},
               {SLH_OPTION_OF_RUNTIME, "slh_runtime_options"},
               {SLH_OPTION_OF_HEAP, "slh_heap_options"}};

static const char *const kinds[] = {
    [SLH_OPTION_COUNT] = "count",   [SLH_OPTION_BYTES] = "bytes",   [SLH_OPTION_TIME] = "time",
    [SLH_OPTION_SWITCH] = "switch", [SLH_OPTION_CHOICE] = "choice",
};

static bool is_number(const slh_option *option)
{
  return option->kind < SLH_OPTION_SWITCH;
}

/* As it can be set, exactly: in a buffer that the next three calls keep. */
static const char *as_text(const slh_option *option, uint64_t value)
{
  static const char *const suffixes[] = {"", "K", "M", "G", "T"};
  static char buffers[4][32];
  static unsigned next;
  char *buffer = buffers[next++ % 4];
  unsigned suffix = 0;

  if (option->words && option->kind != SLH_OPTION_CHOICE && value == UINT64_MAX)
    return option->words[0];
  while (option->kind == SLH_OPTION_BYTES && value != 0 && value % 1024 == 0 && suffix < 4) {
    value /= 1024;
    suffix++;
  }
  snprintf(buffer, sizeof buffers[0], "%" PRIu64 "%s", value, suffixes[suffix]);
  return buffer;
}

static const char *initial_text(const slh_option *option)
{
  switch (option->kind) {
  case SLH_OPTION_SWITCH:
    return "no";
  case SLH_OPTION_CHOICE:
    return option->words[0];
  default:
    return option->initial ? as_text(option, option->initial) : "-";
  }
}

static void print_json(const char *name, const slh_option *option)
{
  printf("{\"struct\": \"%s\", \"name\": \"%s\", \"kind\": \"%s\", \"default\": \"%s\"", name,
         option->name, kinds[option->kind], initial_text(option));
  if (is_number(option))
    printf(", \"least\": %" PRIu64 ", \"most\": %" PRIu64, option->least, option->most);
  if (option->words) {
    printf(", \"words\": \"%s", option->words[0]);
    for (size_t i = 1; option->words[i]; i++)
      printf(" %s", option->words[i]);
    putchar('"');
  }
  printf(", \"text\": \"%s\"}\n", option->text);
}

static void print_allowed(const slh_option *option)
{
  if (option->kind == SLH_OPTION_SWITCH)
    fputs("yes, no", stdout);
  if (is_number(option))
    printf("%s to %s", as_text(option, option->least), as_text(option, option->most));
  for (size_t i = 0; option->words && option->words[i]; i++) {
    /* A word for the largest value stands in its place already, if that is in the range. */
    if (!is_number(option))
      printf("%s%s", i == 0 ? "" : ", ", option->words[i]);
    else if (option->most != UINT64_MAX)
      printf(", %s", option->words[i]);
  }
}

static void print_text(const slh_option *option)
{
  printf("  %-23s%-12s", option->name, initial_text(option));
  print_allowed(option);
  printf("\n    %s\n", option->text);
}

int tool_options(int argc, char **argv)
{
  bool json = tool_json(argc, argv,
                        "Prints the name, the default and the range of each option of pools, "
                        "runtimes and heaps. A default of - is said below it.");

  for (size_t i = 0; i < sizeof structs / sizeof *structs; i++) {
    const slh_option *option = NULL;

    if (!json)
      printf("%s%s\n", i == 0 ? "" : "\n", structs[i].name);
    while ((option = slh_option_next(structs[i].of, option)) != NULL) {
      if (json)
        print_json(structs[i].name, option);
      else
        print_text(option);
    }
  }
  return 0;
}
