/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a collector is to the rest of the library: a small table of functions.
 * Code above it does not know which one a heap has.
 *
 * collect.c is the frame: it lists the roots, guards the heap against use in
 * between, verifies, and drops host data.
 */
#ifndef SLOTHEAP_LIB_COLLECTOR_H
#define SLOTHEAP_LIB_COLLECTOR_H

#include <slotheap/heap.h>
#include <slotheap/roots.h>

struct collector {
  slh_collector id;

  /* Whether collecting can free anything; if not, heaps only grow, and the
   * functions below are never called. */
  bool collects;

  /* Starts to keep what tables->collection->roots reach. SLH_E_BUSY,
   * SLH_E_NOMEM: nothing has changed. */
  slh_status (*begin)(slh_heap *heap);

  /* Goes on for about `budget` bytes of work, and takes what it did off it.
   * `*complete`: roots, tables, bump, dirty mark and figures are as they are to
   * be. SLH_E_CORRUPT: it can only be cancelled. */
  slh_status (*step)(slh_heap *heap, uint64_t *budget, bool *complete);

  /* Gives back what begin took. The heap will be scrubbed. */
  void (*cancel)(slh_heap *heap);
};

extern const struct collector slhi_copying_collector;
extern const struct collector slhi_null_collector;

#endif
