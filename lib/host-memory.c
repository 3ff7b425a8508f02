/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/host-memory.h"

#include <stdlib.h>

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

slh_allocator slhi_default_allocator(void)
{
  slh_allocator libc = {libc_resize, libc_release, NULL};
  slh_allocator jemalloc = {jemalloc_resize, jemalloc_release, NULL};

  pthread_once(&once, make_arena);
  return arena_flags ? jemalloc : libc;
}

#else

slh_allocator slhi_default_allocator(void)
{
  slh_allocator libc = {libc_resize, libc_release, NULL};

  return libc;
}

#endif
