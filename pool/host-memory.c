/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/host-memory.h"

#include <stdlib.h>

#include "pool/error.h"
#include "pool/slab.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

static void *libc_resize(void *context, void *old, size_t bytes)
{
  (void)context;
  return realloc(old, bytes);
}

static void libc_release(void *context, void *memory)
{
  (void)context;
  free(memory);
}

#ifdef HAVE_JEMALLOC

#include <jemalloc/jemalloc.h>
#include <pthread.h>

/* Weak, and jemalloc is not linked: linking it would replace the host's
 * malloc, or keep a plug-in that links this library from being loaded. */
#pragma weak mallocx
#pragma weak rallocx
#pragma weak dallocx
#pragma weak mallctl

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int arena_flags; /* 0: no jemalloc in this process */

static void make_arena(void)
{
  unsigned arena;
  size_t size = sizeof arena;

  if (mallocx && rallocx && dallocx && mallctl &&
      mallctl("arenas.create", &arena, &size, NULL, 0) == 0)
    arena_flags = MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE;
}

static void *jemalloc_resize(void *context, void *old, size_t bytes)
{
  (void)context;
  return old ? rallocx(old, bytes, arena_flags) : mallocx(bytes, arena_flags);
}

static void jemalloc_release(void *context, void *memory)
{
  (void)context;
  dallocx(memory, arena_flags);
}

slh_allocator slh_default_allocator(void)
{
  slh_allocator libc = {libc_resize, libc_release, NULL};
  slh_allocator jemalloc = {jemalloc_resize, jemalloc_release, NULL};

  pthread_once(&once, make_arena);
  return arena_flags ? jemalloc : libc;
}

#else

slh_allocator slh_default_allocator(void)
{
  slh_allocator libc = {libc_resize, libc_release, NULL};

  return libc;
}

#endif

slh_status slhi_read_allocator(const slh_allocator *given, slh_allocator *out, slh_error *error)
{
  if (given && (!given->resize || !given->release))
    return slhi_error(error, SLH_E_INVALID, "an allocator needs both resize and release");
  *out = given ? *given : slh_default_allocator();
  return SLH_OK;
}

/* ---- blocks of a slot ---- */

struct block {
  struct block *next;
  struct block **link; /* what points at this one */
  size_t bytes;        /* with this header */
};

_Static_assert(sizeof(struct block) == SLHI_BLOCK_OVERHEAD, "callers reckon with it");

static void unlink_block(struct host_memory *host, struct block *block)
{
  *block->link = block->next;
  if (block->next)
    block->next->link = block->link;
  host->bytes -= block->bytes;
}

static void link_block(struct host_memory *host, struct block *block)
{
  block->next = host->blocks;
  block->link = &host->blocks;
  if (block->next)
    block->next->link = &block->next;
  host->blocks = block;
  host->bytes += block->bytes;
}

void *slhi_slot_make_host(struct slot *slot, size_t bytes)
{
  struct host_memory *host = slot->host;

  if (!host) {
    bytes += sizeof *host;
    host = slhi_allocate(&slot->slab->allocator, bytes);
    if (!host)
      return NULL;
    memset(host, 0, bytes);
    host->bytes = bytes;
    slot->host = host;
  }
  return host + 1;
}

void *slhi_slot_resize(struct slot *slot, void *old, size_t bytes)
{
  const slh_allocator *allocator = &slot->slab->allocator;
  struct block *block = old ? (struct block *)old - 1 : NULL;
  struct block *resized;

  if (block)
    unlink_block(slot->host, block);
  resized = slhi_resize(allocator, block, sizeof *block + bytes);
  if (resized)
    resized->bytes = sizeof *block + bytes;
  if (resized || block)
    link_block(slot->host, resized ? resized : block);
  return resized ? resized + 1 : NULL;
}

void slhi_slot_free(struct slot *slot, void *memory)
{
  struct block *block;

  if (!memory)
    return;
  block = (struct block *)memory - 1;
  unlink_block(slot->host, block);
  slhi_free(&slot->slab->allocator, block);
}

void slhi_slot_free_all(struct slot *slot)
{
  if (!slot->host)
    return;
  while (slot->host->blocks)
    slhi_slot_free(slot, slot->host->blocks + 1);
  slhi_free(&slot->slab->allocator, slot->host);
  slot->host = NULL;
}
