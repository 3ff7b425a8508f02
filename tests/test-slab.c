/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The free slots of a slab, taken and put by several threads at once: never
 * the same slot twice, never none where there must be one. */
#include "tests/helper.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "pool/pool.h"

#define TAKERS 4
#define TAKES 3000000
#define FRESH 64
#define FRESH_ROUNDS 4000

struct slab_world {
  slh_pool *pool;
  _Atomic uint32_t owner[FRESH]; /* of each slot: a taker's number, or 0 */
  _Atomic uint64_t arrived;
};

struct taker {
  struct slab_world *world;
  uint32_t number; /* 1.. */
};

static void run_takers(struct taker *takers, size_t count, void *(*function)(void *))
{
  pthread_t threads[TAKERS];

  for (size_t i = 0; i < count; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, function, &takers[i]), 0);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Never refused, as there are enough slots; and the slot is nobody's. */
static struct slot *take_one(const struct taker *taker)
{
  struct slab *slab = &taker->world->pool->heaps[0];
  struct slot *slot = slhi_slab_take(slab, 0, 0);

  REQUIRE(slot != NULL);
  REQUIRE_EQUAL(atomic_exchange_explicit(&taker->world->owner[slot - slab->slots], taker->number,
                                         memory_order_relaxed),
                0);
  return slot;
}

static void put_one(const struct taker *taker, struct slot *slot)
{
  struct slab *slab = &taker->world->pool->heaps[0];

  REQUIRE_EQUAL(
      atomic_exchange_explicit(&taker->world->owner[slot - slab->slots], 0, memory_order_relaxed),
      taker->number);
  slhi_slab_put(slab, slot, 0);
}

/* Puts the first back while it keeps the second, that lay below it: so a top
 * comes back with something else below. */
static void *take_and_put(void *context)
{
  const struct taker *taker = context;

  for (uint64_t i = helper_rounds(TAKES); i-- > 0;) {
    struct slot *first = take_one(taker);
    struct slot *second = take_one(taker);

    put_one(taker, first);
    put_one(taker, second);
  }
  return NULL;
}

static void test_take_and_put(void **state)
{
  slh_pool_options options = helper_pool_options(2 * TAKERS);
  struct slab_world world = {0};
  struct taker takers[TAKERS];
  slh_pool_stats stats;

  (void)state;
  world.pool = helper_pool(&options);
  for (uint32_t i = 0; i < TAKERS; i++)
    takers[i] = (struct taker){&world, i + 1};
  run_takers(takers, TAKERS, take_and_put);
  slh_pool_get_stats(world.pool, &stats);
  assert_int_equal(stats.slots_in_use, 0);
  assert_int_equal(stats.acquires, 2 * TAKERS * helper_rounds(TAKES));
  assert_int_equal(stats.full_refusals, 0);
  for (uint32_t i = 0; i < 2 * TAKERS; i++)
    (void)take_one(&takers[0]);
  assert_null(slhi_slab_take(&world.pool->heaps[0], 0, 0));
  for (uint32_t i = 0; i < 2 * TAKERS; i++)
    put_one(&takers[0], &world.pool->heaps[0].slots[i]);
  slh_pool_free(world.pool);
}

/* Waits until both takers have come here as often as this one. Spins, so that
 * both go on at the same moment. */
static void meet(struct slab_world *world)
{
  uint64_t meeting = atomic_fetch_add(&world->arrived, 1) / 2;

  for (uint32_t spins = 0; atomic_load(&world->arrived) < 2 * (meeting + 1); spins++) {
    if (spins > 1000)
      sched_yield();
  }
}

/* Two takers empty a pool of which nothing was used, again and again. */
static void *take_fresh_ones(void *context)
{
  const struct taker *taker = context;
  struct slab_world *world = taker->world;
  const slh_pool_options options = helper_pool_options(FRESH);
  struct slot *slots[FRESH / 2];

  for (uint64_t i = helper_rounds(FRESH_ROUNDS); i-- > 0;) {
    if (taker->number == 1)
      REQUIRE_EQUAL(slh_pool_new(&options, &world->pool, NULL), SLH_OK);
    meet(world);
    for (int j = 0; j < FRESH / 2; j++)
      slots[j] = take_one(taker);
    meet(world);
    REQUIRE(slhi_slab_take(&world->pool->heaps[0], 0, 0) == NULL);
    meet(world);
    for (int j = 0; j < FRESH / 2; j++)
      put_one(taker, slots[j]);
    meet(world);
    if (taker->number == 1)
      slh_pool_free(world->pool);
  }
  return NULL;
}

static void test_take_fresh_ones(void **state)
{
  struct slab_world world = {0};
  struct taker takers[2] = {{&world, 1}, {&world, 2}};

  (void)state;
  run_takers(takers, 2, take_fresh_ones);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_take_and_put),
      cmocka_unit_test(test_take_fresh_ones),
  };

  return helper_run(tests, NULL, NULL);
}
