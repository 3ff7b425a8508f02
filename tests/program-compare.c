/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The worlds of a program against its model. */
#include "tests/program.h"

#include <stdlib.h>

/* ---- what the model's roots reach ---- */

typedef void visit_link_fn(void *context, const struct link *link, slh_ref actual);

/* Visits all roots, with what they are in the world (may be NULL). */
static void each_root(struct program *p, const struct world *world, visit_link_fn *visit,
                      void *context)
{
  const slh_heap *heap = world ? world->store->heap : NULL;

  for (int i = 0; i < STORE_ROOTS; i++)
    visit(context, &p->registers[i], world ? world->store->roots[i] : SLH_NULL);
  for (int i = 0; i < PROGRAM_OWNED; i++)
    visit(context, &p->owned[i], world ? slh_owned_get(heap, world->owned[i]) : SLH_NULL);
  for (uint32_t i = 0; i < p->frames; i++) {
    for (int j = 0; j < PROGRAM_LOCALS; j++)
      visit(context, &p->locals[i][j], world ? slh_local_get(heap, world->locals[i][j]) : SLH_NULL);
  }
}

/* Things that were reached, in the order in which they were. */
struct search {
  struct thing **reached;
  size_t count;
};

static void start_search(struct program *p, struct search *search)
{
  for (struct thing *thing = p->things; thing; thing = thing->next)
    thing->reached = false;
  *search = (struct search){calloc(p->made + 1, sizeof *search->reached), 0};
  assert_non_null(search->reached);
}

static void reach(void *context, const struct link *link, slh_ref actual)
{
  struct search *search = context;
  struct thing *thing = link->thing;

  if (!thing) {
    assert_int_equal(actual.bits, link->small.bits);
  } else if (thing->reached) {
    assert_int_equal(actual.bits, thing->at.bits);
  } else {
    thing->reached = true;
    thing->at = actual;
    search->reached[search->count++] = thing;
  }
}

/* ---- a world against the model ---- */

/* The object is there, and is the right one. */
static void compare_thing(const struct world *world, const struct thing *thing)
{
  const slh_heap *heap = world->store->heap;
  const slh_type *type = NULL;
  uint32_t a = 0, b = 0;

  assert_ok(slh_object_type(heap, thing->at, &type));
  assert_int_equal(type->kind, thing->kind);
  if (thing->kind == SLH_KIND_STRUCT) {
    assert_int_equal(slh_get_u32(heap, thing->at, HELPER_VALUE), thing->number);
  } else if (thing->kind == SLH_KIND_EXN) {
    assert_ok(slh_exn_tag(heap, thing->at, &a, &b));
    assert_int_equal(a, ~thing->number);
    assert_int_equal(b, thing->number);
  } else if (thing->kind == SLH_KIND_EXTERN) {
    assert_ptr_equal(datum_of(world->store, thing->at), &world->data[thing->number]);
    assert_int_equal(world->data[thing->number].drops, 0);
  } else {
    assert_ok(slh_array_len(heap, thing->at, &a));
    assert_int_equal(a, thing->count);
  }
}

static int by_place(const void *a, const void *b)
{
  uint32_t x = (*(struct thing *const *)a)->at.bits, y = (*(struct thing *const *)b)->at.bits;

  return x < y ? -1 : x > y;
}

size_t program_compare_world(struct program *p, const struct world *world)
{
  struct search search;

  start_search(p, &search);
  each_root(p, world, reach, &search);
  for (size_t i = 0; i < search.count; i++) {
    const struct thing *thing = search.reached[i];

    compare_thing(world, thing);
    for (uint32_t j = 0; j < thing->count; j++)
      reach(&search, &thing->links[j], program_link(world->store->heap, thing, thing->at, j));
  }
  /* No two of them are one object. */
  qsort(search.reached, search.count, sizeof *search.reached, by_place);
  for (size_t i = 1; i < search.count; i++)
    assert_true(search.reached[i - 1]->at.bits < search.reached[i]->at.bits);
  free(search.reached);
  return search.count;
}

/* ---- cycles that nothing reaches ---- */

static void let_go(struct thing *thing, struct search *dead)
{
  if (!thing || thing->reached || --thing->holders != 0)
    return;
  dead->reached[dead->count++] = thing;
}

/* Of what is not reached, what is reached from no cycle of that kind is left with no
 * holders: one after the other, from what nothing holds. Returns how many have some. */
static size_t find_held(struct program *p)
{
  struct search dead = {calloc(p->made + p->externrefs + 1, sizeof *dead.reached), 0};
  size_t held = 0;

  assert_non_null(dead.reached);
  for (struct thing *thing = p->things; thing; thing = thing->next) {
    thing->holders = 1; /* until all have been counted */
    held += !thing->reached;
  }
  for (const struct thing *thing = p->things; thing; thing = thing->next) {
    for (uint32_t i = 0; !thing->reached && i < thing->count; i++) {
      if (thing->links[i].thing)
        thing->links[i].thing->holders++;
    }
  }
  for (struct thing *thing = p->things; thing; thing = thing->next)
    let_go(thing, &dead);
  for (size_t i = 0; i < dead.count; i++) {
    for (uint32_t j = 0; j < dead.reached[i]->count; j++)
      let_go(dead.reached[i]->links[j].thing, &dead);
  }
  held -= dead.count;
  free(dead.reached);
  return held;
}

/* ---- after a collection ---- */

/* Weak references refer to what is alive, and to nothing else; but before a
 * collection they may still refer to what is dead. */
static void compare_weak(struct program *p, const struct world *world, bool collected)
{
  for (int i = 0; !world->counts && i < PROGRAM_WEAK; i++) {
    const struct thing *thing = p->weak[i].thing;
    slh_ref ref = slh_weak_get(world->store->heap, world->weak[i]);

    if (!thing)
      assert_int_equal(ref.bits, p->weak[i].small.bits);
    else if (thing->reached)
      assert_int_equal(ref.bits, thing->at.bits);
    else
      assert_true(slh_is_null(ref) ? world->collects : !collected || !world->collects);
  }
}

static void compare_drops(struct program *p, const struct world *world, bool collected)
{
  for (const struct thing *thing = p->things; thing; thing = thing->next) {
    uint32_t drops;

    if (thing->kind != SLH_KIND_EXTERN)
      continue;
    drops = world->data[thing->number].drops;
    if (thing->reached || !world->collects)
      assert_int_equal(drops, 0);
    else if (collected && !(world->counts && thing->holders != 0))
      assert_int_equal(drops, 1);
    else
      assert_in_range(drops, 0, 1);
  }
}

void program_compare(struct program *p, bool collected)
{
  for (struct world *world = p->worlds; world < p->worlds + PROGRAM_WORLDS; world++) {
    size_t count = program_compare_world(p, world);
    size_t held = world->counts ? find_held(p) : 0;

    compare_weak(p, world, collected);
    compare_drops(p, world, collected);
    if (collected && world->collects)
      assert_in_range(store_count(world->store), count, count + held);
    if (collected)
      store_verify(world->store);
  }
}

/* Some steps of random budgets; the rest as well, or all at once. */
static void collect(struct world *world, uint64_t *random)
{
  bool cancel = helper_one_in(random, 2), complete = false;

  if (helper_one_in(random, 4)) {
    store_collect(world->store);
    return;
  }
  assert_ok(slh_collection_begin(world->store->heap, NULL));
  for (int steps = 0; !complete && !(cancel && steps > 5); steps++) {
    uint64_t budget = helper_below(random, 1 << helper_below(random, 16));

    assert_ok(slh_collection_step(world->store->heap, budget, &complete));
  }
  assert_ok(slh_collection_abandon(world->store->heap));
  assert_false(slh_collection_is_active(world->store->heap));
}

void program_collect(struct program *p)
{
  /* Each world's own steps: they must not show. */
  for (struct world *world = p->worlds; world < p->worlds + PROGRAM_WORLDS; world++)
    collect(world, &p->random);
  program_compare(p, true);
}
