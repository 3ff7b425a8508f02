/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* mimalloc under density-peer.h: an mi_heap_t for each heap. */
#include "density-peer.h"
#include "peer.h"

#include <mimalloc.h>
#include <stdio.h>

void density_open(uint64_t heaps, const char *mode)
{
  (void)heaps;
  (void)mode;
}

static bool link_nodes(mi_heap_t *heap, struct density_store *store, uint64_t number)
{
  struct node *previous = NULL;
  struct node *first = NULL;

  for (uint32_t i = 0; i < DENSITY_NODES; i++) {
    struct node *node = mi_heap_malloc_small(heap, sizeof *node);

    if (node == NULL)
      return false;
    if (i == 0)
      first = node;
    node->next = previous;
    node->other = (uint32_t)(uintptr_t)first;
    node->value = density_value(number, i);
    previous = node;
  }
  store->last.address = previous;
  return true;
}

bool density_create(struct density_store *store, uint64_t number)
{
  mi_heap_t *heap = mi_heap_new();

  if (heap != NULL && link_nodes(heap, store, number)) {
    store->heap = heap;
    return true;
  }
  if (heap != NULL)
    mi_heap_destroy(heap);
  fprintf(stderr, "density-mimalloc-heap: no heap %llu: out of memory\n",
          (unsigned long long)number);
  return false;
}

bool density_collect(struct density_store *store)
{
  (void)store;
  return false;
}

bool density_mutate(struct density_store *store, uint64_t number)
{
  struct node *node = store->last.address;
  uint32_t first = node->other;
  struct node *visited = NULL;
  bool good = true;

  node->value = density_changed(number);
  for (uint32_t i = DENSITY_NODES; i-- > 0 && good; visited = node, node = node->next)
    good = node->value == density_expected(number, i) && node->other == first;
  return good && node == NULL && (uint32_t)(uintptr_t)visited == first;
}

void density_release(struct density_store *store)
{
  mi_heap_destroy(store->heap);
}

void density_close(void)
{
}
