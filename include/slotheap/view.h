/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_object_view: the bytes of an object, read and written within its bounds. For
 * engines that fill an object in by themselves. On the heap's thread.
 */
#ifndef SLOTHEAP_VIEW_H
#define SLOTHEAP_VIEW_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/object.h>
#include <slotheap/ref.h>
#include <slotheap/type.h>

SLH_BEGIN_DECLS

/* The bytes of one object, header included. Valid until the next call that can
 * collect. */
typedef struct slh_object_view {
  char *bytes;     /* the first is the header's */
  uint64_t length; /* how many */
} slh_object_view;

/* Errors: those of slh_object_type. */
SLH_API SLH_NODISCARD slh_status slh_object_data(const slh_heap *heap, slh_ref ref,
                                                 slh_object_view *out);

/* Two objects at a time. Errors: those of slh_object_type; SLH_E_INVALID (they
 * are the same object, or overlap, as forged ones can). */
SLH_API SLH_NODISCARD slh_status slh_object_data_pair(const slh_heap *heap, slh_ref a, slh_ref b,
                                                      slh_object_view *a_out,
                                                      slh_object_view *b_out);

/*
 * slh_view_get_X(view, offset, &value), slh_view_set_X(view, offset, value):
 * typed reads and writes, X one of i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 v128
 * ref. SLH_E_BOUNDS if they would leave the object. Writing a reference has no
 * barrier: for objects that are being initialised, or with slh_remember_object.
 */
#define SLH_DEFINE_VIEW(X, T)                                                                      \
  static inline SLH_NODISCARD slh_status slh_view_get_##X(const slh_object_view *view,             \
                                                          uint64_t offset, T *out)                 \
  {                                                                                                \
    if (offset > view->length || sizeof(T) > view->length - offset)                                \
      return SLH_E_BOUNDS;                                                                         \
    memcpy(out, view->bytes + offset, sizeof(T));                                                  \
    return SLH_OK;                                                                                 \
  }                                                                                                \
  static inline SLH_NODISCARD slh_status slh_view_set_##X(const slh_object_view *view,             \
                                                          uint64_t offset, T value)                \
  {                                                                                                \
    if (offset > view->length || sizeof(T) > view->length - offset)                                \
      return SLH_E_BOUNDS;                                                                         \
    memcpy(view->bytes + offset, &value, sizeof(T));                                               \
    return SLH_OK;                                                                                 \
  }

SLH_DEFINE_VIEW(i8, int8_t)
SLH_DEFINE_VIEW(u8, uint8_t)
SLH_DEFINE_VIEW(i16, int16_t)
SLH_DEFINE_VIEW(u16, uint16_t)
SLH_DEFINE_VIEW(i32, int32_t)
SLH_DEFINE_VIEW(u32, uint32_t)
SLH_DEFINE_VIEW(i64, int64_t)
SLH_DEFINE_VIEW(u64, uint64_t)
SLH_DEFINE_VIEW(f32, float)
SLH_DEFINE_VIEW(f64, double)
SLH_DEFINE_VIEW(v128, slh_v128)
SLH_DEFINE_VIEW(ref, slh_ref)
#undef SLH_DEFINE_VIEW

SLH_END_DECLS

#endif
