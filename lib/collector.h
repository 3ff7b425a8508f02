/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a collector is to the rest of the library: a small table of functions.
 * Code above it does not know which one a heap has.
 */
#ifndef SLOTHEAP_LIB_COLLECTOR_H
#define SLOTHEAP_LIB_COLLECTOR_H

#include <slotheap/heap.h>
#include <slotheap/roots.h>

struct collector {
  const char *name;

  /* Whether collecting can free anything; if not, heaps only grow. */
  bool collects;

  /*
   * Keeps what `roots` reach, rewrites the roots, forgets the rest; sets the
   * heap's bump, dirty mark, and figures.
   * SLH_E_BUSY, SLH_E_NOMEM: nothing has changed. SLH_E_CORRUPT: the heap
   * can only be reset or released.
   */
  slh_status (*collect)(slh_heap *heap, const slh_roots *roots);
};

extern const struct collector slhi_copying_collector;
extern const struct collector slhi_null_collector;

#endif
