/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The table of a runtime's types, and what is registered there. */
#ifndef SLOTHEAP_LIB_TYPE_TABLE_H
#define SLOTHEAP_LIB_TYPE_TABLE_H

#include <slotheap/type.h>
#include <stdatomic.h>

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

/* A registration, in one block: the public type, its fields, its display, and
 * all names. */
struct type_record {
  slh_type type;
  uint32_t *offsets; /* of its shape */
  slh_field fields[];
};

/* Room for the filler and the first types. SLH_E_NOMEM. */
slh_status slhi_types_open(slh_runtime *runtime);
void slhi_types_close(slh_runtime *runtime);

/* Gives the type its index and makes it visible to all threads. SLH_E_LIMIT, SLH_E_NOMEM. */
slh_status slhi_type_enter(slh_runtime *runtime, struct type_record *record,
                           const struct shape *shape);

/* Of one that is not in a table, or not any more. */
void slhi_type_record_free(const slh_allocator *allocator, struct type_record *record);

#endif
