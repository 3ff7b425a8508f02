/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap under density-peer.h: a dense pool. Mode "" has guarded slots of
 * 64 KiB, mode "small" the smallest slots, which a heap can outgrow. */
#include "density-peer.h"
#include "node.h"

#include <slotheap.h>
#include <stdio.h>
#include <string.h>

#define SLOT_BYTES 65536
#define GUARD_BYTES 4096 /* rounded up to a page */
#define SMALL_SLOT_BYTES 512
#define SMALL_MAX_BYTES 4096

static slh_pool *pool;
static slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
static const slh_type *type;

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct density_store *store = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &store->last.reference, 1, "the list");
}

/* A guard that is a mapping of its own would be one too many: 65,530 is what
 * a process can have. */
static uint64_t guard_bytes(void)
{
  slh_host_limits limits;

  slh_host_limits_get(&limits);
  if (limits.light_guards)
    return GUARD_BYTES;
  fputs("density-slotheap: guards take mappings here (before Linux 6.13); slots have none\n",
        stderr);
  return 0;
}

static void set_slots(slh_pool_options *memory, bool small)
{
  memory->kind = SLH_POOL_DENSE;
  memory->slot_bytes = small ? SMALL_SLOT_BYTES : SLOT_BYTES;
  memory->guard_bytes = small ? 0 : guard_bytes();
  memory->max_heap_bytes = small ? SMALL_MAX_BYTES : SLOT_BYTES / 2;
}

void density_open(uint64_t heaps, const char *mode)
{
  slh_pool_options memory = SLH_POOL_OPTIONS_INIT;
  slh_error error;

  memory.slots = heaps;
  set_slots(&memory, strcmp(mode, "small") == 0);
  if (slh_runtime_new(NULL, &options.runtime, &error) != SLH_OK ||
      slh_pool_new(&memory, &pool, &error) != SLH_OK ||
      node_type_new(options.runtime, &type, &error) != SLH_OK)
    density_fail(error.message);
  options.enumerate_roots = list_roots;
}

static slh_status link_nodes(slh_heap *heap, uint64_t number, slh_ref *last)
{
  const slh_type node_type = *type; /* constants, in compiled code */
  slh_ref previous = SLH_NULL;
  slh_ref first = SLH_NULL;

  for (uint32_t i = 0; i < DENSITY_NODES; i++) {
    slh_ref node;
    slh_status status = slh_alloc_struct_uninit(heap, &node_type, &node);

    if (SLH_UNLIKELY(status != SLH_OK))
      return status;
    if (i == 0)
      first = node;
    slh_dense_init_ref(heap, node, NODE_NEXT, previous);
    slh_dense_init_ref(heap, node, NODE_OTHER, first);
    slh_dense_set_i32(heap, node, NODE_VALUE, density_value(number, i));
    previous = node;
  }
  *last = previous;
  return SLH_OK;
}

bool density_create(struct density_store *store, uint64_t number)
{
  slh_heap *heap;
  slh_status status;

  options.host = store;
  status = slh_heap_acquire(pool, &options, &heap);
  if (status == SLH_OK) {
    status = link_nodes(heap, number, &store->last.reference);
    if (status == SLH_OK) {
      store->heap = heap;
      return true;
    }
    slh_heap_release(heap);
  }
  fprintf(stderr, "density-slotheap: no heap %llu: %s\n", (unsigned long long)number,
          slh_status_name(status));
  return false;
}

bool density_collect(struct density_store *store)
{
  if (slh_heap_collect(store->heap, NULL) != SLH_OK)
    density_fail("a collection failed");
  return true;
}

bool density_mutate(struct density_store *store, uint64_t number)
{
  slh_heap *heap = store->heap;
  slh_ref node = store->last.reference;
  slh_ref first = slh_dense_get_ref(heap, node, NODE_OTHER);
  slh_ref visited = SLH_NULL;
  bool good = true;

  slh_dense_set_i32(heap, node, NODE_VALUE, density_changed(number));
  for (uint32_t i = DENSITY_NODES; i-- > 0 && good;
       visited = node, node = slh_dense_get_ref(heap, node, NODE_NEXT))
    good = slh_dense_has_type(heap, node, type) &&
           slh_dense_get_i32(heap, node, NODE_VALUE) == density_expected(number, i) &&
           slh_dense_get_ref(heap, node, NODE_OTHER).bits == first.bits;
  return good && slh_is_null(node) && visited.bits == first.bits;
}

void density_release(struct density_store *store)
{
  slh_heap_release(store->heap);
}

void density_close(void)
{
  slh_pool_free(pool);
  slh_runtime_free(options.runtime);
}
