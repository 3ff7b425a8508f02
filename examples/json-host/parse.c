/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * yajl calls back for each token, and the callbacks build values on the stack.
 *
 * A container that has begun is, on the stack, an integer (where the container around
 * it has its first value) followed by the values read so far. When it ends one value
 * takes the place of all that.
 *
 * yajl is laxer than RFC 8259 in what it takes for UTF-8 and for white space, and makes a
 * question mark of half a surrogate pair: text.c sees all bytes before it.
 */
#include "parse.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "number.h"
#include "text.h"

/* Bytes that yajl gets at a time: between them the clock can be looked at. */
#define PIECE WORK_PER_LOOK

struct parser {
  struct store *store;
  yajl_handle handle;
  struct text_scan scan;
  uint64_t fed;   /* bytes of the document before this piece */
  uint32_t first; /* stack position of the open container's first value */
  uint32_t depth;
};

static uint64_t position(const struct parser *parser)
{
  return parser->fed + yajl_get_bytes_consumed(parser->handle);
}

/* ---- callbacks: 0 ends the parse ---- */

static int on_null(void *context)
{
  struct parser *parser = context;

  return push(parser->store, VALUE_NULL);
}

static int on_boolean(void *context, int boolean)
{
  struct parser *parser = context;

  return push_boolean(parser->store, boolean != 0);
}

static int on_number(void *context, const char *text, size_t length)
{
  struct parser *parser = context;
  struct number number;
  const char *wrong = number_read(text, length, &number);

  if (wrong != NULL)
    return store_fail(parser->store, PROBLEM_NUMBER, position(parser) - length, "%s", wrong);
  return number.is_real ? push_real(parser->store, number.real)
                        : push_integer(parser->store, number.integer);
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
  struct parser *parser = context;

  return string_make(parser->store, (const char *)bytes, length);
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
  struct parser *parser = context;

  return key_make(parser->store, (const char *)bytes, length);
}

static int on_start(void *context)
{
  struct parser *parser = context;
  struct store *store = parser->store;

  if (parser->depth == store->limits->depth)
    return store_fail(store, PROBLEM_DEPTH, position(parser) - 1,
                      "arrays and objects are nested more than %u deep",
                      (unsigned)store->limits->depth);
  if (!push_integer(store, parser->first))
    return 0;
  parser->depth++;
  parser->first = store->count;
  return 1;
}

/* What was made of the open container's values takes the place of its mark. */
static int end_container(struct parser *parser, bool good)
{
  struct store *store = parser->store;
  uint32_t mark = parser->first - 1;

  if (!good)
    return 0;
  parser->first = (uint32_t)value_integer(store, store->stack[mark]);
  parser->depth--;
  keep_top(store, mark);
  return 1;
}

static int on_end_list(void *context)
{
  struct parser *parser = context;

  return end_container(parser, list_make(parser->store, parser->first));
}

static int on_end_object(void *context)
{
  struct parser *parser = context;

  return end_container(parser, object_make(parser->store, parser->first, position(parser)));
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_object,
    .yajl_start_array = on_start,
    .yajl_end_array = on_end_list,
};

/* ---- a parser ---- */

static bool begin(struct store *store, struct parser *parser)
{
  *parser = (struct parser){.store = store, .scan.in_json = true, .first = store->count};
  parser->handle = yajl_alloc(&callbacks, NULL, parser);
  if (parser->handle == NULL)
    return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for a parser");
  yajl_config(parser->handle, yajl_dont_validate_strings, 1);
  return true;
}

/* Why yajl refused the text. Its message has a newline at the end. */
static bool fail_syntax(struct parser *parser, const char *text, size_t length, uint64_t at)
{
  unsigned char *message = yajl_get_error(parser->handle, 0, (const unsigned char *)text, length);
  const char *words = message != NULL ? (const char *)message : "no JSON";

  store_fail(parser->store, PROBLEM_SYNTAX, at,
             "%.*s at byte %llu: one value of RFC 8259 is allowed", (int)strcspn(words, "\n"),
             words, (unsigned long long)at);
  if (message != NULL)
    yajl_free_error(parser->handle, message);
  return false;
}

static bool feed(struct parser *parser, const char *text, size_t length)
{
  yajl_status parsed = yajl_parse(parser->handle, (const unsigned char *)text, length);

  if (parsed == yajl_status_error)
    return fail_syntax(parser, text, length, position(parser));
  if (parsed != yajl_status_ok) /* a callback said why */
    return false;
  parser->fed += length;
  return store_spend(parser->store, length);
}

static bool take(struct parser *parser, const char *text, size_t length)
{
  while (length > 0) {
    size_t piece = length < PIECE ? length : PIECE, right;
    const char *wrong;

    right = text_scan(&parser->scan, text, piece, &wrong);
    /* What comes before may be wrong, too; then that is said. */
    if (!feed(parser, text, right))
      return false;
    if (right < piece)
      return store_fail(parser->store, PROBLEM_SYNTAX, parser->fed,
                        "%s at byte %llu: one value of RFC 8259 is allowed", wrong,
                        (unsigned long long)parser->fed);
    text += piece;
    length -= piece;
  }
  return true;
}

static bool end(struct parser *parser)
{
  yajl_status parsed = yajl_complete_parse(parser->handle);

  if (parsed == yajl_status_error)
    return fail_syntax(parser, " ", 1, parser->fed);
  /* Behind the value yajl takes the beginning of a string for nothing. */
  if (parsed == yajl_status_ok && text_is_open(&parser->scan))
    return store_fail(parser->store, PROBLEM_SYNTAX, parser->fed,
                      "a string without an end at byte %llu: one value of RFC 8259 is allowed",
                      (unsigned long long)parser->fed);
  return parsed == yajl_status_ok;
}

/* ---- documents and literals ---- */

bool store_parse(struct store *store, const char *text, size_t length)
{
  struct parser *parser = store->parser;

  if (parser == NULL) {
    parser = malloc(sizeof *parser);
    if (parser == NULL)
      return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for a parser");
    if (!begin(store, parser)) {
      free(parser);
      return false;
    }
    store->parser = parser;
    store->count = 0;
    memory_tree(store, true);
  }
  return take(parser, text, length);
}

bool store_parse_end(struct store *store)
{
  /* A document without any byte has not begun. */
  if (!store_parse(store, "", 0) || !end(store->parser))
    return false;
  parser_free(store);
  if (!memory_settle(store, store->stack[0]))
    return false;
  memory_tree(store, false);
  store_set_document(store);
  return true;
}

void parser_free(struct store *store)
{
  if (store->parser == NULL)
    return;
  yajl_free(store->parser->handle);
  free(store->parser);
  store->parser = NULL;
}

bool parse_literal(struct store *store, const char *text, size_t length)
{
  struct parser parser;
  bool good = begin(store, &parser);

  if (good) {
    good = take(&parser, text, length) && end(&parser);
    yajl_free(parser.handle);
  }
  return good;
}
