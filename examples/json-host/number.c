/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_integer(const char *text, size_t length, int64_t *out)
{
  bool negative = text[0] == '-';
  int64_t integer = 0;

  for (size_t i = negative; i < length; i++) {
    if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(integer, 10, &integer) ||
        __builtin_sub_overflow(integer, text[i] - '0', &integer))
      return false;
  }
  /* It was made as its negative, of which there is one more. */
  if (!negative && integer == INT64_MIN)
    return false;
  *out = negative ? integer : -integer;
  return true;
}

const char *number_read(const char *text, size_t length, struct number *out)
{
  char copy[NUMBER_LENGTH_MAX + 1];

  out->is_real = false;
  if (read_integer(text, length, &out->integer))
    return NULL;
  if (length > NUMBER_LENGTH_MAX)
    return "a number of more than 1024 bytes";
  memcpy(copy, text, length);
  copy[length] = '\0';
  out->is_real = true;
  out->real = strtod(copy, NULL);
  return isfinite(out->real) ? NULL : "a number beyond the range of a double, 1.8e308";
}

static size_t skip_digits(const char *text, size_t length, size_t i)
{
  while (i < length && text[i] >= '0' && text[i] <= '9')
    i++;
  return i;
}

bool number_is_json(const char *text, size_t length)
{
  size_t i = length > 0 && text[0] == '-', digits = i;

  i = skip_digits(text, length, i);
  if (i == digits || (text[digits] == '0' && i > digits + 1))
    return false;
  if (i < length && text[i] == '.') {
    digits = ++i;
    i = skip_digits(text, length, i);
    if (i == digits)
      return false;
  }
  if (i < length && (text[i] == 'e' || text[i] == 'E')) {
    i++;
    if (i < length && (text[i] == '+' || text[i] == '-'))
      i++;
    digits = i;
    i = skip_digits(text, length, i);
    if (i == digits)
      return false;
  }
  return i == length;
}

size_t number_format_integer(int64_t integer, char out[NUMBER_TEXT_MAX])
{
  char digits[NUMBER_TEXT_MAX];
  size_t count = 0, length = 0;
  uint64_t rest = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;

  do
    digits[count++] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (integer < 0)
    out[length++] = '-';
  while (count > 0)
    out[length++] = digits[--count];
  return length;
}

size_t number_format_real(double real, char out[NUMBER_TEXT_MAX])
{
  int length = 0;

  for (int digits = 15; digits <= 17; digits++) {
    length = snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, real);
    if (strtod(out, NULL) == real)
      break;
  }
  return (size_t)length;
}
