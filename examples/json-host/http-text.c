/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <stdarg.h>
#include <stdio.h>

#include "http-text.h"

bool bytes_print(struct bytes *bytes, const char *format, ...)
{
  va_list arguments;
  int length;

  va_start(arguments, format);
  length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0 || !bytes_reserve(bytes, (size_t)length + 1))
    return false;
  va_start(arguments, format);
  vsnprintf(bytes->at + bytes->length, (size_t)length + 1, format, arguments);
  va_end(arguments);
  bytes->length += (size_t)length;
  return true;
}

/* How many bytes of a character of UTF-8 begin at `at`; 0: it is none. */
static size_t character(const char *at)
{
  unsigned char first = (unsigned char)at[0], second = (unsigned char)at[1];
  size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

  if (first > 0xf4 || (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  return length;
}

bool bytes_print_string(struct bytes *bytes, const char *string)
{
  bool ok = bytes_append(bytes, "\"", 1);

  while (ok && *string != '\0') {
    size_t length = character(string);

    if (length == 0)
      ok = bytes_print(bytes, "\\ufffd");
    else if (*string == '"' || *string == '\\')
      ok = bytes_print(bytes, "\\%c", *string);
    else if (length == 1 && (unsigned char)*string < 0x20)
      ok = bytes_print(bytes, "\\u%04x", (unsigned)*string);
    else
      ok = bytes_append(bytes, string, length);
    string += length ? length : 1;
  }
  return ok && bytes_append(bytes, "\"", 1);
}
