/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Documents and queries made at random. */
#include "tests/json-host/engine-random.h"

#include <stdio.h>
#include <string.h>

#include "tests/helper.h"

#define PICK(random, array) ((array)[helper_below((random), sizeof(array) / sizeof *(array))])

static void put(struct bytes *out, const char *text)
{
  REQUIRE(bytes_append(out, text, strlen(text)));
}

static void put_name(struct bytes *out, unsigned number)
{
  char text[32];

  snprintf(text, sizeof text, "\"k%u\"", number);
  put(out, text);
}

/* ---- documents ---- */

static const char *const scalars[] = {
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "1073741823",
    "-1073741825",
    "9223372036854775807",
    "1.5",
    "-2.5e-7",
    "1e300",
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"\\u00e9\\ud83d\\ude00\\n\"",
    "\"a string of some length, so that it does not lie in the smallest object\"",
    "[]",
    "{}",
};

/* Small objects, and ones with slots; k0 to k15, and names that the prelude has. */
static void put_object(uint64_t *random, struct bytes *out, int depth);

static void put_value(uint64_t *random, struct bytes *out, int depth)
{
  uint64_t kind = helper_below(random, 10);

  if (depth == 0 || kind < 4) {
    put(out, PICK(random, scalars));
  } else if (kind < 7) {
    put(out, "[");
    for (uint64_t i = 0, count = helper_below(random, 6); i < count; i++) {
      put(out, i > 0 ? ", " : "");
      put_value(random, out, depth - 1);
    }
    put(out, "]");
  } else {
    put_object(random, out, depth - 1);
  }
}

static void put_object(uint64_t *random, struct bytes *out, int depth)
{
  static const char *const names[] = {"name", "type", "alpha_2"};
  uint64_t count = helper_one_in(random, 4) ? 16 : helper_below(random, 6);
  const char *comma = "";

  put(out, "{");
  for (uint64_t i = 0; i < count; i++) {
    /* Leaving some out makes no name come twice. */
    if (helper_one_in(random, 3))
      continue;
    put(out, comma);
    if (i < 3 && helper_one_in(random, 2)) {
      put(out, "\"");
      put(out, names[i]);
      put(out, "\"");
    } else {
      put_name(out, (unsigned)i);
    }
    put(out, ":");
    put_value(random, out, depth > 0 ? depth : 0);
    comma = ",";
  }
  put(out, "}");
}

void random_document(uint64_t *random, struct bytes *out)
{
  put_value(random, out, 5);
}

/* ---- queries ---- */

static const char *const names[] = {"k0", "k1", "k2", "k3", "k15", "name", "type", "@"};

/* Patterns in which $ is an expression, and % a name. */
static const char *const patterns[] = {
    "%",
    "%",
    "@",
    "$.%",
    "$.%",
    "$.*",
    "$[0]",
    "$[-1]",
    "$[*]",
    "$[*].%",
    "$[]",
    "$[::-1]",
    "$[1:3]",
    "$[?%].%",
    "$[?$]",
    "$[?% > `1`]",
    "$ | $",
    "($)",
    "!$",
    "$ || $",
    "$ && $",
    "$ == $",
    "$ < $",
    "[$, $]",
    "{x: $, y: $}",
    "not_null($, $)",
    "to_array($)",
    "to_string($)",
    "type($)",
    "[$, `{\"k0\": [1, {\"k1\": null}]}`]",
    "'raw'",
};

/* Functions that are particular about what they are given. */
static const char *const demanding[] = {
    "length($)",
    "keys($)",
    "values($)",
    "reverse($)",
    "sort($)",
    "sort_by($, &%)",
    "max($)",
    "min_by($, &$)",
    "max_by($, &%)",
    "sum($)",
    "avg($)",
    "abs($)",
    "ceil($)",
    "floor($)",
    "join(', ', $)",
    "contains($, $)",
    "merge($, $)",
    "starts_with($, $)",
    "ends_with($, $)",
    "map(&$, $)",
    "to_number($)",
    "length(to_array($))",
    "sort(map(&to_string(@), to_array($)))",
    "sort_by(to_array($), &to_string(@))",
    "merge({a: $}, {b: $})",
    "%.nothing(@)",
    "$[",
    "a..b",
};

static void put_expression(uint64_t *random, struct bytes *out, int depth, bool demands)
{
  const char *pattern =
      demands && helper_one_in(random, 4) ? PICK(random, demanding) : PICK(random, patterns);

  if (depth == 0)
    pattern = "%";
  for (; *pattern != '\0'; pattern++) {
    char byte[2] = {*pattern, '\0'};

    if (*pattern == '$')
      put_expression(random, out, depth - 1, demands);
    else
      put(out, *pattern == '%' ? PICK(random, names) : byte);
  }
}

void random_query(uint64_t *random, struct bytes *out)
{
  put_expression(random, out, 4, true);
}

void random_path(uint64_t *random, struct bytes *out)
{
  put_expression(random, out, 4, false);
}
