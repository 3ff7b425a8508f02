/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* object.h: kinds, ranges, views; and the verifier. */
#include "tests/torture/torture.h"

/* What was found must lie in the heap. */
static void check_range(const struct torture *t, const char *bytes, uint64_t length)
{
  const slh_heap_data *data = data_of(t);

  REQUIRE(bytes >= data->base + torture_first(t));
  REQUIRE(bytes + length <= data->base + torture_end(t));
}

static void ask(struct torture *t)
{
  slh_ref ref = torture_ref(t);
  const slh_type *type = NULL;
  uint64_t size = 0, start = 0, end = 0;
  uint32_t *header = NULL;
  void *data = NULL;

  if (CALL(t, slh_object_type, (t->heap, ref, &type)) == SLH_OK)
    REQUIRE(slh_runtime_type(t->world->runtime, type->index) == type);
  if (CALL(t, slh_object_size, (t->heap, ref, &size)) == SLH_OK)
    check_range(t, byte_at(t, ref.bits), size);
  if (CALL(t, slh_object_range, (t->heap, ref, &start, &end)) == SLH_OK)
    REQUIRE(start == ref.bits && end == ref.bits + size);
  if (CALL(t, slh_object_header, (t->heap, ref, &header)) == SLH_OK)
    check_range(t, (char *)header, 4);
  (void)CALL(t, slh_externref_data, (t->heap, ref, &data));
  if (VISIT(t, slh_object_is, (t->heap, ref, t->world->types[below(t, TORTURE_TYPES)])))
    REQUIRE(type != NULL && !t->corrupt);
  (void)VISIT(t, slh_ref_is, (t->heap, ref, (slh_abstract)below(t, SLH_NONE + 1), one_in(t, 2)));
}

static void ask_lengths(struct torture *t)
{
  slh_ref ref = torture_ref(t);
  uint32_t length, instance, index;

  (void)CALL(t, slh_array_len, (t->heap, ref, &length));
  (void)CALL(t, slh_exn_tag, (t->heap, ref, &instance, &index));
}

static void view(struct torture *t)
{
  slh_object_view a = {NULL, 0}, b = {NULL, 0};
  slh_v128 value;
  uint32_t word;

  if (CALL(t, slh_object_data, (t->heap, torture_ref(t), &a)) == SLH_OK) {
    uint64_t offset = one_in(t, 2) ? below(t, a.length) : torture_bits(t);

    check_range(t, a.bytes, a.length);
    torture_calling(t->figures, CALL_slh_view_get);
    (void)torture_called(t, CALL_slh_view_get, slh_view_get_v128(&a, offset, &value));
    (void)torture_called(t, CALL_slh_view_get, slh_view_get_u32(&a, UINT64_MAX - offset, &word));
    torture_calling(t->figures, CALL_slh_view_set);
    (void)torture_called(t, CALL_slh_view_set, slh_view_set_u32(&a, offset, torture_bits(t)));
  }
  if (CALL(t, slh_object_data_pair, (t->heap, torture_ref(t), torture_ref(t), &a, &b)) == SLH_OK) {
    check_range(t, a.bytes, a.length);
    check_range(t, b.bytes, b.length);
    REQUIRE(a.bytes + a.length <= b.bytes || b.bytes + b.length <= a.bytes);
    memset(a.bytes, (int)below(t, 256), a.length < 64 ? a.length : 64);
  }
}

static void take_slices(struct torture *t)
{
  uint64_t at = one_in(t, 2) ? torture_place(t, 1) : helper_random(&t->random);
  uint64_t bytes = one_in(t, 2) ? below(t, 1000) : helper_random(&t->random);
  void *slice = NULL;
  uint64_t length = 0;

  if (CALL(t, slh_heap_index, (t->heap, at, bytes, &slice)) == SLH_OK)
    check_range(t, slice, bytes);
  VISIT(t, slh_heap_slice, (t->heap, &slice, &length));
  check_range(t, slice, length);
}

static void verify(struct torture *t)
{
  slh_error error = {0};
  slh_status status = CALL(t, slh_heap_verify, (t->heap, NULL, &error));

  REQUIRE(status == SLH_OK || error.message[0] != '\0');
}

static void walk(struct torture *t)
{
  (void)torture_find_objects(t);
}

/* The barriers take whatever is no object for none. */
static void remember(struct torture *t)
{
  VISIT(t, slh_remember_object, (t->heap, torture_ref(t)));
  VISIT(t, slh_remember_element, (t->heap, torture_ref(t), torture_bits(t)));
  VISIT(t, slh_remember_element, (t->heap, torture_ref(t), (uint32_t)below(t, 1500)));
}

void torture_call_objects(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {ask,    ask_lengths, view,    take_slices,
                                                    verify, walk,        remember};

  calls[below(t, sizeof calls / sizeof *calls)](t);
}
