/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Operator precedence parsing: each expression begins with a token that needs nothing to
 * the left of it, and goes on with tokens that do, as long as these bind tightly enough.
 */
#include "query-parse.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"

static enum binding binding_of(enum token_kind kind)
{
  switch (kind) {
  case TOKEN_PIPE:
    return BIND_PIPE;
  case TOKEN_OR:
    return BIND_OR;
  case TOKEN_AND:
    return BIND_AND;
  case TOKEN_EQUAL:
  case TOKEN_UNEQUAL:
  case TOKEN_LESS:
  case TOKEN_LESS_EQUAL:
  case TOKEN_MORE:
  case TOKEN_MORE_EQUAL:
    return BIND_COMPARE;
  case TOKEN_FLATTEN:
    return BIND_FLATTEN;
  case TOKEN_FILTER:
    return BIND_FILTER;
  case TOKEN_DOT:
    return BIND_DOT;
  case TOKEN_BRACKET:
    return BIND_BRACKET;
  default:
    return BIND_NONE;
  }
}

/* ---- nodes ---- */

static uint16_t depth_of(const struct query *query, uint32_t node)
{
  return node == QUERY_NONE ? 0 : query->nodes[node].depth;
}

static bool grow_nodes(struct reader *reader, struct query *query)
{
  uint32_t capacity = query->capacity < 32 ? 32 : query->capacity * 2;
  struct query_node *nodes = realloc(query->nodes, capacity * sizeof *nodes);

  if (nodes == NULL)
    return store_fail(reader->store, PROBLEM_BUSY, 0, "the machine has no memory for a query");
  query->nodes = nodes;
  query->capacity = capacity;
  return true;
}

bool query_node(struct reader *reader, enum query_operation operation, uint32_t at, uint32_t a,
                uint32_t b, uint32_t c, uint32_t *out)
{
  struct query *query = &reader->store->query;
  uint16_t depth = depth_of(query, a);

  if (query->count == query->capacity && !grow_nodes(reader, query))
    return false;
  depth = depth_of(query, b) > depth ? depth_of(query, b) : depth;
  depth = depth_of(query, c) > depth ? depth_of(query, c) : depth;
  if (depth == QUERY_DEPTH_MAX)
    return query_fail(reader, at, "a query whose tree is at most 500 deep");
  *out = query->count++;
  query->nodes[*out] = (struct query_node){.operation = (uint8_t)operation,
                                           .depth = depth + 1,
                                           .a = a,
                                           .b = b,
                                           .c = c,
                                           .next = QUERY_NONE,
                                           .at = at};
  return true;
}

/* One whose `a` is a number and no node. */
static bool leaf(struct reader *reader, enum query_operation operation, uint32_t at, uint32_t a,
                 uint32_t *out)
{
  if (!query_node(reader, operation, at, QUERY_NONE, QUERY_NONE, QUERY_NONE, out))
    return false;
  reader->store->query.nodes[*out].a = a;
  return true;
}

bool query_literal(struct reader *reader, const struct token *token, uint32_t *number)
{
  struct query *query = &reader->store->query;

  if (!query_token_value(reader, token))
    return false;
  *number = query->literal_count++;
  return true;
}

bool query_take(struct reader *reader, enum token_kind kind, const char *expected)
{
  if (reader->token.kind != kind)
    return query_fail(reader, reader->token.at, expected);
  return query_token(reader);
}

/* ---- projections ---- */

static bool current(struct reader *reader, uint32_t *out)
{
  return query_node(reader, QUERY_CURRENT, reader->token.at, QUERY_NONE, QUERY_NONE, QUERY_NONE,
                    out);
}

/* What follows a dot. */
static bool behind_dot(struct reader *reader, int binding, uint32_t *out)
{
  switch (reader->token.kind) {
  case TOKEN_NAME:
  case TOKEN_QUOTED:
  case TOKEN_STAR:
    return query_expression(reader, binding, out);
  case TOKEN_BRACKET:
    return query_list(reader, out);
  case TOKEN_BRACE:
    return query_object(reader, out);
  default:
    return query_fail(reader, reader->token.at, "a name, \"*\", \"[\" or \"{\" behind \".\"");
  }
}

/* What is done to each item of a projection. */
static bool each(struct reader *reader, int binding, uint32_t *out)
{
  if (binding_of(reader->token.kind) < BIND_PROJECTION)
    return current(reader, out);
  if (reader->token.kind != TOKEN_DOT)
    return query_expression(reader, binding, out);
  return query_token(reader) && behind_dot(reader, binding, out);
}

/* A projection of what is left of it, at its first token behind the brackets. */
static bool project(struct reader *reader, enum query_operation operation, int binding, uint32_t at,
                    uint32_t left, uint32_t *out)
{
  uint32_t right;

  return each(reader, binding, &right) &&
         query_node(reader, operation, at, left, right, QUERY_NONE, out);
}

static bool filter(struct reader *reader, uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at, condition, right;

  return query_token(reader) && query_expression(reader, BIND_NONE, &condition) &&
         query_take(reader, TOKEN_BRACKET_END, "\"]\" at the end of the filter") &&
         each(reader, BIND_FILTER, &right) &&
         query_node(reader, QUERY_FILTER, at, left, right, condition, out);
}

static bool flatten(struct reader *reader, uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at, flat;

  return query_token(reader) &&
         query_node(reader, QUERY_FLATTEN, at, left, QUERY_NONE, QUERY_NONE, &flat) &&
         project(reader, QUERY_EACH, BIND_FLATTEN, at, flat, out);
}

/* ---- brackets ---- */

/* The numbers between colons; sets which of them there are. */
static bool slice_parts(struct reader *reader, int32_t part[3], uint8_t *given)
{
  for (int i = 0; i < 3; i++) {
    if (i > 0) {
      if (reader->token.kind != TOKEN_COLON)
        return true;
      if (!query_token(reader))
        return false;
    }
    if (reader->token.kind != TOKEN_NUMBER)
      continue;
    if (i == 2 && reader->token.number == 0)
      return query_fail(reader, reader->token.at, "a step other than 0");
    part[i] = reader->token.number;
    *given |= (uint8_t)(1 << i);
    if (!query_token(reader))
      return false;
  }
  return true;
}

/* [n] or [a:b:c], of what is left of it. */
static bool index_or_slice(struct reader *reader, uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at, node, of_left;
  int32_t part[3] = {0, 0, 1};
  struct query_node *it;
  uint8_t given = 0;
  bool is_index;

  if (reader->token.kind == TOKEN_NUMBER) {
    part[0] = reader->token.number;
    given = 1;
    if (!query_token(reader))
      return false;
  }
  is_index = reader->token.kind == TOKEN_BRACKET_END && given == 1;
  if (!is_index) {
    if (reader->token.kind != TOKEN_COLON)
      return query_fail(reader, reader->token.at, "\"]\" or \":\" behind the index");
    if (!slice_parts(reader, part, &given))
      return false;
  }
  if (!query_take(reader, TOKEN_BRACKET_END, "a number, \":\" or \"]\"") ||
      !leaf(reader, is_index ? QUERY_INDEX : QUERY_SLICE, at, (uint32_t)part[0], &node))
    return false;
  it = &reader->store->query.nodes[node];
  it->b = (uint32_t)part[1];
  it->c = (uint32_t)part[2];
  it->given = given;
  if (!query_node(reader, QUERY_PIPE, at, left, node, QUERY_NONE, &of_left))
    return false;
  *out = of_left;
  return is_index || project(reader, QUERY_EACH, BIND_STAR, at, of_left, out);
}

/* What follows "[" that is no list of expressions. */
static bool bracket(struct reader *reader, uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at;

  if (reader->token.kind == TOKEN_STAR)
    return query_token(reader) && query_take(reader, TOKEN_BRACKET_END, "\"]\" behind \"[*\"") &&
           project(reader, QUERY_EACH, BIND_STAR, at, left, out);
  if (reader->token.kind == TOKEN_NUMBER || reader->token.kind == TOKEN_COLON)
    return index_or_slice(reader, left, out);
  return query_fail(reader, at, "an index, a slice or \"*\" behind \"[\"");
}

/* "[" at the beginning of an expression: [* ] is a projection, [*, a] a list. */
static bool first_bracket(struct reader *reader, uint32_t *out)
{
  struct reader ahead = *reader;
  uint32_t left;
  bool is_list;

  if (!query_token(&ahead))
    return false;
  is_list = ahead.token.kind != TOKEN_NUMBER && ahead.token.kind != TOKEN_COLON;
  if (ahead.token.kind == TOKEN_STAR) {
    struct reader further = ahead;

    is_list = query_token(&further) && further.token.kind != TOKEN_BRACKET_END;
  }
  if (is_list)
    return query_list(reader, out);
  return current(reader, &left) && query_token(reader) && bracket(reader, left, out);
}

/* ---- expressions ---- */

static bool name(struct reader *reader, uint32_t *out)
{
  struct token token = reader->token;
  uint32_t number;

  if (!query_token(reader))
    return false;
  if (reader->token.kind == TOKEN_PAREN) {
    if (token.kind != TOKEN_NAME)
      return query_fail(reader, token.at, "a function's name, which has no quotes");
    return query_function(reader, &token, out);
  }
  return query_literal(reader, &token, &number) && leaf(reader, QUERY_FIELD, token.at, number, out);
}

static bool literal(struct reader *reader, uint32_t *out)
{
  struct token token = reader->token;
  uint32_t number;

  return query_token(reader) && query_literal(reader, &token, &number) &&
         leaf(reader, QUERY_LITERAL, token.at, number, out);
}

static bool not(struct reader * reader, uint32_t *out)
{
  uint32_t at = reader->token.at, of;

  return query_token(reader) && query_expression(reader, BIND_NOT, &of) &&
         query_node(reader, QUERY_NOT, at, of, QUERY_NONE, QUERY_NONE, out);
}

static bool star(struct reader *reader, uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at;

  return query_token(reader) && project(reader, QUERY_VALUES, BIND_STAR, at, left, out);
}

/* A token that needs nothing to the left of it. */
static bool begin(struct reader *reader, uint32_t *out)
{
  uint32_t left;

  switch (reader->token.kind) {
  case TOKEN_NAME:
  case TOKEN_QUOTED:
    return name(reader, out);
  case TOKEN_RAW:
  case TOKEN_LITERAL:
    return literal(reader, out);
  case TOKEN_CURRENT:
    return current(reader, out) && query_token(reader);
  case TOKEN_NOT:
    return not(reader, out);
  case TOKEN_STAR:
    return current(reader, &left) && star(reader, left, out);
  case TOKEN_FILTER:
    return current(reader, &left) && filter(reader, left, out);
  case TOKEN_FLATTEN:
    return current(reader, &left) && flatten(reader, left, out);
  case TOKEN_BRACKET:
    return first_bracket(reader, out);
  case TOKEN_BRACE:
    return query_object(reader, out);
  case TOKEN_PAREN:
    return query_token(reader) && query_expression(reader, BIND_NONE, out) &&
           query_take(reader, TOKEN_PAREN_END, "\")\"");
  case TOKEN_EXPRESSION:
    return query_fail(reader, reader->token.at, "no \"&\" but before an argument of a function");
  default:
    return query_fail(reader, reader->token.at, "an expression");
  }
}

static bool two_sided(struct reader *reader, enum query_operation operation, int binding,
                      uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at, right;

  return query_token(reader) && query_expression(reader, binding, &right) &&
         query_node(reader, operation, at, left, right, QUERY_NONE, out);
}

static bool dot(struct reader *reader, uint32_t left, uint32_t *out)
{
  uint32_t at = reader->token.at, right;

  if (!query_token(reader))
    return false;
  if (reader->token.kind == TOKEN_STAR)
    return star(reader, left, out);
  return behind_dot(reader, BIND_DOT, &right) &&
         query_node(reader, QUERY_PIPE, at, left, right, QUERY_NONE, out);
}

/* A token that goes on with what is left of it. */
static bool go_on(struct reader *reader, uint32_t left, uint32_t *out)
{
  enum token_kind kind = reader->token.kind;

  switch (kind) {
  case TOKEN_DOT:
    return dot(reader, left, out);
  case TOKEN_PIPE:
    return two_sided(reader, QUERY_PIPE, BIND_PIPE, left, out);
  case TOKEN_OR:
    return two_sided(reader, QUERY_OR, BIND_OR, left, out);
  case TOKEN_AND:
    return two_sided(reader, QUERY_AND, BIND_AND, left, out);
  case TOKEN_FLATTEN:
    return flatten(reader, left, out);
  case TOKEN_FILTER:
    return filter(reader, left, out);
  case TOKEN_BRACKET:
    return query_token(reader) && bracket(reader, left, out);
  default: /* comparisons, which are in the same order */
    return two_sided(reader, QUERY_EQUAL + (kind - TOKEN_EQUAL), BIND_COMPARE, left, out);
  }
}

bool query_expression(struct reader *reader, int binding, uint32_t *out)
{
  if (reader->nesting == reader->store->limits->depth)
    return store_fail(reader->store, PROBLEM_QUERY, reader->token.at,
                      "the query is nested more than %u deep at byte %u",
                      (unsigned)reader->store->limits->depth, (unsigned)reader->token.at);
  reader->nesting++;
  if (!store_spend(reader->store, 16) || !begin(reader, out))
    return false;
  while ((int)binding_of(reader->token.kind) > binding)
    if (!go_on(reader, *out, out))
      return false;
  reader->nesting--;
  return true;
}

bool query_parse(struct store *store, const char *text, size_t length, uint32_t *root)
{
  struct reader reader = {.store = store, .text = text, .length = (uint32_t)length};

  if (!query_token(&reader) || !query_expression(&reader, BIND_NONE, root))
    return false;
  return reader.token.kind == TOKEN_END ||
         query_fail(&reader, reader.token.at, "an operator, or the end of the query");
}
