/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Containers that have begun lie on the stack, each with the number of what is next in
 * it, so that no nesting takes C stack.
 */
#include "write.h"

#include <string.h>

#include "number.h"

struct writer {
  struct store *store;
  struct bytes *out;
  size_t most;   /* that `out` may have then */
  uint32_t base; /* of the stack */
};

static bool put(struct writer *w, const void *bytes, size_t length)
{
  struct store *store = w->store;

  if (length > w->most - w->out->length)
    return store_fail(store, PROBLEM_TOO_LARGE, 0,
                      "the text would have more than the %llu bytes that a request may have",
                      (unsigned long long)store->limits->heap_bytes);
  if (!bytes_append(w->out, bytes, length))
    return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for the answer");
  return store_spend(store, length);
}

/* ---- strings ---- */

static bool is_plain(unsigned char byte)
{
  return byte >= 0x20 && byte != '"' && byte != '\\';
}

static bool put_escape(struct writer *w, unsigned char byte)
{
  static const char digits[] = "0123456789abcdef", letters[] = "btn\0fr";
  char escape[6] = {'\\', (char)byte, '0', '0', digits[byte >> 4], digits[byte & 15]};

  if (byte >= 0x20)
    return put(w, escape, 2);
  if (byte >= '\b' && byte <= '\r' && letters[byte - '\b'] != '\0') {
    escape[1] = letters[byte - '\b'];
    return put(w, escape, 2);
  }
  escape[1] = 'u';
  return put(w, escape, 6);
}

static bool put_string(struct writer *w, value string)
{
  struct text text = value_text(w->store, string);
  uint32_t done = 0;

  if (!put(w, "\"", 1))
    return false;
  while (done < text.length) {
    uint32_t end = done;

    while (end < text.length && is_plain((unsigned char)text.bytes[end]))
      end++;
    if (end > done && !put(w, text.bytes + done, end - done))
      return false;
    if (end < text.length && !put_escape(w, (unsigned char)text.bytes[end++]))
      return false;
    done = end;
  }
  return put(w, "\"", 1);
}

/* ---- values ---- */

static bool begin(struct writer *w, value container, const char *bracket)
{
  return put(w, bracket, 1) && push(w->store, container) && push_integer(w->store, 0);
}

/* A value; of a container the beginning, the rest follows by next(). */
static bool put_value(struct writer *w, value it)
{
  char text[NUMBER_TEXT_MAX];

  switch (value_kind(w->store, it)) {
  case KIND_NULL:
    return put(w, "null", 4);
  case KIND_FALSE:
    return put(w, "false", 5);
  case KIND_TRUE:
    return put(w, "true", 4);
  case KIND_INTEGER:
    return put(w, text, number_format_integer(value_integer(w->store, it), text));
  case KIND_REAL:
    return put(w, text, number_format_real(value_real(w->store, it), text));
  case KIND_STRING:
    return put_string(w, it);
  case KIND_LIST:
    return begin(w, it, "[");
  case KIND_OBJECT:
    return begin(w, it, "{");
  }
  return store_fail(w->store, PROBLEM_INTERNAL, 0, "what is no JSON value cannot be written");
}

/* What is next in the container on top of the stack, or its end. */
static bool next(struct writer *w)
{
  struct store *store = w->store;
  value container = store->stack[store->count - 2];
  uint32_t i = (uint32_t)value_integer(store, store->stack[store->count - 1]);
  bool is_list = value_kind(store, container) == KIND_LIST;

  if (i == (is_list ? list_length(store, container) : object_length(store, container))) {
    store->count -= 2;
    return put(w, is_list ? "]" : "}", 1);
  }
  store->count--;
  if (!push_integer(store, (int64_t)i + 1) || (i > 0 && !put(w, ",", 1)))
    return false;
  if (is_list)
    return put_value(w, list_item(store, container, i));
  return put_string(w, object_key(store, container, i)) && put(w, ":", 1) &&
         put_value(w, object_value(store, container, i));
}

bool write_value(struct store *store, value it, struct bytes *out)
{
  struct writer w = {store, out, out->length + store->limits->heap_bytes, store->count};

  if (!put_value(&w, it))
    return false;
  while (store->count > w.base) {
    if (!next(&w))
      return false;
  }
  return true;
}

bool store_write(struct store *store, struct bytes *out)
{
  return write_value(store, store->roots[ROOT_ANSWER], out);
}
