/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* mimalloc without a heap of its own: each object freed on its own. */
#include "peer.h"

#include <mimalloc.h>

void peer_open(uint32_t objects)
{
  (void)objects;
  /* Keeps its memory between stores. */
  mi_option_disable(mi_option_allow_decommit);
}

static inline void *allocate(void *context)
{
  (void)context;
  return mi_malloc_small(sizeof(struct node));
}

void peer_store(uint32_t objects)
{
  peer_unlink(peer_link(objects, allocate, NULL), mi_free);
}
