/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Making and freeing what a host makes once: runtime, pool, what the threads share. */
#include "engine.h"

#include <math.h>
#include <stdio.h>

static bool fail(const struct engine_options *options, const char *what, const char *why)
{
  fprintf(stderr, "slotheap-bench: %s: no %s: %s\n", options->workload->name, what, why);
  return false;
}

static bool open_pool(struct engine *engine, const struct engine_options *options,
                      slh_pool_options *pool_options)
{
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_error error;

  /* No thread should have to wait for another's collection. */
  if (options->threads > 16)
    pool_options->max_collections = options->threads;
  if (slh_runtime_options_parse(&runtime_options, options->runtime, &error) != SLH_OK ||
      slh_runtime_new(&runtime_options, &engine->runtime, &error) != SLH_OK)
    return fail(options, "runtime", error.message);
  if (slh_pool_options_parse(pool_options, options->pool, &error) == SLH_OK &&
      slh_pool_new(pool_options, &engine->pool, &error) == SLH_OK)
    return true;
  slh_runtime_free(engine->runtime);
  return fail(options, "pool", error.message);
}

bool engine_open(struct engine *engine, const struct engine_options *options)
{
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  struct workload_options workload_options = {.seed = options->seed};

  if (!open_pool(engine, options, &pool_options))
    return false;
  workload_options.max_heap_bytes = pool_options.max_heap_bytes;
  engine->workload = options->workload;
  engine->shared = engine->workload->open(engine->runtime, &workload_options);
  if (engine->shared != NULL)
    return true;
  slh_pool_free(engine->pool);
  slh_runtime_free(engine->runtime);
  return false;
}

void engine_close(struct engine *engine)
{
  engine->workload->close(engine->shared);
  slh_pool_free(engine->pool);
  slh_runtime_free(engine->runtime);
}

double engine_resident(const struct engine *engine)
{
  slh_pool_stats stats;
  uint64_t bytes;

  slh_pool_get_stats(engine->pool, &stats);
  if (stats.slots_touched == 0 || slh_pool_resident(engine->pool, &bytes, NULL) != SLH_OK)
    return NAN;
  return (double)bytes / (double)stats.slots_touched;
}
