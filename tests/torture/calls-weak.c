/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Weak references, ephemerons and finalizers of what may be no object. */
#include "tests/torture/torture.h"

static void hold_weak(struct torture *t)
{
  if (t->weak_count == TORTURE_HANDLES)
    return;
  if (CALL(t, slh_weak_new, (t->heap, torture_ref(t), &t->weak[t->weak_count])) == SLH_OK)
    t->weak_count++;
}

static void use_weak(struct torture *t)
{
  uint32_t i;
  slh_ref ref;

  if (t->weak_count == 0)
    return;
  i = (uint32_t)below(t, t->weak_count);
  ref = VISIT(t, slh_weak_get, (t->heap, t->weak[i]));
  REQUIRE(!t->corrupt || slh_is_null(ref));
  if (one_in(t, 3)) {
    VISIT(t, slh_weak_free, (t->heap, t->weak[i]));
    t->weak[i] = t->weak[--t->weak_count];
  }
}

static void new_table(struct torture *t)
{
  if (t->table_count == 2)
    return;
  if (CALL(t, slh_ephemerons_new, (t->heap, &t->tables[t->table_count])) == SLH_OK)
    t->table_count++;
}

static void use_table(struct torture *t)
{
  slh_ephemerons table;
  slh_ref key, value = SLH_NULL, got = SLH_NULL;

  if (t->table_count == 0)
    return;
  table = t->tables[below(t, t->table_count)];
  for (uint64_t i = 1 + below(t, 4); i > 0; i--) {
    key = torture_ref(t);
    value = torture_ref(t);
    if (CALL(t, slh_ephemerons_set, (t->heap, table, key, value)) == SLH_OK) {
      REQUIRE(VISIT(t, slh_ephemerons_get, (t->heap, table, key, &got)));
      REQUIRE_EQUAL(got.bits, value.bits);
    }
  }
  (void)VISIT(t, slh_ephemerons_get, (t->heap, table, torture_ref(t), &got));
  (void)VISIT(t, slh_ephemerons_remove, (t->heap, table, torture_ref(t)));
}

static void free_table(struct torture *t)
{
  if (t->table_count != 0)
    VISIT(t, slh_ephemerons_free, (t->heap, t->tables[--t->table_count]));
}

static void use_finalizers(struct torture *t)
{
  slh_ref ref = SLH_NULL;
  void *data = NULL;

  for (uint64_t i = below(t, 3); i > 0; i--)
    (void)CALL(t, slh_finalizer_add, (t->heap, torture_ref(t), &t->random));
  for (uint64_t i = below(t, 3); i > 0; i--) {
    if (!VISIT(t, slh_finalizer_poll, (t->heap, &ref, &data)))
      break;
    REQUIRE(data == &t->random && !t->corrupt);
  }
}

void torture_call_weak(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {
      hold_weak, hold_weak, use_weak, new_table, use_table, use_table, free_table, use_finalizers};

  /* There are none of all these. */
  if (slh_heap_counts(t->heap))
    return;
  calls[below(t, sizeof calls / sizeof *calls)](t);
}
