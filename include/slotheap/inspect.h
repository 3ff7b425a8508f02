/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Looking into a heap: figures, a walk over its objects, a verifier. */
#ifndef SLOTHEAP_INSPECT_H
#define SLOTHEAP_INSPECT_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>
#include <slotheap/roots.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/* Bytes, unless it says otherwise; totals are since acquire or reset. */
typedef struct slh_heap_stats {
  uint64_t image;             /* of objects that it began with */
  uint64_t used;              /* other objects, fillers and holes now, up to slh_heap_bump */
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

/* Offsets of the first object (an image's, if it began with one), and behind the last. The
 * second is where the next object goes, unless drc has found a hole for it. */
SLH_API uint64_t slh_heap_start(const slh_heap *heap);
SLH_API uint64_t slh_heap_bump(const slh_heap *heap);

/* Called for each object (not for fillers) in address order; returns false
 * to end the walk. Must not allocate in the heap. */
typedef bool slh_visit_object_fn(void *context, slh_ref object, const slh_type *type,
                                 uint64_t size);

/* Walks all objects, dead ones included. Objects allocated uninitialised are
 * visited as they are. Errors: SLH_E_CORRUPT (met something that is no
 * object; those before it have been visited). */
SLH_API SLH_NODISCARD slh_status slh_heap_walk(const slh_heap *heap, slh_visit_object_fn *visit,
                                               void *context);

/*
 * Checks the whole heap: every object well-formed, one after the other from
 * slh_heap_start to slh_heap_bump; every reference in them null, an i31, or the start of an
 * object; so too the roots in `roots` (may be NULL); and every byte from the dirty mark
 * (or bump, if that is higher) to the end of the accessible prefix zero.
 * Takes one bit of host memory for each 8 bytes of heap.
 * Errors: SLH_E_CORRUPT (`error` names the first thing that is wrong),
 * SLH_E_NOMEM.
 */
SLH_API SLH_NODISCARD slh_status slh_heap_verify(const slh_heap *heap, const slh_roots *roots,
                                                 slh_error *error);

SLH_END_DECLS

#endif
