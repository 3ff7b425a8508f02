/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Fields, elements and lengths, inline.
 *
 * Inline calls (slh_get_*, slh_set_*, slh_array_get_*, ...) trust that the
 * reference is an object of the expected type and do no check of it. A wrong
 * reference is memory-safe for everything outside the heap: in a wide pool it
 * reads or writes bytes of this same heap, or faults on a guard. In a dense pool
 * nothing stops it, and it reaches the slots of other stores: there use the inline
 * calls of dense.h, or checked ones.
 * Elements are always checked against the array's length.
 *
 * Checked calls (checked.h, object.h) return an error for whatever bits a reference has,
 * and never fault.
 */
#ifndef SLOTHEAP_ACCESS_H
#define SLOTHEAP_ACCESS_H

#include <slotheap/barrier.h>
#include <slotheap/base.h>
#include <slotheap/heap-data.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/* The address `offset` bytes into an object. Valid until the next call that
 * can collect. The sum is made in 64 bits, so an offset below the guard size
 * never reaches another slot. */
static inline void *slh_address(const slh_heap *heap, slh_ref object, uint32_t offset)
{
  return slh_heap_get_data(heap)->base + object.bits + (uint64_t)offset;
}

/* Whether an object is of `type`, and not of a subtype. Inline, unchecked. */
static inline bool slh_has_type(const slh_heap *heap, slh_ref object, const slh_type *type)
{
  uint32_t header = *(const uint32_t *)slh_address(heap, object, 0);

  return (header & ~SLH_HEADER_STATE) == type->header;
}

/* The length of an array. Inline, unchecked. */
static inline uint32_t slh_array_length(const slh_heap *heap, slh_ref array)
{
  return *(const uint32_t *)slh_address(heap, array, SLH_ARRAY_LENGTH_OFFSET);
}

/* Where element `index` lies; wraps at 4 GiB. Not an object reference. */
static inline slh_ref slh_element(slh_ref array, uint32_t index, uint32_t element_bytes)
{
  slh_ref at = {array.bits + SLH_ARRAY_DATA_OFFSET + index * element_bytes};
  return at;
}

/*
 * slh_get_X(heap, object, offset) and slh_set_X(heap, object, offset, value):
 * the field at byte `offset` (of slh_field) of a struct. Inline, unchecked.
 *
 * slh_array_get_X(heap, array, index, &value) and
 * slh_array_set_X(heap, array, index, value): an element. SLH_E_BOUNDS if
 * `index` is not below the array's length; nothing is read or written then.
 * The element's offset is computed in 32 bits: with a forged length it still
 * lands in the heap or on its guard.
 */
/* Fields go through memcpy, which may alias anything; 32-bit words do not, so
 * that compilers keep a heap's bump pointer in a register across them. */
#define SLH_DEFINE_FIELD(X, T)                                                                     \
  static inline T slh_get_##X(const slh_heap *heap, slh_ref object, uint32_t offset)               \
  {                                                                                                \
    T value;                                                                                       \
    memcpy(&value, slh_address(heap, object, offset), sizeof value);                               \
    return value;                                                                                  \
  }                                                                                                \
  static inline void slh_set_##X(slh_heap *heap, slh_ref object, uint32_t offset, T value)         \
  {                                                                                                \
    memcpy(slh_address(heap, object, offset), &value, sizeof value);                               \
  }                                                                                                \
  SLH_DEFINE_ELEMENT(X, T)
#define SLH_DEFINE_WORD_FIELD(X, T)                                                                \
  static inline T slh_get_##X(const slh_heap *heap, slh_ref object, uint32_t offset)               \
  {                                                                                                \
    return *(const T *)slh_address(heap, object, offset);                                          \
  }                                                                                                \
  static inline void slh_set_##X(slh_heap *heap, slh_ref object, uint32_t offset, T value)         \
  {                                                                                                \
    *(T *)slh_address(heap, object, offset) = value;                                               \
  }                                                                                                \
  SLH_DEFINE_ELEMENT(X, T)
#define SLH_DEFINE_ELEMENT(X, T)                                                                   \
  static inline SLH_NODISCARD slh_status slh_array_get_##X(const slh_heap *heap, slh_ref array,    \
                                                           uint32_t index, T *out)                 \
  {                                                                                                \
    if (SLH_UNLIKELY(index >= slh_array_length(heap, array)))                                      \
      return SLH_E_BOUNDS;                                                                         \
    *out = slh_get_##X(heap, slh_element(array, index, sizeof(T)), 0);                             \
    return SLH_OK;                                                                                 \
  }                                                                                                \
  static inline SLH_NODISCARD slh_status slh_array_set_##X(slh_heap *heap, slh_ref array,          \
                                                           uint32_t index, T value)                \
  {                                                                                                \
    if (SLH_UNLIKELY(index >= slh_array_length(heap, array)))                                      \
      return SLH_E_BOUNDS;                                                                         \
    slh_set_##X(heap, slh_element(array, index, sizeof(T)), 0, value);                             \
    return SLH_OK;                                                                                 \
  }

SLH_DEFINE_FIELD(i8, int8_t)
SLH_DEFINE_FIELD(u8, uint8_t)
SLH_DEFINE_FIELD(i16, int16_t)
SLH_DEFINE_FIELD(u16, uint16_t)
SLH_DEFINE_FIELD(i64, int64_t)
SLH_DEFINE_FIELD(u64, uint64_t)
SLH_DEFINE_FIELD(f32, float)
SLH_DEFINE_FIELD(f64, double)
SLH_DEFINE_FIELD(v128, slh_v128)
SLH_DEFINE_WORD_FIELD(i32, int32_t)
SLH_DEFINE_WORD_FIELD(u32, uint32_t)
#undef SLH_DEFINE_FIELD
#undef SLH_DEFINE_WORD_FIELD
#undef SLH_DEFINE_ELEMENT

/* References are read like every other field, and written in two ways.
 * slh_set_ref has the write barrier (barrier.h). slh_init_ref has none: it is for
 * an object just allocated, as long as nothing can have collected since. Any
 * slh_new_* in between can, and then the object is old already; so can
 * slh_heap_make_room and slh_heap_collect. With drc what is written so does not count
 * before the next collection: it must be new itself, or be exposed or rooted; what was
 * read out of an object is better written by slh_set_ref, which sees to that. */
static inline slh_ref slh_get_ref(const slh_heap *heap, slh_ref object, uint32_t offset)
{
  slh_ref value = {*(const uint32_t *)slh_address(heap, object, offset)};
  return value;
}

/* Writes without the barrier; see above. */
static inline void slh_init_ref(slh_heap *heap, slh_ref object, uint32_t offset, slh_ref value)
{
  *(uint32_t *)slh_address(heap, object, offset) = value.bits;
}

/* Writes with the barrier. */
static inline void slh_set_ref(slh_heap *heap, slh_ref object, uint32_t offset, slh_ref value)
{
  SLH_SET_REF(heap, object, object.bits + (uint64_t)offset, value,
              slh_init_ref(heap, object, offset, value), slh_barrier(heap, object, value));
}

/* The same of elements: read, written without, and with the barrier. SLH_E_BOUNDS if
 * `index` is not below the array's length. */
static inline SLH_NODISCARD slh_status slh_array_get_ref(const slh_heap *heap, slh_ref array,
                                                         uint32_t index, slh_ref *out)
{
  if (SLH_UNLIKELY(index >= slh_array_length(heap, array)))
    return SLH_E_BOUNDS;
  *out = slh_get_ref(heap, slh_element(array, index, 4), 0);
  return SLH_OK;
}

/* As slh_init_ref, of an element. */
static inline SLH_NODISCARD slh_status slh_array_init_ref(slh_heap *heap, slh_ref array,
                                                          uint32_t index, slh_ref value)
{
  if (SLH_UNLIKELY(index >= slh_array_length(heap, array)))
    return SLH_E_BOUNDS;
  slh_init_ref(heap, slh_element(array, index, 4), 0, value);
  return SLH_OK;
}

/* As slh_set_ref, of an element. */
static inline SLH_NODISCARD slh_status slh_array_set_ref(slh_heap *heap, slh_ref array,
                                                         uint32_t index, slh_ref value)
{
  slh_ref at = slh_element(array, index, sizeof value);

  if (SLH_UNLIKELY(index >= slh_array_length(heap, array)))
    return SLH_E_BOUNDS;
  SLH_SET_REF(heap, array, at.bits, value, slh_init_ref(heap, at, 0, value),
              slh_array_barrier(heap, array, index, value));
  return SLH_OK;
}

SLH_END_DECLS

#endif
