/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Numbers, sizes and lists out of command lines. */
#include "options.h"
#include "bench.h"
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

enum {
  KEY_JSON = 0x100,
  KEY_QUICK,
  KEY_SEED
};

static const struct argp_option settings_options[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON object a line, nothing else", 1},
    {"quick", KEY_QUICK, NULL, 0, "A first impression in seconds; too short for figures to quote",
     1},
    {"seed", KEY_SEED, "NUMBER", 0, "Seed of all random choices (default 1)", 1},
    {0}};

static error_t parse_settings(int key, char *text, struct argp_state *state)
{
  struct settings *settings = state->input;

  switch (key) {
  case ARGP_KEY_ARG:
    /* The name is "slotheap-bench COMMAND". */
    argp_error(state, "'%s' was not expected; %s takes options only", text,
               strrchr(state->name, ' ') + 1);
    return 0;
  case KEY_JSON:
    settings->json = true;
    return 0;
  case KEY_QUICK:
    settings->quick = true;
    return 0;
  case KEY_SEED:
    settings->seed = options_number(state, "--seed", text, 0, UINT64_MAX);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

const struct argp options_settings = {.options = settings_options, .parser = parse_settings};

const struct argp_child options_children[] = {{&options_settings, 0, NULL, 0}, {0}};

/* Reads a number with at most one suffix from `suffixes` (each 1,024 times
 * the one before) up to `end`; false if it is none or too large. */
static bool parse(const char *text, const char *suffixes, char **end, uint64_t *out)
{
  const char *suffix;

  errno = 0;
  *out = strtoull(text, end, 10);
  if (*text < '0' || *text > '9' || errno != 0)
    return false;
  suffix = **end == '\0' ? NULL : strchr(suffixes, **end);
  if (suffix == NULL)
    return true;
  (*end)++;
  return !__builtin_mul_overflow(*out, UINT64_C(1) << 10 * (suffix - suffixes + 1), out);
}

/* argp_error() ends the process; argp's header does not say so. */
static _Noreturn void refuse(struct argp_state *state, const char *message)
{
  argp_error(state, "%s", message);
  exit(argp_err_exit_status);
}

uint64_t options_number(struct argp_state *state, const char *option, const char *text,
                        uint64_t min, uint64_t max)
{
  char message[200];
  uint64_t value;
  char *end;

  if (parse(text, "", &end, &value) && *end == '\0' && value >= min && value <= max)
    return value;
  snprintf(message, sizeof message,
           "%s is '%.40s'; it must be a whole number from %" PRIu64 " to %" PRIu64, option, text,
           min, max);
  refuse(state, message);
}

uint64_t options_size(struct argp_state *state, const char *option, const char *text, uint64_t min,
                      uint64_t max)
{
  char message[200];
  uint64_t value;
  char *end;

  if (parse(text, "KMG", &end, &value) && *end == '\0' && value >= min && value <= max)
    return value;
  snprintf(message, sizeof message,
           "%s is '%.40s'; it must be bytes from %" PRIu64 " to %" PRIu64
           ", or such a number of K, M or G",
           option, text, min, max);
  refuse(state, message);
}

double options_decimal(struct argp_state *state, const char *option, const char *text, double min,
                       double max)
{
  char message[200];
  char *end;
  double value = strtod(text, &end);

  if (end != text && *end == '\0' && value >= min && value <= max)
    return value;
  snprintf(message, sizeof message, "%s is '%.40s'; it must be a number from %g to %g", option,
           text, min, max);
  refuse(state, message);
}

/* "a, b and c" */
static void enumerate(char *text, size_t size, const char *const *names, size_t count)
{
  size_t length = 0;

  for (size_t i = 0; i < count; i++)
    length += (size_t)snprintf(text + length, length < size ? size - length : 0, "%s%s",
                               i == 0          ? ""
                               : i + 1 < count ? ", "
                                               : " and ",
                               names[i]);
}

void options_choose(struct argp_state *state, const char *option, const char *list,
                    const char *const *names, size_t count, bool *chosen)
{
  char *copy = memory_string(list);
  char *rest = copy;
  char all[256];

  for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
    size_t i = 0;

    while (i < count && strcmp(names[i], name) != 0)
      i++;
    if (i == count) {
      enumerate(all, sizeof all, names, count);
      argp_error(state, "%s has '%s'; there are %s", option, name, all);
    } else {
      chosen[i] = true;
    }
  }
  free(copy);
}

void options_numbers(struct argp_state *state, const char *option, const char *text, uint64_t min,
                     uint64_t max, struct options_list *out)
{
  char message[200];
  const char *next = text;
  char *end;

  out->count = 0;
  while (out->count < OPTIONS_LIST_MAX && parse(next, "", &end, &out->values[out->count]) &&
         out->values[out->count] >= min && out->values[out->count] <= max) {
    out->count++;
    if (*end == '\0')
      return;
    if (*end != ',')
      break;
    next = end + 1;
  }
  snprintf(message, sizeof message,
           "%s is '%.40s'; it must be up to %d numbers from %" PRIu64 " to %" PRIu64
           " with commas between them",
           option, text, OPTIONS_LIST_MAX, min, max);
  refuse(state, message);
}
