/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * jemalloc: an arena made once, reset after each store.
 *
 * Without a thread cache: one of its own would have to be flushed before each
 * reset, which takes 8 us at any size. That saves a fifth at 10,000 objects and
 * costs twelve times as much at 10.
 */
#include "peer.h"

#include <jemalloc/jemalloc.h>

/* Pages are never given back between stores. jemalloc reads this name. */
const char *malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1";

static int flags;
static size_t reset[3]; /* arena.<i>.reset, looked up once */

void peer_open(uint32_t objects)
{
  size_t length = sizeof reset / sizeof *reset;
  unsigned arena;
  size_t arena_bytes = sizeof arena;

  (void)objects;
  if (mallctl("arenas.create", &arena, &arena_bytes, NULL, 0) != 0)
    peer_fail("arenas.create failed");
  if (mallctlnametomib("arena.0.reset", reset, &length) != 0)
    peer_fail("this jemalloc has no arena.<i>.reset");
  reset[1] = arena;
  flags = MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE;
}

static inline void *allocate(void *context)
{
  (void)context;
  return mallocx(sizeof(struct node), flags);
}

void peer_store(uint32_t objects)
{
  peer_consume(peer_link(objects, allocate, NULL));
  if (mallctlbymib(reset, 3, NULL, NULL, NULL, 0) != 0)
    peer_fail("arena.<i>.reset failed");
}
