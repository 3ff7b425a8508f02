/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The memory of malloc. Each node is freed by itself when its store ends.
 *
 * A document that was parsed is a tree, and freed by walking it: that takes no byte
 * of a node and no time while it is made, where a chain through all nodes would make
 * each 8 bytes larger, and a list of them 8 elsewhere; the walk reads what free() will
 * touch anyway. What queries and patches make refers into documents and into each other,
 * so it is no tree; these nodes are in a list of all of them. So are keys that several
 * objects share.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

#include "parse.h"
#include "prelude.h"

#define OWNED_KEPT 4096

const struct node memory_yes = {.kind = KIND_TRUE, .shared = true};
const struct node memory_no = {.kind = KIND_FALSE, .shared = true};

struct engine {
  struct stores stores;
  uint64_t seed;
  struct store *prelude; /* its nodes are shared by all stores */
};

/* ---- nodes ---- */

/* What malloc takes for so many bytes. */
static uint64_t cost(uint64_t bytes)
{
  return bytes < 24 ? 32 : (bytes + 8 + 15) & ~UINT64_C(15);
}

bool memory_allocate(struct store *store, enum kind kind, uint64_t bytes, uint32_t length,
                     value *out)
{
  uint64_t size = offsetof(struct node, elements) + bytes;
  value it;

  size = size < sizeof *it ? sizeof *it : size;
  if (cost(size) > store->memory.limit - store->memory.used)
    return store_fail(store, PROBLEM_TOO_LARGE, 0,
                      "it takes more than the %llu bytes of memory that a request may have",
                      (unsigned long long)store->memory.limit);
  it = malloc(size);
  if (it == NULL)
    return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for the request");
  it->kind = (uint8_t)kind;
  it->shared = false;
  it->length = length;
  if (!store->memory.tree && !memory_own(store, it)) {
    free(it);
    return false;
  }
  store->memory.used += cost(size);
  *out = it;
  return true;
}

/* ---- freeing ---- */

/* In the list, the lowest bit of a tree is set. */
static value as_tree(value it)
{
  return (value)((uintptr_t)it | 1);
}

bool memory_own(struct store *store, value it)
{
  struct memory *memory = &store->memory;

  if (memory->owned_count == memory->owned_capacity) {
    size_t capacity = memory->owned_capacity == 0 ? 64 : memory->owned_capacity * 2;
    value *owned = realloc(memory->owned, capacity * sizeof *owned);

    if (owned == NULL)
      return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for the request");
    memory->owned = owned;
    memory->owned_capacity = capacity;
  }
  memory->owned[memory->owned_count++] = it;
  return true;
}

static bool is_node(value it)
{
  return it != NULL && ((uintptr_t)it & 1) == 0;
}

/* Frees a tree; it is no deeper than documents may be. */
static void free_tree(value it)
{
  uint64_t count;

  if (!is_node(it) || it->shared)
    return;
  count = it->kind == KIND_LIST ? it->length : it->kind == KIND_OBJECT ? it->length * 2ull : 0;
  for (uint64_t i = 0; i < count; i++)
    free_tree(node_elements(it)[i]);
  free(it);
}

static void free_nodes(struct store *store)
{
  struct memory *memory = &store->memory;

  /* What a document had become when it was given up. */
  if (memory->tree)
    for (uint32_t i = 0; i < store->count; i++)
      free_tree(store->stack[i]);
  /* Trees before the keys in them that are shared, which they had before. */
  for (size_t i = memory->owned_count; i > 0; i--) {
    value it = memory->owned[i - 1];

    if (is_node(it))
      free(it);
    else
      free_tree((value)((uintptr_t)it & ~(uintptr_t)1));
  }
}

bool memory_settle(struct store *store, value document)
{
  return !is_node(document) || memory_own(store, as_tree(document));
}

/* ---- stores ---- */

static struct store *take_store(struct engine *engine, struct problem *problem)
{
  struct store *store = store_take(&engine->stores, problem);

  if (store == NULL)
    return NULL;
  store->engine = engine;
  store->seed = engine->seed;
  store->memory.used = 0;
  store->memory.limit = store->limits->heap_bytes;
  store->memory.owned_count = 0;
  store->memory.tree = false;
  return store;
}

bool memory_acquire(struct engine *engine, struct store **out, struct problem *problem)
{
  struct store *store = take_store(engine, problem);

  if (store == NULL)
    return false;
  store->roots[ROOT_FUNCTIONS] = engine->prelude->roots[ROOT_FUNCTIONS];
  store->roots[ROOT_KEYS] = engine->prelude->roots[ROOT_KEYS];
  *out = store;
  return true;
}

void memory_release(struct store *store)
{
  parser_free(store);
  free_nodes(store);
  if (store->memory.owned_capacity > OWNED_KEPT) {
    free(store->memory.owned);
    store->memory.owned = NULL;
    store->memory.owned_capacity = 0;
  }
  store_return(store, store->memory.used, 0);
}

void memory_drop(struct store *store)
{
  free(store->memory.owned);
}

bool memory_suspend(struct store *store, struct bytes *image)
{
  return store_fail(store, PROBLEM_UNSUPPORTED, 0,
                    "trees of malloc cannot be suspended: sessions need --memory=slotheap");
}

bool memory_resume(struct engine *engine, const void *image, size_t length, struct store **out,
                   struct problem *problem)
{
  problem->kind = PROBLEM_UNSUPPORTED;
  problem->at = 0;
  snprintf(problem->message, sizeof problem->message,
           "trees of malloc cannot be resumed: sessions need --memory=slotheap");
  return false;
}

/* ---- the engine ---- */

static bool make_prelude(struct engine *engine, struct problem *problem)
{
  struct store *store = take_store(engine, problem);
  bool made;

  if (store == NULL)
    return false;
  engine->prelude = store;
  store->memory.limit = UINT64_MAX;
  store->left = UINT64_MAX;
  made = store_begin(store, problem) && prelude_make(store);
  /* Objects of requests that have these keys do not free them. */
  for (size_t i = 0; i < store->memory.owned_count; i++)
    store->memory.owned[i]->shared = true;
  stores_forget(&engine->stores);
  return store_end(store, made);
}

struct engine *memory_engine_new(const struct engine_options *options, struct problem *problem)
{
  struct engine *engine = calloc(1, sizeof *engine);

  *problem = (struct problem){PROBLEM_BUSY, 0, "the machine has no memory for an engine"};
  if (engine == NULL || !stores_init(&engine->stores, options, problem)) {
    free(engine);
    return NULL;
  }
  if (stores_seed(&engine->seed, problem) && make_prelude(engine, problem))
    return engine;
  memory_engine_free(engine);
  return NULL;
}

void memory_engine_free(struct engine *engine)
{
  if (engine == NULL)
    return;
  if (engine->prelude != NULL) {
    engine->stores.live++; /* it was forgotten */
    memory_release(engine->prelude);
  }
  stores_free(&engine->stores);
  free(engine);
}

void memory_figures(struct engine *engine, struct engine_figures *out)
{
  stores_figures(&engine->stores, out);
}

bool memory_metrics(struct engine *engine, struct bytes *out)
{
  return true;
}
