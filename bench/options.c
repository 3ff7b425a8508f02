/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Command lines by tables of options, for argp. */
#include "options.h"
#include "memory.h"
#include "pool/number.h"

#include <inttypes.h>

#define FIRST_KEY 0x200
#define LEAST_SECONDS 0.01

const struct option_row options_settings[] = {OPTIONS_SETTINGS};

/* What argp hands to the parser. */
struct input {
  const struct option_row *options;
  int count;
  options_check *check;
  char *out;
};

/* argp_error() ends the process; argp's header does not say so. */
static _Noreturn void refuse(const struct argp_state *state, const struct option_row *option,
                             const char *text, const char *allowed)
{
  argp_error(state, "--%s is '%.40s'; it must be %s", option->name, text, allowed);
  exit(argp_err_exit_status);
}

/* ---- numbers ---- */

/* "from 1 to 100" */
static const char *range(const struct option_row *option)
{
  static char text[64];

  snprintf(text, sizeof text, "from %" PRIu64 " to %" PRIu64, option->least, option->most);
  return text;
}

static bool read_number(const struct option_row *option, slh_option_kind kind, const char *text,
                        size_t length, uint64_t *out)
{
  return slhi_read_number(kind, text, length, out) && *out >= option->least && *out <= option->most;
}

static uint64_t number(const struct argp_state *state, const struct option_row *option,
                       const char *text)
{
  bool size = option->kind != OPTION_NUMBER;
  char allowed[128];
  uint64_t value;

  if (read_number(option, size ? SLH_OPTION_BYTES : SLH_OPTION_COUNT, text, strlen(text), &value))
    return value;
  snprintf(allowed, sizeof allowed,
           size ? "bytes %s, or such a number of K, M, G or T" : "a whole number %s",
           range(option));
  refuse(state, option, text, allowed);
}

static double seconds(const struct argp_state *state, const struct option_row *option,
                      const char *text)
{
  char allowed[80];
  char *end;
  double value = strtod(text, &end);

  if (end != text && *end == '\0' && value >= LEAST_SECONDS && value <= (double)option->most)
    return value;
  snprintf(allowed, sizeof allowed, "a number from %g to %" PRIu64, LEAST_SECONDS, option->most);
  refuse(state, option, text, allowed);
}

static void add_size(const struct argp_state *state, const struct option_row *option,
                     const char *text, struct options_list *out)
{
  if (out->count == OPTIONS_LIST_MAX)
    argp_error(state, "--%s was given more than %d times", option->name, OPTIONS_LIST_MAX);
  else
    out->values[out->count++] = number(state, option, text);
}

static void list(const struct argp_state *state, const struct option_row *option, const char *text,
                 struct options_list *out)
{
  const char *next = text;
  char allowed[128];

  out->count = 0;
  while (out->count < OPTIONS_LIST_MAX) {
    size_t length = strcspn(next, ",");

    if (!read_number(option, SLH_OPTION_COUNT, next, length, &out->values[out->count]))
      break;
    out->count++;
    if (next[length] == '\0')
      return;
    next += length + 1;
  }
  snprintf(allowed, sizeof allowed, "up to %d numbers %s with commas between them",
           OPTIONS_LIST_MAX, range(option));
  refuse(state, option, text, allowed);
}

/* ---- names ---- */

static const char *name_at(const struct option_row *option, size_t i)
{
  return *(const char *const *)((const char *)option->names + i * option->name_stride);
}

/* "a, b and c" */
static void enumerate(const struct option_row *option, char *text, size_t size)
{
  size_t length = 0;

  for (size_t i = 0; i < option->name_count; i++)
    length += (size_t)snprintf(text + length, length < size ? size - length : 0, "%s%s",
                               i == 0                       ? ""
                               : i + 1 < option->name_count ? ", "
                                                            : " and ",
                               name_at(option, i));
}

static void choose(const struct argp_state *state, const struct option_row *option,
                   const char *text, bool *chosen)
{
  char *copy = memory_string(text);
  char *rest = copy;
  char all[256];

  for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
    size_t i = 0;

    while (i < option->name_count && strcmp(name_at(option, i), name) != 0)
      i++;
    if (i == option->name_count) {
      enumerate(option, all, sizeof all);
      argp_error(state, "--%s has '%s'; there are %s", option->name, name, all);
    } else {
      chosen[i] = true;
    }
  }
  free(copy);
}

bool options_choose_all(bool *chosen, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (chosen[i])
      return false;
  memset(chosen, true, count);
  return true;
}

/* ---- the command line ---- */

static void set(const struct argp_state *state, const struct option_row *option, const char *text,
                void *field)
{
  switch (option->kind) {
  case OPTION_FLAG:
    *(bool *)field = true;
    break;
  case OPTION_NUMBER:
  case OPTION_SIZE:
    *(uint64_t *)field = number(state, option, text);
    break;
  case OPTION_SIZES:
    add_size(state, option, text, field);
    break;
  case OPTION_LIST:
    list(state, option, text, field);
    break;
  case OPTION_SECONDS:
    *(double *)field = seconds(state, option, text);
    break;
  case OPTION_NAMES:
    choose(state, option, text, field);
    break;
  case OPTION_TEXT:
    *(const char **)field = text;
    break;
  }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  const struct input *input = state->input;

  switch (key) {
  case ARGP_KEY_ARG:
    /* The name is "slotheap-bench COMMAND". */
    argp_error(state, "'%s' was not expected; %s takes options only", text,
               strrchr(state->name, ' ') + 1);
    return 0;
  case ARGP_KEY_END:
    if (input->check != NULL)
      input->check(state, input->out);
    return 0;
  default:
    if (key < FIRST_KEY || key >= FIRST_KEY + input->count)
      return ARGP_ERR_UNKNOWN;
    const struct option_row *option = &input->options[key - FIRST_KEY];

    set(state, option, text, input->out + option->field);
    return 0;
  }
}

void options_read(int argc, char **argv, const char *doc, const struct option_row *options,
                  options_check *check, void *out)
{
  static const char *const arguments[] = {
      [OPTION_NUMBER] = "NUMBER",  [OPTION_SIZE] = "SIZE",  [OPTION_SIZES] = "SIZE",
      [OPTION_LIST] = "LIST",      [OPTION_NAMES] = "LIST", [OPTION_TEXT] = NULL,
      [OPTION_SECONDS] = "NUMBER",
  };
  struct input input = {.options = options, .check = check, .out = out};
  struct argp_option *list;
  struct argp argp = {.parser = parse, .doc = doc};

  while (options[input.count].name != NULL)
    input.count++;
  argp.options = list = memory_new((size_t)input.count + 1, sizeof *list);
  for (int i = 0; i < input.count; i++)
    list[i] = (struct argp_option){
        .name = options[i].name,
        .key = FIRST_KEY + i,
        .arg = options[i].argument != NULL ? options[i].argument : arguments[options[i].kind],
        .doc = options[i].text,
        .group = options[i].group,
    };
  argp_parse(&argp, argc, argv, 0, NULL, &input);
  free(list);
}
