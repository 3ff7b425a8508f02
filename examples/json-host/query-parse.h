/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A query's tokens to its tree, by operator precedence. */
#ifndef JSON_HOST_QUERY_PARSE_H
#define JSON_HOST_QUERY_PARSE_H

#include "query-token.h"

/* How tightly tokens bind what is left of them; those below BIND_PROJECTION end a
 * projection. */
enum binding {
  BIND_NONE = 0,
  BIND_PIPE = 1,
  BIND_OR = 2,
  BIND_AND = 3,
  BIND_COMPARE = 5,
  BIND_FLATTEN = 9,
  BIND_PROJECTION = 10,
  BIND_STAR = 20,
  BIND_FILTER = 21,
  BIND_DOT = 40,
  BIND_NOT = 45,
  BIND_BRACE = 50,
  BIND_BRACKET = 55,
  BIND_PAREN = 60
};

/* An expression, up to a token that does not bind as tightly as `binding`. */
bool query_expression(struct reader *reader, int binding, uint32_t *out);

/* A new node; its depth is one more than that of the deepest of a, b and c, which are
 * nodes or QUERY_NONE. */
bool query_node(struct reader *reader, enum query_operation operation, uint32_t at, uint32_t a,
                uint32_t b, uint32_t c, uint32_t *out);

/* ---- query-lists.c: what has several parts; each begins at its first token ---- */

bool query_list(struct reader *reader, uint32_t *out);   /* [a, b] */
bool query_object(struct reader *reader, uint32_t *out); /* {a: b} */
bool query_function(struct reader *reader, const struct token *name, uint32_t *out);

/* Takes a token of that kind, or says what was expected. */
bool query_take(struct reader *reader, enum token_kind kind, const char *expected);

/* Pushes what a token says among the literals, whose number it returns. */
bool query_literal(struct reader *reader, const struct token *token, uint32_t *number);

#endif
