/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Objects as such: what a reference is, headers, ranges, raw allocation. For engines;
 * hosts that know their types find what they need in allocate.h and access.h.
 *
 * All calls are checked: whatever bits a reference has, they return a status
 * and never fault. On the heap's thread; those that take a const slh_heap may
 * run on several threads at a time while nobody writes or allocates.
 */
#ifndef SLOTHEAP_OBJECT_H
#define SLOTHEAP_OBJECT_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/* ---- kinds ---- */

/* The abstract heap types of WebAssembly that a reference can be tested for. */
typedef enum slh_abstract {
  SLH_ANY,    /* null, i31s, structs, arrays, converted externrefs */
  SLH_EQ,     /* null, i31s, structs, arrays */
  SLH_I31,    /* null, i31s */
  SLH_STRUCT, /* null, structs */
  SLH_ARRAY,  /* null, arrays */
  SLH_EXTERN, /* null, externrefs, converted anyrefs */
  SLH_EXN,    /* null, exceptions */
  SLH_NONE    /* null */
} slh_abstract;

/* Whether `ref` is of the abstract type `of`; null is if `nullable`. What is
 * no object, or a corrupt one, is of none. */
SLH_API bool slh_ref_is(const slh_heap *heap, slh_ref ref, slh_abstract of, bool nullable);

/* An anyref as an externref and back: the same reference, since both are
 * references to objects of one heap. An i31 stays an i31. */
static inline slh_ref slh_extern_from_any(slh_ref any)
{
  return any;
}

/* The way back. */
static inline slh_ref slh_any_from_extern(slh_ref external)
{
  return external;
}

/* ---- what lies where ---- */

/*
 * The type of the object that `ref` points at. Errors: SLH_E_TYPE (null or
 * an i31), SLH_E_CORRUPT (out of the heap, misaligned, or what lies there has
 * no valid header, or does not fit into the heap).
 */
SLH_API SLH_NODISCARD slh_status slh_object_type(const slh_heap *heap, slh_ref ref,
                                                 const slh_type **out);

/* Bytes that the object takes, header and padding included. Errors: as
 * above. */
SLH_API SLH_NODISCARD slh_status slh_object_size(const slh_heap *heap, slh_ref ref, uint64_t *out);

/* Offsets from the heap's base of its first byte, and of the first behind it.
 * Errors: as above. */
SLH_API SLH_NODISCARD slh_status slh_object_range(const slh_heap *heap, slh_ref ref,
                                                  uint64_t *start, uint64_t *end);

/* Whether `ref` is an object of `type` or of a subtype of it. False for
 * null, i31s and everything that slh_object_type refuses. */
SLH_API bool slh_object_is(const slh_heap *heap, slh_ref ref, const slh_type *type);

/* The header word in place. Bits other than SLH_HEADER_STATE must stay those
 * of its type; if they do not, the next collection finds the heap corrupt, and
 * nothing worse. Valid until the next call that can collect. Errors: as above. */
SLH_API SLH_NODISCARD slh_status slh_object_header(slh_heap *heap, slh_ref ref, uint32_t **out);

/* The length of an array. Errors: as above, and SLH_E_TYPE (no array). */
SLH_API SLH_NODISCARD slh_status slh_array_len(const slh_heap *heap, slh_ref ref, uint32_t *out);

/* The tag of an exception. Errors: as above, and SLH_E_TYPE (no exception). */
SLH_API SLH_NODISCARD slh_status slh_exn_tag(const slh_heap *heap, slh_ref ref, uint32_t *instance,
                                             uint32_t *index);

/* `bytes` bytes from offset `at` of the heap on, as memory. All must lie between
 * slh_heap_first and slh_heap_end. Valid until the next call that can collect.
 * Errors: SLH_E_BOUNDS, SLH_E_CORRUPT. */
SLH_API SLH_NODISCARD slh_status slh_heap_index(const slh_heap *heap, uint64_t at, uint64_t bytes,
                                                void **out);

/* All bytes of the heap from slh_heap_first to slh_heap_end: those of an image, too, and
 * with drc what is free among the objects. Valid until the next allocation, collection,
 * reset or release. */
SLH_API void slh_heap_slice(const slh_heap *heap, void **bytes, uint64_t *length);

/* ---- raw allocation ---- */

/*
 * An uninitialised object by what compiled code knows of its type: the header
 * word, its size and alignment, and for an array its length, with which the
 * size must agree. Never collects.
 * Errors: those of slh_alloc_*; SLH_E_TYPE (no type has that header, or another
 * size or kind); SLH_E_UNSUPPORTED (alignment over 8, or no power of two).
 */
SLH_API SLH_NODISCARD slh_status slh_alloc_raw(slh_heap *heap, uint32_t header, uint64_t bytes,
                                               uint32_t alignment, uint32_t length, slh_ref *out);

/*
 * Gives an object back whose initialisation failed. The last object's bytes can
 * be allocated again at once, if it is young; others become a filler until the
 * next collection. With drc, one that a collection has met is left to its counts.
 * Nothing may refer to it any more. Externrefs cannot be given
 * back. Errors: those of slh_object_type; SLH_E_TYPE (an externref).
 */
SLH_API SLH_NODISCARD slh_status slh_dealloc(slh_heap *heap, slh_ref ref);

SLH_END_DECLS

#endif
