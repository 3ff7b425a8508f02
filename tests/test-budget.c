/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The budget that all heaps of a pool share. For the thread sanitizer, too. */
/* [promise bounded-memory] */
#include "tests/store.h"

#include <errno.h>
#include <pthread.h>

#include "tests/faults.h"

#define KIB UINT64_C(1024)
#define BUDGET (256 * KIB)
#define INITIAL (16 * KIB)
#define THREADS 4

struct world {
  slh_runtime *runtime;
  slh_pool *pool;
  const slh_type *bytes;
};

/* A heap whose one root is `array`. */
struct tenant {
  slh_heap *heap;
  slh_ref array;
  bool agrees; /* what the growth callback says */
};

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &((struct tenant *)host)->array, 1, NULL);
}

static bool agree(void *host, slh_heap *heap, const slh_growth *growth)
{
  (void)heap;
  (void)growth;
  return ((struct tenant *)host)->agrees;
}

static void move_in(struct world *world, struct tenant *tenant)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  *tenant = (struct tenant){NULL, SLH_NULL, true};
  options.runtime = world->runtime;
  options.initial_bytes = INITIAL;
  options.enumerate_roots = list_roots;
  options.grow = agree;
  options.host = tenant;
  REQUIRE_EQUAL(slh_heap_acquire(world->pool, &options, &tenant->heap), SLH_OK);
}

static uint64_t used(const struct world *world)
{
  slh_pool_stats stats;

  slh_pool_get_stats(world->pool, &stats);
  return stats.budget_used_bytes;
}

/* What a heap must have charged. */
static uint64_t beyond_initial(const struct tenant *tenant)
{
  slh_heap_stats stats;

  slh_heap_get_stats(tenant->heap, &stats);
  return stats.soft_limit > INITIAL ? stats.soft_limit - INITIAL : 0;
}

static int setup(void **state)
{
  static struct world world;
  slh_pool_options options = helper_pool_options(THREADS);

  options.budget_bytes = BUDGET;
  options.max_heap_bytes = 1024 * KIB;
  options.max_collections = THREADS;
  world.runtime = helper_runtime(NULL);
  world.pool = helper_pool(&options);
  world.bytes = helper_array_type(world.runtime, SLH_I8);
  *state = &world;
  return 0;
}

static int teardown(void **state)
{
  struct world *world = *state;
  bool all_refunded = used(world) == 0;

  slh_pool_free(world->pool);
  slh_runtime_free(world->runtime);
  return all_refunded ? 0 : -1;
}

/* ---- one after the other ---- */

static void initial_sizes_do_not_count(void **state)
{
  struct world *world = *state;
  struct tenant tenants[THREADS];

  for (int i = 0; i < THREADS; i++) {
    move_in(world, &tenants[i]);
    assert_ok(slh_new_array(tenants[i].heap, world->bytes, INITIAL - 8, &tenants[i].array));
    assert_int_equal(used(world), 0);
  }
  for (int i = 0; i < THREADS; i++)
    slh_heap_release(tenants[i].heap);
}

static void growth_counts_until_it_is_given_back(void **state)
{
  struct world *world = *state;
  struct tenant a, b;

  move_in(world, &a);
  move_in(world, &b);
  assert_ok(slh_heap_grow(a.heap, INITIAL + 100 * KIB));
  assert_int_equal(used(world), 100 * KIB);
  assert_ok(slh_heap_grow(a.heap, INITIAL + 50 * KIB)); /* it has that */
  assert_int_equal(used(world), 100 * KIB);
  assert_ok(slh_heap_grow(b.heap, INITIAL + 56 * KIB));
  assert_int_equal(used(world), 156 * KIB);
  slh_heap_reset(a.heap);
  assert_int_equal(used(world), 56 * KIB);
  assert_ok(slh_heap_grow(a.heap, INITIAL + 200 * KIB));
  assert_int_equal(used(world), BUDGET);
  slh_heap_release(b.heap);
  assert_int_equal(used(world), 200 * KIB);
  slh_heap_release(a.heap);
  assert_int_equal(used(world), 0);
}

static void collection_gives_back(void **state)
{
  struct world *world = *state;
  struct tenant tenant;
  slh_ref array;

  move_in(world, &tenant);
  assert_ok(slh_new_array(tenant.heap, world->bytes, 100 * KIB, &tenant.array));
  assert_true(used(world) >= 84 * KIB);
  tenant.array = SLH_NULL;
  /* The next collection by the policy, and the heap is small again. */
  for (int i = 0; i < 100; i++)
    assert_ok(slh_new_array(tenant.heap, world->bytes, 2 * KIB, &array));
  assert_true(used(world) <= INITIAL);
  assert_int_equal(used(world), beyond_initial(&tenant));
  slh_heap_release(tenant.heap);
}

static void over_the_budget_is_a_status(void **state)
{
  struct world *world = *state;
  struct tenant greedy, modest;

  move_in(world, &greedy);
  move_in(world, &modest);
  assert_status(slh_heap_grow(greedy.heap, INITIAL + BUDGET + 8), SLH_E_POOL_LIMIT);
  assert_int_equal(used(world), 0);
  assert_ok(slh_heap_grow(greedy.heap, INITIAL + BUDGET));
  assert_status(slh_heap_grow(modest.heap, INITIAL + 8), SLH_E_POOL_LIMIT);
  assert_status(slh_new_array(modest.heap, world->bytes, 20 * KIB, &modest.array),
                SLH_E_POOL_LIMIT);
  /* What it has it may use. */
  assert_ok(slh_new_array(modest.heap, world->bytes, 8 * KIB, &modest.array));
  assert_ok(slh_heap_verify(modest.heap, NULL, NULL));
  assert_int_equal(used(world), BUDGET);
  slh_heap_release(greedy.heap);
  assert_ok(slh_new_array(modest.heap, world->bytes, 100 * KIB, &modest.array));
  slh_heap_release(modest.heap);
}

/* The policy would like more than the budget has. */
static void what_is_needed_is_granted(void **state)
{
  struct world *world = *state;
  struct tenant tenant;
  slh_ref array;

  move_in(world, &tenant);
  assert_ok(slh_new_array(tenant.heap, world->bytes, 160 * KIB, &tenant.array));
  assert_ok(slh_new_array(tenant.heap, world->bytes, 100 * KIB, &array));
  assert_status(slh_new_array(tenant.heap, world->bytes, 120 * KIB, &array), SLH_E_POOL_LIMIT);
  assert_true(used(world) <= BUDGET);
  assert_int_equal(used(world), beyond_initial(&tenant));
  slh_heap_release(tenant.heap);
}

static void growth_that_fails_is_not_charged(void **state)
{
  struct world *world = *state;
  struct tenant tenant;
  slh_ref array;

  move_in(world, &tenant);
  tenant.agrees = false;
  assert_status(slh_heap_grow(tenant.heap, INITIAL + 8), SLH_E_REFUSED);
  assert_int_equal(used(world), 0);
  tenant.agrees = true;
  faults_fail(OS_MPROTECT, 0, UINT64_MAX, ENOMEM);
  assert_status(slh_heap_grow(tenant.heap, INITIAL + 100 * KIB), SLH_E_NOMEM);
  assert_int_equal(used(world), 0);
  assert_status(slh_new_array(tenant.heap, world->bytes, 100 * KIB, &array), SLH_E_NOMEM);
  (void)faults_end();
  assert_int_equal(used(world), beyond_initial(&tenant));
  assert_ok(slh_new_array(tenant.heap, world->bytes, 100 * KIB, &array));
  assert_int_equal(used(world), beyond_initial(&tenant));
  slh_heap_release(tenant.heap);
}

/* ---- threads ---- */

struct worker {
  struct world *world;
  uint64_t random;
  uint64_t refusals;
};

static void step(struct worker *worker, struct tenant *tenant)
{
  uint32_t size = (uint32_t)helper_below(&worker->random, 120 * KIB);
  slh_ref array = SLH_NULL;
  slh_status status = SLH_OK;

  switch (helper_below(&worker->random, 8)) {
  case 0:
    slh_heap_release(tenant->heap);
    move_in(worker->world, tenant);
    break;
  case 1:
    slh_heap_reset(tenant->heap);
    tenant->array = SLH_NULL;
    break;
  case 2:
    status = slh_heap_grow(tenant->heap, size);
    break;
  case 3:
    tenant->array = SLH_NULL;
    break;
  default:
    status = slh_new_array(tenant->heap, worker->world->bytes, size, &array);
    if (status == SLH_OK)
      tenant->array = array;
  }
  REQUIRE(status == SLH_OK || status == SLH_E_POOL_LIMIT);
  worker->refusals += status != SLH_OK;
}

static void *use_the_budget(void *argument)
{
  struct worker *worker = argument;
  struct tenant tenant;

  move_in(worker->world, &tenant);
  for (uint64_t i = helper_rounds(20000); i-- > 0;) {
    uint64_t mine = beyond_initial(&tenant), all = used(worker->world);

    REQUIRE(all <= BUDGET && mine <= all);
    step(worker, &tenant);
  }
  slh_heap_release(tenant.heap);
  return NULL;
}

static void budget_holds_for_threads(void **state)
{
  struct worker workers[THREADS];
  pthread_t threads[THREADS];
  uint64_t refusals = 0;

  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){*state, helper_seed() + (uint64_t)i, 0};
    assert_int_equal(pthread_create(&threads[i], NULL, use_the_budget, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    refusals += workers[i].refusals;
  }
  assert_int_equal(used(*state), 0);
  assert_true(refusals > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(initial_sizes_do_not_count), TEST(growth_counts_until_it_is_given_back),
      TEST(collection_gives_back),      TEST(over_the_budget_is_a_status),
      TEST(what_is_needed_is_granted),  TEST(growth_that_fails_is_not_charged),
      TEST(budget_holds_for_threads),
  };

  return helper_run(tests, NULL, NULL);
}
