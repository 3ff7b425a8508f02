/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * No store sees another store's bytes. Many tenants pass through few slots on
 * several threads. Each writes a word of its own wherever it can, and looks
 * for words of others wherever it can.
 */
/* [promise isolated] */
#include "tests/helper.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define KIB UINT64_C(1024)
#define THREADS 3
#define SLOTS 2
#define ROOTS 16

/* A canary: this in the top byte, the tenant's number below. Heaps are
 * smaller than 16 MiB, so that no reference or length looks like one. */
#define CANARY UINT32_C(0xc5000000)
#define CANARY_MASK UINT32_C(0xff000000)

struct world {
  slh_pool *pool;
  slh_runtime *runtime;
  const slh_type *node;
  const slh_type *words;
  slh_isolation isolation;
  bool hostile;     /* tenants write wherever the isolation must hold against it */
  uint64_t tenants; /* a thread */
  _Atomic uint32_t next_tenant;
  _Atomic uint64_t foreign; /* words seen of others */
};

struct tenant {
  struct world *world;
  slh_heap *heap;
  uint64_t random;
  uint32_t canary;
  bool corrupt; /* it broke its own heap */
  slh_ref roots[ROOTS];
};

static void enumerate(void *host, slh_heap *heap, slh_roots *roots)
{
  struct tenant *tenant = host;

  (void)heap;
  slh_roots_add(roots, SLH_ROOT_STACK, tenant->roots, ROOTS, NULL);
}

/* ---- looking ---- */

static uint32_t load(const char *at)
{
  uint32_t word;

  memcpy(&word, at, 4);
  return word;
}

static void look(const struct tenant *tenant, const char *from, uint64_t bytes)
{
  for (uint64_t i = 0; i + 4 <= bytes; i += 4) {
    uint32_t word = load(from + i);

    if ((word & CANARY_MASK) != CANARY || word == tenant->canary)
      continue;
    atomic_fetch_add(&tenant->world->foreign, 1);
    if (tenant->world->isolation != SLH_ISOLATION_NONE)
      REQUIRE_EQUAL(word, tenant->canary);
  }
}

static void look_for_zeroes(const char *from, uint64_t bytes)
{
  for (uint64_t i = 0; i + 4 <= bytes; i += 4)
    REQUIRE_EQUAL(load(from + i), 0);
}

/* All of the accessible prefix, byte by byte, as a store finds it. */
static void look_everywhere(const struct tenant *tenant)
{
  const char *start = slh_heap_get_data(tenant->heap)->base + SLH_WIDE_FIRST;
  slh_heap_stats stats;

  slh_heap_get_stats(tenant->heap, &stats);
  if (tenant->world->isolation == SLH_ISOLATION_NONE)
    look_for_zeroes(start + stats.dirty, stats.accessible - stats.dirty);
  else
    look_for_zeroes(start, stats.accessible);
  REQUIRE_EQUAL(slh_heap_verify(tenant->heap, NULL, NULL), SLH_OK);
}

/* ---- what a tenant does ---- */

static void write_words(const struct tenant *tenant, char *from, uint64_t bytes)
{
  for (uint64_t i = 0; i + 4 <= bytes; i += 4)
    memcpy(from + i, &tenant->canary, 4);
}

static void check_status(struct tenant *tenant, slh_status status)
{
  if (status == SLH_E_CORRUPT)
    REQUIRE(tenant->corrupt);
  else if (status != SLH_E_LIMIT && status != SLH_E_BUSY)
    REQUIRE_EQUAL(status, SLH_OK);
}

static slh_ref *any_root(struct tenant *tenant)
{
  return &tenant->roots[helper_below(&tenant->random, ROOTS)];
}

static void make_node(struct tenant *tenant)
{
  bool zeroed = helper_one_in(&tenant->random, 2);
  slh_ref ref = {0};
  slh_status status = zeroed ? slh_new_struct(tenant->heap, tenant->world->node, &ref)
                             : slh_new_struct_uninit(tenant->heap, tenant->world->node, &ref);
  char *fields;

  check_status(tenant, status);
  if (status != SLH_OK)
    return;
  fields = slh_address(tenant->heap, ref, 4);
  if (zeroed)
    look_for_zeroes(fields, 12);
  else
    look(tenant, fields, 12);
  slh_init_ref(tenant->heap, ref, HELPER_LEFT, *any_root(tenant));
  slh_init_ref(tenant->heap, ref, HELPER_RIGHT, SLH_NULL);
  slh_set_u32(tenant->heap, ref, HELPER_VALUE, tenant->canary);
  *any_root(tenant) = ref;
}

static void make_words(struct tenant *tenant)
{
  uint32_t length =
      (uint32_t)helper_below(&tenant->random, 16384) >> helper_below(&tenant->random, 14);
  bool zeroed = helper_one_in(&tenant->random, 2);
  slh_ref ref = {0};
  slh_status status = zeroed
                          ? slh_new_array(tenant->heap, tenant->world->words, length, &ref)
                          : slh_new_array_uninit(tenant->heap, tenant->world->words, length, &ref);
  char *elements;

  check_status(tenant, status);
  if (status != SLH_OK)
    return;
  elements = slh_address(tenant->heap, ref, SLH_ARRAY_DATA_OFFSET);
  if (zeroed)
    look_for_zeroes(elements, 4 * (uint64_t)length);
  else
    look(tenant, elements, 4 * (uint64_t)length);
  write_words(tenant, elements, 4 * (uint64_t)length);
  *any_root(tenant) = ref;
}

/* Wild references: over its own objects, headers and lengths too; with
 * strict isolation anywhere in the accessible prefix. */
static void write_wildly(struct tenant *tenant)
{
  char *start = slh_heap_get_data(tenant->heap)->base + SLH_WIDE_FIRST;
  slh_heap_stats stats;
  uint64_t room, from;

  slh_heap_get_stats(tenant->heap, &stats);
  room = tenant->world->isolation == SLH_ISOLATION_STRICT ? stats.accessible : stats.dirty;
  if (room < 8)
    return;
  tenant->corrupt = true;
  from = helper_one_in(&tenant->random, 2) ? 0 : helper_below(&tenant->random, room / 4) * 4;
  write_words(tenant, start + from, room - from);
  if (helper_one_in(&tenant->random, 4)) /* a collection meets what it left */
    check_status(tenant, slh_heap_collect(tenant->heap, NULL));
}

static void drop_roots(struct tenant *tenant)
{
  for (int i = 0; i < ROOTS; i++)
    tenant->roots[i] = SLH_NULL;
}

static void act(struct tenant *tenant)
{
  switch (helper_below(&tenant->random, 40)) {
  case 0:
    check_status(tenant, slh_heap_collect(tenant->heap, NULL));
    break;
  case 1:
    drop_roots(tenant);
    break;
  case 2:
    drop_roots(tenant);
    slh_heap_reset(tenant->heap);
    look_everywhere(tenant);
    break;
  case 3:
  case 4:
  case 5:
  case 6:
  case 7:
  case 8:
    make_words(tenant);
    break;
  default:
    make_node(tenant);
  }
}

static void live(struct tenant *tenant)
{
  look_everywhere(tenant);
  for (uint64_t i = helper_below(&tenant->random, 120); i-- > 0;)
    act(tenant);
  if (tenant->world->hostile && helper_one_in(&tenant->random, 2))
    write_wildly(tenant);
}

/* ---- many tenants ---- */

static void open_heap(struct tenant *tenant)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_status status;

  options.runtime = tenant->world->runtime;
  options.initial_bytes = 32 * KIB << helper_below(&tenant->random, 4);
  options.enumerate_roots = enumerate;
  options.host = tenant;
  while ((status = slh_heap_acquire(tenant->world->pool, &options, &tenant->heap)) == SLH_E_FULL)
    sched_yield();
  REQUIRE_EQUAL(status, SLH_OK);
}

static void *serve(void *context)
{
  struct world *world = context;

  for (uint64_t i = 0; i < world->tenants; i++) {
    struct tenant tenant = {0};
    uint32_t number = 1 + atomic_fetch_add(&world->next_tenant, 1);

    tenant.world = world;
    tenant.canary = CANARY | number;
    tenant.random = helper_seed() + number;
    open_heap(&tenant);
    live(&tenant);
    slh_heap_release(tenant.heap);
  }
  return NULL;
}

static uint64_t run_world(slh_isolation isolation, bool hostile, uint64_t keep)
{
  slh_pool_options options = helper_pool_options(SLOTS);
  struct world world = {0};
  pthread_t threads[THREADS];

  options.max_heap_bytes = 1024 * KIB;
  options.keep_resident_bytes = keep;
  options.isolation = isolation;
  world.pool = helper_pool(&options);
  world.runtime = helper_runtime(NULL);
  world.node = helper_node_type(world.runtime);
  world.words = helper_array_type(world.runtime, SLH_I32);
  world.isolation = isolation;
  world.hostile = hostile;
  world.tenants = helper_rounds(350);
  (void)helper_seed();
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, serve, &world), 0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  slh_pool_free(world.pool);
  slh_runtime_free(world.runtime);
  return world.foreign;
}

static void test_scrub(void **state)
{
  (void)state;
  assert_int_equal(run_world(SLH_ISOLATION_SCRUB, false, 64 * KIB), 0);
  assert_int_equal(run_world(SLH_ISOLATION_SCRUB, false, 1024 * KIB), 0);
}

/* Wild writes below the high-water mark are scrubbed like all others. */
static void test_scrub_hostile(void **state)
{
  (void)state;
  assert_int_equal(run_world(SLH_ISOLATION_SCRUB, true, 64 * KIB), 0);
}

static void test_strict(void **state)
{
  (void)state;
  assert_int_equal(run_world(SLH_ISOLATION_STRICT, false, 64 * KIB), 0);
}

static void test_strict_hostile(void **state)
{
  (void)state;
  assert_int_equal(run_world(SLH_ISOLATION_STRICT, true, 64 * KIB), 0);
  assert_int_equal(run_world(SLH_ISOLATION_STRICT, true, 1), 0);
  assert_int_equal(run_world(SLH_ISOLATION_STRICT, true, 1024 * KIB), 0);
}

/* Zeroed objects are zero and heaps verify; the rest can show old bytes, and
 * does: so this test would notice them elsewhere, too. */
static void test_none(void **state)
{
  (void)state;
  assert_true(run_world(SLH_ISOLATION_NONE, false, 64 * KIB) > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scrub),  cmocka_unit_test(test_scrub_hostile),
      cmocka_unit_test(test_strict), cmocka_unit_test(test_strict_hostile),
      cmocka_unit_test(test_none),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
