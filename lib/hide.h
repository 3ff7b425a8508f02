/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * For memory tools (--enable-memory-tools): what no object has, [bump, committed), is
 * hidden from the program by the address sanitizer, if that is compiled in, or by
 * valgrind's memcheck, so that accesses there are reported. Nothing otherwise.
 *
 * Bytes are shown when the library is asked for them. So the limit of inline
 * allocation is never above what was asked for last. Whatever else moves bump or
 * looks behind it shows all that is free first, and hides it when it is done.
 * Marks of heaps that slh_pool_abandon finds alive stay.
 */
#ifndef SLOTHEAP_LIB_HIDE_H
#define SLOTHEAP_LIB_HIDE_H

#include "lib/heap.h"

#ifdef SLH_MEMORY_TOOLS
#define SLHI_HIDES true

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SLHI_HIDES_BY_ASAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SLHI_HIDES_BY_ASAN
#endif

#ifdef SLHI_HIDES_BY_ASAN
#include <sanitizer/asan_interface.h>
#define SLHI_HIDE(at, bytes) ASAN_POISON_MEMORY_REGION(at, bytes)
#define SLHI_SHOW(at, bytes) ASAN_UNPOISON_MEMORY_REGION(at, bytes)
#else
#include <valgrind/memcheck.h>
#define SLHI_HIDE(at, bytes) (void)VALGRIND_MAKE_MEM_NOACCESS(at, bytes)
/* What is not dirty is zero, and the library relies on it. */
#define SLHI_SHOW(at, bytes) (void)VALGRIND_MAKE_MEM_DEFINED(at, bytes)
#endif

#else
#define SLHI_HIDES false
#define SLHI_HIDE(at, bytes) ((void)(at), (void)(bytes))
#define SLHI_SHOW(at, bytes) ((void)(at), (void)(bytes))
#endif

/* Offsets [from, to). */
static inline void slhi_hide(const slh_heap *heap, uint64_t from, uint64_t to)
{
  if (SLHI_HIDES && from < to)
    SLHI_HIDE(heap->data.base + from, to - from);
}

static inline void slhi_show(const slh_heap *heap, uint64_t from, uint64_t to)
{
  if (SLHI_HIDES && from < to)
    SLHI_SHOW(heap->data.base + from, to - from);
}

/* All that no object has. */
static inline void slhi_hide_free(const slh_heap *heap)
{
  slhi_hide(heap, slhi_heap_end(heap), slhi_heap_committed(heap));
}

static inline void slhi_show_free(const slh_heap *heap)
{
  slhi_show(heap, slhi_heap_end(heap), slhi_heap_committed(heap));
}

#endif
