/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The 16-byte object of most benchmarks: {ref next, ref other, i32 value}. */
#ifndef BENCH_NODE_H
#define BENCH_NODE_H

#include <slotheap.h>

/* Its fields, as constants: what a compiler for the guest would know. The
 * layout rule (see slh_type) fixes them. */
#define NODE_NEXT 4
#define NODE_OTHER 8
#define NODE_VALUE 12
#define NODE_BYTES 16

static inline SLH_NODISCARD slh_status node_type_new(slh_runtime *runtime, const slh_type **out,
                                                     slh_error *error)
{
  static const slh_field fields[] = {
      {"next", SLH_REF, 0}, {"other", SLH_REF, 0}, {"value", SLH_I32, 0}};

  return slh_struct_type_new(runtime, "node", NULL, fields, 3, out, error);
}

#endif
