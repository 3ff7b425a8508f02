/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A store's stack and time, and where stores are between two requests. */
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "parse.h"

#define STACK_KEPT 4096 /* values, by a store that is idle */
#define SCRATCH_KEPT (64 * 1024)

/* ---- problems and time ---- */

bool store_fail(struct store *store, enum problem_kind kind, uint64_t at, const char *format, ...)
{
  va_list arguments;

  store->problem->kind = kind;
  store->problem->at = at;
  va_start(arguments, format);
  vsnprintf(store->problem->message, sizeof store->problem->message, format, arguments);
  va_end(arguments);
  return false;
}

static uint64_t now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool out_of_time(struct store *store)
{
  return store_fail(store, PROBLEM_TIME, 0, "the request took more than %.3g ms of work",
                    (double)store->limits->nanoseconds / 1e6);
}

bool store_begin(struct store *store, struct problem *problem)
{
  *problem = (struct problem){PROBLEM_NONE, 0, ""};
  store->problem = problem;
  store->began = now();
  store->work = 0;
  return store->left > 0 || out_of_time(store);
}

bool store_end(struct store *store, bool good)
{
  uint64_t took = now() - store->began;

  store->left -= took < store->left ? took : store->left;
  store->problem = NULL;
  return good;
}

uint64_t store_time_left(const struct store *store)
{
  uint64_t took = now() - store->began;

  return took < store->left ? store->left - took : 0;
}

bool store_look_at_clock(struct store *store)
{
  store->work = 0;
  return store_time_left(store) > 0 || out_of_time(store);
}

/* ---- the stack ---- */

bool store_grow_stack(struct store *store)
{
  uint32_t capacity = store->capacity < 256 ? 256 : store->capacity * 2;
  value *stack;

  if (store->count >= store->most)
    return store_fail(store, PROBLEM_TOO_LARGE, 0,
                      "it takes more than the %llu bytes of memory that a request may have",
                      (unsigned long long)store->limits->heap_bytes);
  capacity = capacity < store->most ? capacity : store->most;
  stack = realloc(store->stack, capacity * sizeof *stack);
  if (stack == NULL)
    return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for the request");
  store->stack = stack;
  store->capacity = capacity;
  return true;
}

void store_set_document(struct store *store)
{
  store->roots[ROOT_PREVIOUS] = store->roots[ROOT_DOCUMENT];
  store->roots[ROOT_DOCUMENT] = store->stack[store->count - 1];
  store->roots[ROOT_ANSWER] = store->roots[ROOT_DOCUMENT];
  store->count = 0;
}

/* ---- between requests ---- */

bool stores_init(struct stores *stores, const struct engine_options *options,
                 struct problem *problem)
{
  const struct limits *limits = &options->limits;
  const char *wrong = NULL;

  *problem = (struct problem){PROBLEM_NONE, 0, ""};
  if (limits->heap_bytes < 4096 || limits->heap_bytes > UINT32_MAX)
    wrong = "a heap limit of 4 KiB to 4 GiB";
  else if (limits->depth == 0 || limits->depth > ENGINE_DEPTH_MAX)
    wrong = "a depth limit of 1 to 4096";
  else if (limits->nanoseconds == 0)
    wrong = "a time limit of more than 0";
  else if (options->stores == 0)
    wrong = "at least 1 store";
  if (wrong != NULL) {
    problem->kind = PROBLEM_INTERNAL;
    snprintf(problem->message, sizeof problem->message, "the engine needs %s", wrong);
    return false;
  }
  *stores = (struct stores){.limits = *limits, .most = options->stores};
  pthread_mutex_init(&stores->lock, NULL);
  return true;
}

bool stores_seed(uint64_t *seed, struct problem *problem)
{
  if (getrandom(seed, sizeof *seed, 0) == sizeof *seed)
    return true;
  *problem = (struct problem){PROBLEM_INTERNAL, 0, "the system has no random numbers"};
  return false;
}

void stores_forget(struct stores *stores)
{
  pthread_mutex_lock(&stores->lock);
  stores->live = stores->taken = stores->collections = stores->heap_bytes = 0;
  pthread_mutex_unlock(&stores->lock);
}

static void free_store(struct store *store)
{
  memory_drop(store);
  query_free(&store->query);
  bytes_free(&store->scratch);
  free(store->stack);
  free(store);
}

void stores_free(struct stores *stores)
{
  while (stores->idle != NULL) {
    struct store *store = stores->idle;

    stores->idle = store->next;
    free_store(store);
  }
  pthread_mutex_destroy(&stores->lock);
}

static struct store *take_idle(struct stores *stores, bool *full)
{
  struct store *store = NULL;

  pthread_mutex_lock(&stores->lock);
  *full = stores->live >= stores->most;
  if (!*full) {
    stores->live++;
    stores->taken++;
    store = stores->idle;
    if (store != NULL)
      stores->idle = store->next;
  }
  pthread_mutex_unlock(&stores->lock);
  return store;
}

struct store *store_take(struct stores *stores, struct problem *problem)
{
  struct problem full = {PROBLEM_BUSY, 0, "every store is taken: try again later"};
  bool none;
  struct store *store = take_idle(stores, &none);

  *problem = full;
  if (none)
    return NULL;
  if (store == NULL) {
    store = calloc(1, sizeof *store);
    if (store == NULL) {
      pthread_mutex_lock(&stores->lock);
      stores->live--;
      pthread_mutex_unlock(&stores->lock);
      strcpy(problem->message, "the machine has no memory for a store");
      return NULL;
    }
    store->home = stores;
    store->limits = &stores->limits;
    store->most = (uint32_t)(stores->limits.heap_bytes / sizeof(value) + 4096);
  }
  problem->kind = PROBLEM_NONE;
  problem->message[0] = '\0';
  store->count = 0;
  store->version = 0;
  store->left = stores->limits.nanoseconds;
  for (uint32_t i = 0; i < ROOT_COUNT; i++)
    store->roots[i] = VALUE_NULL;
  return store;
}

void store_return(struct store *store, uint64_t heap_bytes, uint64_t collections)
{
  struct stores *stores = store->home;

  if (store->capacity > STACK_KEPT) {
    free(store->stack);
    store->stack = NULL;
    store->capacity = 0;
  }
  if (store->scratch.capacity > SCRATCH_KEPT)
    bytes_free(&store->scratch);
  pthread_mutex_lock(&stores->lock);
  stores->live--;
  stores->heap_bytes += heap_bytes;
  stores->collections += collections;
  store->next = stores->idle;
  stores->idle = store;
  pthread_mutex_unlock(&stores->lock);
}

void stores_figures(struct stores *stores, struct engine_figures *out)
{
  pthread_mutex_lock(&stores->lock);
  *out = (struct engine_figures){.stores_taken = stores->taken,
                                 .stores_live = stores->live,
                                 .collections = stores->collections,
                                 .heap_bytes = stores->heap_bytes};
  pthread_mutex_unlock(&stores->lock);
}
