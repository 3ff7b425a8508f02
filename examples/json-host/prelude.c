/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "prelude.h"

#include <string.h>

#include "functions.h"

/* Names that members of the documents served here often have; documents share
 * these strings, so that comparing keys is mostly comparing references. */
static const char *const common_keys[] = {
    "alpha_2",
    "alpha_3",
    "alpha_4",
    "bibliographic",
    "code",
    "common_name",
    "data",
    "date",
    "description",
    "email",
    "error",
    "flag",
    "id",
    "inverted_name",
    "items",
    "key",
    "kind",
    "message",
    "name",
    "numeric",
    "official_name",
    "parent",
    "scope",
    "status",
    "time",
    "title",
    "type",
    "url",
    "user",
    "value",
    "version",
    "withdrawal_date",
    "3166-1",
    "3166-2",
    "3166-3",
    "4217",
    "15924",
    "639-2",
    "639-3",
    "639-5",
};

static bool make_keys(struct store *store)
{
  uint32_t first = store->count;

  for (size_t i = 0; i < sizeof common_keys / sizeof *common_keys; i++) {
    if (!key_make(store, common_keys[i], strlen(common_keys[i])) ||
        !push(store, store->stack[store->count - 1]))
      return false;
  }
  if (!object_make(store, first, 0))
    return false;
  store->roots[ROOT_KEYS] = store->stack[--store->count];
  return true;
}

bool prelude_make(struct store *store)
{
  uint32_t first = store->count;

  for (uint32_t i = 0; i < FUNCTION_COUNT; i++) {
    if (!key_make(store, query_signatures[i].name, strlen(query_signatures[i].name)) ||
        !push_integer(store, i))
      return false;
  }
  if (!object_make(store, first, 0))
    return false;
  store->roots[ROOT_FUNCTIONS] = store->stack[--store->count];
  return make_keys(store);
}
