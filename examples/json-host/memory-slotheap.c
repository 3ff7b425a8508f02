/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Room in a heap, and stores from acquire to release. */
#include "memory-slotheap.h"

#include <stdio.h>

#include "parse.h"

/* Bytes of a collection's work between two looks at the clock, at most. */
#define INCREMENT (256 * 1024)

bool memory_fail(struct store *store, slh_status status)
{
  switch (status) {
  case SLH_E_LIMIT:
  case SLH_E_TOO_LARGE:
  case SLH_E_HOST_LIMIT:
    return store_fail(store, PROBLEM_TOO_LARGE, 0,
                      "it takes more than the %llu bytes of memory that a request may have",
                      (unsigned long long)store->limits->heap_bytes);
  case SLH_E_FULL:
  case SLH_E_BUSY:
  case SLH_E_NOMEM:
  case SLH_E_POOL_LIMIT:
    return store_fail(store, PROBLEM_BUSY, 0, "%s: try again later", slh_status_text(status));
  default:
    return store_fail(store, PROBLEM_INTERNAL, 0, "%s", slh_status_text(status));
  }
}

/* ---- room ---- */

/* Collects as long as there is time. A collection that is not complete then stays so:
 * the store can only be released. */
static bool collect(struct store *store, slh_status *refused)
{
  bool complete = false;

  *refused = slh_collection_begin(store->memory.heap, NULL);
  if (*refused != SLH_OK)
    return true;
  while (!complete) {
    uint64_t budget = INCREMENT;
    slh_status status =
        slh_collection_step_for(store->memory.heap, &budget, store_time_left(store), &complete);

    if (status != SLH_OK)
      return memory_fail(store, status);
    if (!complete && !store_look_at_clock(store))
      return false;
  }
  return true;
}

/* Room for `bytes` more, and if there may be as much as twice what is used, so that the
 * next collection has something to free. */
static slh_status grow(struct store *store, uint64_t bytes)
{
  slh_heap *heap = store->memory.heap;
  slh_heap_stats stats;
  uint64_t ample;

  slh_heap_get_stats(heap, &stats);
  ample = stats.used > bytes ? stats.used : bytes;
  if (stats.soft_limit >= stats.used + ample)
    ample = bytes;
  return slh_heap_grow(heap, ample) == SLH_OK ? SLH_OK : slh_heap_grow(heap, bytes);
}

/*
 * Documents are parsed without making garbage, so then the heap grows as long as it may
 * and is collected when it may not; all else makes garbage, so then it is collected first.
 */
static bool make_room(struct store *store)
{
  uint64_t bytes = slh_heap_bytes_needed(store->memory.heap);
  slh_status refused;

  if (!store->memory.collects_first && grow(store, bytes) == SLH_OK)
    return true;
  if (!collect(store, &refused))
    return false;
  if (grow(store, bytes) == SLH_OK)
    return true;
  return memory_fail(store, refused == SLH_OK ? SLH_E_LIMIT : refused);
}

bool memory_slow(struct store *store, const slh_type *type, uint32_t length, value *out)
{
  slh_heap *heap = store->memory.heap;
  slh_status status;

  for (;;) {
    status = type->kind == SLH_KIND_STRUCT ? slh_alloc_struct(heap, type, out)
                                           : slh_alloc_array(heap, type, length, out);
    if (status == SLH_OK)
      return true;
    if (status != SLH_E_COLLECT)
      return memory_fail(store, status);
    if (!make_room(store))
      return false;
  }
}

/* ---- stores ---- */

/* Collections happen while nothing but these refers into the heap. */
static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct store *store = host;

  (void)slh_roots_add(roots, SLH_ROOT_STACK, store->stack, store->count, "the stack");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, store->roots, ROOT_COUNT, "documents and keys");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &store->memory.yes, 1, "true");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &store->memory.no, 1, "false");
}

bool memory_take(struct engine *engine, const slh_image *image, bool resume, struct store **out,
                 struct problem *problem)
{
  struct store *store = store_take(&engine->stores, problem);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_status status;

  if (store == NULL)
    return false;
  options.runtime = engine->runtime;
  options.max_bytes = store->limits->heap_bytes;
  options.enumerate_roots = list_roots;
  options.host = store;
  options.image = image;
  options.resume = resume;
  store->engine = engine;
  store->seed = engine->seed;
  store->memory = (struct memory){.types = engine->types, .yes = engine->yes, .no = engine->no};
  store->memory.zealous = store->memory.collects_first = engine->zeal != 0;
  status = slh_heap_acquire(engine->pool, &options, &store->memory.heap);
  if (status == SLH_OK) {
    *out = store;
    return true;
  }
  store->problem = problem;
  memory_fail(store, status);
  store_return(store, 0, 0);
  return false;
}

bool memory_acquire(struct engine *engine, struct store **out, struct problem *problem)
{
  if (!memory_take(engine, engine->prelude, false, out, problem))
    return false;
  (*out)->roots[ROOT_FUNCTIONS] = engine->functions;
  (*out)->roots[ROOT_KEYS] = engine->keys;
  return true;
}

void memory_release(struct store *store)
{
  slh_heap_stats stats;

  parser_free(store);
  slh_heap_get_stats(store->memory.heap, &stats);
  slh_heap_release(store->memory.heap);
  store_return(store, stats.allocated_total, stats.collections);
}

void memory_drop(struct store *store)
{
}
