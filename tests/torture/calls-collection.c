/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Collections, whole and in increments, with corruption in between. */
#include "tests/torture/torture.h"

/* What a collection has seen of a reference, it has checked. Large arrays at the
 * end can be forgotten, with forged references into them left. */
static void check_reference(const struct torture *t, slh_ref ref)
{
  if (slh_is_null(ref) || slh_is_i31(ref) || t->large)
    return;
  REQUIRE(ref.bits % 8 == 0 && ref.bits >= torture_first(t) && ref.bits < torture_end(t));
}

static void check_word(const struct torture *t, uint64_t offset)
{
  slh_ref ref = {word_at(t, offset)};

  check_reference(t, ref);
}

static void check_references(const struct torture *t, const struct object_at *object)
{
  const slh_type *type = object->type;
  uint64_t length = (object->size - SLH_ARRAY_DATA_OFFSET) / 4;

  if (type->kind == SLH_KIND_ARRAY && type->fields[0].storage == SLH_REF) {
    /* The last may be padding. */
    for (uint64_t i = 0; i + 1 < length; i++)
      check_word(t, object->ref.bits + SLH_ARRAY_DATA_OFFSET + 4 * i);
  }
  for (uint32_t i = 0; type->kind == SLH_KIND_STRUCT && i < type->field_count; i++) {
    if (type->fields[i].storage == SLH_REF)
      check_word(t, object->ref.bits + (uint64_t)type->fields[i].offset);
  }
}

/* What a collection has left was checked, and lies one after the other; unless
 * somebody wrote into it meanwhile, or it looked at a part only. */
static void check_collected(struct torture *t, uint64_t bump, bool full)
{
  bool collects = slh_heap_collector(t->heap) != SLH_COLLECTOR_NULL;

  /* What is counted is not looked at. */
  full = full && !slh_heap_counts(t->heap);

  REQUIRE(torture_end(t) <= bump);
  for (int i = 0; i < TORTURE_ROOTS && collects && full; i++)
    check_reference(t, t->roots[i]);
  for (uint32_t i = 0; i < t->weak_count && collects; i++) {
    slh_ref ref = slh_weak_get(t->heap, t->weak[i]);

    REQUIRE(slh_is_i31(ref) || ref.bits < torture_end(t) || t->large);
  }
  if (collects && full && !t->damaged) {
    REQUIRE_EQUAL(torture_find_objects(t), SLH_OK);
    /* An image stays as it is. */
    for (uint32_t i = 0; i < t->object_count; i++) {
      if (t->objects[i].ref.bits >= data_of(t)->start)
        check_references(t, &t->objects[i]);
    }
  }
  for (uint32_t i = 0; i < t->externrefs; i++)
    REQUIRE(t->drops[i] <= 1);
}

/* Further roots, which end before the collection does. */
static slh_roots *more_roots(struct torture *t)
{
  slh_roots *roots = NULL;

  if (!one_in(t, 4) || slh_roots_new(t->world->runtime, &roots) != SLH_OK)
    return NULL;
  (void)slh_roots_add(roots, SLH_ROOT_STACK, &t->roots[below(t, TORTURE_ROOTS)], 1, NULL);
  return roots;
}

static slh_status begin(struct torture *t, bool young)
{
  slh_roots *roots = more_roots(t);
  slh_status status = young ? CALL(t, slh_collection_begin_young, (t->heap, roots))
                            : CALL(t, slh_collection_begin, (t->heap, roots));

  slh_roots_free(roots);
  t->active = status == SLH_OK;
  return status;
}

static slh_status step(struct torture *t, bool *complete)
{
  uint64_t budget = below(t, UINT64_C(1) << below(t, 16));
  slh_status status = one_in(t, 8)
                          ? CALL(t, slh_collection_step_for, (t->heap, &budget, 100000, complete))
                          : CALL(t, slh_collection_step, (t->heap, budget, complete));

  t->active = status == SLH_OK && !*complete;
  return status;
}

void torture_collect_in_steps(struct torture *t)
{
  bool young = one_in(t, 2), complete = false;
  enum torture_phase phase = t->figures->phase;
  uint64_t bump = torture_end(t);
  slh_status status;

  t->damaged = false;
  status = begin(t, young);
  t->figures->phase = PHASE_between_increments;
  while (t->active && !one_in(t, 60)) {
    for (uint64_t i = one_in(t, 3) ? 1 + below(t, 2) : 0; i > 0; i--)
      torture_corrupt(t);
    if (one_in(t, 40)) {
      status = CALL(t, slh_collection_abandon, (t->heap));
      complete = true;
      t->active = false;
    } else {
      status = step(t, &complete);
    }
  }
  t->figures->phase = phase;
  if (status == SLH_OK && complete)
    check_collected(t, bump, !young);
}

/* A guest that goes on while it waits. */
static bool yield(void *context)
{
  struct torture *t = context;

  t->active = true;
  if (one_in(t, 2))
    torture_corrupt(t);
  t->active = false;
  return !one_in(t, 8);
}

static void collect_async(struct torture *t)
{
  uint64_t bump = torture_end(t);
  enum torture_phase phase = t->figures->phase;
  slh_status status;

  t->damaged = false;
  t->figures->phase = PHASE_between_increments;
  status = CALL(t, slh_heap_collect_async, (t->heap, NULL, 1 + below(t, 8192), yield, t));
  t->figures->phase = phase;
  if (status == SLH_OK)
    check_collected(t, bump, true);
}

static void collect(struct torture *t)
{
  uint64_t bump = torture_end(t);
  slh_roots *roots = more_roots(t);
  slh_status status;

  t->damaged = false;
  status = CALL(t, slh_heap_collect, (t->heap, roots));
  slh_roots_free(roots);
  if (status == SLH_OK)
    check_collected(t, bump, true);
}

static void collect_young(struct torture *t)
{
  uint64_t bump = torture_end(t);

  if (CALL(t, slh_heap_collect_young, (t->heap, NULL)) == SLH_OK)
    check_collected(t, bump, false);
}

/* Callbacks of the store run into a trap, out of the library's middle. */
static void collect_or_grow(void *argument)
{
  struct torture *t = argument;

  t->trap_next = true;
  if (one_in(t, 2))
    (void)CALL(t, slh_heap_collect, (t->heap, NULL));
  else
    (void)CALL(t, slh_heap_make_room, (t->heap, below(t, 100000)));
  t->trap_next = false;
}

static void trap_in_callback(struct torture *t)
{
  (void)CALL(t, slh_heap_protect, (t->heap, collect_or_grow, t, NULL));
  t->trap_next = false;
  t->active = VISIT(t, slh_collection_is_active, (t->heap));
}

void torture_call_collection(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {collect,
                                                    collect_young,
                                                    collect_async,
                                                    torture_collect_in_steps,
                                                    torture_collect_in_steps,
                                                    torture_collect_in_steps,
                                                    torture_collect_in_steps,
                                                    trap_in_callback};

  calls[below(t, sizeof calls / sizeof *calls)](t);
}
