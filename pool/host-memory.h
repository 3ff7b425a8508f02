/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Memory for the library's own bookkeeping, never for guest bytes: through an
 * allocator hook; and blocks that belong to a slot, are counted, and are freed
 * with its slab.
 */
#ifndef SLOTHEAP_POOL_HOST_MEMORY_H
#define SLOTHEAP_POOL_HOST_MEMORY_H

#include <slotheap/base.h>

struct slot;

/* SLH_E_INVALID if one of the functions is missing. NULL: the default. */
slh_status slhi_read_allocator(const slh_allocator *given, slh_allocator *out, slh_error *error);

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

/* The same for a block of a slot: kept from one use of the slot to the next,
 * counted in slot->host_bytes with what a block takes itself. */
#define SLHI_BLOCK_OVERHEAD 24

void *slhi_slot_resize(struct slot *slot, void *old, size_t bytes);
void slhi_slot_free(struct slot *slot, void *block);

/* Frees all blocks of a slot. */
void slhi_slot_free_all(struct slot *slot);

#endif
