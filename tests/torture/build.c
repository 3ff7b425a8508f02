/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A heap of random objects, as the library leaves it: not corrupt yet. */
#include "tests/torture/torture.h"

#define LARGE_BYTES (256u * 1024)

/* ---- callbacks of the heap ---- */

static void drop(void *data)
{
  ++*(uint32_t *)data;
}

/* Of the guard before the heap; dense slots have none there. */
static void trap_once(struct torture *t)
{
  const slh_ref low = {16};
  volatile uint8_t byte;

  if (!t->trap_next || t->arena->dense)
    return;
  t->trap_next = false;
  t->figures->traps_in_callbacks++;
  byte = slh_get_u8(t->heap, low, 0);
  (void)byte;
}

void torture_list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct torture *t = host;

  REQUIRE(heap == t->heap);
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, t->roots, TORTURE_ROOTS, "torture");
  trap_once(t);
}

bool torture_grow(void *host, slh_heap *heap, const slh_growth *growth)
{
  struct torture *t = host;

  REQUIRE((!t->heap || heap == t->heap) && growth->to > growth->from);
  trap_once(t);
  return !one_in(t, 6);
}

/* ---- what is there ---- */

static bool note_object(void *context, slh_ref ref, const slh_type *type, uint64_t size)
{
  struct torture *t = context;

  REQUIRE(type != NULL && ref.bits >= torture_first(t) && ref.bits % 8 == 0);
  REQUIRE(size >= 8 && ref.bits + size <= torture_end(t));
  t->objects[t->object_count++] = (struct object_at){ref, type, size};
  return t->object_count < TORTURE_OBJECTS;
}

slh_status torture_find_objects(struct torture *t)
{
  t->object_count = 0;
  return CALL(t, slh_heap_walk, (t->heap, note_object, t));
}

const struct object_at *torture_object(struct torture *t)
{
  return t->object_count ? &t->objects[below(t, t->object_count)] : NULL;
}

/* ---- objects ---- */

bool torture_datum(struct torture *t, void **data, slh_drop_fn **drop_with)
{
  if (t->externrefs == TORTURE_DATA)
    return false;
  *data = &t->drops[t->externrefs++];
  *drop_with = drop;
  return true;
}

slh_status torture_externref(struct torture *t, bool collect, slh_ref *out)
{
  uint32_t *data = &t->drops[t->externrefs];
  slh_status status = SLH_E_HOST_LIMIT;

  if (t->externrefs == TORTURE_DATA)
    return status;
  status = collect ? CALL(t, slh_new_externref, (t->heap, data, drop, out))
                   : CALL(t, slh_alloc_externref, (t->heap, data, drop, out));
  t->externrefs += status == SLH_OK;
  return status;
}

/* Of arrays, mostly short. */
static uint32_t random_length(struct torture *t, const slh_type *type)
{
  if (t->large && one_in(t, 4))
    return (uint32_t)(LARGE_BYTES / type->size + below(t, 1000));
  return (uint32_t)below(t, one_in(t, 12) ? 1500 : 40);
}

/* Null if there is no room left. */
static slh_ref new_object(struct torture *t)
{
  const slh_type *type = t->world->types[below(t, one_in(t, 2) ? 3 : TORTURE_TYPES)];
  slh_ref ref = SLH_NULL;
  slh_status status;

  if (type->kind == SLH_KIND_EXTERN)
    status = torture_externref(t, true, &ref);
  else if (type->kind == SLH_KIND_ARRAY)
    status = CALL(t, slh_new_array, (t->heap, type, random_length(t, type), &ref));
  else
    status = CALL(t, slh_new_struct, (t->heap, type, &ref));
  return status == SLH_OK ? ref : SLH_NULL;
}

static slh_ref random_object(struct torture *t)
{
  if (one_in(t, 5) || t->object_count == 0)
    return one_in(t, 2) ? SLH_NULL : slh_i31((int32_t)below(t, 1000));
  return torture_object(t)->ref;
}

/* Nothing was corrupted, unless the store began from an image of what was; where references
 * are counted, what was found may have been dropped. */
static void expect_ok(const struct torture *t, slh_status status)
{
  REQUIRE(status == SLH_OK || t->image || slh_heap_counts(t->heap));
}

/* Of long arrays, a few elements. */
static void link_array(struct torture *t, const struct object_at *array)
{
  uint32_t length = word_at(t, array->ref.bits + (uint64_t)SLH_ARRAY_LENGTH_OFFSET);

  for (uint32_t i = 0; i < length && i < 30; i++) {
    slh_value value = {SLH_REF, {.ref = random_object(t)}};
    uint32_t index = length < 30 ? i : (uint32_t)below(t, length);

    expect_ok(t, CALL(t, slh_array_set, (t->heap, array->ref, index, &value)));
  }
}

/* Of long structs, a few fields. */
static void link_struct(struct torture *t, const struct object_at *object)
{
  for (uint32_t i = 0; i < object->type->field_count; i++) {
    slh_value value = {SLH_REF, {.ref = SLH_NULL}};

    if (object->type->fields[i].storage != SLH_REF ||
        (object->type->field_count > 100 && !one_in(t, 40)))
      continue;
    value.ref = random_object(t);
    expect_ok(t, CALL(t, slh_struct_set, (t->heap, object->ref, i, &value)));
  }
}

static void link_object(struct torture *t, const struct object_at *object)
{
  if (object->type->kind != SLH_KIND_ARRAY)
    link_struct(t, object);
  else if (object->type->fields[0].storage == SLH_REF)
    link_array(t, object);
}

/* Handles, weak references and ephemerons of what is there. */
static void hold(struct torture *t)
{
  for (uint64_t i = one_in(t, 2) ? below(t, 6) : 0; i > 0; i--)
    torture_call_weak(t);
  for (uint64_t i = one_in(t, 2) ? below(t, 6) : 0; i > 0; i--)
    torture_call_tables(t);
}

static void add_objects(struct torture *t)
{
  for (uint64_t i = 1 + below(t, one_in(t, 3) ? 100 : 24); i > 0; i--) {
    slh_ref ref = new_object(t);

    if (!slh_is_null(ref) && !one_in(t, 4))
      t->roots[below(t, TORTURE_ROOTS)] = ref;
  }
  (void)torture_find_objects(t);
  for (uint32_t i = 0; i < t->object_count; i++)
    link_object(t, &t->objects[i]);
  for (int i = 0; i < TORTURE_ROOTS; i++) {
    if (one_in(t, 2))
      t->roots[i] = random_object(t);
  }
}

void torture_build(struct torture *t)
{
  add_objects(t);
  /* So that there is something old, which refers to what is young. */
  if (one_in(t, 2)) {
    (void)(one_in(t, 2) ? CALL(t, slh_heap_collect, (t->heap, NULL))
                        : CALL(t, slh_heap_collect_young, (t->heap, NULL)));
    add_objects(t);
  }
  hold(t);
}
