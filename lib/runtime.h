/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef SLOTHEAP_LIB_RUNTIME_H
#define SLOTHEAP_LIB_RUNTIME_H

#include <slotheap/policy.h>
#include <slotheap/runtime.h>
#include <stdatomic.h>

#include "lib/collector.h"
#include "lib/header.h"
#include "pool/host-memory.h"
#include "lib/shape.h"

/*
 * The types by index. When it is full it is replaced by a larger one; readers
 * go on with the table they found, so old ones live as long as the runtime
 * (together they are smaller than the newest). Types are entered and removed
 * in place: a shape's header is written last, and cleared first.
 */
struct type_table {
  struct type_table *older;
  uint32_t capacity;
  _Atomic(const slh_type *) *types;
  struct shape shapes[];
};

struct slh_runtime {
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

/* Room for the filler and the first types. SLH_E_NOMEM. */
slh_status slhi_types_open(slh_runtime *runtime);
void slhi_types_close(slh_runtime *runtime);

#endif
