/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Values never change: where a patch changes an object, a new one is made, of values
 * that both share otherwise. It takes C stack, no more than documents may be deep.
 */
#include "merge.h"

static bool merge(struct store *store, uint32_t target, uint32_t patch);

/* Merges into `target` (a value, or null if there is none) what the patch has for a key,
 * and pushes both. */
static bool push_merged(struct store *store, value key, value target, value patch)
{
  uint32_t at = store->count + 1;

  if (!push(store, key) || !push(store, target) || !push(store, patch) || !merge(store, at, at + 1))
    return false;
  keep_top(store, at);
  return true;
}

/* The members of the object at `target`, as far as the patch does not remove them. */
static bool push_old(struct store *store, uint32_t target, uint32_t patch)
{
  uint32_t count = object_length(store, store->stack[target]);

  for (uint32_t i = 0; i < count; i++) {
    value key = object_key(store, store->stack[target], i), new;
    value old = object_value(store, store->stack[target], i);

    if (!object_find(store, store->stack[patch], key, value_text(store, key), &new)) {
      if (!push(store, key) || !push(store, old))
        return false;
    } else if (value_kind(store, new) != KIND_NULL && !push_merged(store, key, old, new)) {
      return false;
    }
    if (!store_spend(store, 16))
      return false;
  }
  return true;
}

/* The members that only the patch has. */
static bool push_new(struct store *store, uint32_t target, uint32_t patch)
{
  uint32_t count = object_length(store, store->stack[patch]);
  bool has_old = value_kind(store, store->stack[target]) == KIND_OBJECT;

  for (uint32_t i = 0; i < count; i++) {
    value key = object_key(store, store->stack[patch], i), old;
    value new = object_value(store, store->stack[patch], i);

    if (!store_spend(store, 16))
      return false;
    if (value_kind(store, new) == KIND_NULL ||
        (has_old && object_find(store, store->stack[target], key, value_text(store, key), &old)))
      continue;
    if (!push_merged(store, key, VALUE_NULL, new))
      return false;
  }
  return true;
}

/* Pushes what the values at these two stack positions come to. */
static bool merge(struct store *store, uint32_t target, uint32_t patch)
{
  uint32_t first = store->count;

  if (value_kind(store, store->stack[patch]) != KIND_OBJECT)
    return push(store, store->stack[patch]);
  if (value_kind(store, store->stack[target]) == KIND_OBJECT && !push_old(store, target, patch))
    return false;
  return push_new(store, target, patch) && object_make(store, first, 0);
}

bool store_merge(struct store *store)
{
  uint32_t first = store->count;

  if (!push(store, store->roots[ROOT_PREVIOUS]) || !push(store, store->roots[ROOT_DOCUMENT]) ||
      !merge(store, first, first + 1))
    return false;
  store_set_document(store);
  store->roots[ROOT_PREVIOUS] = VALUE_NULL;
  return true;
}
