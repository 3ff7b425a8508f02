/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc-memory.h for malloc and free: every object is given back on its own, as
 * soon as the program drops it. */
#ifndef BENCH_GC_MALLOC_H
#define BENCH_GC_MALLOC_H

#include <stdlib.h>

#if defined MEM_MIMALLOC
#include <mimalloc.h>
#define mem_malloc(bytes)                                                                          \
  (__builtin_constant_p(bytes) && (bytes) <= MI_SMALL_SIZE_MAX ? mi_malloc_small(bytes)            \
                                                               : mi_malloc(bytes))
#define mem_calloc(bytes) mi_calloc(1, bytes)
#define mem_release(memory) mi_free(memory)
#else
#define mem_malloc(bytes) malloc(bytes)
#define mem_calloc(bytes) calloc(1, bytes)
#define mem_release(memory) free(memory)
#endif

#define MEM_MANUAL 1

MEM_INLINE void *mem_allocate(size_t bytes)
{
  return mem_malloc(bytes);
}

MEM_INLINE void *mem_allocate_refs(size_t bytes)
{
  return mem_calloc(bytes);
}

MEM_INLINE void *mem_allocate_bytes(size_t bytes)
{
  return mem_malloc(bytes);
}

#include "gc-pointers.h"

MEM_INLINE void mem_drop(struct mem mem, mem_ref ref)
{
  (void)mem;
  mem_release(ref);
}

#endif
