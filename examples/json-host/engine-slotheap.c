/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The engine of heaps: its types, its pool, and the prelude as an image. */
#include "memory-slotheap.h"

#include <slotheap-export.h>
#include <stdio.h>
#include <stdlib.h>

#include "prelude.h"

#define COLLECTIONS_MAX 64 /* at a time; one more waits for nothing, but grows its heap */

static bool fail(struct problem *problem, const slh_error *error)
{
  *problem = (struct problem){PROBLEM_INTERNAL, 0, ""};
  snprintf(problem->message, sizeof problem->message, "%s", error->message);
  return false;
}

/* ---- types ---- */

static slh_status new_number(slh_runtime *runtime, const char *name, slh_storage storage,
                             const slh_type **out, slh_error *error)
{
  slh_field field = {"value", storage, 0};
  slh_status status = slh_struct_type_new(runtime, name, NULL, &field, 1, out, error);

  if (status == SLH_OK && (*out)->fields[0].offset != NUMBER_OFFSET)
    abort(); /* the layout is documented */
  return status;
}

static slh_status new_types(slh_runtime *runtime, struct types *out, slh_error *error)
{
  slh_status status = slh_array_type_new(runtime, "json string", SLH_I8, &out->string, error);

  if (status == SLH_OK)
    status = slh_array_type_new(runtime, "json list", SLH_REF, &out->list, error);
  if (status == SLH_OK)
    status = slh_array_type_new(runtime, "json object", SLH_REF, &out->object, error);
  if (status == SLH_OK)
    status = slh_array_type_new(runtime, "json table", SLH_REF, &out->table, error);
  if (status == SLH_OK)
    status = new_number(runtime, "json integer", SLH_I64, &out->integer, error);
  if (status == SLH_OK)
    status = new_number(runtime, "json real", SLH_F64, &out->real, error);
  if (status == SLH_OK)
    status = slh_struct_type_new(runtime, "json true", NULL, NULL, 0, &out->yes, error);
  if (status == SLH_OK)
    status = slh_struct_type_new(runtime, "json false", NULL, NULL, 0, &out->no, error);
  return status;
}

/* ---- the prelude ---- */

static bool make_constants(struct store *store)
{
  return memory_slow(store, store->memory.types.yes, 0, &store->memory.yes) &&
         memory_slow(store, store->memory.types.no, 0, &store->memory.no);
}

static bool freeze_prelude(struct engine *engine, struct store *store)
{
  const slh_image_root roots[] = {{"true", store->memory.yes},
                                  {"false", store->memory.no},
                                  {"functions", store->roots[ROOT_FUNCTIONS]},
                                  {"keys", store->roots[ROOT_KEYS]}};
  const slh_image_contents contents = {.roots = roots, .root_count = 4};
  slh_error error;

  if (slh_image_freeze(store->memory.heap, &contents, NULL, &engine->prelude, &error) != SLH_OK)
    return store_fail(store, PROBLEM_INTERNAL, 0, "%s", error.message);
  engine->yes = slh_image_root_at(engine->prelude, 0, NULL);
  engine->no = slh_image_root_at(engine->prelude, 1, NULL);
  engine->functions = slh_image_root_at(engine->prelude, 2, NULL);
  engine->keys = slh_image_root_at(engine->prelude, 3, NULL);
  return true;
}

static bool make_prelude(struct engine *engine, struct problem *problem)
{
  struct store *store;
  bool made;

  if (!memory_take(engine, NULL, false, &store, problem))
    return false;
  store->left = UINT64_MAX;
  made = store_begin(store, problem) && make_constants(store) && prelude_make(store) &&
         freeze_prelude(engine, store);
  memory_release(store);
  stores_forget(&engine->stores);
  return made;
}

/* ---- the engine ---- */

static bool make_memory(struct engine *engine, const struct engine_options *options,
                        struct problem *problem)
{
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool = SLH_POOL_OPTIONS_INIT;
  slh_error error;

  engine->zeal = runtime.zeal = options->zeal;
  pool.slots = options->stores;
  pool.max_collections = options->stores < COLLECTIONS_MAX ? options->stores : COLLECTIONS_MAX;
  if (slh_runtime_new(&runtime, &engine->runtime, &error) != SLH_OK ||
      new_types(engine->runtime, &engine->types, &error) != SLH_OK ||
      slh_pool_new(&pool, &engine->pool, &error) != SLH_OK)
    return fail(problem, &error);
  return stores_seed(&engine->seed, problem) && make_prelude(engine, problem);
}

struct engine *memory_engine_new(const struct engine_options *options, struct problem *problem)
{
  struct engine *engine = calloc(1, sizeof *engine);

  *problem = (struct problem){PROBLEM_BUSY, 0, "the machine has no memory for an engine"};
  if (engine == NULL || !stores_init(&engine->stores, options, problem)) {
    free(engine);
    return NULL;
  }
  if (make_memory(engine, options, problem))
    return engine;
  memory_engine_free(engine);
  return NULL;
}

void memory_engine_free(struct engine *engine)
{
  if (engine == NULL)
    return;
  slh_image_free(engine->prelude);
  slh_pool_free(engine->pool);
  slh_runtime_free(engine->runtime);
  stores_free(&engine->stores);
  free(engine);
}

void memory_figures(struct engine *engine, struct engine_figures *out)
{
  slh_pool_stats stats;

  stores_figures(&engine->stores, out);
  slh_pool_get_stats(engine->pool, &stats);
  out->resident_bytes = stats.resident_bytes;
}

bool memory_metrics(struct engine *engine, struct bytes *out)
{
  slh_export_pool pool = {.name = "requests"};
  slh_export_stats stats = {.pools = &pool, .pool_count = 1};
  size_t length = 0;
  char *text = NULL;
  FILE *file = open_memstream(&text, &length);
  bool good;

  if (file == NULL)
    return false;
  slh_pool_get_stats(engine->pool, &pool.stats);
  good = slh_export_prometheus(&stats, file) == SLH_OK;
  good = fclose(file) == 0 && good && bytes_append(out, text, length);
  free(text);
  return good;
}
