/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "compare.h"

#include <float.h>

/* All of int64_t and of double is exact in it, so that comparing is, too. */
_Static_assert(LDBL_MANT_DIG >= 64, "long double holds every int64_t");

static long double wide(const struct store *store, value number)
{
  if (value_kind(store, number) == KIND_INTEGER)
    return (long double)value_integer(store, number);
  return (long double)value_real(store, number);
}

int values_order(const struct store *store, value a, value b)
{
  if (value_kind(store, a) == KIND_STRING) {
    struct text left = value_text(store, a), right = value_text(store, b);
    uint32_t least = left.length < right.length ? left.length : right.length;
    int order = memcmp(left.bytes, right.bytes, least);

    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
  }
  return (wide(store, a) > wide(store, b)) - (wide(store, a) < wide(store, b));
}

/* A session that was forged can have a list in itself. */
#define DEPTH_MAX (2 * ENGINE_DEPTH_MAX + QUERY_DEPTH_MAX)

static bool equal_at(struct store *store, value a, value b, uint32_t depth, bool *equal);

static bool lists_equal(struct store *store, value a, value b, uint32_t depth, bool *equal)
{
  uint32_t length = list_length(store, a);

  *equal = length == list_length(store, b);
  for (uint32_t i = 0; *equal && i < length; i++)
    if (!equal_at(store, list_item(store, a, i), list_item(store, b, i), depth, equal))
      return false;
  return true;
}

static bool objects_equal(struct store *store, value a, value b, uint32_t depth, bool *equal)
{
  uint32_t length = object_length(store, a);

  *equal = length == object_length(store, b);
  for (uint32_t i = 0; *equal && i < length; i++) {
    value key = object_key(store, a, i), other;

    *equal = object_find(store, b, key, value_text(store, key), &other);
    if (*equal && !equal_at(store, object_value(store, a, i), other, depth, equal))
      return false;
  }
  return true;
}

static bool equal_at(struct store *store, value a, value b, uint32_t depth, bool *equal)
{
  enum kind kind = value_kind(store, a), other = value_kind(store, b);

  if (!store_spend(store, 8))
    return false;
  if (depth == DEPTH_MAX)
    return store_fail(store, PROBLEM_DEPTH, 0, "values are nested too deeply to be compared");
  *equal = value_same(a, b);
  if (*equal)
    return true;
  if (is_number(kind) && is_number(other)) {
    *equal = values_order(store, a, b) == 0;
    return true;
  }
  *equal = kind == other;
  if (!*equal)
    return true;
  if (kind == KIND_LIST)
    return lists_equal(store, a, b, depth + 1, equal);
  if (kind == KIND_OBJECT)
    return objects_equal(store, a, b, depth + 1, equal);
  if (kind == KIND_STRING)
    *equal = text_equal(value_text(store, a), value_text(store, b));
  return true;
}

bool values_equal(struct store *store, value a, value b, bool *equal)
{
  return equal_at(store, a, b, 0, equal);
}
