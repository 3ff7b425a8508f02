/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Options whose default and range depend on the kind of the pool: field, default, least,
 * most. plan.c checks them by these. The table of all options (pool-options.c) has the widest
 * range of each.
 */
#ifndef SLOTHEAP_POOL_POOL_OPTIONS_H
#define SLOTHEAP_POOL_POOL_OPTIONS_H

#include <slotheap/type.h>

#include "pool/plan.h"

#define SLHI_KIB UINT64_C(1024)
#define SLHI_MIB (1024 * SLHI_KIB)
#define SLHI_GUARD_MOST (1024 * 1024 * SLHI_MIB)

/* The smallest and the largest slot of a dense pool. */
#define SLHI_DENSE_LEAST UINT64_C(512)
#define SLHI_DENSE_MOST (SLHI_WIDE_BYTES / 2)

#define SLHI_WIDE_OPTIONS(X)                                                                       \
  X(max_heap_bytes, SLHI_MAX_HEAP_BYTES, 4 * SLHI_KIB, SLHI_MAX_HEAP_BYTES)                        \
  X(guard_bytes, SLHI_MIB, SLH_STRUCT_SIZE_MAX, SLHI_GUARD_MOST)

#define SLHI_DENSE_OPTIONS(X) X(slot_bytes, 64 * SLHI_KIB, SLHI_DENSE_LEAST, SLHI_DENSE_MOST)

#endif
