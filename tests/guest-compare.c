/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Whether two guests are alike. */
#include "tests/guest.h"

#include <stdlib.h>

static uint32_t number_of(const struct guest *guest, const slh_type *type)
{
  for (uint32_t i = 0; i < GUEST_TYPES; i++)
    if (guest->types[i] == type)
      return i;
  assert_ptr_equal(type, slh_externref_type(guest->runtime));
  return GUEST_TYPES;
}

struct comparison {
  struct guest *a, *b;
  uint32_t *in_b;   /* by offset / 8 in `a`: where the object is in `b`, 0: not seen */
  uint32_t *in_a;   /* and the other way round */
  slh_ref *pending; /* of `a` */
  size_t count;
};

static void compare_refs(struct comparison *c, slh_ref a, slh_ref b)
{
  if (!slh_is_object(a) || !slh_is_object(b)) {
    assert_int_equal(a.bits, b.bits);
    return;
  }
  assert_int_equal(number_of(c->a, guest_type(c->a, a)), number_of(c->b, guest_type(c->b, b)));
  if (c->in_b[a.bits / 8] == 0 && c->in_a[b.bits / 8] == 0) {
    c->in_b[a.bits / 8] = b.bits;
    c->in_a[b.bits / 8] = a.bits;
    c->pending[c->count++] = a;
  }
  assert_int_equal(c->in_b[a.bits / 8], b.bits);
  assert_int_equal(c->in_a[b.bits / 8], a.bits);
}

static void compare_values(struct comparison *c, const slh_value *a, const slh_value *b)
{
  const void *first = NULL, *second = NULL;

  assert_int_equal(a->storage, b->storage);
  switch (a->storage) {
  case SLH_REF:
    compare_refs(c, a->ref, b->ref);
    break;
  case SLH_FUNCREF:
    assert_ok(slh_funcref_function(c->a->heap, (uint32_t)a->integer, &first));
    assert_ok(slh_funcref_function(c->b->heap, (uint32_t)b->integer, &second));
    assert_ptr_equal(first, second);
    break;
  case SLH_F32:
    assert_memory_equal(&a->f32, &b->f32, sizeof a->f32);
    break;
  case SLH_F64:
    assert_memory_equal(&a->f64, &b->f64, sizeof a->f64);
    break;
  case SLH_V128:
    assert_memory_equal(&a->v128, &b->v128, sizeof a->v128);
    break;
  default:
    assert_int_equal(a->integer, b->integer);
  }
}

static void compare_externrefs(const struct comparison *c, slh_ref a, slh_ref b)
{
  void *first = NULL, *second = NULL;

  assert_ok(slh_externref_data(c->a->heap, a, &first));
  assert_ok(slh_externref_data(c->b->heap, b, &second));
  assert_int_equal(*(uint64_t *)first, *(uint64_t *)second);
}

static void compare_objects(struct comparison *c, slh_ref a)
{
  slh_ref b = {c->in_b[a.bits / 8]};
  uint32_t count = guest_cells(c->a, a);

  assert_int_equal(guest_cells(c->b, b), count);
  if (guest_type(c->a, a)->kind == SLH_KIND_EXTERN)
    compare_externrefs(c, a, b);
  for (uint32_t i = 0; i < count; i++) {
    slh_value first = guest_cell(c->a, a, i), second = guest_cell(c->b, b, i);

    compare_values(c, &first, &second);
  }
  for (int i = 0; i < GUEST_TABLES && !c->a->without_weak; i++) {
    slh_ref first = SLH_NULL, second = SLH_NULL;
    bool has = slh_ephemerons_get(c->a->heap, c->a->tables[i], a, &first);

    assert_int_equal(slh_ephemerons_get(c->b->heap, c->b->tables[i], b, &second), has);
    if (has)
      compare_refs(c, first, second);
  }
}

static void compare_weak(const struct comparison *c, slh_ref a, slh_ref b)
{
  if (!slh_is_object(a) && !slh_is_null(a))
    assert_int_equal(b.bits, a.bits);
  else if (slh_is_object(a) && c->in_b[a.bits / 8] != 0)
    assert_int_equal(c->in_b[a.bits / 8], b.bits);
  else if (slh_is_object(b))
    assert_int_equal(c->in_a[b.bits / 8], 0); /* dead, and not collected yet */
  else
    assert_true(slh_is_null(b));
}

void guest_compare(struct guest *a, struct guest *b)
{
  size_t a_words = slh_heap_end(a->heap) / 8 + 1, b_words = slh_heap_end(b->heap) / 8 + 1;
  struct comparison c = {a, b, calloc(a_words, 4), calloc(b_words, 4), calloc(a_words, 4), 0};

  assert_non_null(c.in_b);
  assert_non_null(c.in_a);
  assert_non_null(c.pending);
  assert_int_equal(a->without_weak, b->without_weak);
  guest_verify(a);
  guest_verify(b);
  for (int i = 0; i < GUEST_ROOTS; i++)
    compare_refs(&c, a->roots[i], b->roots[i]);
  for (size_t i = 0; i < c.count; i++)
    compare_objects(&c, c.pending[i]);
  for (int i = 0; i < GUEST_WEAK && !a->without_weak; i++)
    compare_weak(&c, slh_weak_get(a->heap, a->weak[i]), slh_weak_get(b->heap, b->weak[i]));
  free(c.in_b);
  free(c.in_a);
  free(c.pending);
}
