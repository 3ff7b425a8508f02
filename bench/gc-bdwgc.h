/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc-memory.h for the Boehm-Demers-Weiser collector, which finds roots by
 * itself. */
#ifndef BENCH_GC_BDWGC_H
#define BENCH_GC_BDWGC_H

#include <stddef.h>

#define GC_THREADS 1
#include <gc/gc.h>

#define MEM_MANUAL 0

MEM_INLINE void *mem_allocate(size_t bytes)
{
  return GC_MALLOC(bytes);
}

MEM_INLINE void *mem_allocate_refs(size_t bytes)
{
  return GC_MALLOC(bytes);
}

MEM_INLINE void *mem_allocate_bytes(size_t bytes)
{
  return GC_MALLOC_ATOMIC(bytes);
}

#include "gc-pointers.h"

MEM_INLINE void mem_drop(struct mem mem, mem_ref ref)
{
  (void)mem;
  (void)ref;
}

#endif
