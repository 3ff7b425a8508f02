/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A runtime: its collector, its policy, its types. */
#ifndef SLOTHEAP_LIB_RUNTIME_H
#define SLOTHEAP_LIB_RUNTIME_H

#include <slotheap/policy.h>
#include <slotheap/runtime.h>
#include <stdatomic.h>

#include "lib/collector.h"
#include "lib/header.h"
#include "lib/shape.h"
#include "lib/type-table.h"
#include "pool/host-memory.h"
#include "pool/signature.h"

struct slh_runtime {
  uint32_t signature; /* SLHI_SIGNATURE_RUNTIME */
  slh_allocator allocator;
  const struct collector *collector;
  slh_policy policy;
  uint32_t zeal;       /* collect at every allocation with this number; 0: no */
  uint32_t young_mask; /* SLHI_YOUNG_COUNTING or 0 */
  _Atomic(struct type_table *) table;
  _Atomic uint32_t type_count; /* indices ever in use, the filler's included */
  uint32_t free_indices;       /* of these, not in use now */
  _Atomic uint32_t images;     /* that use them */
};

/* Every shape registered so far. Lock-free. Types registered later by other
 * threads are in no object that this thread can meet. */
static inline struct shapes slhi_shapes(const slh_runtime *runtime)
{
  /* The count first: the table that is read after it is at least as new. */
  uint32_t count = atomic_load_explicit(&runtime->type_count, memory_order_acquire);
  const struct type_table *table = atomic_load_explicit(&runtime->table, memory_order_acquire);
  struct shapes shapes = {table->shapes, count, (table->capacity - 1) << SLHI_INDEX_SHIFT};

  return shapes;
}

static inline void slhi_check_runtime(const slh_runtime *runtime, const char *call)
{
  slhi_check_signature(runtime->signature, SLHI_SIGNATURE_RUNTIME, call);
}

#endif
