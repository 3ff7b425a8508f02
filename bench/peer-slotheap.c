/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap as a host uses it: a pool made once, a heap of it for each store,
 * the inline calls that compiled code would have in its place. The collector is
 * PEER_COLLECTOR. */
#include "node.h"
#include "peer.h"

#include <slotheap.h>

static slh_pool *pool;
static slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
static const slh_type *type;

void peer_open(uint32_t objects)
{
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_error error;

  (void)objects;
  runtime.collector = PEER_COLLECTOR;
  if (slh_runtime_new(&runtime, &options.runtime, &error) != SLH_OK ||
      slh_pool_new(NULL, &pool, &error) != SLH_OK ||
      node_type_new(options.runtime, &type, &error) != SLH_OK)
    peer_fail(error.message);
}

/* The loop of peer_link, with references in place of pointers. */
static slh_ref link_nodes(slh_heap *heap, uint32_t objects)
{
  const slh_type node_type = *type; /* constants, in compiled code */
  slh_ref previous = SLH_NULL;
  slh_ref first = SLH_NULL;

  for (uint32_t i = 0; i < objects; i++) {
    slh_ref node;

    if (SLH_UNLIKELY(slh_alloc_struct_uninit(heap, &node_type, &node) != SLH_OK))
      peer_fail("out of memory");
    if (slh_is_null(first))
      first = node;
    slh_init_ref(heap, node, NODE_NEXT, previous);
    slh_init_ref(heap, node, NODE_OTHER, first);
    slh_set_i32(heap, node, NODE_VALUE, (int32_t)i);
    previous = node;
  }
  return previous;
}

void peer_store(uint32_t objects)
{
  slh_heap *heap;

  if (slh_heap_acquire(pool, &options, &heap) != SLH_OK)
    peer_fail("no free slot");
  peer_consume(slh_address(heap, link_nodes(heap, objects), 0));
  slh_heap_release(heap);
}
