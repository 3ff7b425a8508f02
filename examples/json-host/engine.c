/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The engine's face: each call on a store takes its time, and says what was wrong. */
#include "merge.h"
#include "parse.h"
#include "recent.h"
#include "write.h"

/* Whether the document has ended, that most calls are about. */
static bool begin(struct store *store, struct problem *problem)
{
  if (!store_begin(store, problem))
    return false;
  return store->parser == NULL ||
         store_fail(store, PROBLEM_INTERNAL, 0, "the document has not ended");
}

static bool parse(struct store *store, const char *text, size_t length, struct problem *problem)
{
  return store_end(store, store_begin(store, problem) && store_parse(store, text, length));
}

static bool parse_end(struct store *store, struct problem *problem)
{
  return store_end(store, store_begin(store, problem) && store_parse_end(store));
}

static bool ask(struct store *store, const char *query, size_t length, struct problem *problem)
{
  return store_end(store, begin(store, problem) && store_ask(store, query, length));
}

static bool write_answer(struct store *store, struct bytes *out, struct problem *problem)
{
  return store_end(store, begin(store, problem) && store_write(store, out));
}

static bool merge(struct store *store, struct problem *problem)
{
  return store_end(store, begin(store, problem) && store_merge(store));
}

static uint64_t version(const struct store *store)
{
  return store->version;
}

static void set_version(struct store *store, uint64_t version)
{
  store->version = version;
}

static bool set_done(struct store *store, const char *id, uint64_t version, struct problem *problem)
{
  return store_end(store, begin(store, problem) && store_set_done(store, id, version));
}

static bool suspend(struct store *store, struct bytes *image, struct problem *problem)
{
  return store_end(store, begin(store, problem) && memory_suspend(store, image));
}

#ifdef MEMORY_MALLOC
const struct engine_interface engine_malloc = {
    .name = "malloc",
#else
const struct engine_interface engine_slotheap = {
    .name = "slotheap",
#endif
    .engine_new = memory_engine_new,
    .engine_free = memory_engine_free,
    .figures = memory_figures,
    .metrics = memory_metrics,
    .acquire = memory_acquire,
    .release = memory_release,
    .parse = parse,
    .parse_end = parse_end,
    .ask = ask,
    .write = write_answer,
    .merge = merge,
    .version = version,
    .set_version = set_version,
    .was_done = store_was_done,
    .set_done = set_done,
    .suspend = suspend,
    .resume = memory_resume,
};
