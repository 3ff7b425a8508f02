/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Fields, elements and whole arrays, checked: whatever bits a reference has, these calls
 * return a status and never fault. On the heap's thread.
 */
#ifndef SLOTHEAP_CHECKED_H
#define SLOTHEAP_CHECKED_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/object.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/* A field's or element's value; `storage` says which member holds it. Small
 * integers are sign-extended. */
typedef struct slh_value {
  slh_storage storage; /* which member of the union it is */
  union {
    int64_t integer; /* i8, i16, i32, i64; funcref: its number */
    float f32;       /* of SLH_F32 */
    double f64;      /* of SLH_F64 */
    slh_v128 v128;   /* of SLH_V128 */
    slh_ref ref;     /* of SLH_REF */
  };
} slh_value;

/* Field `field` (a number, from 0) of a struct, or element `index` of an
 * array. set: `value->storage` must be that of the field; integers are
 * truncated to it; a reference must be null, an i31 or point at an object.
 * Errors: those of slh_object_type; SLH_E_TYPE (not a struct / array, or
 * another storage); SLH_E_BOUNDS (no such field or element). */
SLH_API SLH_NODISCARD slh_status slh_struct_get(const slh_heap *heap, slh_ref object,
                                                uint32_t field, slh_value *out);
SLH_API SLH_NODISCARD slh_status slh_struct_set(slh_heap *heap, slh_ref object, uint32_t field,
                                                const slh_value *value);
SLH_API SLH_NODISCARD slh_status slh_array_get(const slh_heap *heap, slh_ref array, uint32_t index,
                                               slh_value *out);
SLH_API SLH_NODISCARD slh_status slh_array_set(slh_heap *heap, slh_ref array, uint32_t index,
                                               const slh_value *value);

/* The elements of an array of `element` as host memory: `*length` elements
 * from `*data` on, all inside the heap. Valid until the next call that can
 * collect. For references, write through slh_array_set_ref instead.
 * Errors: those of slh_object_type; SLH_E_TYPE (not an array of those). */
SLH_API SLH_NODISCARD slh_status slh_array_data(const slh_heap *heap, slh_ref array,
                                                slh_storage element, void **data, uint32_t *length);

/* ---- in bulk ---- */

/*
 * slh_array_copy: `count` elements from one array to another, or within one,
 * overlapping or not; element types must be the same. slh_array_fill: the same
 * value into `count` elements. slh_array_init: elements from host memory, where
 * they lie as they do in the array; not for references.
 * With the barriers that references need. Nothing is written on an error.
 * Errors: those of slh_object_type; SLH_E_TYPE (no array, other elements, or
 * for fill another storage); SLH_E_BOUNDS.
 */
SLH_API SLH_NODISCARD slh_status slh_array_copy(slh_heap *heap, slh_ref to, uint32_t to_index,
                                                slh_ref from, uint32_t from_index, uint32_t count);
SLH_API SLH_NODISCARD slh_status slh_array_fill(slh_heap *heap, slh_ref array, uint32_t index,
                                                uint32_t count, const slh_value *value);
SLH_API SLH_NODISCARD slh_status slh_array_init(slh_heap *heap, slh_ref array, uint32_t index,
                                                uint32_t count, const void *from);

SLH_END_DECLS

#endif
