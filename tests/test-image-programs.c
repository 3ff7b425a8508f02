/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Random programs whose stores are frozen now and then, and go on from what the
 * image has: on every collector, with and without zeal, what they reach is what the
 * model says. Also linked for dense pools.
 */
#include "tests/imaged.h"
#include "tests/program.h"

/* ---- the model, and what weak references may say of it ---- */

static void compare_weak(struct program *p, const struct world *world)
{
  for (int i = 0; !world->counts && i < PROGRAM_WEAK; i++) {
    const struct thing *thing = p->weak[i].thing;
    slh_ref ref = slh_weak_get(world->store->heap, world->weak[i]);

    if (!thing)
      assert_int_equal(ref.bits, p->weak[i].small.bits);
    else if (thing->reached)
      assert_int_equal(ref.bits, thing->at.bits);
  }
}

static void compare(struct program *p)
{
  for (struct world *world = p->worlds; world < p->worlds + PROGRAM_WORLDS; world++) {
    (void)program_compare_world(p, world);
    compare_weak(p, world);
    store_verify(world->store);
  }
}

/* ---- host data: each datum goes in as its address ---- */

static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  const void **place = context;

  assert_int_equal(kind, SLH_HOST_DATA);
  *place = value;
  *bytes = place;
  *size = sizeof *place;
  return SLH_OK;
}

/* The store that was frozen has dropped it. */
static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop)
{
  struct datum *datum;

  (void)context;
  assert_int_equal(kind, SLH_HOST_DATA);
  assert_int_equal(size, sizeof datum);
  memcpy(&datum, bytes, sizeof datum);
  assert_int_equal(datum->drops, 1);
  datum->drops = 0;
  *value = datum;
  *drop = datum_drop;
  return SLH_OK;
}

/* ---- a store frozen, and what goes on from there ---- */

#define ROOTS (STORE_ROOTS + PROGRAM_OWNED + PROGRAM_FRAMES * PROGRAM_LOCALS)

static slh_image *freeze_world(struct program *p, struct world *world)
{
  static const void *place;
  const slh_heap *heap = world->store->heap;
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image_root roots[ROOTS] = {{NULL, SLH_NULL}};
  slh_image_contents contents = {roots, 0, world->weak, world->counts ? 0 : PROGRAM_WEAK, NULL, 0};
  slh_error error = {0};
  slh_image *image = NULL;

  for (int i = 0; i < STORE_ROOTS; i++)
    roots[contents.root_count++].ref = world->store->roots[i];
  for (int i = 0; i < PROGRAM_OWNED; i++)
    roots[contents.root_count++].ref = slh_owned_get(heap, world->owned[i]);
  for (uint32_t i = 0; i < p->frames; i++) {
    for (int j = 0; j < PROGRAM_LOCALS; j++)
      roots[contents.root_count++].ref = slh_local_get(heap, world->locals[i][j]);
  }
  options.start = (slh_image_start)helper_below(&p->random, 3);
  options.encode = encode;
  options.decode = decode;
  options.context = &place;
  if (slh_image_freeze(heap, &contents, &options, &image, &error) != SLH_OK)
    fail_msg("%s", error.message);
  return image;
}

/* Roots and handles as they were, from the image's. */
static void take_roots(struct program *p, struct world *world, const slh_image *image)
{
  slh_heap *heap = world->store->heap;
  uint32_t number = 0;

  memset(world->store->roots, 0, sizeof world->store->roots); /* of the heap before */
  for (uint32_t i = 0; i < STORE_ROOTS; i++)
    program_set_register(world, i, imaged_root(image, number++));
  for (int i = 0; i < PROGRAM_OWNED; i++)
    assert_ok(slh_owned_new(heap, imaged_root(image, number++), &world->owned[i]));
  for (uint32_t i = 0; i < p->frames; i++) {
    assert_ok(slh_frame_open(heap, &world->frames[i]));
    for (int j = 0; j < PROGRAM_LOCALS; j++)
      assert_ok(
          slh_local_new(&world->frames[i], imaged_root(image, number++), &world->locals[i][j]));
  }
  for (int i = 0; !world->counts && i < PROGRAM_WEAK; i++)
    world->weak[i] = slh_heap_image_weak(heap, (size_t)i);
}

static void restart(struct program *p, struct world *world)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = freeze_world(p, world);
  slh_image_info info = imaged_info(image);
  slh_heap_stats stats;
  size_t count;

  for (uint32_t i = p->frames; i-- > 0;)
    slh_frame_close(&world->frames[i]);
  options.initial_bytes = UINT64_C(1) << (9 + helper_below(&p->random, 12));
  options.resume = helper_one_in(&p->random, 2);
  imaged_restart(world->store, image, &options);
  take_roots(p, world, image);
  slh_image_free(image);
  count = program_compare_world(p, world);
  compare_weak(p, world);
  stats = store_stats(world->store);
  assert_int_equal(count, info.objects);
  assert_int_equal(store_count(world->store), count);
  assert_int_equal(stats.image, options.resume ? 0 : info.bytes);
  assert_int_equal(stats.used, options.resume ? info.bytes : 0);
  store_verify(world->store);
}

/* ---- programs ---- */

/* Some steps of random budgets; the rest as well, or all at once. */
static void collect(struct world *world, uint64_t *random)
{
  bool cancel = helper_one_in(random, 2), young = helper_one_in(random, 2), complete = false;
  slh_heap *heap = world->store->heap;

  assert_ok(young ? slh_collection_begin_young(heap, NULL) : slh_collection_begin(heap, NULL));
  for (int steps = 0; !complete && !(cancel && steps > 5); steps++) {
    uint64_t budget = helper_below(random, 1 << helper_below(random, 16));

    assert_ok(slh_collection_step(heap, budget, &complete));
  }
  assert_ok(slh_collection_abandon(heap));
}

static void programs_go_on_from_images(void **state)
{
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(50); round > 0; round--) {
    struct program *p = program_open(seed++);

    for (int i = 0; i < 600; i++) {
      struct world *world = &p->worlds[helper_below(&p->random, PROGRAM_WORLDS)];

      program_step(p);
      if (helper_one_in(&p->random, 10))
        collect(world, &p->random);
      if (helper_one_in(&p->random, 20))
        restart(p, world);
      if (helper_one_in(&p->random, 30))
        compare(p);
    }
    compare(p);
    program_close(p);
  }
}

/* Fewer, so that heaps become large and collect by themselves. */
static void long_programs(void **state)
{
  uint64_t seed = helper_seed() + 1000;

  for (uint64_t round = helper_rounds(2); round > 0; round--) {
    struct program *p = program_open(seed++);

    for (uint64_t i = helper_rounds(8000); i > 0; i--) {
      program_step(p);
      if (helper_one_in(&p->random, 100))
        restart(p, &p->worlds[helper_below(&p->random, PROGRAM_WORLDS)]);
      if (helper_one_in(&p->random, 1000))
        compare(p);
    }
    compare(p);
    program_close(p);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(programs_go_on_from_images),
      cmocka_unit_test(long_programs),
  };

  return helper_run(tests, NULL, NULL);
}
