/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Functions of queries, but for those that order values (functions-order.c). */
#include "functions.h"

#include <math.h>
#include <stdio.h>

#include "compare.h"
#include "number.h"
#include "text.h"
#include "write.h"

bool call_fail(const struct call *call, const char *why)
{
  return store_fail(call->store, PROBLEM_EVALUATION, call->node->at,
                    "%s() at byte %u of the query: %s", call->signature->name,
                    (unsigned)call->node->at, why);
}

/* ---- numbers ---- */

/* An integer, if that is what it is and there is one. */
static bool push_whole(struct store *store, double real)
{
  if (real >= -0x1p63 && real < 0x1p63 && real == floor(real))
    return push_integer(store, (int64_t)real);
  return push_real(store, real);
}

static double as_real(const struct store *store, value number)
{
  return value_kind(store, number) == KIND_INTEGER ? (double)value_integer(store, number)
                                                   : value_real(store, number);
}

static bool call_abs(const struct call *call)
{
  struct store *store = call->store;
  value it = call_argument(call, 0);

  if (value_kind(store, it) == KIND_REAL)
    return push_real(store, fabs(value_real(store, it)));
  if (value_integer(store, it) == INT64_MIN)
    return push_real(store, 0x1p63);
  return push_integer(store, value_integer(store, it) < 0 ? -value_integer(store, it)
                                                          : value_integer(store, it));
}

static bool call_ceil(const struct call *call)
{
  value it = call_argument(call, 0);

  if (value_kind(call->store, it) == KIND_INTEGER)
    return push(call->store, it);
  return push_whole(call->store, ceil(value_real(call->store, it)));
}

static bool call_floor(const struct call *call)
{
  value it = call_argument(call, 0);

  if (value_kind(call->store, it) == KIND_INTEGER)
    return push(call->store, it);
  return push_whole(call->store, floor(value_real(call->store, it)));
}

/* The sum of a list: exact as long as all are integers and it fits, else a double. */
static bool add_up(const struct call *call, struct number *sum)
{
  struct store *store = call->store;
  value list = call_argument(call, 0);
  uint32_t length = list_length(store, list);

  *sum = (struct number){false, 0, 0};
  for (uint32_t i = 0; i < length; i++) {
    value it = list_item(store, list, i);

    if (!store_spend(store, 4))
      return false;
    sum->real += as_real(store, it);
    sum->is_real = sum->is_real || value_kind(store, it) != KIND_INTEGER ||
                   __builtin_add_overflow(sum->integer, value_integer(store, it), &sum->integer);
  }
  return isfinite(sum->real) || call_fail(call, "the sum is beyond the range of a double");
}

static bool call_sum(const struct call *call)
{
  struct number sum;

  if (!add_up(call, &sum))
    return false;
  return sum.is_real ? push_real(call->store, sum.real) : push_integer(call->store, sum.integer);
}

static bool call_avg(const struct call *call)
{
  uint32_t length = list_length(call->store, call_argument(call, 0));
  struct number sum;

  if (length == 0)
    return push(call->store, VALUE_NULL);
  if (!add_up(call, &sum))
    return false;
  return push_whole(call->store, (sum.is_real ? sum.real : (double)sum.integer) / length);
}

static bool call_to_number(const struct call *call)
{
  struct store *store = call->store;
  value it = call_argument(call, 0);
  struct number number;
  struct text text;

  if (is_number(value_kind(store, it)))
    return push(store, it);
  if (value_kind(store, it) != KIND_STRING)
    return push(store, VALUE_NULL);
  text = value_text(store, it);
  if (!number_is_json(text.bytes, text.length) || number_read(text.bytes, text.length, &number))
    return push(store, VALUE_NULL);
  return number.is_real ? push_real(store, number.real) : push_integer(store, number.integer);
}

/* ---- strings ---- */

static bool call_starts_with(const struct call *call)
{
  struct text text = value_text(call->store, call_argument(call, 0));
  struct text part = value_text(call->store, call_argument(call, 1));

  return push_boolean(call->store, part.length <= text.length &&
                                       memcmp(text.bytes, part.bytes, part.length) == 0);
}

static bool call_ends_with(const struct call *call)
{
  struct text text = value_text(call->store, call_argument(call, 0));
  struct text part = value_text(call->store, call_argument(call, 1));

  return push_boolean(call->store,
                      part.length <= text.length && memcmp(text.bytes + text.length - part.length,
                                                           part.bytes, part.length) == 0);
}

static bool call_contains(const struct call *call)
{
  struct store *store = call->store;
  value in = call_argument(call, 0), it = call_argument(call, 1);
  bool found = false;

  if (value_kind(store, in) == KIND_STRING) {
    struct text text = value_text(store, in), part;

    if (value_kind(store, it) == KIND_STRING) {
      part = value_text(store, it);
      found = memmem(text.bytes, text.length, part.bytes, part.length) != NULL;
    }
    return store_spend(store, text.length) && push_boolean(store, found);
  }
  for (uint32_t i = 0; !found && i < list_length(store, in); i++)
    if (!values_equal(store, list_item(store, in, i), it, &found))
      return false;
  return push_boolean(store, found);
}

static bool call_join(const struct call *call)
{
  struct store *store = call->store;
  struct text glue = value_text(store, call_argument(call, 0));
  value list = call_argument(call, 1);
  uint32_t count = list_length(store, list);
  struct bytes *out = &store->scratch;
  bool good = true;

  out->length = 0;
  for (uint32_t i = 0; good && i < count; i++) {
    struct text part = value_text(store, list_item(store, list, i));

    if (out->length + part.length + glue.length > store->limits->heap_bytes)
      return store_fail(store, PROBLEM_TOO_LARGE, 0,
                        "the string would have more than the %llu bytes that a request may have",
                        (unsigned long long)store->limits->heap_bytes);
    good = (i == 0 || bytes_append(out, glue.bytes, glue.length)) &&
           bytes_append(out, part.bytes, part.length);
    if (!store_spend(store, part.length + UINT64_C(1) + glue.length))
      return false;
  }
  if (!good)
    return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for a string");
  return string_make(store, out->at, out->length);
}

static bool call_to_string(const struct call *call)
{
  struct store *store = call->store;
  value it = call_argument(call, 0);

  if (value_kind(store, it) == KIND_STRING)
    return push(store, it);
  store->scratch.length = 0;
  return write_value(store, it, &store->scratch) &&
         string_make(store, store->scratch.at, store->scratch.length);
}

static bool reverse_string(struct store *store, uint32_t at)
{
  struct text text = value_text(store, store->stack[at]);
  uint32_t done = text.length;
  value out;
  char *to;

  if (!stack_has_room(store) || !make_string(store, text.length, &out, &to))
    return false;
  text = value_text(store, store->stack[at]);
  for (uint32_t i = 0; i < text.length;) {
    uint32_t bytes = 1;

    while (i + bytes < text.length && !text_begins(text.bytes[i + bytes]))
      bytes++;
    done -= bytes;
    memcpy(to + done, text.bytes + i, bytes);
    i += bytes;
  }
  return push(store, out) && store_spend(store, text.length);
}

/* ---- lists and objects ---- */

static bool call_reverse(const struct call *call)
{
  struct store *store = call->store;
  uint32_t first = store->count;

  if (value_kind(store, call_argument(call, 0)) == KIND_STRING)
    return reverse_string(store, call->first);
  for (uint32_t i = list_length(store, call_argument(call, 0)); i > 0; i--)
    if (!push(store, list_item(store, call_argument(call, 0), i - 1)))
      return false;
  return list_make(store, first);
}

static bool call_length(const struct call *call)
{
  struct store *store = call->store;
  value it = call_argument(call, 0);
  int64_t characters = 0;
  struct text text;

  if (value_kind(store, it) == KIND_LIST)
    return push_integer(store, list_length(store, it));
  if (value_kind(store, it) == KIND_OBJECT)
    return push_integer(store, object_length(store, it));
  text = value_text(store, it);
  for (uint32_t i = 0; i < text.length; i++)
    characters += text_begins(text.bytes[i]);
  return push_integer(store, characters) && store_spend(store, text.length);
}

static bool push_members(const struct call *call, bool keys)
{
  struct store *store = call->store;
  uint32_t first = store->count, count = object_length(store, call_argument(call, 0));

  for (uint32_t i = 0; i < count; i++) {
    value of = call_argument(call, 0);

    if (!push(store, keys ? object_key(store, of, i) : object_value(store, of, i)))
      return false;
  }
  return list_make(store, first);
}

static bool call_keys(const struct call *call)
{
  return push_members(call, true);
}

static bool call_values(const struct call *call)
{
  return push_members(call, false);
}

/* The last object that has a member has its value, the first one its place. */
static bool push_member(const struct call *call, uint32_t object, uint32_t i)
{
  struct store *store = call->store;
  value of = call_argument(call, object), key = object_key(store, of, i), it, other;
  struct text name = value_text(store, key);

  for (uint32_t j = 0; j < object; j++)
    if (object_find(store, call_argument(call, j), key, name, &other))
      return true;
  it = object_value(store, of, i);
  for (uint32_t j = object + 1; j < call->count; j++)
    (void)object_find(store, call_argument(call, j), key, name, &it);
  return push(store, key) && push(store, it);
}

static bool call_merge(const struct call *call)
{
  struct store *store = call->store;
  uint32_t first = store->count;

  for (uint32_t object = 0; object < call->count; object++) {
    uint32_t count = object_length(store, call_argument(call, object));

    for (uint32_t i = 0; i < count; i++)
      if (!push_member(call, object, i) || !store_spend(store, call->count * UINT64_C(16)))
        return false;
  }
  return object_make(store, first, 0);
}

static bool call_map(const struct call *call)
{
  struct store *store = call->store;
  uint32_t first = store->count, count = list_length(store, call_argument(call, 1));

  for (uint32_t i = 0; i < count; i++) {
    uint32_t at = store->count;

    if (!push(store, list_item(store, call_argument(call, 1), i)) ||
        !query_evaluate(store, call->expression, at))
      return false;
    keep_top(store, at);
  }
  return list_make(store, first);
}

static bool call_to_array(const struct call *call)
{
  value it = call_argument(call, 0);
  uint32_t first = call->store->count;

  if (!push(call->store, it))
    return false;
  return value_kind(call->store, it) == KIND_LIST || list_make(call->store, first);
}

/* ---- any value ---- */

static bool call_not_null(const struct call *call)
{
  for (uint32_t i = 0; i < call->count; i++)
    if (value_kind(call->store, call_argument(call, i)) != KIND_NULL)
      return push(call->store, call_argument(call, i));
  return push(call->store, VALUE_NULL);
}

static const char *const type_names[] = {
    [KIND_NULL] = "null",      [KIND_FALSE] = "boolean", [KIND_TRUE] = "boolean",
    [KIND_INTEGER] = "number", [KIND_REAL] = "number",   [KIND_STRING] = "string",
    [KIND_LIST] = "array",     [KIND_OBJECT] = "object",
};

static bool call_type(const struct call *call)
{
  const char *name = type_names[value_kind(call->store, call_argument(call, 0))];

  return key_make(call->store, name, strlen(name));
}

/* ---- calling ---- */

#define ORDERED (A_NUMBERS | A_STRINGS)

/* In the order of their names; sessions do not depend on it. */
const struct signature query_signatures[FUNCTION_COUNT] = {
    {"abs", call_abs, 1, 1, {A_NUMBER, 0}},
    {"avg", call_avg, 1, 1, {A_NUMBERS, 0}},
    {"ceil", call_ceil, 1, 1, {A_NUMBER, 0}},
    {"contains", call_contains, 2, 2, {A_LIST | A_STRING, A_ANY}},
    {"ends_with", call_ends_with, 2, 2, {A_STRING, A_STRING}},
    {"floor", call_floor, 1, 1, {A_NUMBER, 0}},
    {"join", call_join, 2, 2, {A_STRING, A_STRINGS}},
    {"keys", call_keys, 1, 1, {A_OBJECT, 0}},
    {"length", call_length, 1, 1, {A_STRING | A_LIST | A_OBJECT, 0}},
    {"map", call_map, 2, 2, {A_EXPRESSION, A_LIST}},
    {"max", call_max, 1, 1, {ORDERED, 0}},
    {"max_by", call_max_by, 2, 2, {A_LIST, A_EXPRESSION}},
    {"merge", call_merge, 1, ARGUMENTS_MAX, {A_OBJECT, A_OBJECT}},
    {"min", call_min, 1, 1, {ORDERED, 0}},
    {"min_by", call_min_by, 2, 2, {A_LIST, A_EXPRESSION}},
    {"not_null", call_not_null, 1, ARGUMENTS_MAX, {A_ANY, A_ANY}},
    {"reverse", call_reverse, 1, 1, {A_LIST | A_STRING, 0}},
    {"sort", call_sort, 1, 1, {ORDERED, 0}},
    {"sort_by", call_sort_by, 2, 2, {A_LIST, A_EXPRESSION}},
    {"starts_with", call_starts_with, 2, 2, {A_STRING, A_STRING}},
    {"sum", call_sum, 1, 1, {A_NUMBERS, 0}},
    {"to_array", call_to_array, 1, 1, {A_ANY, 0}},
    {"to_number", call_to_number, 1, 1, {A_ANY, 0}},
    {"to_string", call_to_string, 1, 1, {A_ANY, 0}},
    {"type", call_type, 1, 1, {A_ANY, 0}},
    {"values", call_values, 1, 1, {A_OBJECT, 0}},
};

static const uint16_t bits_of[] = {
    [KIND_NULL] = A_NULL,      [KIND_FALSE] = A_BOOLEAN, [KIND_TRUE] = A_BOOLEAN,
    [KIND_INTEGER] = A_NUMBER, [KIND_REAL] = A_NUMBER,   [KIND_STRING] = A_STRING,
    [KIND_LIST] = A_LIST,      [KIND_OBJECT] = A_OBJECT,
};

/* Whether all items of a list are of one of the kinds that it may have. */
static bool check_items(struct store *store, value list, uint16_t may, bool *good)
{
  uint32_t count = list_length(store, list);
  uint16_t seen = 0;

  for (uint32_t i = 0; i < count; i++)
    seen |= bits_of[value_kind(store, list_item(store, list, i))];
  *good = seen == 0 || (seen == A_NUMBER && (may & A_NUMBERS) != 0) ||
          (seen == A_STRING && (may & A_STRINGS) != 0);
  return store_spend(store, count);
}

static const char *name_of(uint16_t may)
{
  switch (may) {
  case A_NUMBER:
    return "a number";
  case A_STRING:
    return "a string";
  case A_LIST:
    return "an array";
  case A_OBJECT:
    return "an object";
  case A_LIST | A_STRING:
    return "an array or a string";
  case A_NUMBERS:
    return "an array of numbers";
  case A_STRINGS:
    return "an array of strings";
  case ORDERED:
    return "an array of numbers, or of strings";
  default:
    return "a string, an array or an object";
  }
}

static bool check_argument(const struct call *call, uint32_t i)
{
  uint16_t may = call->signature->arguments[i == 0 ? 0 : 1];
  value it = call_argument(call, i);
  enum kind kind = value_kind(call->store, it);
  bool good = (may & (bits_of[kind] | A_EXPRESSION)) != 0;
  char why[128];

  if (kind == KIND_LIST && (may & ORDERED) != 0 && !check_items(call->store, it, may, &good))
    return false;
  if (good)
    return true;
  snprintf(why, sizeof why, "argument %u must be %s, and is %s%s", (unsigned)i + 1, name_of(may),
           kind == KIND_LIST ? "another " : "of type ", type_names[kind]);
  return call_fail(call, why);
}

bool query_call(struct store *store, uint32_t number, uint32_t at)
{
  const struct query_node *node = &store->query.nodes[number];
  struct call call = {.store = store,
                      .node = node,
                      .signature = &query_signatures[node->function],
                      .first = store->count,
                      .count = node->b};

  for (uint32_t i = node->a; i != QUERY_NONE; i = store->query.nodes[i].next) {
    const struct query_node *argument = &store->query.nodes[i];

    if (argument->operation == QUERY_EXPRESSION)
      call.expression = argument->b;
    if (!(argument->operation == QUERY_EXPRESSION ? push(store, VALUE_NULL)
                                                  : query_evaluate(store, argument->b, at)))
      return false;
  }
  for (uint32_t i = 0; i < call.count; i++)
    if (!check_argument(&call, i))
      return false;
  if (!call.signature->function(&call))
    return false;
  keep_top(store, call.first);
  return true;
}
