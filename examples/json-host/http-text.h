/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Text that is printed into bytes. False: no memory. */
#ifndef JSON_HOST_HTTP_TEXT_H
#define JSON_HOST_HTTP_TEXT_H

#include "engine.h"

/* Appends all, or nothing. */
bool __attribute__((format(printf, 2, 3)))
bytes_print(struct bytes *bytes, const char *format, ...);

/* As a string of JSON. It may quote what a client sent, and end in the middle of a
 * character: what is no UTF-8 becomes U+FFFD. */
bool bytes_print_string(struct bytes *bytes, const char *string);

#endif
