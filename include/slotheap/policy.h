/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a heap does when it has filled up: collects what is young, collects all,
 * or grows. A runtime has one policy for all its heaps; the default needs no
 * tuning, and a host can put another in its place.
 *
 * A policy wishes; the store's limits, its growth callback and the pool's budget
 * decide what of it is granted. Where growth is refused the heap is collected, and
 * where no evacuation space can be had it grows.
 */
#ifndef SLOTHEAP_POLICY_H
#define SLOTHEAP_POLICY_H

#include <slotheap/base.h>

SLH_BEGIN_DECLS

/* What a policy is told. Bytes, unless it says otherwise. */
typedef struct slh_policy_figures {
  uint64_t needed;      /* by the allocation that found no room; 0: by none */
  uint64_t used;        /* by objects, dead and alive */
  uint64_t old;         /* of these, by what the last collection left */
  uint64_t live;        /* left by the last full collection, 0 if there was none */
  uint64_t survival;    /* percent that lived of what the last collection looked at */
  uint64_t soft_limit;  /* may be used before a full collection or growth */
  uint64_t nursery;     /* may be allocated between young collections */
  uint64_t initial;     /* what the store asked for to begin with */
  uint64_t max;         /* may ever be used */
  uint64_t collections; /* a count, since the store began */
  bool generational;    /* there are young collections */
} slh_policy_figures;

/* What it can wish for. */
typedef enum slh_policy_action {
  SLH_POLICY_GROW = 0,  /* no collection */
  SLH_POLICY_YOUNG = 1, /* taken for FULL if nothing is old, or there is no such thing */
  SLH_POLICY_FULL = 2   /* a collection of the whole heap */
} slh_policy_action;

/*
 * Functions are called on the heap's thread, must not use the heap, and must be
 * thread-safe if heaps of the runtime are used on several threads.
 */
typedef struct slh_policy {
  /* The heap is used up to its soft limit, or its nursery is. */
  slh_policy_action (*act)(void *context, const slh_policy_figures *figures);

  /* Returns the next soft limit. Called when `act` said to grow, and after each full
   * collection that an allocation asked for. What is needed now is allowed even if this
   * returns less. */
  uint64_t (*soft_limit)(void *context, const slh_policy_figures *figures);

  /* After each collection of a generational heap, and when it grows: the size of the nursery, taken
   * for the next power of two from 64 KiB on. */
  uint64_t (*nursery)(void *context, const slh_policy_figures *figures);

  void *context; /* must outlive the runtime */
} slh_policy;

/*
 * The policy of runtimes that name none: young collections while there is room
 * for half a nursery, then a full one; no collection ever before the store's
 * initial size is used. After a full collection the heap may fill to twice what
 * lived, to three times if nearly all did, since another would free as little. The
 * nursery follows survival between 1 MiB, which a processor keeps at hand, and
 * 4 MiB, but takes no more than half of what there is room for. While nearly all
 * survives the heap grows: what there is room for is left to the full collection.
 */
SLH_API const slh_policy *slh_default_policy(void);

SLH_END_DECLS

#endif
