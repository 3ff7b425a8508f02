/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Text to a tree. */
#include "parse.h"

static slh_ref expression(struct parser *p);

/* What `item` reads, with commas between, up to `)`. */
static slh_ref list(struct parser *p, slh_ref (*item)(struct parser *p))
{
  slh_ref first = SLH_NULL, last = SLH_NULL;

  for (int count = 0; !token_accept(p, ")") && p->status == SLH_OK; count++) {
    slh_ref made;

    if (count == CALC_ARGUMENTS_MAX)
      return parser_fail(p, calc_fail(p->s, "more than %d arguments", CALC_ARGUMENTS_MAX));
    if (count > 0)
      token_expect(p, ",");
    made = tree_node(p, NODE_LIST, item(p));
    if (count == 0)
      first = made;
    else
      tree_set(p, last, FIELD(node, b), made);
    last = made;
  }
  return first;
}

/* `let name = value; value; ...`, up to `end`. */
static slh_ref statements(struct parser *p, const char *end)
{
  slh_ref first = SLH_NULL, last = SLH_NULL;

  while (p->status == SLH_OK) {
    bool is_let = token_accept(p, "let");
    slh_ref made =
        tree_node(p, is_let ? NODE_LET : NODE_THEN, is_let ? token_name(p) : expression(p));

    if (is_let) {
      token_expect(p, "=");
      tree_set(p, made, FIELD(node, b), expression(p));
    }
    if (slh_is_null(last))
      first = made;
    else
      tree_set(p, last, FIELD(node, c), made);
    last = made;
    if (token_accept(p, end))
      break;
    if (!token_accept(p, ";"))
      token_missing(p, "';'");
    else if (token_accept(p, end))
      break;
  }
  return first;
}

/* A variable, or `name = value`. */
static slh_ref named(struct parser *p)
{
  slh_ref target = token_name(p);
  const char *next = p->at + strspn(p->at, " ");
  bool assigns = next[0] == '=' && next[1] != '=';
  slh_ref made = tree_node(p, assigns ? NODE_ASSIGN : NODE_NAME, target);

  if (assigns) {
    p->at = next + 1;
    tree_set(p, made, FIELD(node, b), expression(p));
  }
  return made;
}

static slh_ref primary(struct parser *p)
{
  slh_ref made;

  if (token_accept(p, "{"))
    return statements(p, "}");
  if (token_accept(p, "(")) {
    made = expression(p);
    token_expect(p, ")");
    return made;
  }
  if (*p->at >= '0' && *p->at <= '9')
    return token_number(p);
  return *p->at == '"' ? token_string(p) : named(p);
}

/* A value and the calls behind it, or 0 less that. */
static slh_ref operand(struct parser *p)
{
  slh_ref zero = token_accept(p, "-") ? tree_node(p, NODE_NUMBER, SLH_NULL) : SLH_NULL;
  slh_ref made = primary(p);
  slh_ref negated;

  while (token_accept(p, "(")) {
    made = tree_node(p, NODE_CALL, made);
    tree_set(p, made, FIELD(node, b), list(p, expression));
  }
  if (slh_is_null(zero))
    return made;
  negated = tree_node(p, NODE_SUBTRACT, zero);
  tree_set(p, negated, FIELD(node, b), made);
  return negated;
}

struct infix {
  const char *text;
  int level; /* higher binds tighter */
  enum node_kind kind;
};

/* Skips one that binds at least as tight as `level`; else NULL. */
static const struct infix *accept_infix(struct parser *p, int level)
{
  static const struct infix infixes[] = {
      {"==", 1, NODE_EQUAL}, {"!=", 1, NODE_UNEQUAL},    {"<=", 1, NODE_LESS_EQUAL},
      {"<", 1, NODE_LESS},   {">=", 1, NODE_MORE_EQUAL}, {">", 1, NODE_MORE},
      {"+", 2, NODE_ADD},    {"-", 2, NODE_SUBTRACT},    {"*", 3, NODE_MULTIPLY},
      {"/", 3, NODE_DIVIDE}, {"%", 3, NODE_REMAINDER}};

  for (size_t i = 0; i < sizeof infixes / sizeof *infixes; i++)
    if (infixes[i].level >= level && token_accept(p, infixes[i].text))
      return &infixes[i];
  return NULL;
}

static slh_ref binary(struct parser *p, int level)
{
  slh_ref left = operand(p);
  const struct infix *found;

  while ((found = accept_infix(p, level)) != NULL) {
    left = tree_node(p, found->kind, left);
    tree_set(p, left, FIELD(node, b), binary(p, found->level + 1));
  }
  return left;
}

static slh_ref expression(struct parser *p)
{
  slh_ref made;

  if (p->s->depth == CALC_DEPTH_MAX)
    return parser_fail(p, calc_fail(p->s, "nested too deeply"));
  p->s->depth++;
  if (token_accept(p, "fn")) {
    made = tree_node(p, NODE_FN, SLH_NULL);
    token_expect(p, "(");
    tree_set(p, made, FIELD(node, a), list(p, token_name));
    token_expect(p, "=>");
    tree_set(p, made, FIELD(node, b), expression(p));
  } else if (token_accept(p, "if")) {
    made = tree_node(p, NODE_IF, expression(p));
    token_expect(p, "then");
    tree_set(p, made, FIELD(node, b), expression(p));
    token_expect(p, "else");
    tree_set(p, made, FIELD(node, c), expression(p));
  } else {
    made = binary(p, 1);
  }
  p->s->depth--;
  return made;
}

slh_status calc_parse(struct session *s, slh_ref *program, slh_ref *env)
{
  struct parser p = {s, s->text, SLH_OK, SLH_NULL};

  *env = tree_builtins(&p);
  *program = statements(&p, "");
  return p.status;
}
