/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Looking into a heap: a walk over its objects, a verifier. */
#ifndef SLOTHEAP_INSPECT_H
#define SLOTHEAP_INSPECT_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>
#include <slotheap/roots.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/* Offsets of the first object (an image's, if it began with one), and behind the last. The
 * second is where the next object goes, unless drc has found a hole for it. */
SLH_API uint64_t slh_heap_first(const slh_heap *heap);
SLH_API uint64_t slh_heap_end(const slh_heap *heap);

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
 * slh_heap_first to slh_heap_end; every reference in them null, an i31, or the start of an
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
