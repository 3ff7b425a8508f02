/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_pool_visit_heaps: the heaps that are alive, and no others. */
#include "tests/pooled.h"

#include <pthread.h>
#include <stdatomic.h>

#define SLOTS 8

static slh_pool *small_pool(void)
{
  slh_pool_options options = helper_pool_options(SLOTS);

  return helper_pool(&options);
}

struct visits {
  int count, most;
  slh_heap *heaps[SLOTS];
};

static bool visit(void *context, slh_heap *heap)
{
  struct visits *visits = context;

  visits->heaps[visits->count] = heap;
  return ++visits->count < visits->most;
}

/* The number of visits to that heap. */
static int visits_to(const struct visits *visits, const slh_heap *heap)
{
  int count = 0;

  for (int i = 0; i < visits->count; i++)
    count += visits->heaps[i] == heap;
  return count;
}

static void test_what_is_alive(void **state)
{
  slh_pool *pool = small_pool();
  slh_heap *heaps[SLOTS] = {0};
  uint64_t random = helper_seed();
  int alive = 0;

  (void)state;
  for (uint64_t round = helper_rounds(2000); round-- > 0;) {
    slh_heap **heap = &heaps[helper_below(&random, SLOTS)];
    struct visits visits = {.most = SLOTS};

    alive += *heap ? -1 : 1;
    if (*heap)
      slh_heap_release(*heap);
    *heap = *heap ? NULL : pooled_take(pool);
    slh_pool_visit_heaps(pool, visit, &visits);
    assert_int_equal(visits.count, alive);
    for (int i = 0; i < SLOTS; i++)
      assert_int_equal(visits_to(&visits, heaps[i]), heaps[i] != NULL);
  }
  pooled_release(heaps, SLOTS);
  slh_pool_free(pool);
}

static void test_until_it_is_enough(void **state)
{
  slh_pool *pool = small_pool();
  slh_heap *heaps[SLOTS];

  (void)state;
  pooled_take_all(pool, heaps, SLOTS);
  for (int most = 1; most <= SLOTS; most++) {
    struct visits visits = {.most = most};

    slh_pool_visit_heaps(pool, visit, &visits);
    assert_int_equal(visits.count, most);
  }
  pooled_release(heaps, SLOTS);
  slh_pool_free(pool);
}

/* ---- while others come and go ---- */

struct world {
  slh_pool *pool;
  _Atomic bool stop;
};

static void *come_and_go(void *context)
{
  struct world *world = context;

  while (!atomic_load(&world->stop))
    slh_heap_release(pooled_take(world->pool));
  return NULL;
}

/* One that stays is visited once, whatever others do. */
static void test_meanwhile(void **state)
{
  struct world world = {.pool = small_pool()};
  slh_heap *heap = pooled_take(world.pool);
  pthread_t threads[2];

  (void)state;
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &world), 0);
  for (uint64_t round = helper_rounds(20000); round-- > 0;) {
    struct visits visits = {.most = SLOTS};

    slh_pool_visit_heaps(world.pool, visit, &visits);
    assert_int_equal(visits_to(&visits, heap), 1);
  }
  atomic_store(&world.stop, true);
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  slh_heap_release(heap);
  slh_pool_free(world.pool);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_alive),
      cmocka_unit_test(test_until_it_is_enough),
      cmocka_unit_test(test_meanwhile),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
