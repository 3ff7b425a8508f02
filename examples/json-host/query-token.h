/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A query's text as tokens. */
#ifndef JSON_HOST_QUERY_TOKEN_H
#define JSON_HOST_QUERY_TOKEN_H

#include "store.h"

enum token_kind {
  TOKEN_END,
  TOKEN_NAME,    /* letters, digits, underscores */
  TOKEN_QUOTED,  /* a JSON string */
  TOKEN_RAW,     /* 'text' */
  TOKEN_LITERAL, /* `JSON` */
  TOKEN_NUMBER,
  TOKEN_DOT,
  TOKEN_STAR,
  TOKEN_CURRENT,    /* @ */
  TOKEN_EXPRESSION, /* & */
  TOKEN_COMMA,
  TOKEN_COLON,
  TOKEN_BRACKET, /* [ */
  TOKEN_BRACKET_END,
  TOKEN_FLATTEN, /* [] */
  TOKEN_FILTER,  /* [? */
  TOKEN_BRACE,   /* { */
  TOKEN_BRACE_END,
  TOKEN_PAREN, /* ( */
  TOKEN_PAREN_END,
  TOKEN_NOT,
  TOKEN_PIPE,
  TOKEN_OR,
  TOKEN_AND,
  TOKEN_EQUAL,
  TOKEN_UNEQUAL,
  TOKEN_LESS,
  TOKEN_LESS_EQUAL,
  TOKEN_MORE,
  TOKEN_MORE_EQUAL
};

struct token {
  enum token_kind kind;
  uint32_t at, length; /* in the query, with what encloses it */
  int32_t number;
};

/* Where the parser is. */
struct reader {
  struct store *store;
  const char *text;
  uint32_t length;
  uint32_t end;       /* of the token */
  struct token token; /* that is looked at */
  uint32_t nesting;   /* of expressions */
};

/* Goes on to the next token. */
bool query_token(struct reader *reader);

/* Says what is wrong at a byte of the query. */
bool query_fail(struct reader *reader, uint32_t at, const char *expected);

/* Pushes the value of a token: the text of a name, or what a literal says. */
bool query_token_value(struct reader *reader, const struct token *token);

#endif
