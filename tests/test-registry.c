/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_find_address: from any address to its slot, while pools come and go. */
#include "tests/helper.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pool/pool.h"
#include "tests/faults.h"

#define GIB (UINT64_C(1) << 30)
#define KIB UINT64_C(1024)

/* Pools that the first chunk of the registry has room for, and a few more. */
#define FIRST_CHUNK 62
#define MANY 150

/* Takes little address space, of which a thread sanitizer has little. */
static slh_pool_options small(uint64_t slots)
{
  slh_pool_options options = helper_pool_options(slots);

  options.max_heap_bytes = 64 * KIB;
  options.max_collections = 1;
  return options;
}

static char *base_of(const slh_pool *pool, uint64_t slot)
{
  return pool->heaps[0].memory + pool->heaps[0].lead + slot * pool->heaps[0].stride -
         SLH_WIDE_FIRST;
}

static bool is_at(const void *address, const slh_pool *pool, uint64_t slot, uint64_t offset)
{
  slh_place place = {0};

  return slh_find_address(address, &place) && place.pool == pool &&
         (void *)place.heap == (void *)&pool->heaps[0].slots[slot] && place.offset == offset;
}

static bool is_nowhere(const void *address)
{
  slh_place place;

  return !slh_find_address(address, &place);
}

/* ---- more pools than the registry has room for at first ---- */

/* First of all tests, as what it makes is never freed. */
static void registering_can_fail(void **state)
{
  slh_pool_options options = small(1);
  slh_pool *pools[FIRST_CHUNK];
  slh_pool *pool = NULL;
  slh_status status = SLH_E_NOMEM;
  int64_t mapped;
  uint64_t failures = 0;

  (void)state;
  for (int i = 0; i < FIRST_CHUNK; i++)
    pools[i] = helper_pool(&options);
  mapped = faults_mapped_bytes();
  for (; status == SLH_E_NOMEM; failures++) {
    faults_fail(OS_MMAP, failures, 1, ENOMEM);
    status = slh_pool_new(&options, &pool, NULL);
    faults_end();
    if (status == SLH_E_NOMEM)
      assert_int_equal(faults_mapped_bytes(), mapped);
  }
  assert_int_equal(status, SLH_OK);
  assert_int_equal(failures, 7); /* each mapping, the registry's last, and none */
  assert_true(is_at(base_of(pool, 0), pool, 0, 0));
  slh_pool_free(pool);
  for (int i = 0; i < FIRST_CHUNK; i++)
    slh_pool_free(pools[i]);
}

static void many_pools_are_all_found(void **state)
{
  slh_pool_options options = small(1);
  uint64_t random = helper_seed();
  slh_pool *pools[MANY] = {NULL};

  (void)state;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < MANY; i++)
      pools[i] = pools[i] ? pools[i] : helper_pool(&options);
    for (int i = 0; i < MANY; i++)
      assert_true(is_at(base_of(pools[i], 0) + i, pools[i], 0, (uint64_t)i));
    for (int i = 0; i < MANY; i++) {
      if (helper_one_in(&random, 2)) {
        char *base = base_of(pools[i], 0);

        slh_pool_free(pools[i]);
        pools[i] = NULL;
        assert_true(is_nowhere(base + SLH_WIDE_FIRST));
      }
    }
    for (int i = 0; i < MANY; i++)
      assert_true(!pools[i] || is_at(base_of(pools[i], 0) + i, pools[i], 0, (uint64_t)i));
  }
  for (int i = 0; i < MANY; i++)
    slh_pool_free(pools[i]);
}

/* ---- addresses ---- */

static void every_part_of_a_slot_is_found(void **state)
{
  slh_pool_options options = helper_pool_options(3);
  slh_runtime *runtime = helper_runtime(NULL);
  slh_pool *pool = helper_pool(&options);
  uint64_t stride = pool->plan.slot_stride_bytes;
  uint64_t offsets[] = {0,        1,           SLH_WIDE_FIRST - 1, SLH_WIDE_FIRST,
                        64 * KIB, 4 * GIB - 1, stride - 2,         stride - 1};

  (void)state;
  for (uint64_t slot = 0; slot < 3; slot++) {
    slh_heap *heap = helper_acquire(pool, runtime);

    assert_ptr_equal(slh_heap_get_data(heap)->base, base_of(pool, slot));
    for (int i = 0; i < 8; i++)
      assert_true(is_at(slh_heap_get_data(heap)->base + offsets[i], pool, slot, offsets[i]));
  }
  for (uint64_t slot = 0; slot < 3; slot++) {
    slh_heap_release((slh_heap *)(void *)&pool->heaps[0].slots[slot]);
    assert_true(is_at(base_of(pool, slot) + 8, pool, slot, 8));
  }
  slh_pool_free(pool);
  slh_runtime_free(runtime);
}

static int data_of_the_test;

static void other_memory_is_not_found(void **state)
{
  slh_pool_options options = helper_pool_options(3);
  slh_pool *pool = helper_pool(&options);
  char *end = pool->heaps[0].memory + pool->heaps[0].bytes;
  void *block = malloc(100);

  assert_true(is_nowhere(NULL));
  assert_true(is_nowhere((void *)UINTPTR_MAX));
  assert_true(is_nowhere(&data_of_the_test));
  assert_true(is_nowhere((void *)(uintptr_t)other_memory_is_not_found));
  assert_true(is_nowhere(&options));
  assert_true(is_nowhere(block));
  assert_true(is_nowhere(state));
  assert_true(is_nowhere(pool));
  assert_true(is_nowhere(pool->heaps[0].slots));
  assert_true(is_nowhere(pool->spaces.memory + pool->spaces.lead));
  assert_true(is_nowhere(base_of(pool, 0) - 1));
  assert_true(is_at(base_of(pool, 3) - 1, pool, 2, pool->heaps[0].stride - 1));
  assert_true(is_nowhere(base_of(pool, 3)));
  assert_true(is_nowhere(end - 1));
  assert_true(is_nowhere(end));
  slh_pool_free(pool);
  assert_true(is_nowhere(end - GIB));
  free(block);
}

/* ---- threads ---- */

#define CHURNERS 3
#define LOOKERS 2

struct world {
  slh_pool *stable;
  _Atomic(char *) address[CHURNERS]; /* in the pool of each, or NULL */
  _Atomic uint32_t running;          /* churners */
  _Atomic uint64_t lookups;          /* in a signal handler */
  uint64_t least;                    /* of those; churners go on until then */
};

struct worker {
  struct world *world;
  uint32_t number;
  uint64_t random;
};

/* Makes and frees pools, of one to three slots, up to 8 at a time. */
static void *churn(void *argument)
{
  struct worker *worker = argument;
  slh_pool *pools[8] = {NULL};

  for (uint64_t i = helper_rounds(4000);
       i > 0 || atomic_load(&worker->world->lookups) < worker->world->least; i -= i > 0) {
    slh_pool **pool = &pools[helper_below(&worker->random, 8)];
    slh_pool_options options = small(1 + helper_below(&worker->random, 3));
    char *base;

    if (*pool) {
      base = base_of(*pool, 0);
      REQUIRE(is_at(base + 1, *pool, 0, 1));
      slh_pool_free(*pool);
    }
    REQUIRE_EQUAL(slh_pool_new(&options, pool, NULL), SLH_OK);
    base = base_of(*pool, options.slots - 1) + SLH_WIDE_FIRST;
    REQUIRE(is_at(base, *pool, options.slots - 1, SLH_WIDE_FIRST));
    atomic_store(&worker->world->address[worker->number], base);
  }
  for (int i = 0; i < 8; i++)
    slh_pool_free(pools[i]);
  atomic_fetch_sub(&worker->world->running, 1);
  return NULL;
}

/* The stable pool is always found; of the others, what is found fits. */
static void *look(void *argument)
{
  struct worker *worker = argument;
  struct world *world = worker->world;

  while (atomic_load(&world->running) != 0) {
    uint64_t offset = helper_below(&worker->random, world->stable->heaps[0].stride);
    const char *address = atomic_load(&world->address[helper_below(&worker->random, CHURNERS)]);
    slh_place place = {0};

    REQUIRE(is_at(base_of(world->stable, 1) + offset, world->stable, 1, offset));
    if (address && slh_find_address(address, &place)) {
      REQUIRE(place.pool != world->stable && place.heap != NULL);
      REQUIRE(place.offset < world->stable->heaps[0].stride);
    }
  }
  return NULL;
}

static void looking_up_while_pools_come_and_go(void **state)
{
  slh_pool_options options = small(3);
  struct world world = {.stable = helper_pool(&options), .running = CHURNERS};
  struct worker workers[CHURNERS + LOOKERS];
  pthread_t threads[CHURNERS + LOOKERS];

  (void)state;
  for (uint32_t i = 0; i < CHURNERS + LOOKERS; i++) {
    workers[i] = (struct worker){&world, i, helper_seed() + i};
    assert_int_equal(pthread_create(&threads[i], NULL, i < CHURNERS ? churn : look, &workers[i]),
                     0);
  }
  for (int i = 0; i < CHURNERS + LOOKERS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  slh_pool_free(world.stable);
}

/* ---- in a signal handler ---- */

static struct world *interrupted;

/* Interrupts pools being made and freed by this very thread. */
static void look_up(int signal)
{
  const char *address = atomic_load(&interrupted->address[0]);
  slh_place place;

  (void)signal;
  REQUIRE(is_at(base_of(interrupted->stable, 0), interrupted->stable, 0, 0));
  (void)(address && slh_find_address(address, &place));
  atomic_fetch_add(&interrupted->lookups, 1);
}

static void looking_up_in_a_signal_handler(void **state)
{
  slh_pool_options options = small(3);
  struct world world = {.stable = helper_pool(&options), .running = 1, .least = 1};
  struct worker worker = {&world, 0, helper_seed()};
  struct sigaction action = {.sa_handler = look_up, .sa_flags = SA_RESTART};
  pthread_t thread;

  (void)state;
  interrupted = &world;
  assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
  assert_int_equal(pthread_create(&thread, NULL, churn, &worker), 0);
  while (atomic_load(&world.running) != 0) {
    uint64_t before = atomic_load(&world.lookups);

    assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
    while (atomic_load(&world.running) != 0 && atomic_load(&world.lookups) == before)
      sched_yield();
  }
  assert_int_equal(pthread_join(thread, NULL), 0);
  signal(SIGUSR1, SIG_DFL);
  slh_pool_free(world.stable);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(registering_can_fail),
      cmocka_unit_test(many_pools_are_all_found),
      cmocka_unit_test(every_part_of_a_slot_is_found),
      cmocka_unit_test(other_memory_is_not_found),
      cmocka_unit_test(looking_up_while_pools_come_and_go),
      cmocka_unit_test(looking_up_in_a_signal_handler),
  };

  return helper_run(tests, NULL, NULL);
}
