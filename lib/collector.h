/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a collector is to the rest of the library: a small table of functions, and what
 * else code above it asks of a heap's collector, which is not its name:
 *
 *   collects      whether it is worth a try: growth.c, host-data.c, collect.c
 *   generational  whether something is kept for young collections: handles.c,
 *                 image-begin.c, policy.c, collect.c
 *   counts        (slhi_heap_counts) whether writes of references count: access.c,
 *                 remembered.c, object.c, runtime.c, host-data.c; whether bump can lie in a hole:
 * heap.h, holes.c, growth.c, collect.c; whether collections find all that is dead, without which
 * there is nothing weak: weak.c, ephemerons.c, finalizers.c, image-begin.c
 *
 * collect.c is the frame: it lists the roots, guards the heap against use in
 * between, verifies, and drops host data.
 */
#ifndef SLOTHEAP_LIB_COLLECTOR_H
#define SLOTHEAP_LIB_COLLECTOR_H

#include <slotheap/heap.h>
#include <slotheap/roots.h>

struct collection;

struct collector {
  slh_collector id;

  /* Whether collecting can free anything; if not, heaps only grow, and the
   * functions below are never called. */
  bool collects;

  /* Whether it has young collections. */
  bool generational;

  /* Whether it counts references (lib/counts.h). */
  bool counts;

  /* Whether there is room for `bytes` among the objects, where bump and limit are
   * now; if not they are at the end of the heap. NULL: there never is. */
  bool (*find_room)(slh_heap *heap, uint64_t bytes);

  /* After a collection: whether it left enough room, `bytes` of it at once. NULL:
   * the policy says so. */
  bool (*has_room)(slh_heap *heap, uint64_t bytes);

  /* Bytes of an evacuation space that a collection needs at most. */
  uint64_t (*space)(const slh_heap *heap, bool young);

  /* Starts to keep what the collection's roots reach. SLH_E_NOMEM: nothing has
   * changed. SLH_E_CORRUPT: what lies in the heap cannot be gone through. */
  slh_status (*begin)(slh_heap *heap, struct collection *c);

  /* Goes on for about `budget` bytes of work, and takes what it did off it.
   * `*complete`: roots, tables, bump, dirty mark and figures are as they are to
   * be. SLH_E_CORRUPT: it can only be given up. */
  slh_status (*step)(slh_heap *heap, struct collection *c, uint64_t *budget, bool *complete);
};

extern const struct collector slhi_copying_collector;
extern const struct collector slhi_generational_collector;
extern const struct collector slhi_drc_collector;
extern const struct collector slhi_null_collector;

#endif
