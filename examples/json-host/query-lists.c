/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Parts of a query that have several expressions: their nodes are chained by `next`. */
#include "functions.h"
#include "query-parse.h"

#include <stdio.h>

/* A chain that grows at its end. */
struct chain {
  uint32_t first, last;
  uint32_t count;
  uint32_t deepest; /* node */
};

static void append(struct reader *reader, struct chain *chain, uint32_t node)
{
  struct query_node *nodes = reader->store->query.nodes;

  if (chain->count++ == 0)
    chain->first = chain->deepest = node;
  else
    nodes[chain->last].next = node;
  chain->last = node;
  if (nodes[node].depth > nodes[chain->deepest].depth)
    chain->deepest = node;
}

/* The node of a chain: it is deeper than the deepest in it. */
static bool chain_node(struct reader *reader, enum query_operation operation, uint32_t at,
                       const struct chain *chain, uint32_t *out)
{
  if (!query_node(reader, operation, at, chain->deepest, QUERY_NONE, QUERY_NONE, out))
    return false;
  reader->store->query.nodes[*out].a = chain->first;
  reader->store->query.nodes[*out].b = chain->count;
  return true;
}

static const struct chain empty = {QUERY_NONE, QUERY_NONE, 0, QUERY_NONE};

/* Whether another follows a comma; if not, `end` was taken. */
static bool another(struct reader *reader, enum token_kind end, const char *expected, bool *more)
{
  *more = reader->token.kind == TOKEN_COMMA;
  return *more ? query_token(reader) : query_take(reader, end, expected);
}

bool query_list(struct reader *reader, uint32_t *out)
{
  uint32_t at = reader->token.at, item, holder;
  struct chain chain = empty;
  bool more = true;

  if (!query_token(reader))
    return false;
  while (more) {
    /* An expression's node may be in a chain of its own: this one is of holders. */
    if (!query_expression(reader, BIND_NONE, &item) ||
        !query_node(reader, QUERY_MEMBER, at, QUERY_NONE, item, QUERY_NONE, &holder))
      return false;
    append(reader, &chain, holder);
    if (!another(reader, TOKEN_BRACKET_END, "\",\" or \"]\"", &more))
      return false;
  }
  return chain_node(reader, QUERY_LIST, at, &chain, out);
}

/* ---- objects ---- */

/* Whether no member of the chain has the name of literal `number`. */
static bool is_new(const struct reader *reader, const struct chain *chain, uint32_t number)
{
  const struct store *store = reader->store;
  const struct query *query = &store->query;
  struct text text = value_text(store, store->stack[query->literals + number]);

  for (uint32_t i = chain->first; i != QUERY_NONE; i = query->nodes[i].next) {
    value name = store->stack[query->literals + query->nodes[i].a];

    if (text_equal(value_text(store, name), text))
      return false;
  }
  return true;
}

static bool member(struct reader *reader, struct chain *chain)
{
  struct token name = reader->token;
  uint32_t number, it, node;

  if (name.kind != TOKEN_NAME && name.kind != TOKEN_QUOTED)
    return query_fail(reader, name.at, "a member's name");
  if (!query_token(reader) || !query_literal(reader, &name, &number) ||
      !query_take(reader, TOKEN_COLON, "\":\" behind the member's name") ||
      !query_expression(reader, BIND_NONE, &it) ||
      !query_node(reader, QUERY_MEMBER, name.at, QUERY_NONE, it, QUERY_NONE, &node))
    return false;
  if (!is_new(reader, chain, number))
    return query_fail(reader, name.at, "another name: this object has such a member");
  reader->store->query.nodes[node].a = number;
  append(reader, chain, node);
  return store_spend(reader->store, chain->count * UINT64_C(8));
}

bool query_object(struct reader *reader, uint32_t *out)
{
  uint32_t at = reader->token.at;
  struct chain chain = empty;
  bool more = true;

  if (!query_token(reader))
    return false;
  while (more)
    if (!member(reader, &chain) || !another(reader, TOKEN_BRACE_END, "\",\" or \"}\"", &more))
      return false;
  return chain_node(reader, QUERY_OBJECT, at, &chain, out);
}

/* ---- calls ---- */

/* The number that the prelude has for a name. */
static bool find_function(struct reader *reader, const struct token *name, uint8_t *number)
{
  struct store *store = reader->store;
  struct text text = {reader->text + name->at, name->length};
  value found;

  if (!object_find(store, store->roots[ROOT_FUNCTIONS], VALUE_NULL, text, &found))
    return query_fail(reader, name->at, "the name of a function that there is");
  *number = (uint8_t)value_integer(store, found);
  return true;
}

static bool argument(struct reader *reader, const struct signature *signature, struct chain *chain)
{
  uint32_t at = reader->token.at, it, node;
  bool is_expression = reader->token.kind == TOKEN_EXPRESSION;
  uint16_t may = signature->arguments[chain->count == 0 ? 0 : 1];

  if (is_expression != ((may & A_EXPRESSION) != 0))
    return query_fail(reader, at,
                      is_expression ? "an argument without \"&\"" : "\"&\" before this argument");
  if (is_expression && !query_token(reader))
    return false;
  if (!query_expression(reader, BIND_NONE, &it) ||
      !query_node(reader, is_expression ? QUERY_EXPRESSION : QUERY_MEMBER, at, QUERY_NONE, it,
                  QUERY_NONE, &node))
    return false;
  append(reader, chain, node);
  return true;
}

static bool check_count(struct reader *reader, const struct token *name,
                        const struct signature *signature, uint32_t count)
{
  char expected[64];

  if (count >= signature->least && count <= signature->most)
    return true;
  if (signature->least == signature->most)
    snprintf(expected, sizeof expected, "%u argument%s and not %u", signature->least,
             signature->least == 1 ? "" : "s", (unsigned)count);
  else
    snprintf(expected, sizeof expected, "%u to %u arguments and not %u", signature->least,
             signature->most, (unsigned)count);
  return query_fail(reader, name->at, expected);
}

bool query_function(struct reader *reader, const struct token *name, uint32_t *out)
{
  const struct signature *signature;
  struct chain chain = empty;
  uint8_t number = 0;
  bool more = true;

  if (!find_function(reader, name, &number) || !query_token(reader))
    return false;
  signature = &query_signatures[number];
  if (reader->token.kind == TOKEN_PAREN_END)
    return check_count(reader, name, signature, 0);
  while (more)
    if (!argument(reader, signature, &chain) ||
        !another(reader, TOKEN_PAREN_END, "\",\" or \")\"", &more))
      return false;
  if (!check_count(reader, name, signature, chain.count) ||
      !chain_node(reader, QUERY_CALL, name->at, &chain, out))
    return false;
  reader->store->query.nodes[*out].function = number;
  return true;
}
