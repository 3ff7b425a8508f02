/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The words and marks of a text. */
#include "parse.h"

#include <ctype.h>
#include <stdlib.h>

slh_ref parser_fail(struct parser *p, slh_status status)
{
  if (p->status == SLH_OK)
    p->status = status;
  p->at = "";
  return SLH_NULL;
}

static bool is_word(char c)
{
  return isalnum((unsigned char)c) || c == '_';
}

static void skip_space(struct parser *p)
{
  for (; isspace((unsigned char)*p->at) || *p->at == '#'; p->at++) {
    if (*p->at == '#')
      p->at += strcspn(p->at, "\n");
    if (*p->at == '\0')
      break;
    p->s->line += *p->at == '\n';
  }
}

bool token_accept(struct parser *p, const char *mark)
{
  size_t length = strlen(mark);

  skip_space(p);
  if (length == 0)
    return *p->at == '\0';
  if (strncmp(p->at, mark, length) != 0 || (is_word(*mark) && is_word(p->at[length])))
    return false;
  p->at += length;
  return true;
}

slh_ref token_missing(struct parser *p, const char *what)
{
  skip_space(p);
  if (p->status != SLH_OK)
    return SLH_NULL;
  if (*p->at == '\0')
    return parser_fail(p, calc_fail(p->s, "%s is expected, not the end", what));
  return parser_fail(
      p, calc_fail(p->s, "%s is expected at '%.*s'", what, (int)strcspn(p->at, "\n"), p->at));
}

void token_expect(struct parser *p, const char *mark)
{
  if (!token_accept(p, mark))
    token_missing(p, mark);
}

/* ---- names and literals ---- */

slh_ref token_name(struct parser *p)
{
  const char *start;

  skip_space(p);
  start = p->at;
  if (!is_word(*start) || isdigit((unsigned char)*start))
    return token_missing(p, "a name");
  while (is_word(*p->at))
    p->at++;
  return tree_name(p, start, (size_t)(p->at - start));
}

slh_ref token_number(struct parser *p)
{
  slh_ref made = tree_node(p, NODE_NUMBER, SLH_NULL);
  char *end;
  double value = strtod(p->at, &end);

  if (slh_is_null(made))
    return made;
  slh_set_f64(p->s->heap, made, FIELD(node, number), value);
  p->at = end;
  return made;
}

slh_ref token_string(struct parser *p)
{
  const char *start = p->at + 1;
  size_t length = strcspn(start, "\"\n");

  if (start[length] != '"')
    return parser_fail(p, calc_fail(p->s, "the string does not end on its line"));
  p->at = start + length + 1;
  return tree_node(p, NODE_STRING, tree_string(p, start, length));
}
