/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What heaps and pools have and had, in numbers. */
#ifndef SLOTHEAP_FIGURES_H
#define SLOTHEAP_FIGURES_H

#include <slotheap/base.h>
#include <slotheap/decommit.h>
#include <slotheap/heap.h>
#include <slotheap/pool.h>

SLH_BEGIN_DECLS

/* ---- of a heap ---- */

/* Bytes, unless it says otherwise; totals are since acquire or reset. */
typedef struct slh_heap_stats {
  uint64_t image;             /* of objects that it began with */
  uint64_t used;              /* other objects, fillers and holes now, up to slh_heap_end */
  uint64_t soft_limit;        /* may be used before the next full collection */
  uint64_t max;               /* may ever be used */
  uint64_t accessible;        /* mapped readable and writable */
  uint64_t dirty;             /* written since the last scrub, to be scrubbed */
  uint64_t allocated_total;   /* by all allocations */
  uint64_t reclaimed_total;   /* by all collections */
  uint64_t copied_total;      /* moved by all collections */
  uint64_t live;              /* left by the last full collection */
  uint64_t collections;       /* a count */
  uint64_t growths;           /* a count: times the accessible prefix grew */
  uint64_t host_bytes;        /* of the library's own memory, for this heap */
  uint64_t max_host;          /* host_bytes may not go beyond */
  uint64_t externrefs;        /* a count: alive, or not yet collected */
  uint64_t local_roots;       /* a count */
  uint64_t owned_roots;       /* a count */
  uint64_t functions;         /* a count: interned for funcrefs */
  uint64_t old;               /* of `used`: what young collections leave alone */
  uint64_t young_collections; /* a count, of `collections` */
  uint64_t promoted_total;    /* of copied_total: by young collections */
  uint64_t remembered;        /* a count: old objects and parts of arrays that the next young
                                 collection has to look at */
  uint64_t holes;             /* of `used`: free, among the objects (drc) */
  uint64_t listed;            /* a count: objects that may be on a stack (drc) */
} slh_heap_stats;

/* On the heap's thread. Never fails. */
SLH_API void slh_heap_get_stats_sized(const slh_heap *heap, slh_heap_stats *out, size_t size);

/* The same, with the size that this header knows. */
static inline void slh_heap_get_stats(const slh_heap *heap, slh_heap_stats *out)
{
  slh_heap_get_stats_sized(heap, out, sizeof *out);
}

/* ---- of a pool ---- */

/* What a pool has and had. Bytes where the name says so, else counts. */
typedef struct slh_pool_stats {
  uint64_t slots;         /* as planned */
  uint64_t slots_in_use;  /* taken at this moment */
  uint64_t slots_touched; /* taken at least once */
  uint64_t slots_waiting; /* released; free once their pages have been given back */
  uint64_t acquires;      /* since the pool was made */
  uint64_t warm_acquires; /* of a slot that an earlier store of the thread, or its memory, left */
  uint64_t full_refusals; /* acquires that found the pool full, also after waiting */
  uint64_t waits;         /* acquires that had to wait */
  uint64_t accessible_bytes;  /* of all slots */
  uint64_t resident_bytes;    /* that slots and spaces may have in memory from earlier uses */
  uint64_t scrubbed_bytes;    /* by memset, since the pool was made */
  uint64_t decommitted_bytes; /* given back, since the pool was made */
  uint64_t decommitted_by[SLH_DECOMMIT_ENGINES]; /* of these; scrubbed instead: at MEMSET */
  uint64_t decommit_failures;           /* a count: refused by the system, scrubbed instead */
  uint64_t budget_used_bytes;           /* of budget_bytes */
  uint64_t evacuation_in_use;           /* collections running at this moment */
  uint64_t evacuation_accessible_bytes; /* of all evacuation spaces */
  uint64_t traps;                       /* faults that ended a protected call */
} slh_pool_stats;

/* Counts over all slots. Costs a visit to each slot ever touched; figures of
 * slots that other threads use meanwhile may be of different moments. */
SLH_API void slh_pool_get_stats_sized(slh_pool *pool, slh_pool_stats *out, size_t size);

/* The same, with the size that this header knows. */
static inline void slh_pool_get_stats(slh_pool *pool, slh_pool_stats *out)
{
  slh_pool_get_stats_sized(pool, out, sizeof *out);
}

/* Bytes of the pool's slots, and in `*evacuation_bytes` (may be NULL) of its
 * evacuation spaces, that are in physical memory now, asked of the kernel
 * page by page: slow. Pages of an image count for each slot that has it mapped,
 * though all share them. Any thread. Errors: SLH_E_SYSTEM; SLH_E_UNSUPPORTED: the
 * system does not tell. */
SLH_API SLH_NODISCARD slh_status slh_pool_resident(slh_pool *pool, uint64_t *slot_bytes,
                                                   uint64_t *evacuation_bytes);

SLH_END_DECLS

#endif
