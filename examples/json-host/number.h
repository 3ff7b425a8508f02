/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Numbers: from text, and to text that reads back equal. */
#ifndef JSON_HOST_NUMBER_H
#define JSON_HOST_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer ones are refused: no number needs that, and reading one takes time. */
#define NUMBER_LENGTH_MAX 1024

#define NUMBER_TEXT_MAX 32 /* bytes that number_format_* write */

struct number {
  bool is_real;
  int64_t integer;
  double real;
};

/* Reads a number as JSON has it, all of the text. What fits int64_t and has no
 * fraction and no exponent is an integer. NULL, or why it cannot be. */
const char *number_read(const char *text, size_t length, struct number *out);

/* Whether that is how JSON writes a number. */
bool number_is_json(const char *text, size_t length);

/* Both return the length, and end with no 0. */
size_t number_format_integer(int64_t integer, char out[NUMBER_TEXT_MAX]);
size_t number_format_real(double real, char out[NUMBER_TEXT_MAX]);

#endif
