/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Inline fields, elements and lengths for heaps of dense pools: the calls of
 * access.h by other names, with the address masked after all arithmetic. So
 * whatever bits a reference, an offset or a length has, an access stays in its
 * slot, with no guard behind it:
 *
 *   address = base + ((uint32_t)(reference + offset) & mask & ~(bytes - 1))
 *
 * They work on heaps of wide pools, too, whose mask is all ones. (The calls
 * of access.h are not for dense pools: what they reach may be a neighbour's.
 * Checked calls are for both.) A heap that is not `fixed` can be moved by any
 * call that allocates: no address outlives such a call.
 *
 * A wild access can reach all of its slot, beyond the bump pointer and before
 * the first object, too; see SLH_ISOLATION_STRICT in plan.h.
 */
#ifndef SLOTHEAP_DENSE_H
#define SLOTHEAP_DENSE_H

#include <slotheap/access.h>

SLH_BEGIN_DECLS

/* The address of `bytes` (1, 2, 4 or 8), `offset` bytes into an object, aligned to
 * as many. */
static inline void *slh_dense_address(const slh_heap *heap, slh_ref object, uint32_t offset,
                                      uint32_t bytes)
{
  const slh_heap_data *data = slh_heap_get_data(heap);
  uint32_t at = (object.bits + offset) & data->mask & ~(bytes - 1);

  return data->base + at;
}

/* As slh_has_type. */
static inline bool slh_dense_has_type(const slh_heap *heap, slh_ref object, const slh_type *type)
{
  uint32_t header = *(const uint32_t *)slh_dense_address(heap, object, 0, 4);

  return (header & ~SLH_HEADER_STATE) == type->header;
}

/* As slh_array_length. */
static inline uint32_t slh_dense_array_length(const slh_heap *heap, slh_ref array)
{
  return *(const uint32_t *)slh_dense_address(heap, array, SLH_ARRAY_LENGTH_OFFSET, 4);
}

/* slh_dense_get_X, slh_dense_set_X, slh_dense_array_get_X, slh_dense_array_set_X:
 * as slh_get_X and so on. */
#define SLH_DEFINE_DENSE(X, T)                                                                     \
  static inline T slh_dense_get_##X(const slh_heap *heap, slh_ref object, uint32_t offset)         \
  {                                                                                                \
    T value;                                                                                       \
    memcpy(&value, slh_dense_address(heap, object, offset, sizeof value), sizeof value);           \
    return value;                                                                                  \
  }                                                                                                \
  static inline void slh_dense_set_##X(slh_heap *heap, slh_ref object, uint32_t offset, T value)   \
  {                                                                                                \
    memcpy(slh_dense_address(heap, object, offset, sizeof value), &value, sizeof value);           \
  }                                                                                                \
  SLH_DEFINE_DENSE_ELEMENT(X, T)
#define SLH_DEFINE_DENSE_ELEMENT(X, T)                                                             \
  static inline SLH_NODISCARD slh_status slh_dense_array_get_##X(                                  \
      const slh_heap *heap, slh_ref array, uint32_t index, T *out)                                 \
  {                                                                                                \
    if (SLH_UNLIKELY(index >= slh_dense_array_length(heap, array)))                                \
      return SLH_E_BOUNDS;                                                                         \
    *out = slh_dense_get_##X(heap, slh_element(array, index, sizeof(T)), 0);                       \
    return SLH_OK;                                                                                 \
  }                                                                                                \
  static inline SLH_NODISCARD slh_status slh_dense_array_set_##X(slh_heap *heap, slh_ref array,    \
                                                                 uint32_t index, T value)          \
  {                                                                                                \
    if (SLH_UNLIKELY(index >= slh_dense_array_length(heap, array)))                                \
      return SLH_E_BOUNDS;                                                                         \
    slh_dense_set_##X(heap, slh_element(array, index, sizeof(T)), 0, value);                       \
    return SLH_OK;                                                                                 \
  }

SLH_DEFINE_DENSE(i8, int8_t)
SLH_DEFINE_DENSE(u8, uint8_t)
SLH_DEFINE_DENSE(i16, int16_t)
SLH_DEFINE_DENSE(u16, uint16_t)
SLH_DEFINE_DENSE(i32, int32_t)
SLH_DEFINE_DENSE(u32, uint32_t)
SLH_DEFINE_DENSE(i64, int64_t)
SLH_DEFINE_DENSE(u64, uint64_t)
SLH_DEFINE_DENSE(f32, float)
SLH_DEFINE_DENSE(f64, double)

/* In two halves: aligned to 8, its 16 bytes could begin with the slot's last. */
static inline slh_v128 slh_dense_get_v128(const slh_heap *heap, slh_ref object, uint32_t offset)
{
  slh_v128 value;

  memcpy(&value, slh_dense_address(heap, object, offset, 8), 8);
  memcpy((char *)&value + 8, slh_dense_address(heap, object, offset + 8, 8), 8);
  return value;
}

/* As slh_set_v128, in two halves. */
static inline void slh_dense_set_v128(slh_heap *heap, slh_ref object, uint32_t offset,
                                      slh_v128 value)
{
  memcpy(slh_dense_address(heap, object, offset, 8), &value, 8);
  memcpy(slh_dense_address(heap, object, offset + 8, 8), (const char *)&value + 8, 8);
}

SLH_DEFINE_DENSE_ELEMENT(v128, slh_v128)
#undef SLH_DEFINE_DENSE
#undef SLH_DEFINE_DENSE_ELEMENT

/* As slh_get_ref. */
static inline slh_ref slh_dense_get_ref(const slh_heap *heap, slh_ref object, uint32_t offset)
{
  slh_ref value = {slh_dense_get_u32(heap, object, offset)};
  return value;
}

/* As slh_init_ref: without the barrier. */
static inline void slh_dense_init_ref(slh_heap *heap, slh_ref object, uint32_t offset,
                                      slh_ref value)
{
  slh_dense_set_u32(heap, object, offset, value.bits);
}

/* As slh_set_ref: with the barrier. */
static inline void slh_dense_set_ref(slh_heap *heap, slh_ref object, uint32_t offset, slh_ref value)
{
  SLH_SET_REF(heap, object, (object.bits + offset) & ~UINT32_C(3), value,
              slh_dense_init_ref(heap, object, offset, value), slh_barrier(heap, object, value));
}

/* As slh_array_get_ref. */
static inline SLH_NODISCARD slh_status slh_dense_array_get_ref(const slh_heap *heap, slh_ref array,
                                                               uint32_t index, slh_ref *out)
{
  return slh_dense_array_get_u32(heap, array, index, &out->bits);
}

/* As slh_array_init_ref: without the barrier. */
static inline SLH_NODISCARD slh_status slh_dense_array_init_ref(slh_heap *heap, slh_ref array,
                                                                uint32_t index, slh_ref value)
{
  return slh_dense_array_set_u32(heap, array, index, value.bits);
}

/* As slh_array_set_ref: with the barrier. */
static inline SLH_NODISCARD slh_status slh_dense_array_set_ref(slh_heap *heap, slh_ref array,
                                                               uint32_t index, slh_ref value)
{
  slh_ref at = slh_element(array, index, sizeof value);

  if (SLH_UNLIKELY(index >= slh_dense_array_length(heap, array)))
    return SLH_E_BOUNDS;
  SLH_SET_REF(heap, array, at.bits & ~UINT32_C(3), value, slh_dense_init_ref(heap, at, 0, value),
              slh_array_barrier(heap, array, index, value));
  return SLH_OK;
}

SLH_END_DECLS

#endif
