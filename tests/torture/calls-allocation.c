/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Allocation, in both families. What comes uninitialised stays so: it holds what
 * an earlier object left. */
#include "tests/torture/torture.h"

/* Bytes, or elements. */
static uint64_t random_size(struct torture *t)
{
  switch (below(t, 8)) {
  case 0:
    return helper_random(&t->random) >> below(t, 64);
  case 1:
    return UINT64_MAX - below(t, 32);
  case 2:
    return t->max_bytes - below(t, 64);
  case 3:
    return data_of(t)->limit - data_of(t)->bump + below(t, 16);
  default:
    return below(t, 600);
  }
}

static const slh_type *random_type(struct torture *t)
{
  return t->world->types[below(t, TORTURE_TYPES)];
}

static const slh_type *struct_type(struct torture *t)
{
  return t->world->types[one_in(t, 4) ? HUNDREDS_OF_REFS : NODE];
}

/* Some are found by what corrupts next. */
static void keep(struct torture *t, slh_status status, slh_ref ref)
{
  if (status == SLH_OK && one_in(t, 2))
    t->roots[below(t, TORTURE_ROOTS)] = ref;
}

static void alloc(struct torture *t)
{
  slh_ref ref = SLH_NULL;
  slh_status status;

  switch (below(t, 6)) {
  case 0:
    status = CALL(t, slh_alloc_struct, (t->heap, random_type(t), &ref));
    break;
  case 1:
    status = CALL(t, slh_alloc_struct_uninit, (t->heap, struct_type(t), &ref));
    break;
  case 2:
    status = CALL(t, slh_alloc_array, (t->heap, random_type(t), (uint32_t)random_size(t), &ref));
    break;
  case 3:
    status =
        CALL(t, slh_alloc_array_uninit, (t->heap, random_type(t), (uint32_t)random_size(t), &ref));
    break;
  case 4:
    status = torture_externref(t, false, &ref);
    break;
  default:
    status = CALL(t, slh_heap_extend, (t->heap, random_size(t)));
    ref = SLH_NULL;
  }
  (void)VISIT(t, slh_heap_bytes_needed, (t->heap));
  keep(t, status, ref);
}

static void alloc_raw(struct torture *t)
{
  const slh_type *type = random_type(t);
  uint32_t length = (uint32_t)random_size(t);
  uint64_t bytes = type->kind == SLH_KIND_ARRAY ? slh_array_size(type, length) : type->size;
  slh_ref ref = SLH_NULL;

  if (one_in(t, 4))
    bytes = random_size(t);
  keep(t,
       CALL(t, slh_alloc_raw,
            (t->heap, one_in(t, 6) ? torture_bits(t) : type->header, bytes,
             one_in(t, 6) ? torture_bits(t) : 8, type->kind == SLH_KIND_ARRAY ? length : 0, &ref)),
       ref);
}

static void new_one(struct torture *t)
{
  slh_ref ref = SLH_NULL;
  slh_status status;

  switch (below(t, 6)) {
  case 0:
    status = CALL(t, slh_new_struct, (t->heap, random_type(t), &ref));
    break;
  case 1:
    status = CALL(t, slh_new_struct_uninit, (t->heap, struct_type(t), &ref));
    break;
  case 2:
    status = CALL(t, slh_new_array, (t->heap, random_type(t), (uint32_t)random_size(t), &ref));
    break;
  case 3:
    status =
        CALL(t, slh_new_array_uninit, (t->heap, random_type(t), (uint32_t)random_size(t), &ref));
    break;
  case 4:
    status = torture_externref(t, true, &ref);
    break;
  default:
    status = CALL(t, slh_heap_make_room, (t->heap, random_size(t)));
    ref = SLH_NULL;
  }
  keep(t, status, ref);
}

static void grow(struct torture *t)
{
  (void)CALL(t, slh_heap_grow, (t->heap, random_size(t)));
}

static void without_collection(struct torture *t)
{
  VISIT(t, slh_heap_enter_no_gc, (t->heap));
  for (uint64_t i = below(t, 4); i > 0; i--)
    new_one(t);
  VISIT(t, slh_heap_leave_no_gc, (t->heap));
}

/* What was given back is zeroed if it is allocated again. */
static void give_back(struct torture *t)
{
  slh_ref ref = torture_ref(t), again = SLH_NULL;
  uint64_t bump = data_of(t)->bump;
  uint32_t length = 0;
  char *bytes = NULL;

  if (CALL(t, slh_dealloc, (t->heap, ref)) != SLH_OK || data_of(t)->bump == bump)
    return;
  REQUIRE_EQUAL(data_of(t)->bump, ref.bits);
  if (CALL(t, slh_alloc_array, (t->heap, t->world->types[BYTES], (uint32_t)below(t, 40), &again)) !=
      SLH_OK)
    return;
  REQUIRE_EQUAL(CALL(t, slh_array_data, (t->heap, again, SLH_I8, (void **)&bytes, &length)),
                SLH_OK);
  for (uint32_t i = 0; i < length && !t->wild; i++)
    REQUIRE_EQUAL(bytes[i], 0);
}

void torture_call_allocation(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {alloc, alloc,     alloc_raw,         new_one,
                                                    grow,  give_back, without_collection};

  calls[below(t, sizeof calls / sizeof *calls)](t);
}
