/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the parser and the tree that it builds have in common. */
#ifndef CALC_PARSE_H
#define CALC_PARSE_H

#include "calc.h"

struct parser {
  struct session *s;
  const char *at;    /* what is left of the text: none, after an error */
  slh_status status; /* of the first error */
  slh_ref names;     /* pairs of a string and the next pair */
};

/* ---- token.c; all skip space and comments first ---- */

/* Skips `mark`, if it is next; a word only if it ends there. "" is the end. */
bool token_accept(struct parser *p, const char *mark);
void token_expect(struct parser *p, const char *mark);

/* An error: `what` should have come here. Returns null. */
slh_ref token_missing(struct parser *p, const char *what);

slh_ref token_name(struct parser *p);
slh_ref token_number(struct parser *p);
slh_ref token_string(struct parser *p);

/* Ends the text. The first error is the one that counts. Returns null. */
slh_ref parser_fail(struct parser *p, slh_status status);

/* ---- tree.c; all do nothing and return null after an error ---- */

slh_ref tree_string(struct parser *p, const char *bytes, size_t length);

/* The one string with these bytes. */
slh_ref tree_name(struct parser *p, const char *bytes, size_t length);

/* A node at the current line. What follows `a` in the text is set later. */
slh_ref tree_node(struct parser *p, enum node_kind kind, slh_ref a);
void tree_set(struct parser *p, slh_ref node, uint32_t field, slh_ref value);

/* An environment with all that calc_natives has. */
slh_ref tree_builtins(struct parser *p);

#endif
