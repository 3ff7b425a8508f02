/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Choosing the next call, and what holds after each. */
#include "tests/torture/torture.h"

void torture_check_marks(const struct torture *t)
{
  const slh_heap_data *data;

  if (!t->heap)
    return;
  data = data_of(t);
  REQUIRE(slh_heap_counts(t->heap) ||
          (torture_first(t) <= data->young && data->young <= data->bump));
  REQUIRE(torture_first(t) <= data->start && data->start <= torture_end(t));
  REQUIRE(data->bump <= torture_end(t) && torture_end(t) <= data->start + t->max_bytes);
  REQUIRE(data->base == t->base || (t->arena->dense && !t->fixed));
  REQUIRE_EQUAL(t->guard_before, t->guard_behind);
}

/* While a collection is under way the store stands still. */
static void call_meanwhile(struct torture *t)
{
  bool complete = false;
  uint64_t budget = below(t, 100000);

  REQUIRE(VISIT(t, slh_collection_is_active, (t->heap)));
  switch (below(t, 4)) {
  case 0:
    (void)CALL(t, slh_collection_abandon, (t->heap));
    t->active = false;
    break;
  case 1:
    (void)CALL(t, slh_collection_step_for, (t->heap, &budget, 1000000, &complete));
    break;
  case 2:
    torture_call_pool(t);
    break;
  default:
    (void)CALL(t, slh_collection_step, (t->heap, budget, &complete));
  }
  if (complete)
    t->active = false;
}

void torture_call(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {
      torture_call_objects,    torture_call_objects,    torture_call_fields,
      torture_call_fields,     torture_call_inline,     torture_call_allocation,
      torture_call_collection, torture_call_collection, torture_call_tables,
      torture_call_weak,       torture_call_pool,
  };

  if (t->active)
    call_meanwhile(t);
  else if (one_in(t, 40)) /* it makes system calls */
    torture_call_image(t);
  else
    calls[below(t, sizeof calls / sizeof *calls)](t);
  torture_check_marks(t);
}
