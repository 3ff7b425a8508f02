/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The workload "chain": store(1000), the same 1,000 linked objects that
 * `slotheap-bench store` allocates, and nothing else. */
#include "memory.h"
#include "node.h"
#include "workload.h"

#define OBJECTS 1000

struct chain {
  slh_heap_options options;
  const slh_type *type;
};

static void *chain_open(slh_runtime *runtime, const struct workload_options *options)
{
  struct chain *chain = memory_new(1, sizeof *chain);
  slh_error error;

  chain->options = (slh_heap_options)SLH_HEAP_OPTIONS_INIT;
  chain->options.runtime = runtime;
  chain->options.max_bytes = options->max_heap_bytes;
  if (node_type_new(runtime, &chain->type, &error) == SLH_OK)
    return chain;
  fprintf(stderr, "slotheap-bench: chain: %s\n", error.message);
  free(chain);
  return NULL;
}

static void *chain_thread_open(void *shared, unsigned thread_number)
{
  return shared;
}

static void chain_thread_close(void *thread)
{
}

static slh_status link_nodes(slh_heap *heap, const slh_type *type, slh_ref *last)
{
  slh_ref previous = SLH_NULL;
  slh_ref first = SLH_NULL;

  for (int32_t i = 0; i < OBJECTS; i++) {
    slh_ref node;
    slh_status status = slh_alloc_struct_uninit(heap, type, &node);

    if (status != SLH_OK)
      return status;
    if (slh_is_null(first))
      first = node;
    slh_init_ref(heap, node, NODE_NEXT, previous);
    slh_init_ref(heap, node, NODE_OTHER, first);
    slh_set_i32(heap, node, NODE_VALUE, i);
    previous = node;
  }
  *last = previous;
  return SLH_OK;
}

static bool chain_serve(void *thread, slh_pool *pool, struct workload_result *result)
{
  const struct chain *chain = thread;
  slh_heap *heap;
  slh_ref last;
  slh_status status = slh_heap_acquire(pool, &chain->options, &heap);

  if (status == SLH_OK) {
    status = link_nodes(heap, chain->type, &last);
    if (status == SLH_OK)
      result->allocated_bytes = (uint64_t)slh_get_i32(heap, last, NODE_VALUE) * NODE_BYTES + 16;
    slh_heap_release(heap);
  }
  if (status != SLH_OK)
    fprintf(stderr, "slotheap-bench: chain: %s; it needs %d bytes a heap\n",
            slh_status_text(status), OBJECTS * NODE_BYTES);
  return status == SLH_OK;
}

const struct workload workload_chain = {"chain",           chain_open,         free,
                                        chain_thread_open, chain_thread_close, chain_serve};
