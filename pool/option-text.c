/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Reads options from text by a table, and checks them by it. */
#include <inttypes.h>
#include <stdio.h>

#include "pool/error.h"
#include "pool/number.h"
#include "pool/option-table.h"
#include "pool/options.h"

#define BLANKS " \t"
#define SEPARATORS BLANKS ",\r\n"
#define NAME_MOST 32 /* of names that are compared */
#define SHOWN 24     /* bytes of a word that a message shows */

struct word {
  const char *at;
  size_t length;
};

#define SHOW(word) (int)((word).length < SHOWN ? (word).length : SHOWN), (word).at

static bool word_is(struct word word, const char *text)
{
  return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

/* A place in `words`, or -1. */
static int find_word(const char *const *words, struct word word)
{
  for (int i = 0; words && words[i]; i++) {
    if (word_is(word, words[i]))
      return i;
  }
  return -1;
}

/* ---- fields ---- */

static uint64_t get(const void *options, const slh_option *option)
{
  const char *field = (const char *)options + option->offset;
  uint64_t wide;
  uint32_t narrow;

  switch (option->field_bytes) {
  case sizeof wide:
    memcpy(&wide, field, sizeof wide);
    return wide;
  case sizeof narrow:
    memcpy(&narrow, field, sizeof narrow);
    return narrow;
  default:
    return *field != 0; /* whatever is in it: not every byte is a bool */
  }
}

static void set(void *options, const slh_option *option, uint64_t value)
{
  char *field = (char *)options + option->offset;
  uint32_t narrow = (uint32_t)value;
  bool truth = value != 0;

  switch (option->field_bytes) {
  case sizeof value:
    memcpy(field, &value, sizeof value);
    break;
  case sizeof narrow:
    memcpy(field, &narrow, sizeof narrow);
    break;
  default:
    memcpy(field, &truth, sizeof truth);
  }
}

/* ---- values ---- */

static const char *const switches[] = {"no", "yes", "false", "true", "off", "on", "0", "1", NULL};

static bool read_value(const slh_option *option, struct word word, uint64_t *out)
{
  int place = find_word(option->kind == SLH_OPTION_SWITCH ? switches : option->words, word);

  switch (option->kind) {
  case SLH_OPTION_SWITCH:
    *out = (uint64_t)(place & 1);
    return place >= 0;
  case SLH_OPTION_CHOICE:
    *out = (uint64_t)place;
    return place >= 0;
  default:
    *out = UINT64_MAX >> (64 - 8 * option->field_bytes);
    return place >= 0 || (slhi_read_number(option->kind, word.at, word.length, out) &&
                          (*out == 0 || (*out >= option->least && *out <= option->most)));
  }
}

/* ---- messages ---- */

/* "a, b, c", as far as there is room; then how many more there are. The words lie
 * `stride` bytes apart. */
static void list_words(const char *const *words, size_t count, size_t stride, char *out,
                       size_t size)
{
  const char *at = (const char *)words;
  size_t used = 0;

  for (size_t i = 0; i < count; i++, at += stride) {
    const char *word;

    memcpy(&word, at, sizeof word);
    if (used + strlen(word) + sizeof ", , and 99 more" > size) {
      snprintf(out + used, size - used, ", and %zu more", count - i);
      return;
    }
    used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", word);
  }
}

static size_t count_words(const char *const *words)
{
  size_t count = 0;

  while (words[count])
    count++;
  return count;
}

static slh_status refuse_value(const slh_option *option, struct word value, slh_error *error)
{
  static const char *const hints[] = {[SLH_OPTION_COUNT] = "",
                                      [SLH_OPTION_BYTES] = " bytes, or such of K, M, G, T",
                                      [SLH_OPTION_TIME] = " ms, or such of s"};
  const char *const *words = option->kind == SLH_OPTION_SWITCH ? switches : option->words;
  char list[120];

  if (option->kind == SLH_OPTION_SWITCH || option->kind == SLH_OPTION_CHOICE) {
    list_words(words, count_words(words), sizeof *words, list, sizeof list);
    return slhi_error(error, SLH_E_INVALID, "%s is '%.*s', allowed are %s", option->name,
                      SHOW(value), list);
  }
  return slhi_error(error, SLH_E_INVALID,
                    "%s is '%.*s', allowed are %" PRIu64 " to %" PRIu64
                    "%s, and 0 for the default%s%s",
                    option->name, SHOW(value), option->least, option->most, hints[option->kind],
                    words ? ", and " : "", words ? words[0] : "");
}

/* How many letters have to be put in, left out or changed (Levenshtein's distance). */
static size_t distance(struct word word, const char *name)
{
  size_t row[NAME_MOST + 1];
  size_t length = word.length < NAME_MOST ? word.length : NAME_MOST;

  for (size_t i = 0; i <= length; i++)
    row[i] = i;
  for (size_t j = 1; name[j - 1]; j++) {
    size_t diagonal = row[0];

    row[0] = j;
    for (size_t i = 1; i <= length; i++) {
      size_t change = diagonal + (word.at[i - 1] != name[j - 1]);
      size_t shift = (row[i] < row[i - 1] ? row[i] : row[i - 1]) + 1;

      diagonal = row[i];
      row[i] = change < shift ? change : shift;
    }
  }
  return row[length];
}

static slh_status refuse_name(const struct option_table *table, struct word name, slh_error *error)
{
  const slh_option *nearest = table->rows;
  char list[160];

  for (const slh_option *option = table->rows; option < table->rows + table->count; option++) {
    if (distance(name, option->name) < distance(name, nearest->name))
      nearest = option;
  }
  list_words(&table->rows->name, table->count, sizeof *table->rows, list, sizeof list);
  return slhi_error(error, SLH_E_INVALID, "no option '%.*s': is it %s? There are %s", SHOW(name),
                    nearest->name, list);
}

/* ---- text ---- */

static const char *skip_separators(const char *text)
{
  for (;; text++) {
    if (*text == '#')
      text += strcspn(text, "\n");
    if (*text == '\0' || !strchr(SEPARATORS, *text))
      return text;
  }
}

/* Reads "name=value" at `*text`, and goes behind it. */
static slh_status read_assignment(const char **text, struct word *name, struct word *value,
                                  slh_error *error)
{
  *name = (struct word){*text, strcspn(*text, SEPARATORS "=#")};
  *text += name->length;
  *text += strspn(*text, BLANKS);
  if (name->length == 0 || **text != '=')
    return slhi_error(error, SLH_E_INVALID,
                      "at '%.*s': allowed are NAME=VALUE, with commas, spaces "
                      "or newlines between them",
                      SHOWN, name->at);
  ++*text;
  *text += strspn(*text, BLANKS);
  *value = (struct word){*text, strcspn(*text, SEPARATORS "#")};
  *text += value->length;
  return SLH_OK;
}

static slh_status assign(const struct option_table *table, struct word name, struct word value,
                         void *options, size_t host_size, slh_error *error)
{
  const slh_option *option = table->rows;
  uint64_t number;

  while (option < table->rows + table->count && !word_is(name, option->name))
    option++;
  if (option == table->rows + table->count)
    return refuse_name(table, name, error);
  if (option->offset + option->field_bytes > host_size)
    return slhi_error(
        error, SLH_E_INVALID,
        "%s: the host was compiled with older headers, whose %s of %zu bytes lacks it",
        option->name, table->name, host_size);
  if (!read_value(option, value, &number))
    return refuse_value(option, value, error);
  set(options, option, number);
  return SLH_OK;
}

slh_status slhi_options_parse(const struct option_table *table, void *options, void *known,
                              const char *text, slh_error *error)
{
  size_t host_size;
  slh_status status = slhi_read_options(table->name, options, known, table->size, error);

  memcpy(&host_size, options, sizeof host_size);
  for (text = text ? skip_separators(text) : ""; status == SLH_OK && *text;
       text = skip_separators(text)) {
    struct word name = {text, 0}, value = name;

    status = read_assignment(&text, &name, &value, error);
    if (status == SLH_OK)
      status = assign(table, name, value, known, host_size, error);
  }
  if (status == SLH_OK)
    memcpy((char *)options + sizeof host_size, (const char *)known + sizeof host_size,
           (host_size < table->size ? host_size : table->size) - sizeof host_size);
  return status;
}

slh_status slhi_options_complete(const struct option_table *table, void *options, slh_error *error)
{
  for (const slh_option *option = table->rows; option < table->rows + table->count; option++) {
    uint64_t value = get(options, option);
    bool choice = option->kind == SLH_OPTION_CHOICE;

    if (value == 0)
      set(options, option, option->initial);
    else if ((choice || option->initial != 0) && (value < option->least || value > option->most))
      return choice
                 ? slhi_error(error, SLH_E_INVALID, "%s is %" PRId32 ", allowed are 0 to %" PRIu64,
                              option->name, (int32_t)value, option->most)
                 : slhi_error(error, SLH_E_INVALID,
                              "%s is %" PRIu64 ", allowed are %" PRIu64 " to %" PRIu64,
                              option->name, value, option->least, option->most);
  }
  return SLH_OK;
}
