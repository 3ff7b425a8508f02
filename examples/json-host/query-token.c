/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "query-token.h"

#include <stdio.h>

#include "parse.h"
#include "text.h"

bool query_fail(struct reader *reader, uint32_t at, const char *expected)
{
  const char *found = reader->text + at;
  size_t length = text_clip(found, reader->length - at, 16);

  if (at >= reader->length)
    return store_fail(reader->store, PROBLEM_QUERY, at, "the query ends at byte %u: expected %s",
                      (unsigned)at, expected);
  return store_fail(reader->store, PROBLEM_QUERY, at,
                    "at byte %u of the query, \"%.*s\": expected %s", (unsigned)at, (int)length,
                    found, expected);
}

/* ---- what a token is ---- */

static bool is_name(char byte, bool first)
{
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
         (!first && byte >= '0' && byte <= '9');
}

static char peek(const struct reader *reader, uint32_t at)
{
  return at < reader->length ? reader->text[at] : '\0';
}

static bool read_name(struct reader *reader)
{
  uint32_t end = reader->end;

  while (is_name(peek(reader, end), end == reader->token.at))
    end++;
  reader->end = end;
  reader->token.kind = TOKEN_NAME;
  return true;
}

static bool read_number(struct reader *reader)
{
  bool negative = peek(reader, reader->end) == '-';
  uint32_t first = reader->end + negative, end = first;
  int32_t number = 0;

  for (; peek(reader, end) >= '0' && peek(reader, end) <= '9'; end++) {
    int32_t digit = reader->text[end] - '0';

    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number))
      return query_fail(reader, reader->token.at, "an index of at most 2147483647");
  }
  if (end == first)
    return query_fail(reader, end, "a digit behind \"-\"");
  reader->end = end;
  reader->token.kind = TOKEN_NUMBER;
  reader->token.number = negative ? -number : number;
  return true;
}

/* Up to the next `quote` that has no backslash before it. */
static bool read_quoted(struct reader *reader, enum token_kind kind, char quote)
{
  uint32_t end = reader->end + 1;
  char expected[] = "? at the end of it";

  while (end < reader->length && reader->text[end] != quote)
    end += reader->text[end] == '\\' ? 2 : 1;
  expected[0] = quote;
  if (end >= reader->length)
    return query_fail(reader, reader->length, expected);
  reader->end = end + 1;
  reader->token.kind = kind;
  return true;
}

/* One that two bytes make is before the one that its first byte makes. */
static const struct {
  char text[3];
  uint8_t kind;
} marks[] = {
    {"[]", TOKEN_FLATTEN},    {"[?", TOKEN_FILTER},     {"[", TOKEN_BRACKET},
    {"]", TOKEN_BRACKET_END}, {"{", TOKEN_BRACE},       {"}", TOKEN_BRACE_END},
    {"(", TOKEN_PAREN},       {")", TOKEN_PAREN_END},   {".", TOKEN_DOT},
    {"*", TOKEN_STAR},        {"@", TOKEN_CURRENT},     {",", TOKEN_COMMA},
    {":", TOKEN_COLON},       {"&&", TOKEN_AND},        {"&", TOKEN_EXPRESSION},
    {"||", TOKEN_OR},         {"|", TOKEN_PIPE},        {"==", TOKEN_EQUAL},
    {"!=", TOKEN_UNEQUAL},    {"!", TOKEN_NOT},         {"<=", TOKEN_LESS_EQUAL},
    {"<", TOKEN_LESS},        {">=", TOKEN_MORE_EQUAL}, {">", TOKEN_MORE},
};

static bool read_mark(struct reader *reader)
{
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    const char *text = marks[i].text;

    if (peek(reader, reader->end) != text[0] ||
        (text[1] != '\0' && peek(reader, reader->end + 1) != text[1]))
      continue;
    reader->end += text[1] != '\0' ? 2 : 1;
    reader->token.kind = (enum token_kind)marks[i].kind;
    return true;
  }
  return query_fail(reader, reader->end, "a name, a literal, a bracket or an operator");
}

static bool read_token(struct reader *reader)
{
  char byte = peek(reader, reader->end);

  if (is_name(byte, true))
    return read_name(reader);
  if (byte == '-' || (byte >= '0' && byte <= '9'))
    return read_number(reader);
  if (byte == '"')
    return read_quoted(reader, TOKEN_QUOTED, byte);
  if (byte == '\'')
    return read_quoted(reader, TOKEN_RAW, byte);
  if (byte == '`')
    return read_quoted(reader, TOKEN_LITERAL, byte);
  return read_mark(reader);
}

bool query_token(struct reader *reader)
{
  char byte;

  while ((byte = peek(reader, reader->end)) == ' ' || byte == '\t' || byte == '\n' || byte == '\r')
    reader->end++;
  reader->token = (struct token){TOKEN_END, reader->end, 0, 0};
  if (reader->end == reader->length)
    return true;
  if (!read_token(reader))
    return false;
  reader->token.length = reader->end - reader->token.at;
  return true;
}

/* ---- what a token says ---- */

/* Copies without the backslashes that stand before `quote`. */
static uint32_t unescape(const char *text, uint32_t length, char quote, char *out)
{
  uint32_t count = 0;

  for (uint32_t i = 0; i < length; i++) {
    if (text[i] == '\\' && i + 1 < length && text[i + 1] == quote)
      i++;
    else if (text[i] == '\\' && i + 1 < length)
      out[count++] = text[i++];
    out[count++] = text[i];
  }
  return count;
}

/* Its errors are the query's. */
static bool push_json(struct reader *reader, const char *text, uint32_t length, uint32_t at)
{
  struct problem *problem = reader->store->problem;

  if (parse_literal(reader->store, text, length))
    return true;
  if (problem->kind == PROBLEM_SYNTAX || problem->kind == PROBLEM_NUMBER ||
      problem->kind == PROBLEM_DUPLICATE || problem->kind == PROBLEM_DEPTH)
    return query_fail(reader, at, "JSON in the literal");
  return false;
}

bool query_token_value(struct reader *reader, const struct token *token)
{
  const char *text = reader->text + token->at;
  char copy[QUERY_LENGTH_MAX];
  uint32_t length;

  switch (token->kind) {
  case TOKEN_NAME:
    return key_make(reader->store, text, token->length);
  case TOKEN_QUOTED:
    return push_json(reader, text, token->length, token->at);
  case TOKEN_RAW:
    length = unescape(text + 1, token->length - 2, '\'', copy);
    return string_make(reader->store, copy, length);
  case TOKEN_LITERAL:
    length = unescape(text + 1, token->length - 2, '`', copy);
    return push_json(reader, copy, length, token->at);
  default:
    return query_fail(reader, token->at, "a literal");
  }
}
