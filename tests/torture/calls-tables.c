/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Handles and host data: what the host holds of a heap that lies. */
#include "tests/torture/torture.h"

/* ---- handles ---- */

static void hold_owned(struct torture *t)
{
  if (t->owned_count == TORTURE_HANDLES)
    return;
  if (CALL(t, slh_owned_new, (t->heap, torture_ref(t), &t->owned[t->owned_count])) == SLH_OK)
    t->owned_count++;
}

static void use_owned(struct torture *t)
{
  uint32_t i;
  slh_ref ref;

  if (t->owned_count == 0)
    return;
  i = (uint32_t)below(t, t->owned_count);
  ref = VISIT(t, slh_owned_get, (t->heap, t->owned[i]));
  REQUIRE(!t->corrupt || slh_is_null(ref));
  if (one_in(t, 2)) {
    VISIT(t, slh_owned_set, (t->heap, t->owned[i], torture_ref(t)));
  } else {
    VISIT(t, slh_owned_free, (t->heap, t->owned[i]));
    t->owned[i] = t->owned[--t->owned_count];
  }
}

static void open_frame(struct torture *t)
{
  if (!t->frame.heap && CALL(t, slh_frame_open, (t->heap, &t->frame)) != SLH_OK)
    slh_frame_close(&t->frame);
}

static void close_frame(struct torture *t)
{
  if (!t->frame.heap)
    return;
  VISIT(t, slh_frame_close, (&t->frame));
  t->local_count = 0;
}

static void use_locals(struct torture *t)
{
  slh_local *local = &t->locals[t->local_count];
  slh_ref ref;

  if (!t->frame.heap || t->local_count == TORTURE_HANDLES)
    return;
  if (CALL(t, slh_local_new, (&t->frame, torture_ref(t), local)) == SLH_OK)
    t->local_count++;
  if (t->local_count == 0)
    return;
  local = &t->locals[below(t, t->local_count)];
  ref = VISIT(t, slh_local_get, (t->heap, *local));
  REQUIRE(!t->corrupt || slh_is_null(ref));
  VISIT(t, slh_local_set, (t->heap, *local, torture_ref(t)));
}

/* ---- host data ---- */

static void use_externrefs(struct torture *t)
{
  slh_ref ref = SLH_NULL, some = {(uint32_t)torture_place_of(t, SLH_KIND_EXTERN)};
  void *data = NULL;

  if (torture_externref(t, one_in(t, 2), &ref) == SLH_OK)
    t->roots[below(t, TORTURE_ROOTS)] = ref;
  if (CALL(t, slh_externref_data, (t->heap, some, &data)) == SLH_OK)
    /* Whose it was does not matter, but that it has not been dropped. */
    REQUIRE((uint32_t *)data >= t->drops && (uint32_t *)data < t->drops + t->externrefs &&
            *(uint32_t *)data == 0);
}

static void use_functions(struct torture *t)
{
  static const char host[64];
  uint64_t number = below(t, 64);
  const void *function = NULL;
  uint32_t id = 0;

  if (CALL(t, slh_funcref_intern, (t->heap, host + number, &id)) == SLH_OK) {
    t->functions = id > t->functions ? id : t->functions;
    REQUIRE_EQUAL(CALL(t, slh_funcref_function, (t->heap, id, &function)), SLH_OK);
    REQUIRE(function == host + number);
  }
  id = torture_bits(t);
  if (CALL(t, slh_funcref_function, (t->heap, id, &function)) == SLH_OK)
    REQUIRE(id <= t->functions);
}

void torture_call_tables(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {hold_owned,     use_owned,    open_frame,
                                                    close_frame,    use_locals,   use_locals,
                                                    use_externrefs, use_functions};

  calls[below(t, sizeof calls / sizeof *calls)](t);
}
