/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Memory for the library's own bookkeeping: types, root lists, verifier maps.
 * Never for guest bytes. Goes through the runtime's allocator hook.
 */
#ifndef SLOTHEAP_LIB_HOST_MEMORY_H
#define SLOTHEAP_LIB_HOST_MEMORY_H

#include <slotheap/runtime.h>

/* The allocator a runtime uses if the host names none: jemalloc in an arena
 * of its own where the process has jemalloc, else the C library's. */
slh_allocator slhi_default_allocator(void);

static inline void *slhi_resize(const slh_allocator *allocator, void *old, size_t bytes)
{
  return allocator->resize(allocator->context, old, bytes);
}

static inline void *slhi_allocate(const slh_allocator *allocator, size_t bytes)
{
  return slhi_resize(allocator, NULL, bytes);
}

static inline void slhi_free(const slh_allocator *allocator, void *memory)
{
  if (memory)
    allocator->release(allocator->context, memory);
}

#endif
