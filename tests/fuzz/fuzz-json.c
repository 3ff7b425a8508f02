/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What the harness reads: JSON documents, and queries over them. A text that is
 * parsed and written gives one that is parsed and written to the same, whether
 * or not the heap was collected in between. The first byte says how.
 */
#include "bench/json.h"
#include "tests/fuzz/fuzz.h"

#define COLLECTS 1
#define SMALL 2
#define QUERIES 4

#define TEXT_MAX 65536

static slh_runtime *runtime;
static struct json_types types;

static void open_once(void)
{
  slh_error error;

  if (runtime)
    return;
  FUZZ_REQUIRE(slh_runtime_new(NULL, &runtime, &error) == SLH_OK);
  FUZZ_REQUIRE(json_types_register(runtime, &types, &error) == SLH_OK);
}

/* One for each input: what a pool has is in no memory that a leak checker knows. */
static slh_pool *open_pool(void)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_pool *pool;

  options.slots = 1;
  options.max_collections = 1;
  FUZZ_REQUIRE(slh_pool_new(&options, &pool, NULL) == SLH_OK);
  return pool;
}

static void collect(const struct json_store *store, unsigned how)
{
  slh_error error;

  if (how & COLLECTS)
    FUZZ_REQUIRE(slh_heap_collect(store->heap, NULL) == SLH_OK);
  FUZZ_REQUIRE(slh_heap_verify(store->heap, NULL, &error) == SLH_OK);
}

/* Writes the value on top of the stack into a copy; NULL: it cannot be written. */
static char *write_top(const struct json_store *store, size_t *length)
{
  yajl_gen generator = yajl_gen_alloc(NULL);
  const unsigned char *text;
  char *copy = NULL;

  FUZZ_REQUIRE(generator != NULL);
  if (json_write(store, store->stack->values[store->stack->count - 1], generator) == SLH_OK) {
    FUZZ_REQUIRE(yajl_gen_get_buf(generator, &text, length) == yajl_gen_status_ok);
    copy = malloc(*length + 1);
    FUZZ_REQUIRE(copy != NULL);
    memcpy(copy, text, *length);
  }
  yajl_gen_free(generator);
  return copy;
}

/* The value is on top of the stack: what is written of it reads as the same. */
static void check_text(struct json_store *store, unsigned how)
{
  size_t first_length = 0, second_length = 0;
  char *first = write_top(store, &first_length), *second;
  slh_error error;
  slh_status status;

  if (!first)
    return;
  status = json_parse(store, first, first_length, &error);
  FUZZ_REQUIRE(status == SLH_OK || status == SLH_E_LIMIT);
  if (status == SLH_OK) {
    collect(store, how);
    second = write_top(store, &second_length);
    FUZZ_REQUIRE(second != NULL && second_length == first_length);
    FUZZ_REQUIRE(memcmp(first, second, first_length) == 0);
    free(second);
  }
  free(first);
}

static void serve(struct json_store *store, const char *text, size_t length, unsigned how)
{
  static const struct json_query query = {"a", NULL, "b", 2};
  slh_error error = {0};
  slh_status status = json_parse(store, text, length, &error);

  FUZZ_REQUIRE(status == SLH_OK || status == SLH_E_INVALID || status == SLH_E_LIMIT);
  FUZZ_REQUIRE(status == error.status);
  if (status != SLH_OK)
    return;
  FUZZ_REQUIRE(store->stack->count == 1);
  collect(store, how);
  if (how & QUERIES) {
    status = json_query_run(store, "c", &query);
    FUZZ_REQUIRE(status == SLH_OK || status == SLH_E_TYPE || status == SLH_E_LIMIT);
    if (status != SLH_OK)
      return;
    collect(store, how);
  }
  check_text(store, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct json_stack stack = {NULL, 0, 0};
  struct json_store store = {NULL, &types, &stack};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  unsigned how = size > 0 ? data[0] : 0;
  slh_pool *pool;

  open_once();
  if (size == 0 || size > TEXT_MAX)
    return 0;
  options.runtime = runtime;
  options.initial_bytes = how & COLLECTS ? 256 : 0;
  options.max_bytes = how & SMALL ? 4096 : UINT64_C(16) << 20;
  options.enumerate_roots = json_enumerate_roots;
  options.host = &stack;
  pool = open_pool();
  FUZZ_REQUIRE(slh_heap_acquire(pool, &options, &store.heap) == SLH_OK);
  serve(&store, (const char *)data + 1, size - 1, how);
  slh_heap_release(store.heap);
  slh_pool_free(pool);
  json_stack_free(&stack);
  return 0;
}
