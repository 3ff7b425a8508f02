/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_ref: a 32-bit reference, relative to its heap. */
#ifndef SLOTHEAP_REF_H
#define SLOTHEAP_REF_H

#include <slotheap/base.h>

SLH_BEGIN_DECLS

/*
 * A reference is null (all bits 0), an i31 (bit 0 set, the integer in the
 * upper 31 bits), or the offset of an object from its heap's base, a
 * multiple of 8. It is a struct so that no integer becomes one by accident.
 * It means something only together with the heap it came from.
 */
typedef struct slh_ref {
  uint32_t bits; /* for compiled code; hosts use the calls below */
} slh_ref;

SLH_STATIC_ASSERT(sizeof(slh_ref) == 4, "compiled code stores references as 32 bits");

/* The null reference. */
#ifdef __cplusplus
#define SLH_NULL (slh_ref{0})
#else
#define SLH_NULL ((slh_ref){0})
#endif

/* Whether `ref` is null. */
static inline bool slh_is_null(slh_ref ref)
{
  return ref.bits == 0;
}

/* Whether `ref` is an integer of 31 bits. */
static inline bool slh_is_i31(slh_ref ref)
{
  return (ref.bits & 1) != 0;
}

/* Whether `ref` is meant to point at an object: neither null nor an i31.
 * Says nothing about whether there is one. */
static inline bool slh_is_object(slh_ref ref)
{
  return ref.bits != 0 && (ref.bits & 7) == 0;
}

/* Whether two references of one heap are the same object, or the same integer. */
static inline bool slh_ref_equal(slh_ref a, slh_ref b)
{
  return a.bits == b.bits;
}

/* An i31 from the low 31 bits of `value`; the top bit is dropped, as
 * ref.i31 of WebAssembly does. */
static inline slh_ref slh_i31(int32_t value)
{
  slh_ref ref = {((uint32_t)value << 1) | 1};
  return ref;
}

/* The integer of an i31, sign-extended. Meaningless for other references. */
static inline int32_t slh_i31_signed(slh_ref ref)
{
  return (int32_t)ref.bits >> 1;
}

/* The integer of an i31, zero-extended. Meaningless for other references. */
static inline uint32_t slh_i31_unsigned(slh_ref ref)
{
  return ref.bits >> 1;
}

SLH_END_DECLS

#endif
