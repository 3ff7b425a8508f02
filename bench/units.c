/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Times, bytes, rates and counts in the unit that keeps them short. */
#include "units.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* `value` in the largest of the units, each `step` times the one before, with
 * three digits. */
static void scaled(char out[UNITS_MAX], double value, double step, const char *const *units,
                   size_t count)
{
  size_t unit = 0;

  if (isnan(value)) {
    snprintf(out, UNITS_MAX, "n/a");
    return;
  }
  if (value > 0 && value < 0.01) {
    snprintf(out, UNITS_MAX, "<0.01%s", units[0]);
    return;
  }
  while (value >= step && unit + 1 < count) {
    value /= step;
    unit++;
  }
  snprintf(out, UNITS_MAX, "%.*f%s",
           value >= 100 || value == floor(value) ? 0
           : value >= 10                         ? 1
                                                 : 2,
           value, units[unit]);
}

void units_number(char out[UNITS_MAX], double value)
{
  static const char *const units[] = {"", "k", "M", "G"};

  scaled(out, value, 1000, units, 4);
}

void units_nanoseconds(char out[UNITS_MAX], double value)
{
  static const char *const units[] = {" ns", " us", " ms", " s"};

  scaled(out, value, 1000, units, 4);
}

void units_bytes(char out[UNITS_MAX], double value)
{
  static const char *const units[] = {" B", " KiB", " MiB", " GiB"};

  scaled(out, value, 1024, units, 4);
}

void units_ratio(char out[UNITS_MAX], double value)
{
  snprintf(out, UNITS_MAX, isnan(value) ? "n/a" : "%.2fx", value);
}

/* Words of a metric's name have _ between them. */
static bool has_word(const char *metric, const char *word)
{
  size_t length = strlen(word);

  for (const char *at = strstr(metric, word); at != NULL; at = strstr(at + 1, word))
    if ((at == metric || at[-1] == '_') && (at[length] == '_' || at[length] == '\0'))
      return true;
  return false;
}

void units_of_metric(char out[UNITS_MAX], const char *metric, double value)
{
  if (has_word(metric, "ratio") || has_word(metric, "overhead"))
    units_ratio(out, value);
  else if (has_word(metric, "ns"))
    units_nanoseconds(out, value);
  else if (has_word(metric, "seconds"))
    units_nanoseconds(out, value * 1e9);
  else if (has_word(metric, "bytes"))
    units_bytes(out, value);
  else
    units_number(out, value);
}
