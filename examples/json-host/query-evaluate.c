/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Every node pushes one value. What a node still needs lies on the stack below that: so
 * nodes know values by stack positions, and read them anew after each evaluation.
 */
#include "compare.h"
#include "functions.h"

static const struct query_node *node_of(const struct store *store, uint32_t node)
{
  return &store->query.nodes[node];
}

static value query_value(const struct store *store, uint32_t number)
{
  return store->stack[store->query.literals + number];
}

static value top(const struct store *store)
{
  return store->stack[store->count - 1];
}

static bool is_true(const struct store *store, value it)
{
  switch (value_kind(store, it)) {
  case KIND_NULL:
  case KIND_FALSE:
    return false;
  case KIND_STRING:
    return value_text(store, it).length > 0;
  case KIND_LIST:
    return list_length(store, it) > 0;
  case KIND_OBJECT:
    return object_length(store, it) > 0;
  default:
    return true;
  }
}

/* ---- members and items ---- */

static bool field(struct store *store, const struct query_node *node, value of)
{
  value name = query_value(store, node->a), found = VALUE_NULL;

  if (value_kind(store, of) == KIND_OBJECT)
    (void)object_find(store, of, name, value_text(store, name), &found);
  return push(store, found);
}

static bool item(struct store *store, const struct query_node *node, value of)
{
  int64_t i = (int32_t)node->a, length;

  if (value_kind(store, of) != KIND_LIST)
    return push(store, VALUE_NULL);
  length = list_length(store, of);
  i += i < 0 ? length : 0;
  return push(store, i >= 0 && i < length ? list_item(store, of, (uint32_t)i) : VALUE_NULL);
}

/* A number of a slice, as an index from 0 on: `least` and `most` are what it can be. */
static int64_t clamp(int64_t i, int64_t length, int64_t least, int64_t most)
{
  i += i < 0 ? length : 0;
  return i < least ? least : i > most ? most : i;
}

static bool slice(struct store *store, const struct query_node *node, uint32_t at)
{
  uint32_t first = store->count;
  int64_t step = (int32_t)node->c, length, start, stop;

  if (value_kind(store, store->stack[at]) != KIND_LIST)
    return push(store, VALUE_NULL);
  length = list_length(store, store->stack[at]);
  if (step > 0) {
    start = node->given & 1 ? clamp((int32_t)node->a, length, 0, length) : 0;
    stop = node->given & 2 ? clamp((int32_t)node->b, length, 0, length) : length;
  } else {
    start = node->given & 1 ? clamp((int32_t)node->a, length, -1, length - 1) : length - 1;
    stop = node->given & 2 ? clamp((int32_t)node->b, length, -1, length - 1) : -1;
  }
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step)
    if (!push(store, list_item(store, store->stack[at], (uint32_t)i)))
      return false;
  return list_make(store, first);
}

/* ---- projections ---- */

/* Evaluates `node` of `it` and leaves the result on the stack, unless that is null. */
static bool push_projected(struct store *store, uint32_t node, value it)
{
  uint32_t at = store->count;

  if (!store_spend(store, 8) || !push(store, it))
    return false;
  if (node_of(store, node)->operation != QUERY_CURRENT) {
    if (!query_evaluate(store, node, at))
      return false;
    keep_top(store, at);
  }
  if (value_kind(store, top(store)) == KIND_NULL)
    store->count--;
  return true;
}

/* The same if the condition is true of it. */
static bool push_filtered(struct store *store, const struct query_node *node, value it)
{
  uint32_t at = store->count, right = node->b;
  bool wanted;

  if (!push(store, it) || !query_evaluate(store, node->c, at))
    return false;
  wanted = is_true(store, top(store));
  it = store->stack[at];
  store->count = at;
  return wanted ? push_projected(store, right, it) : store_spend(store, 8);
}

/* The list or object is on top; a list of what is wanted takes its place. */
static bool project(struct store *store, const struct query_node *node)
{
  bool is_values = node->operation == QUERY_VALUES;
  uint32_t from = store->count - 1, count;

  if (value_kind(store, store->stack[from]) != (is_values ? KIND_OBJECT : KIND_LIST)) {
    store->stack[from] = VALUE_NULL;
    return true;
  }
  count =
      is_values ? object_length(store, store->stack[from]) : list_length(store, store->stack[from]);
  for (uint32_t i = 0; i < count; i++) {
    value it = is_values ? object_value(store, store->stack[from], i)
                         : list_item(store, store->stack[from], i);

    if (!(node->operation == QUERY_FILTER ? push_filtered(store, node, it)
                                          : push_projected(store, node->b, it)))
      return false;
  }
  if (!list_make(store, from + 1))
    return false;
  keep_top(store, from);
  return true;
}

/* The list is on top, and is replaced by one whose items that are lists have become
 * their items. */
static bool flatten(struct store *store)
{
  uint32_t from = store->count - 1, count;

  if (value_kind(store, store->stack[from]) != KIND_LIST) {
    store->stack[from] = VALUE_NULL;
    return true;
  }
  count = list_length(store, store->stack[from]);
  for (uint32_t i = 0; i < count; i++) {
    value it = list_item(store, store->stack[from], i);
    bool is_list = value_kind(store, it) == KIND_LIST;
    uint32_t inner = is_list ? list_length(store, it) : 1;

    if (!store_spend(store, 4 * (uint64_t)inner))
      return false;
    for (uint32_t j = 0; j < inner; j++)
      if (!push(store, is_list ? list_item(store, it, j) : it))
        return false;
  }
  if (!list_make(store, from + 1))
    return false;
  keep_top(store, from);
  return true;
}

/* ---- operators ---- */

/* The two values on top are compared. Of an order there is none but between numbers. */
static bool compare(struct store *store, enum query_operation operation)
{
  value a = store->stack[store->count - 2], b = store->stack[store->count - 1];
  int order;
  bool equal;

  if (operation == QUERY_EQUAL || operation == QUERY_UNEQUAL) {
    if (!values_equal(store, a, b, &equal))
      return false;
    store->count -= 2;
    return push_boolean(store, equal == (operation == QUERY_EQUAL));
  }
  store->count -= 2;
  if (!is_number(value_kind(store, a)) || !is_number(value_kind(store, b)))
    return push(store, VALUE_NULL);
  order = values_order(store, a, b);
  return push_boolean(store, operation == QUERY_LESS         ? order < 0
                             : operation == QUERY_LESS_EQUAL ? order <= 0
                             : operation == QUERY_MORE       ? order > 0
                                                             : order >= 0);
}

/* a || b, a && b: a decides, or what b is. */
static bool either(struct store *store, const struct query_node *node, uint32_t at)
{
  if (!query_evaluate(store, node->a, at))
    return false;
  if (is_true(store, top(store)) == (node->operation == QUERY_OR))
    return true;
  store->count--;
  return query_evaluate(store, node->b, at);
}

static bool pipe_on(struct store *store, const struct query_node *node, uint32_t at)
{
  uint32_t between = store->count;

  if (!query_evaluate(store, node->a, at) || !query_evaluate(store, node->b, between))
    return false;
  keep_top(store, between);
  return true;
}

/* ---- lists and objects ---- */

static bool parts(struct store *store, const struct query_node *node, uint32_t at)
{
  bool is_object = node->operation == QUERY_OBJECT;
  uint32_t first = store->count;

  if (value_kind(store, store->stack[at]) == KIND_NULL)
    return push(store, VALUE_NULL);
  for (uint32_t i = node->a; i != QUERY_NONE; i = node_of(store, i)->next) {
    const struct query_node *part = node_of(store, i);

    if ((is_object && !push(store, query_value(store, part->a))) ||
        !query_evaluate(store, part->b, at))
      return false;
  }
  return is_object ? object_make(store, first, 0) : list_make(store, first);
}

bool query_evaluate(struct store *store, uint32_t number, uint32_t at)
{
  const struct query_node *node = node_of(store, number);

  if (!store_spend(store, 8))
    return false;
  switch ((enum query_operation)node->operation) {
  case QUERY_CURRENT:
    return push(store, store->stack[at]);
  case QUERY_LITERAL:
    return push(store, query_value(store, node->a));
  case QUERY_FIELD:
    return field(store, node, store->stack[at]);
  case QUERY_INDEX:
    return item(store, node, store->stack[at]);
  case QUERY_SLICE:
    return slice(store, node, at);
  case QUERY_PIPE:
    return pipe_on(store, node, at);
  case QUERY_EACH:
  case QUERY_VALUES:
  case QUERY_FILTER:
    return query_evaluate(store, node->a, at) && project(store, node);
  case QUERY_FLATTEN:
    return query_evaluate(store, node->a, at) && flatten(store);
  case QUERY_OR:
  case QUERY_AND:
    return either(store, node, at);
  case QUERY_NOT:
    if (!query_evaluate(store, node->a, at))
      return false;
    store->stack[store->count - 1] = value_boolean(store, !is_true(store, top(store)));
    return true;
  case QUERY_LIST:
  case QUERY_OBJECT:
    return parts(store, node, at);
  case QUERY_CALL:
    return query_call(store, number, at);
  case QUERY_MEMBER:
  case QUERY_EXPRESSION:
    return query_evaluate(store, node->b, at);
  default:
    return query_evaluate(store, node->a, at) && query_evaluate(store, node->b, at) &&
           compare(store, (enum query_operation)node->operation);
  }
}
