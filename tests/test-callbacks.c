/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What runs within calls on a heap must not use that heap, and not be left by
 * a jump: whatever is called then stops with a message that names the call. */
#include "tests/store.h"

#include <setjmp.h>
#include <stdio.h>

/* A heap with all sorts of things, whose callbacks do something forbidden. */
struct world {
  struct store *store;
  slh_heap *heap;
  slh_frame frame;
  slh_local local;
  slh_owned owned;
  slh_weak weak;
  slh_ephemerons ephemerons;
  slh_ref root;
  const struct action *action;
  bool jump; /* out of the callback first */
  jmp_buf out;
};

/* ---- what is forbidden ---- */

struct action {
  const char *call; /* as its message names it */
  void (*act)(struct world *world);
};

static void alloc_inline(struct world *world)
{
  (void)!slh_alloc_struct_uninit(world->heap, world->store->node, &world->root);
}

static void new_struct(struct world *world)
{
  (void)!slh_new_struct(world->heap, world->store->node, &world->root);
}

static void new_array(struct world *world)
{
  (void)!slh_new_array(world->heap, world->store->bytes, 10, &world->root);
}

static void new_externref(struct world *world)
{
  (void)!slh_new_externref(world->heap, NULL, NULL, &world->root);
}

static void alloc_externref(struct world *world)
{
  (void)!slh_alloc_externref(world->heap, NULL, NULL, &world->root);
}

static void intern(struct world *world)
{
  uint32_t number;

  (void)!slh_funcref_intern(world->heap, world, &number);
}

static void make_room(struct world *world)
{
  (void)!slh_heap_make_room(world->heap, 8);
}

static void grow(struct world *world)
{
  (void)!slh_heap_grow(world->heap, 8);
}

static void collect(struct world *world)
{
  (void)!slh_heap_collect(world->heap, NULL);
}

static void begin(struct world *world)
{
  (void)!slh_collection_begin(world->heap, NULL);
}

static void enter_no_gc(struct world *world)
{
  slh_heap_enter_no_gc(world->heap);
}

static void open_frame(struct world *world)
{
  (void)!slh_frame_open(world->heap, &(slh_frame){0});
}

static void new_owned(struct world *world)
{
  (void)!slh_owned_new(world->heap, SLH_NULL, &(slh_owned){0});
}

static void free_owned(struct world *world)
{
  slh_owned_free(world->heap, world->owned);
}

static void new_weak(struct world *world)
{
  (void)!slh_weak_new(world->heap, SLH_NULL, &(slh_weak){0});
}

static void free_weak(struct world *world)
{
  slh_weak_free(world->heap, world->weak);
}

static void new_ephemerons(struct world *world)
{
  (void)!slh_ephemerons_new(world->heap, &(slh_ephemerons){0});
}

static void set_ephemeron(struct world *world)
{
  (void)!slh_ephemerons_set(world->heap, world->ephemerons, world->root, world->root);
}

static void add_finalizer(struct world *world)
{
  (void)!slh_finalizer_add(world->heap, world->root, NULL);
}

static void poll_finalizer(struct world *world)
{
  void *data;

  (void)slh_finalizer_poll(world->heap, &world->root, &data);
}

static void dealloc(struct world *world)
{
  (void)!slh_dealloc(world->heap, world->root);
}

static void release(struct world *world)
{
  slh_heap_release(world->heap);
}

static void reset(struct world *world)
{
  slh_heap_reset(world->heap);
}

static void new_local(struct world *world)
{
  (void)!slh_local_new(&world->frame, SLH_NULL, &world->local);
}

static void set_local(struct world *world)
{
  slh_local_set(world->heap, world->local, SLH_NULL);
}

static void set_owned(struct world *world)
{
  slh_owned_set(world->heap, world->owned, SLH_NULL);
}

static void close_frame(struct world *world)
{
  slh_frame_close(&world->frame);
}

/* Whatever makes, frees, moves or collects. */
static const struct action changes[] = {
    {"slh_alloc_* or slh_new_*", alloc_inline},
    {"slh_alloc_* or slh_new_*", new_struct},
    {"slh_alloc_* or slh_new_*", new_array},
    {"slh_new_externref", new_externref},
    {"slh_alloc_externref", alloc_externref},
    {"slh_funcref_intern", intern},
    {"slh_alloc_* or slh_new_*", make_room},
    {"slh_heap_grow", grow},
    {"slh_heap_collect", collect},
    {"slh_collection_begin", begin},
    {"slh_heap_enter_no_gc", enter_no_gc},
    {"slh_frame_open", open_frame},
    {"slh_owned_new", new_owned},
    {"slh_owned_free", free_owned},
    {"slh_weak_new", new_weak},
    {"slh_weak_free", free_weak},
    {"slh_ephemerons_new", new_ephemerons},
    {"slh_ephemerons_set", set_ephemeron},
    {"slh_finalizer_add", add_finalizer},
    {"slh_finalizer_poll", poll_finalizer},
    {"slh_dealloc", dealloc},
};

/* Not while a callback runs; a collection that is under way ends with them. */
static const struct action ends[] = {{"slh_heap_release", release}, {"slh_heap_reset", reset}};

/* Writes to handles, whose references a collection has listed. */
static const struct action writes[] = {
    {"slh_local_new", new_local},
    {"slh_local_set", set_local},
    {"slh_owned_set", set_owned},
    {"slh_frame_close", close_frame},
};

/* ---- the callbacks ---- */

static void act(struct world *world)
{
  if (world->jump)
    longjmp(world->out, 1);
  world->action->act(world);
}

static void enumerate(void *host, slh_heap *heap, slh_roots *roots)
{
  struct world *world = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &world->root, 1, NULL);
  if (world->action)
    act(world);
}

static bool ask(void *host, slh_heap *heap, const slh_growth *growth)
{
  (void)heap;
  (void)growth;
  act(host);
  return true;
}

static void drop(void *data)
{
  act(data);
}

/* ---- the situations in which they run ---- */

struct situation {
  const char *what; /* as the message puts it */
  void (*enter)(struct world *world);
};

/* Collections list roots; with `action` not set yet, that does nothing. */
static void in_enumerate_roots(struct world *world)
{
  (void)!slh_heap_collect(world->heap, NULL);
}

static void in_the_growth_callback(struct world *world)
{
  (void)!slh_heap_grow(world->heap, 1 << 20);
}

static void begin_without_acting(struct world *world)
{
  const struct action *action = world->action;

  world->action = NULL;
  REQUIRE_EQUAL(slh_collection_begin(world->heap, NULL), SLH_OK);
  world->action = action;
}

static void in_a_drop_of_a_collection(struct world *world)
{
  slh_ref ref;

  REQUIRE_EQUAL(slh_alloc_externref(world->heap, world, drop, &ref), SLH_OK);
  begin_without_acting(world);
  (void)!slh_collection_abandon(world->heap);
}

static void in_a_drop_of_release(struct world *world)
{
  slh_ref ref;

  REQUIRE_EQUAL(slh_alloc_externref(world->heap, world, drop, &ref), SLH_OK);
  slh_heap_release(world->heap);
}

static void in_a_drop_of_reset(struct world *world)
{
  slh_ref ref;

  REQUIRE_EQUAL(slh_alloc_externref(world->heap, world, drop, &ref), SLH_OK);
  slh_heap_reset(world->heap);
}

static void between_increments(struct world *world)
{
  bool complete = false;

  begin_without_acting(world);
  REQUIRE_EQUAL(slh_collection_step(world->heap, 1, &complete), SLH_OK);
  REQUIRE(!complete);
  act(world);
}

static const struct situation callbacks[] = {
    {"its enumerate_roots runs", in_enumerate_roots},
    {"its growth callback runs", in_the_growth_callback},
    {"a drop callback of it runs", in_a_drop_of_a_collection},
    {"a drop callback of it runs", in_a_drop_of_release},
    {"a drop callback of it runs", in_a_drop_of_reset},
};

static const struct situation increments[] = {
    {"a collection of it is under way", between_increments}};

/* ---- all of these in all of those ---- */

struct try_ {
  struct store *store;
  const struct situation *situation;
  const struct action *action;
  bool jump;
};

static void fill_world(struct world *world, const struct try_ *try)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  *world = (struct world){.store = try->store, .jump = try->jump};
  options.runtime = try->store->runtime;
  options.initial_bytes = 64 * 1024;
  options.enumerate_roots = enumerate;
  options.grow = ask;
  options.host = world;
  REQUIRE_EQUAL(slh_heap_acquire(try->store->pool, &options, &world->heap), SLH_OK);
  REQUIRE_EQUAL(slh_alloc_struct(world->heap, try->store->node, &world->root), SLH_OK);
  REQUIRE_EQUAL(slh_frame_open(world->heap, &world->frame), SLH_OK);
  REQUIRE_EQUAL(slh_local_new(&world->frame, SLH_NULL, &world->local), SLH_OK);
  REQUIRE_EQUAL(slh_owned_new(world->heap, SLH_NULL, &world->owned), SLH_OK);
  REQUIRE_EQUAL(slh_weak_new(world->heap, world->root, &world->weak), SLH_OK);
  REQUIRE_EQUAL(slh_ephemerons_new(world->heap, &world->ephemerons), SLH_OK);
  world->action = try->action;
}

static void run(void *context)
{
  static struct world world;
  const struct try_ *try = context;

  fill_world(&world, try);
  if (setjmp(world.out) == 0)
    try->situation->enter(&world);
  /* What comes after a jump, or after a callback that went unpunished. */
  world.action->act(&world);
}

struct product {
  const struct situation *situations;
  size_t situation_count;
  const struct action *actions;
  size_t action_count;
};

#define PRODUCT(situations, actions)                                                               \
  {                                                                                                \
    situations, sizeof(situations) / sizeof *(situations), actions,                                \
        sizeof(actions) / sizeof *(actions)                                                        \
  }

static void check(void **state, struct product product, bool jump)
{
  for (size_t i = 0; i < product.situation_count; i++) {
    for (size_t j = 0; j < product.action_count; j++) {
      struct try_ try = {*state, &product.situations[i], &product.actions[j], jump};
      char message[200];

      snprintf(message, sizeof message, "%s: called on a heap while %s", try.action->call,
               try.situation->what);
      helper_expect_stop(run, &try, message);
    }
  }
}

static void callbacks_do_not_use_their_heap(void **state)
{
  check(state, (struct product)PRODUCT(callbacks, changes), false);
  check(state, (struct product)PRODUCT(callbacks, ends), false);
}

static void callbacks_are_not_left_by_a_jump(void **state)
{
  check(state, (struct product)PRODUCT(callbacks, changes), true);
  check(state, (struct product)PRODUCT(callbacks, ends), true);
}

static void store_stands_still_between_increments(void **state)
{
  check(state, (struct product)PRODUCT(increments, changes), false);
}

/* Adding a root, or writing to one, while a collection has them listed. */
static void handles_stand_still_between_increments(void **state)
{
  check(state, (struct product)PRODUCT(increments, writes), false);
}

static void handles_stand_still_in_callbacks(void **state)
{
  check(state, (struct product)PRODUCT(callbacks, writes), false);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(callbacks_do_not_use_their_heap),       TEST(callbacks_are_not_left_by_a_jump),
      TEST(store_stands_still_between_increments), TEST(handles_stand_still_between_increments),
      TEST(handles_stand_still_in_callbacks),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
