/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Comparing values. Nothing is made. */
#ifndef JSON_HOST_COMPARE_H
#define JSON_HOST_COMPARE_H

#include "store.h"

/* Whether two values are equal, at any depth. It fails when time is out. */
bool values_equal(struct store *store, value a, value b, bool *equal);

/* Below, equal to or above 0, as a is less than, equal to or more than b: two numbers,
 * or two strings, which are ordered by code points. */
int values_order(const struct store *store, value a, value b);

static inline bool is_number(enum kind kind)
{
  return kind == KIND_INTEGER || kind == KIND_REAL;
}

#endif
