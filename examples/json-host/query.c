/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A query from its text to its answer. */
#include "query.h"

#include <stdlib.h>

#include "store.h"
#include "text.h"

static bool check_text(struct store *store, const char *query, size_t length)
{
  struct text_scan scan = {.in_json = false};
  const char *wrong;
  size_t right;

  if (length > QUERY_LENGTH_MAX)
    return store_fail(store, PROBLEM_QUERY, QUERY_LENGTH_MAX,
                      "the query has %zu bytes: it may have up to %d", length, QUERY_LENGTH_MAX);
  right = text_scan(&scan, query, length, &wrong);
  if (right < length || scan.missing > 0)
    return store_fail(store, PROBLEM_QUERY, right, "the query is no UTF-8 at byte %zu", right);
  return true;
}

/* The literals of a query lie on the stack as long as it is evaluated, and above them
 * the document. */
bool store_ask(struct store *store, const char *query, size_t length)
{
  uint32_t first = store->count, root;

  store->query.count = 0;
  store->query.literal_count = 0;
  store->query.literals = first;
  if (!check_text(store, query, length) || !query_parse(store, query, length, &root) ||
      !push(store, store->roots[ROOT_DOCUMENT]) || !query_evaluate(store, root, store->count - 1))
    return false;
  store->roots[ROOT_ANSWER] = store->stack[store->count - 1];
  store->count = first;
  return true;
}

void query_free(struct query *query)
{
  free(query->nodes);
}
