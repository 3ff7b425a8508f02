/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a store is, in both memories.
 *
 *   store.c      its stack, its time, and where it is between two requests
 *   object.c     strings, lists and objects made of what lies on the stack
 *   parse.c      text to values          write.c    values to text
 *   query-*.c    a query's text to its tree, and that to an answer
 *   merge.c      merge patches           recent.c   ids of requests
 *   prelude.c    what all stores begin with
 *   memory-*.c   the memory itself
 */
#ifndef JSON_HOST_STORE_H
#define JSON_HOST_STORE_H

#include <pthread.h>

#include "query.h"
#include "value.h"

/* Values that a store holds besides its stack. */
enum root {
  ROOT_DOCUMENT,
  ROOT_PREVIOUS, /* document, that a patch is merged into */
  ROOT_ANSWER,
  ROOT_RECENT,    /* ids of requests and the versions they made, oldest first */
  ROOT_FUNCTIONS, /* name to number */
  ROOT_KEYS,      /* keys that are common, each to itself */
  ROOT_KEY_CACHE, /* and all that follow: keys of this store, near where their hashes say */
  ROOT_COUNT = ROOT_KEY_CACHE + 128
};

#define KEY_CACHE_MASK 127
#define KEY_CACHE_NEAR 8 /* places that a key can be in */

/* More than this is refused as an option: comparing and merging take C stack. */
#define ENGINE_DEPTH_MAX 4096

/* Work between two looks at the clock, bytes or so. */
#define WORK_PER_LOOK (16 * 1024)

/* Stores that nobody uses, which keep their stacks, and figures of all. */
struct stores {
  pthread_mutex_t lock; /* of all but the limits */
  struct limits limits;
  uint64_t most; /* at a time */
  struct store *idle;
  uint64_t taken, live, collections, heap_bytes;
};

struct parser;

struct store {
  struct memory memory; /* first; see value-*.h */
  struct engine *engine;
  struct stores *home;
  const struct limits *limits;
  value roots[ROOT_COUNT];
  value *stack;
  uint32_t count, capacity;
  uint32_t most; /* that the stack may have */
  uint32_t work; /* since the clock was looked at */
  uint64_t left; /* nanoseconds, when this call began */
  uint64_t began;
  uint64_t version;
  uint64_t seed;           /* of hashes of keys */
  struct problem *problem; /* of this call */
  struct parser *parser;   /* of a document that has not ended */
  struct query query;
  struct bytes scratch;
  struct store *next; /* idle */
};

/* ---- store.c ---- */

/* Every call on a store is between these two: they take its time. `store_begin` fails
 * if there is none left. */
bool store_begin(struct store *store, struct problem *problem);
bool store_end(struct store *store, bool good);

/* Says what is wrong; false. */
bool store_fail(struct store *store, enum problem_kind kind, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

bool store_look_at_clock(struct store *store);
bool store_grow_stack(struct store *store);

/* A new document, the top of the stack: it is the answer, too, until one asks. */
void store_set_document(struct store *store);

/* Nanoseconds. */
uint64_t store_time_left(const struct store *store);

/* Fails if the options are out of their ranges. */
bool stores_init(struct stores *stores, const struct engine_options *options,
                 struct problem *problem);
/* A seed that nobody can guess. */
bool stores_seed(uint64_t *seed, struct problem *problem);
/* Stores taken so far were the engine's own: figures have nothing of them. */
void stores_forget(struct stores *stores);
void stores_free(struct stores *stores);
void stores_figures(struct stores *stores, struct engine_figures *out);

/* A store without memory and problem, and its return; NULL if there are too many. */
struct store *store_take(struct stores *stores, struct problem *problem);
void store_return(struct store *store, uint64_t heap_bytes, uint64_t collections);

/* Goes on unless the time is over. */
static inline bool store_spend(struct store *store, uint64_t work)
{
  if (__builtin_expect((work += store->work) < WORK_PER_LOOK, 1)) {
    store->work = (uint32_t)work;
    return true;
  }
  return store_look_at_clock(store);
}

/* For those who could not bear that push() fails once they have made something. */
static inline bool stack_has_room(struct store *store)
{
  return __builtin_expect(store->count < store->capacity, 1) || store_grow_stack(store);
}

static inline bool push(struct store *store, value it)
{
  if (!stack_has_room(store))
    return false;
  store->stack[store->count++] = it;
  return true;
}

/* Drops what lies below the top down to `position`, where the top comes. */
static inline void keep_top(struct store *store, uint32_t position)
{
  store->stack[position] = store->stack[store->count - 1];
  store->count = position + 1;
}

/* ---- the memory (memory-*.c) ---- */

struct engine *memory_engine_new(const struct engine_options *options, struct problem *problem);
void memory_engine_free(struct engine *engine);
bool memory_acquire(struct engine *engine, struct store **out, struct problem *problem);
void memory_release(struct store *store);
void memory_figures(struct engine *engine, struct engine_figures *out);
bool memory_metrics(struct engine *engine, struct bytes *out);
/* What an idle store still has of its memory. */
void memory_drop(struct store *store);
bool memory_suspend(struct store *store, struct bytes *image);
bool memory_resume(struct engine *engine, const void *image, size_t length, struct store **out,
                   struct problem *problem);

#include "value-make.h"

#endif
