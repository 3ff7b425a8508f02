/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads that take and put slots of pools at random: N slots serve N stores,
 * each has one user, and the counts add up. */
#include "tests/pooled.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "pool/magazine.h"
#include "pool/pool.h"

#define THREADS 4
#define EACH 5                     /* heaps that a thread has at most */
#define SLOTS (THREADS * EACH + 1) /* one for the mailbox */

/* ---- against counts ---- */

struct world {
  slh_pool *pool;
  _Atomic uint32_t users[SLOTS]; /* by slot */
  _Atomic(slh_heap *) mailbox;   /* a heap that goes to another thread */
  _Atomic uint64_t acquires, running;
};

struct worker {
  struct world *world;
  uint64_t random;
  slh_heap *heaps[EACH];
};

/* Nobody else has it, and it has nothing of them. */
static slh_heap *take(struct worker *worker)
{
  struct world *world = worker->world;
  uint32_t tag = (uint32_t)helper_below(&worker->random, 4);
  slh_ref node = SLH_NULL;
  slh_heap *heap;

  /* There are as many slots as there is room for heaps. */
  REQUIRE_EQUAL(pooled_acquire(world->pool, tag, 0, &heap), SLH_OK);
  REQUIRE_EQUAL(atomic_fetch_add(&world->users[pooled_number(heap)], 1), 0);
  REQUIRE_EQUAL(slh_alloc_struct(heap, pooled.node, &node), SLH_OK);
  REQUIRE_EQUAL(slh_get_i32(heap, node, HELPER_VALUE), 0);
  slh_set_i32(heap, node, HELPER_VALUE, -1);
  atomic_fetch_add(&world->acquires, 1);
  return heap;
}

static void release(struct worker *worker, slh_heap *heap)
{
  REQUIRE_EQUAL(atomic_fetch_sub(&worker->world->users[pooled_number(heap)], 1), 1);
  slh_heap_release(heap);
}

static void act(struct worker *worker)
{
  slh_heap **heap = &worker->heaps[helper_below(&worker->random, EACH)];

  if (helper_one_in(&worker->random, 8)) {
    *heap = atomic_exchange(&worker->world->mailbox, *heap);
  } else if (*heap) {
    release(worker, *heap);
    *heap = NULL;
  } else {
    *heap = take(worker);
  }
}

static void *work(void *context)
{
  struct worker *worker = context;

  for (uint64_t i = helper_rounds(1000000); i-- > 0;)
    act(worker);
  for (int i = 0; i < EACH; i++)
    if (worker->heaps[i])
      release(worker, worker->heaps[i]);
  atomic_fetch_sub(&worker->world->running, 1);
  return NULL;
}

/* Asks for attention all the time. */
static void *disturb(void *context)
{
  struct worker *worker = context;
  struct world *world = worker->world;

  while (atomic_load(&world->running) > 0) {
    slh_pool_stats stats = pooled_stats(world->pool);

    REQUIRE(stats.slots_in_use <= SLOTS && stats.slots_touched <= SLOTS);
    if (helper_one_in(&worker->random, 2))
      slh_pool_trim(world->pool);
    slh_pool_decay(world->pool);
    sched_yield();
  }
  return NULL;
}

static void run_world(uint64_t seed, bool disturbed)
{
  slh_pool_options options = helper_pool_options(SLOTS);
  struct world world = {.running = THREADS};
  struct worker workers[THREADS + 1];
  pthread_t disturber;
  slh_pool_stats stats;

  options.decay_ms = 1;
  world.pool = helper_pool(&options);
  for (int i = 0; i <= THREADS; i++)
    workers[i] = (struct worker){.world = &world, .random = seed + (uint64_t)i};
  if (disturbed)
    assert_int_equal(pthread_create(&disturber, NULL, disturb, &workers[THREADS]), 0);
  pooled_run(THREADS, work, workers, sizeof *workers);
  if (disturbed)
    assert_int_equal(pthread_join(disturber, NULL), 0);
  if (world.mailbox)
    release(&workers[0], world.mailbox);
  stats = pooled_stats(world.pool);
  assert_int_equal(stats.acquires, world.acquires);
  assert_int_equal(stats.slots_in_use + stats.full_refusals + stats.waits, 0);
  slh_pool_free(world.pool);
}

static void test_n_slots_serve_n_stores(void **state)
{
  (void)state;
  run_world(helper_seed(), false);
}

static void test_while_others_need_attention(void **state)
{
  (void)state;
  run_world(helper_seed() + 100, true);
}

static void test_without_membarrier(void **state)
{
  bool before = slhi_fences_are_asymmetric;

  (void)state;
  slhi_fences_are_asymmetric = false;
  run_world(helper_seed() + 200, false);
  run_world(helper_seed() + 300, true);
  slhi_fences_are_asymmetric = before;
}

/* ---- many pools ---- */

#define POOLS (3 * SLHI_RECENT)
#define ROUNDS 40

struct users {
  slh_pool *pools[POOLS];
  pthread_barrier_t gate;
};

static slh_pool *one_of_many(void)
{
  slh_pool_options options = helper_pool_options(THREADS * 2);

  return helper_pool(&options);
}

/* A thread's magazines of pools that are gone are never used again, also where
 * a new pool lies at the same address. */
static void *use_pools(void *context)
{
  struct users *users = context;

  for (int round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&users->gate);
    for (int i = 0; i < 4 * POOLS; i++) {
      slh_heap *a = pooled_take(users->pools[i * 5 % POOLS]);
      slh_heap *b = pooled_take(users->pools[i * 5 % POOLS]);

      REQUIRE(slh_heap_pool(a) == users->pools[i * 5 % POOLS] && a != b);
      slh_heap_release(a);
      slh_heap_release(b);
    }
    pthread_barrier_wait(&users->gate);
  }
  return NULL;
}

static void replace_pools(struct users *users, uint64_t *random)
{
  slh_heap *heaps[THREADS * 2];

  for (uint64_t i = helper_below(random, POOLS + 1); i-- > 0;) {
    slh_pool **pool = &users->pools[helper_below(random, POOLS)];

    pooled_take_all(*pool, heaps, THREADS * 2);
    pooled_release(heaps, THREADS * 2);
    slh_pool_free(*pool);
    *pool = one_of_many();
  }
}

static void test_pools_go_while_threads_live(void **state)
{
  static struct users users;
  pthread_t threads[THREADS];
  uint64_t random = helper_seed();

  (void)state;
  for (int i = 0; i < POOLS; i++)
    users.pools[i] = one_of_many();
  pthread_barrier_init(&users.gate, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, use_pools, &users), 0);
  for (int round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&users.gate);
    pthread_barrier_wait(&users.gate);
    replace_pools(&users, &random);
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  pthread_barrier_destroy(&users.gate);
  for (int i = 0; i < POOLS; i++)
    slh_pool_free(users.pools[i]);
}

/* ---- no system call ---- */

static void serve(slh_pool *pool, uint32_t tag)
{
  slh_heap *heaps[SLHI_MAGAZINE_SLOTS];

  for (int i = 0; i < SLHI_MAGAZINE_SLOTS; i++)
    REQUIRE_EQUAL(pooled_acquire(pool, tag, 0, &heaps[i]), SLH_OK);
  for (int i = 0; i < SLHI_MAGAZINE_SLOTS; i++) {
    slh_ref node;

    REQUIRE_EQUAL(slh_alloc_struct(heaps[i], pooled.node, &node), SLH_OK);
    slh_heap_release(heaps[i]);
  }
}

/* In a process that may make none but write and exit. */
static void serve_strictly(void *context)
{
  serve(context, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
    _exit(77);
  for (uint32_t i = 0; i < 1000; i++)
    serve(context, i % 3);
  syscall(SYS_exit, 0); /* exit_group is not allowed */
}

static void test_warm_stores_make_no_system_call(void **state)
{
  slh_pool_options options = helper_pool_options(SLHI_MAGAZINE_SLOTS);
  slh_pool *pool = helper_pool(&options);
  int status;

  (void)state;
  if (HELPER_SANITIZED) {
    slh_pool_free(pool);
    skip(); /* they make calls of their own */
  }
  serve(pool, 0);
  status = helper_in_child(serve_strictly, pool);
  slh_pool_free(pool);
  if (status == 77 << 8)
    skip();
  assert_int_equal(status, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_n_slots_serve_n_stores),
      cmocka_unit_test(test_while_others_need_attention),
      cmocka_unit_test(test_without_membarrier),
      cmocka_unit_test(test_pools_go_while_threads_live),
      cmocka_unit_test(test_warm_stores_make_no_system_call),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, pooled_setup, pooled_teardown);
}
