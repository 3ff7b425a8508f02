/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Functions that order values. What is sorted lies on the stack as pairs of a key and
 * an item, with as much room behind it; nothing is made meanwhile, so nothing moves.
 */
#include "functions.h"

#include "compare.h"

struct pair {
  value key, item;
};

_Static_assert(sizeof(struct pair) == 2 * sizeof(value), "pairs lie on the stack as values");

/* ---- merge sort, stable, with a look at the clock ---- */

/* Merges [first, middle) and [middle, end) of `from` into the same places of `to`. */
static bool merge_runs(struct store *store, const struct pair *from, struct pair *to,
                       uint32_t first, uint32_t middle, uint32_t end)
{
  uint32_t left = first, right = middle;

  for (uint32_t i = first; i < end; i++) {
    bool take_left = left < middle &&
                     (right == end || values_order(store, from[left].key, from[right].key) <= 0);

    to[i] = take_left ? from[left++] : from[right++];
  }
  return store_spend(store, (end - first) * UINT64_C(8));
}

static uint32_t at_most(uint64_t n, uint32_t most)
{
  return n < most ? (uint32_t)n : most;
}

/* Sorts `count` pairs; returns where they are then, `a` or `b`, or NULL. */
static struct pair *sort(struct store *store, struct pair *a, struct pair *b, uint32_t count)
{
  for (uint64_t run = 1; run < count; run *= 2) {
    struct pair *swap = a;

    for (uint64_t i = 0; i < count; i += 2 * run)
      if (!merge_runs(store, a, b, (uint32_t)i, at_most(i + run, count),
                      at_most(i + 2 * run, count)))
        return NULL;
    a = b;
    b = swap;
  }
  return a;
}

/* The list of the items of the pairs from stack position `first` on, sorted. */
static bool push_sorted(struct store *store, uint32_t first)
{
  uint32_t count = (store->count - first) / 2;
  struct pair *pairs;

  for (uint32_t i = 0; i < 2 * count; i++)
    if (!push(store, VALUE_NULL))
      return false;
  pairs = (struct pair *)(void *)(store->stack + first);
  pairs = sort(store, pairs, pairs + count, count);
  if (pairs == NULL)
    return false;
  /* Each goes to where no pair that is still to be read begins. */
  for (uint32_t i = 0; i < count; i++)
    store->stack[first + i] = pairs[i].item;
  store->count = first + count;
  return list_make(store, first);
}

/* ---- keys ---- */

/* Evaluates the expression of an item, which gives a number or a string, and of the kind
 * that the keys so far had; pushes it. */
static bool push_key(const struct call *call, value item, enum kind *kind)
{
  struct store *store = call->store;
  uint32_t at = store->count;
  enum kind found;

  if (!push(store, item) || !query_evaluate(store, call->expression, at))
    return false;
  keep_top(store, at);
  found = value_kind(store, store->stack[at]);
  found = found == KIND_REAL ? KIND_INTEGER : found;
  if ((found != KIND_INTEGER && found != KIND_STRING) || (*kind != KIND_NULL && *kind != found))
    return call_fail(call, "the expression must give numbers for all items, or strings for all");
  *kind = found;
  return true;
}

bool call_sort(const struct call *call)
{
  struct store *store = call->store;
  uint32_t first = store->count, count = list_length(store, call_argument(call, 0));

  for (uint32_t i = 0; i < count; i++) {
    value it = list_item(store, call_argument(call, 0), i);

    if (!push(store, it) || !push(store, it))
      return false;
  }
  return push_sorted(store, first);
}

bool call_sort_by(const struct call *call)
{
  struct store *store = call->store;
  uint32_t first = store->count, count = list_length(store, call_argument(call, 0));
  enum kind kind = KIND_NULL;

  for (uint32_t i = 0; i < count; i++)
    if (!push_key(call, list_item(store, call_argument(call, 0), i), &kind) ||
        !push(store, list_item(store, call_argument(call, 0), i)))
      return false;
  return push_sorted(store, first);
}

/* ---- the first of the least or the most ---- */

static bool extreme(const struct call *call, int sign)
{
  struct store *store = call->store;
  value list = call_argument(call, 0), best;
  uint32_t count = list_length(store, list);

  if (count == 0)
    return push(store, VALUE_NULL);
  best = list_item(store, list, 0);
  for (uint32_t i = 1; i < count; i++) {
    value it = list_item(store, list, i);

    if (!store_spend(store, 8))
      return false;
    if (values_order(store, it, best) * sign > 0)
      best = it;
  }
  return push(store, best);
}

/* Pushes the best key so far and its item, then each other key. */
static bool extreme_by(const struct call *call, int sign)
{
  struct store *store = call->store;
  uint32_t first = store->count, count = list_length(store, call_argument(call, 0));
  enum kind kind = KIND_NULL;

  if (!push(store, VALUE_NULL) || !push(store, VALUE_NULL))
    return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!push_key(call, list_item(store, call_argument(call, 0), i), &kind))
      return false;
    if (i == 0 || values_order(store, store->stack[first + 2], store->stack[first]) * sign > 0) {
      store->stack[first] = store->stack[first + 2];
      store->stack[first + 1] = list_item(store, call_argument(call, 0), i);
    }
    store->count = first + 2;
  }
  keep_top(store, first);
  return true;
}

bool call_max(const struct call *call)
{
  return extreme(call, 1);
}

bool call_min(const struct call *call)
{
  return extreme(call, -1);
}

bool call_max_by(const struct call *call)
{
  return extreme_by(call, 1);
}

bool call_min_by(const struct call *call)
{
  return extreme_by(call, -1);
}
