/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* access.h and dense.h, the unchecked half, and the inline barriers: whatever the
 * bits, what they reach is the slot, or a trap. */
#include "tests/torture/torture.h"

/* References are added to; so far a guard reaches. */
#define MOST_OFFSET ((1u << 20) - 16)

#define EACH_STORAGE(DO)                                                                           \
  DO(i8, int8_t)                                                                                   \
  DO(u8, uint8_t)                                                                                  \
  DO(i16, int16_t)                                                                                 \
  DO(u16, uint16_t)                                                                                \
  DO(i32, int32_t)                                                                                 \
  DO(u32, uint32_t)                                                                                \
  DO(i64, int64_t)                                                                                 \
  DO(u64, uint64_t)                                                                                \
  DO(f32, float)                                                                                   \
  DO(f64, double)                                                                                  \
  DO(v128, slh_v128)                                                                               \
  DO(ref, slh_ref)

struct access {
  slh_heap *heap;
  slh_ref ref;
  uint32_t offset; /* or an element's number */
  slh_status status;
  char value[16];
};

typedef void access_fn(struct access *access);

/* prefix: slh, slh_dense */
#define DEFINE(prefix, X, T)                                                                       \
  static void prefix##_do_read_##X(struct access *a)                                               \
  {                                                                                                \
    T value = prefix##_get_##X(a->heap, a->ref, a->offset);                                        \
    memcpy(a->value, &value, sizeof value);                                                        \
  }                                                                                                \
  static void prefix##_do_write_##X(struct access *a)                                              \
  {                                                                                                \
    T value;                                                                                       \
    memcpy(&value, a->value, sizeof value);                                                        \
    prefix##_set_##X(a->heap, a->ref, a->offset, value);                                           \
  }                                                                                                \
  static void prefix##_do_read_element_##X(struct access *a)                                       \
  {                                                                                                \
    T value;                                                                                       \
    if (prefix##_array_get_##X(a->heap, a->ref, a->offset, &value) == SLH_OK)                      \
      memcpy(a->value, &value, sizeof value);                                                      \
  }                                                                                                \
  static void prefix##_do_write_element_##X(struct access *a)                                      \
  {                                                                                                \
    T value;                                                                                       \
    memcpy(&value, a->value, sizeof value);                                                        \
    a->status = prefix##_array_set_##X(a->heap, a->ref, a->offset, value);                         \
  }
#define BOTH(X, T) DEFINE(slh, X, T) DEFINE(slh_dense, X, T)
EACH_STORAGE(BOTH)
#undef BOTH
#undef DEFINE

#define WIDE_READ(X, T) slh_do_read_##X, slh_do_read_element_##X,
#define WIDE_WRITE(X, T) slh_do_write_##X, slh_do_write_element_##X,
#define DENSE_READ(X, T) slh_dense_do_read_##X, slh_dense_do_read_element_##X,
#define DENSE_WRITE(X, T) slh_dense_do_write_##X, slh_dense_do_write_element_##X,
static access_fn *const wide_reads[] = {EACH_STORAGE(WIDE_READ)};
static access_fn *const wide_writes[] = {EACH_STORAGE(WIDE_WRITE)};
static access_fn *const dense_reads[] = {EACH_STORAGE(DENSE_READ)};
static access_fn *const dense_writes[] = {EACH_STORAGE(DENSE_WRITE)};

#define ACCESSES (sizeof wide_reads / sizeof *wide_reads)

static void visit(struct torture *t, enum call call, access_fn *function, struct access *access)
{
  torture_visiting(t->figures, call);
  function(access);
}

static void access_once(struct torture *t)
{
  struct access access = {t->heap, torture_ref(t), (uint32_t)below(t, 64), SLH_OK, {1, 2, 3, 4}};
  bool dense = t->arena->dense || one_in(t, 3), write = t->arena->strict && one_in(t, 2);
  uint64_t number = below(t, ACCESSES);

  if (one_in(t, 3))
    access.offset = torture_bits(t);
  if (!dense) {
    /* Words that are not aligned are the processor's to judge. */
    access.ref.bits &= ~3u;
    if (number % 2 == 0)
      access.offset = access.offset % MOST_OFFSET & ~3u;
  }
  t->wild = t->wild || write;
  if (dense && write)
    visit(t, CALL_slh_dense_set, dense_writes[number], &access);
  else if (dense)
    visit(t, CALL_slh_dense_get, dense_reads[number], &access);
  else if (write)
    visit(t, CALL_slh_set, wide_writes[number], &access);
  else
    visit(t, CALL_slh_get, wide_reads[number], &access);
}

/* Within the heap, in pools that do not drop what is written beyond. */
static void write_inside(struct torture *t)
{
  const struct object_at *object = torture_object(t);
  uint32_t offset;

  if (!object || object->size < 16 || object->ref.bits + object->size > torture_end(t))
    return;
  offset = (uint32_t)(8 * below(t, object->size / 8 - 1));
  torture_visiting(t->figures, CALL_slh_dense_set);
  slh_dense_set_u32(t->heap, object->ref, offset, torture_bits(t));
}

/* Within the objects, in pools that do not drop what is written beyond. */
static void set_counted(struct torture *t)
{
  slh_ref object = torture_ref(t), value = torture_ref(t);
  uint64_t at = torture_place(t, 4);

  if (t->arena->strict) {
    t->wild = true;
    at = below(t, 4) * (UINT64_C(1) << 30) + (torture_bits(t) & ~3u) % (1u << 30);
  } else if (at + 4 > torture_end(t)) {
    return;
  }
  VISIT(t, slh_counted_set, (t->heap, object, at, value));
}

/* What compiled code does at a write: into what the heap says is old. */
static void barrier(struct torture *t)
{
  slh_ref object = torture_ref(t), value = torture_ref(t), host = torture_ref(t);

  VISIT(t, slh_barrier, (t->heap, object, value));
  slh_array_barrier(t->heap, object, torture_bits(t), value);
  (void)VISIT(t, slh_needs_collection_before, (t->heap, torture_bits(t)));
  (void)VISIT(t, slh_expose_ref, (t->heap, value));
  if (t->active)
    return;
  VISIT(t, slh_write_ref, (t->heap, &host, value));
  slh_drop_ref(t->heap, slh_clone_ref(t->heap, host));
  if (slh_heap_counts(t->heap))
    set_counted(t);
}

static void access_some(void *argument)
{
  struct torture *t = argument;
  slh_frame frame = {0};

  if (!t->corrupt && one_in(t, 8))
    (void)slh_frame_open(t->heap, &frame);
  for (uint64_t i = 1 + below(t, 6); i > 0; i--) {
    if (one_in(t, 5))
      barrier(t);
    else if (!t->arena->strict && one_in(t, 4))
      write_inside(t);
    else
      access_once(t);
  }
  slh_frame_close(&frame);
}

void torture_call_inline(struct torture *t)
{
  slh_trap trap = {0};
  slh_place place = {0};

  if (CALL(t, slh_heap_protect, (t->heap, access_some, t, &trap)) != SLH_E_TRAP)
    return;
  REQUIRE(trap.heap == t->heap);
  REQUIRE(VISIT(t, slh_find_address, (trap.address, &place)));
  REQUIRE(place.heap == t->heap && place.offset == trap.offset);
}
