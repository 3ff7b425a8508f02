/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Memory for the library's own bookkeeping, never for guest bytes: through an
 * allocator hook; and blocks that belong to a slot, are counted, and are freed
 * with its slab.
 */
#ifndef SLOTHEAP_POOL_HOST_MEMORY_H
#define SLOTHEAP_POOL_HOST_MEMORY_H

#include <slotheap/base.h>

#include "pool/slot.h"

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

/*
 * The host memory of a slot's user: a part for the owner of the slot, made when
 * it is first asked for, and blocks. Kept from one use of the slot to the next.
 */
struct host_memory {
  uint64_t bytes; /* of all this, with what blocks take themselves */
  struct block *blocks;
};

#define SLHI_BLOCK_OVERHEAD 24

/* The owner's part, or NULL if it was not made yet. */
static inline void *slhi_slot_host(const struct slot *slot)
{
  return slot->host ? slot->host + 1 : NULL;
}

static inline uint64_t slhi_slot_host_bytes(const struct slot *slot)
{
  return slot->host ? slot->host->bytes : 0;
}

/* Makes the owner's part, zeroed, unless there is one. NULL: no memory. */
void *slhi_slot_make_host(struct slot *slot, size_t bytes);

/* Blocks, once there is an owner's part. */
void *slhi_slot_resize(struct slot *slot, void *old, size_t bytes);
void slhi_slot_free(struct slot *slot, void *memory);

/* Frees the owner's part and all blocks. */
void slhi_slot_free_all(struct slot *slot);

#endif
