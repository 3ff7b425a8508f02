/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Text to values: yajl calls back for each token, the callbacks build the
 * values on the value stack.
 *
 * A container that has begun is, on the stack, an i31 (where the container
 * around it has its first value) followed by the values read so far. When it
 * ends, all of that is replaced by one value.
 */
#include "json.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct parser {
  struct json_store *store;
  uint32_t first; /* stack position of the open container's first value */
  slh_status status;
};

/* What a callback answers; a failure ends the parse. */
static int proceed(struct parser *parser, slh_status status)
{
  parser->status = status;
  return status == SLH_OK;
}

static int on_null(void *context)
{
  struct parser *parser = context;

  return proceed(parser, json_push(parser->store, SLH_NULL));
}

static int on_boolean(void *context, int boolean)
{
  struct parser *parser = context;

  return proceed(parser, json_push_boolean(parser->store, boolean != 0));
}

static int on_integer(void *context, long long integer)
{
  struct parser *parser = context;

  return proceed(parser, json_push_integer(parser->store, integer));
}

static int on_double(void *context, double number)
{
  struct parser *parser = context;

  return proceed(parser, json_push_number(parser->store, number));
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
  struct parser *parser = context;

  return proceed(parser, json_push_string(parser->store, bytes, length));
}

static int on_start(void *context)
{
  struct parser *parser = context;
  slh_status status = json_push(parser->store, slh_i31((int32_t)parser->first));

  parser->first = parser->store->stack->count;
  return proceed(parser, status);
}

/* Ends the open container with the value that `make` makes of its values. */
static int end_container(struct parser *parser,
                         slh_status (*make)(struct json_store *store, uint32_t first))
{
  struct json_stack *stack = parser->store->stack;
  uint32_t first = parser->first;
  slh_status status = make(parser->store, first);

  if (status != SLH_OK)
    return proceed(parser, status);
  /* The value takes the place of the i31 that marked the beginning. */
  parser->first = slh_i31_unsigned(stack->values[first - 1]);
  stack->values[first - 1] = stack->values[first];
  stack->count = first;
  return proceed(parser, SLH_OK);
}

static int on_end_map(void *context)
{
  return end_container(context, json_make_object);
}

static int on_end_array(void *context)
{
  return end_container(context, json_make_list);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_integer = on_integer,
    .yajl_double = on_double,
    .yajl_string = on_string,
    .yajl_start_map = on_start,
    .yajl_map_key = on_string,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start,
    .yajl_end_array = on_end_array,
};

static slh_status fail(slh_error *error, slh_status status, const char *message)
{
  error->status = status;
  error->os_errno = 0;
  snprintf(error->message, sizeof error->message, "%s", message);
  return status;
}

/* Why yajl refused the text; its message ends with a newline. */
static slh_status fail_syntax(slh_error *error, yajl_handle handle, const char *text, size_t length)
{
  unsigned char *message = yajl_get_error(handle, 0, (const unsigned char *)text, length);

  fail(error, SLH_E_INVALID, message == NULL ? "no JSON" : (const char *)message);
  error->message[strcspn(error->message, "\n")] = '\0';
  if (message != NULL)
    yajl_free_error(handle, message);
  return SLH_E_INVALID;
}

slh_status json_parse(struct json_store *store, const char *text, size_t length, slh_error *error)
{
  struct parser parser = {store, store->stack->count, SLH_OK};
  yajl_handle handle = yajl_alloc(&callbacks, NULL, &parser);
  yajl_status parsed;
  slh_status status = SLH_OK;

  if (handle == NULL)
    return fail(error, SLH_E_NOMEM, "no memory for a parser");
  parsed = yajl_parse(handle, (const unsigned char *)text, length);
  if (parsed == yajl_status_ok)
    parsed = yajl_complete_parse(handle);
  if (parser.status != SLH_OK)
    status = fail(error, parser.status, slh_status_text(parser.status));
  else if (parsed != yajl_status_ok)
    status = fail_syntax(error, handle, text, length);
  yajl_free(handle);
  return status;
}
