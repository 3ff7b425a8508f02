/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* They are a list, id, version, id, version, ..., the oldest first, made anew by each. */
#include "recent.h"

#include <string.h>

static uint32_t recent_length(const struct store *store)
{
  value recent = store->roots[ROOT_RECENT];

  return value_kind(store, recent) == KIND_LIST ? list_length(store, recent) : 0;
}

bool store_was_done(const struct store *store, const char *id, uint64_t *version)
{
  struct text name = {id, (uint32_t)strlen(id)};

  for (uint32_t i = recent_length(store); i > 0; i -= 2) {
    value recent = store->roots[ROOT_RECENT];

    if (!text_equal(value_text(store, list_item(store, recent, i - 2)), name))
      continue;
    *version = (uint64_t)value_integer(store, list_item(store, recent, i - 1));
    return true;
  }
  return false;
}

bool store_set_done(struct store *store, const char *id, uint64_t version)
{
  uint32_t first = store->count, length = recent_length(store);
  size_t bytes = strlen(id);

  if (bytes == 0 || bytes > STORE_REQUEST_ID_MAX)
    return store_fail(store, PROBLEM_INTERNAL, 0, "a request's id has 1 to %d bytes",
                      STORE_REQUEST_ID_MAX);
  for (uint32_t i = length < 2 * STORE_RECENT_MAX ? 0 : 2; i < length; i++)
    if (!push(store, list_item(store, store->roots[ROOT_RECENT], i)))
      return false;
  if (!string_make(store, id, bytes) || !push_integer(store, (int64_t)version) ||
      !list_make(store, first))
    return false;
  store->roots[ROOT_RECENT] = store->stack[--store->count];
  return true;
}
