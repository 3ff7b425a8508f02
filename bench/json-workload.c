/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The JSON workload: each store parses a document into its heap, runs a query
 * over it, writes the answer, and is dropped. Every answer is compared with
 * the one jansson gave.
 */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

/* Aligned and padded: threads write to theirs all the time. */
struct thread {
  _Alignas(CACHE_LINE) const struct json_workload *workload;
  struct random random;
  struct json_stack stack;
  yajl_gen generator; /* its buffer is reused: a warm store makes no system call */
};

/* ---- opening ---- */

static void json_close(void *shared)
{
  struct json_workload *workload = shared;

  json_documents_free(&workload->documents);
  free(workload);
}

static void *json_open(slh_runtime *runtime, const struct workload_options *options)
{
  struct json_workload *workload = calloc(1, sizeof *workload);
  slh_error error;

  if (workload == NULL) {
    fprintf(stderr, "json: no memory\n");
    return NULL;
  }
  workload->runtime = runtime;
  workload->options = *options;
  if (json_types_register(runtime, &workload->types, &error) != SLH_OK)
    fprintf(stderr, "json: cannot register types: %s\n", error.message);
  else if (json_documents_load(&workload->documents, options->seed))
    return workload;
  json_close(workload);
  return NULL;
}

static void *json_thread_open(void *shared, unsigned thread_number)
{
  struct json_workload *workload = shared;
  struct thread *thread = aligned_alloc(CACHE_LINE, sizeof *thread);

  if (thread == NULL)
    return NULL;
  memset(thread, 0, sizeof *thread);
  thread->workload = workload;
  thread->random = random_seed(workload->options.seed, thread_number);
  thread->generator = yajl_gen_alloc(NULL);
  if (thread->generator == NULL) {
    free(thread);
    return NULL;
  }
  return thread;
}

static void json_thread_close(void *state)
{
  struct thread *thread = state;

  yajl_gen_free(thread->generator);
  json_stack_free(&thread->stack);
  free(thread);
}

/* ---- failures, one line each ---- */

/* "json: 3166-2, small document 17 of 12 records: ", to begin a line. */
static void begin_failure(const struct json_workload *workload,
                          const struct json_document *document)
{
  static const char *const names[] = {
      [JSON_SMALL] = "small", [JSON_MEDIUM] = "medium", [JSON_WHOLE] = "whole"};
  const struct json_range *range =
      &workload->documents.ranges[document->size][document->family - json_families];

  fprintf(stderr, "json: %s, %s document %zu of %u records: ", document->family->name,
          names[document->size], (size_t)(document - workload->documents.items) - range->first,
          (unsigned)document->records);
}

static bool fail_step(const struct json_workload *workload, const struct json_document *document,
                      const char *step, slh_status status, const char *why)
{
  flockfile(stderr);
  begin_failure(workload, document);
  fprintf(stderr, "%s: %s: %s\n", step, slh_status_name(status),
          why == NULL ? slh_status_text(status) : why);
  funlockfile(stderr);
  return false;
}

static bool fail_answer(const struct json_workload *workload, const struct json_document *document,
                        const char *answer, size_t length)
{
  enum {
    SHOWN = 60,
    BEFORE = 20
  };
  size_t at = 0;

  while (at < length && document->expected[at] != '\0' && answer[at] == document->expected[at])
    at++;
  at = at < BEFORE ? 0 : at - BEFORE;
  flockfile(stderr);
  begin_failure(workload, document);
  fprintf(stderr, "wrong answer: from byte %zu on it is '%.*s', should be '%.*s'\n", at,
          length - at < SHOWN ? (int)(length - at) : SHOWN, answer + at, SHOWN,
          document->expected + at);
  funlockfile(stderr);
  return false;
}

/* ---- a store ---- */

/* Writes the value on top of the stack and compares it with the answer. */
static bool check_answer(struct thread *thread, const struct json_store *store,
                         const struct json_document *document)
{
  const unsigned char *answer;
  size_t length;
  slh_status status;

  yajl_gen_reset(thread->generator, NULL);
  yajl_gen_clear(thread->generator);
  status = json_write(store, store->stack->values[store->stack->count - 1], thread->generator);
  if (status != SLH_OK)
    return fail_step(thread->workload, document, "write", status, NULL);
  yajl_gen_get_buf(thread->generator, &answer, &length);
  if (length != strlen(document->expected) || memcmp(answer, document->expected, length) != 0)
    return fail_answer(thread->workload, document, (const char *)answer, length);
  return true;
}

/* Once in a while, as a host with an idle moment would. */
static bool maybe_collect(struct thread *thread, slh_heap *heap,
                          const struct json_document *document)
{
  slh_status status;

  if (random_below(&thread->random, 16) != 0)
    return true;
  status = slh_heap_collect(heap, NULL);
  if (status != SLH_OK)
    return fail_step(thread->workload, document, "collect", status, NULL);
  return true;
}

static bool run_store(struct thread *thread, slh_heap *heap, const struct json_document *document)
{
  const struct json_workload *workload = thread->workload;
  struct json_store store = {heap, &workload->types, &thread->stack};
  slh_error error;
  slh_status status;

  thread->stack.count = 0;
  status = json_parse(&store, document->text, document->length, &error);
  if (status != SLH_OK)
    return fail_step(workload, document, "parse", status, error.message);
  /* Here everything lives and moves; after the query only the answer does. */
  if (!maybe_collect(thread, heap, document))
    return false;
  status = json_query_run(&store, document->family->name, document->query);
  if (status != SLH_OK)
    return fail_step(workload, document, "query", status, NULL);
  return maybe_collect(thread, heap, document) && check_answer(thread, &store, document);
}

/* One store in four has so small a start that it collects while it parses and
 * queries: a document takes two to four times its text in the heap. */
static uint64_t pick_initial_bytes(struct random *random, const struct json_document *document)
{
  if (random_below(random, 4) != 0)
    return 0;
  return 256 + random_below(random, (uint32_t)document->length * 3);
}

static bool json_serve(void *state, slh_pool *pool, struct workload_result *result)
{
  struct thread *thread = state;
  const struct json_workload *workload = thread->workload;
  const struct json_document *document = json_documents_pick(&workload->documents, &thread->random);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_heap_stats stats;
  slh_heap *heap;
  slh_status status;
  bool served;

  options.runtime = workload->runtime;
  options.max_bytes = workload->options.max_heap_bytes;
  options.initial_bytes = pick_initial_bytes(&thread->random, document);
  options.enumerate_roots = json_enumerate_roots;
  options.host = &thread->stack;
  status = slh_heap_acquire(pool, &options, &heap);
  if (status != SLH_OK)
    return fail_step(workload, document, "acquire", status, NULL);
  served = run_store(thread, heap, document);
  slh_heap_get_stats(heap, &stats);
  result->allocated_bytes = stats.allocated_total;
  result->reclaimed_bytes = stats.reclaimed_total;
  result->collections = stats.collections;
  slh_heap_release(heap);
  return served;
}

const struct workload workload_json = {
    .name = "json",
    .open = json_open,
    .close = json_close,
    .thread_open = json_thread_open,
    .thread_close = json_thread_close,
    .serve = json_serve,
};
