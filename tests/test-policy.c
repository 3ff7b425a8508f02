/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a runtime's policy is asked, and what its answers come to. */
#include "tests/collectors.h"
#include "tests/store.h"

#include <stdlib.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* ---- a policy that does as it is told ---- */

struct script {
  slh_policy_action action;
  uint64_t soft_limit;
  uint64_t nursery;
  uint64_t acts, soft_limits; /* counts */
  slh_policy_figures figures; /* of the last call of act */
};

static slh_policy_action act(void *context, const slh_policy_figures *figures)
{
  struct script *script = context;

  script->acts++;
  script->figures = *figures;
  return script->action;
}

static uint64_t soft_limit(void *context, const slh_policy_figures *figures)
{
  struct script *script = context;

  (void)figures;
  script->soft_limits++;
  return script->soft_limit;
}

static uint64_t nursery(void *context, const slh_policy_figures *figures)
{
  struct script *script = context;

  (void)figures;
  return script->nursery;
}

static slh_policy scripted(struct script *script)
{
  return (slh_policy){act, soft_limit, nursery, script};
}

/* ---- a store under it ---- */

struct fixture {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *bytes;
  struct script script;
  slh_ref root;
  uint64_t allowed; /* growth to more is refused */
  uint64_t refusals;
};

struct setting {
  slh_collector collector;
  uint64_t initial, max;
  uint64_t budget; /* of the pool; 0: none */
};

static void list_root(void *host, slh_heap *heap, slh_roots *roots)
{
  struct fixture *fixture = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &fixture->root, 1, "root");
}

static bool allow(void *host, slh_heap *heap, const slh_growth *growth)
{
  struct fixture *fixture = host;

  (void)heap;
  fixture->refusals += growth->to > fixture->allowed;
  return growth->to <= fixture->allowed;
}

static void open_runtime(struct fixture *fixture, const struct setting *setting)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  slh_policy policy = scripted(&fixture->script);

  options.collector = setting->collector;
  options.zeal = SLH_ZEAL_NEVER;
  options.policy = &policy;
  /* Not helper_runtime, which can replace the collector. */
  assert_ok(slh_runtime_new(&options, &fixture->runtime, NULL));
  policy = (slh_policy){NULL, NULL, NULL, NULL}; /* it was copied */
}

static struct fixture *open_fixture(const struct setting *setting)
{
  struct fixture *fixture = calloc(1, sizeof *fixture);
  slh_pool_options pool_options = helper_pool_options(1);
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  assert_non_null(fixture);
  fixture->allowed = UINT64_MAX;
  open_runtime(fixture, setting);
  pool_options.budget_bytes = setting->budget;
  fixture->pool = helper_pool(&pool_options);
  fixture->bytes = helper_array_type(fixture->runtime, SLH_I8);
  options.runtime = fixture->runtime;
  options.max_bytes = setting->max;
  options.initial_bytes = setting->initial;
  options.enumerate_roots = list_root;
  options.grow = allow;
  options.host = fixture;
  assert_ok(slh_heap_acquire(fixture->pool, &options, &fixture->heap));
  return fixture;
}

static void close_fixture(struct fixture *fixture)
{
  slh_heap_release(fixture->heap);
  slh_pool_free(fixture->pool);
  slh_runtime_free(fixture->runtime);
  free(fixture);
}

static slh_heap_stats stats_of(const struct fixture *fixture)
{
  slh_heap_stats stats;

  slh_heap_get_stats(fixture->heap, &stats);
  return stats;
}

static slh_status allocate(struct fixture *fixture, uint64_t bytes, slh_ref *out)
{
  return slh_new_array(fixture->heap, fixture->bytes, (uint32_t)(bytes - SLH_ARRAY_DATA_OFFSET),
                       out);
}

/* Garbage up to the soft limit; the policy is not asked. */
static void fill(struct fixture *fixture)
{
  uint64_t acts = fixture->script.acts;
  slh_heap_stats stats = stats_of(fixture);
  slh_ref ref;

  if (stats.used < stats.soft_limit)
    assert_ok(allocate(fixture, stats.soft_limit - stats.used, &ref));
  assert_int_equal(fixture->script.acts, acts);
}

/* ---- what is and is not a policy ---- */

static void functions_that_are_missing(void **state)
{
  const slh_policy policies[] = {{NULL, soft_limit, nursery, NULL},
                                 {act, NULL, nursery, NULL},
                                 {act, soft_limit, NULL, NULL},
                                 {NULL, NULL, NULL, NULL}};

  (void)state;
  for (size_t i = 0; i < 4; i++) {
    slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
    slh_runtime *runtime = NULL;
    slh_error error = {0};

    options.policy = &policies[i];
    assert_status(slh_runtime_new(&options, &runtime, &error), SLH_E_INVALID);
    assert_non_null(strstr(error.message, "policy"));
  }
}

/* ---- actions ---- */

static void growing(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++) {
    struct setting setting = {collectors_nth(COLLECTORS_COLLECT, i), MIB, 16 * MIB, 0};
    struct fixture *fixture = open_fixture(&setting);
    slh_ref ref;

    fixture->script.action = SLH_POLICY_GROW;
    fixture->script.soft_limit = 3 * MIB;
    fill(fixture);
    assert_ok(allocate(fixture, 64, &ref));
    assert_int_equal(fixture->script.acts, 1);
    assert_int_equal(fixture->script.soft_limits, 1);
    assert_int_equal(stats_of(fixture).collections, 0);
    assert_int_equal(stats_of(fixture).soft_limit, 3 * MIB);
    close_fixture(fixture);
  }
}

/* Whether it asks for a soft limit after a collection that left room: one that allocates
 * in holes asks for lack of it only. */
static bool asks_after(const struct setting *setting)
{
  return collectors_have(setting->collector, COLLECTORS_MOVE);
}

static void collecting_all(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++) {
    struct setting setting = {collectors_nth(COLLECTORS_COLLECT, i), MIB, 16 * MIB, 0};
    struct fixture *fixture = open_fixture(&setting);
    slh_heap_stats stats;
    slh_ref ref;

    fixture->script.action = SLH_POLICY_FULL;
    fixture->script.soft_limit = 2 * MIB;
    assert_ok(allocate(fixture, 4096, &fixture->root));
    fill(fixture);
    assert_ok(allocate(fixture, 64, &ref));
    stats = stats_of(fixture);
    assert_int_equal(stats.collections, 1);
    assert_int_equal(stats.young_collections, 0);
    assert_int_equal(stats.live, 4096);
    assert_int_equal(stats.used, 4096 + 64);
    assert_int_equal(stats.soft_limit, asks_after(&setting) ? 2 * MIB : MIB);
    close_fixture(fixture);
  }
}

/* The first is a full one: nothing is old. So are all with a collector that knows
 * no others. */
static void collecting_young(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++) {
    struct setting setting = {collectors_nth(COLLECTORS_COLLECT, i), MIB, 16 * MIB, 0};
    bool generational = collectors_have(setting.collector, COLLECTORS_HAVE_YOUNG);
    struct fixture *fixture = open_fixture(&setting);
    slh_ref ref;

    fixture->script.action = SLH_POLICY_YOUNG;
    fixture->script.soft_limit = MIB;
    fixture->script.nursery = UINT64_MAX;
    assert_ok(allocate(fixture, 4096, &fixture->root));
    for (uint64_t collections = 1; collections < 4; collections++) {
      fill(fixture);
      assert_ok(allocate(fixture, 64, &ref));
      assert_int_equal(stats_of(fixture).collections, collections);
      assert_int_equal(stats_of(fixture).young_collections, generational ? collections - 1 : 0);
      assert_int_equal(stats_of(fixture).used, 4096 + 64);
    }
    /* Old garbage stays, until a young collection does not help: a full one
     * follows. */
    fixture->root = SLH_NULL;
    fill(fixture);
    assert_ok(allocate(fixture, MIB - 64, &ref));
    assert_int_equal(stats_of(fixture).collections, generational ? 5 : 4);
    assert_int_equal(stats_of(fixture).live, 0);
    close_fixture(fixture);
  }
}

/* Nothing collects, so that there is nothing to decide but how far to grow. */
static void without_a_collector(void **state)
{
  struct setting setting = {SLH_COLLECTOR_NULL, MIB, 16 * MIB, 0};
  struct fixture *fixture = open_fixture(&setting);
  slh_ref ref;

  (void)state;
  fixture->script.action = SLH_POLICY_FULL;
  fixture->script.soft_limit = 5 * MIB;
  fill(fixture);
  assert_ok(allocate(fixture, 64, &ref));
  assert_int_equal(fixture->script.acts, 0);
  assert_int_equal(fixture->script.soft_limits, 1);
  assert_int_equal(stats_of(fixture).soft_limit, 5 * MIB);
  close_fixture(fixture);
}

/* ---- wishes ---- */

/* Of those that ask whatever room there is. */
static void wishes_are_clamped(void **state)
{
  static const slh_policy_action actions[] = {SLH_POLICY_GROW, SLH_POLICY_FULL};
  static const uint64_t wishes[] = {0, 1, MIB, 16 * MIB, 16 * MIB + 1, UINT64_MAX};

  (void)state;
  for (uint64_t i = 0; i < sizeof wishes / sizeof *wishes * 2 * collectors_count(COLLECTORS_MOVE);
       i++) {
    struct setting setting = {collectors_nth(COLLECTORS_MOVE, i / 2), MIB, 16 * MIB, 0};
    struct fixture *fixture = open_fixture(&setting);
    uint64_t wish = wishes[i / 2 / collectors_count(COLLECTORS_MOVE)], need = 128, kept, soft;
    slh_ref ref;

    fixture->script.action = actions[i % 2];
    fixture->script.soft_limit = wish;
    fill(fixture);
    assert_ok(allocate(fixture, need, &ref));
    kept = stats_of(fixture).used - need;
    soft = wish < kept + need ? kept + need : wish;
    assert_int_equal(stats_of(fixture).soft_limit, soft < 16 * MIB ? soft : 16 * MIB);
    close_fixture(fixture);
  }
}

/* Powers of two from 64 KiB on; what is needed at once fits in. */
static void nurseries_are_rounded(void **state)
{
  static const uint64_t wishes[][2] = {{0, 64 * KIB},        {1, 64 * KIB},
                                       {64 * KIB, 64 * KIB}, {64 * KIB + 1, 128 * KIB},
                                       {MIB, MIB},           {3 * MIB, 4 * MIB}};

  (void)state;
  for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
    struct setting setting = {SLH_COLLECTOR_GENERATIONAL, MIB, 64 * MIB, 0};
    struct fixture *fixture = open_fixture(&setting);
    slh_ref ref;

    fixture->script.action = SLH_POLICY_FULL;
    fixture->script.soft_limit = 64 * MIB;
    fixture->script.nursery = wishes[i][0];
    assert_ok(allocate(fixture, 4096, &fixture->root));
    fill(fixture);
    assert_ok(allocate(fixture, 64, &ref));
    assert_int_equal(stats_of(fixture).old, 4096);
    assert_ok(allocate(fixture, wishes[i][1] - 64, &ref)); /* the rest of it */
    assert_int_equal(fixture->script.acts, 1);
    assert_ok(allocate(fixture, 5 * MIB, &ref)); /* more than it */
    assert_int_equal(fixture->script.acts, 2);
    assert_int_equal(fixture->script.figures.nursery, wishes[i][1]);
    assert_int_equal(stats_of(fixture).collections, 2);
    close_fixture(fixture);
  }
}

/* ---- growth that is not granted ---- */

static void refused_by_the_store(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++) {
    struct setting setting = {collectors_nth(COLLECTORS_COLLECT, i), MIB, 16 * MIB, 0};
    struct fixture *fixture = open_fixture(&setting);
    slh_ref ref;

    fixture->script.action = SLH_POLICY_GROW;
    fixture->script.soft_limit = 8 * MIB;
    fixture->allowed = MIB;
    fill(fixture);
    assert_ok(allocate(fixture, 64, &ref));
    assert_true(fixture->refusals > 0);
    assert_int_equal(stats_of(fixture).collections, 1);
    assert_int_equal(stats_of(fixture).soft_limit, MIB);
    assert_int_equal(stats_of(fixture).used, 64);
    /* If all lives, that is the error. */
    assert_ok(allocate(fixture, MIB - 128, &fixture->root));
    assert_status(allocate(fixture, 256, &ref), SLH_E_REFUSED);
    assert_int_equal(stats_of(fixture).collections, 2);
    close_fixture(fixture);
  }
}

/* The policy gets as much of its wish as there is; then collections begin. */
static void refused_by_the_pool(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_COLLECT); i++) {
    struct setting setting = {collectors_nth(COLLECTORS_COLLECT, i), MIB, 16 * MIB, 2 * MIB};
    struct fixture *fixture = open_fixture(&setting);
    slh_ref ref;

    fixture->script.action = SLH_POLICY_GROW;
    fixture->script.soft_limit = 8 * MIB;
    fixture->script.nursery = UINT64_MAX;
    while (stats_of(fixture).collections == 0) {
      assert_ok(allocate(fixture, 16 * KIB, &ref));
      assert_true(stats_of(fixture).soft_limit <= 3 * MIB);
      assert_true(stats_of(fixture).used <= 3 * MIB);
    }
    /* Most of it was granted, in large pieces. */
    assert_true(fixture->script.figures.used > 2 * MIB);
    assert_true(fixture->script.acts < 20);
    assert_ok(allocate(fixture, 2 * MIB, &fixture->root));
    assert_status(allocate(fixture, 2 * MIB, &ref), SLH_E_POOL_LIMIT);
    close_fixture(fixture);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(functions_that_are_missing),
      cmocka_unit_test(growing),
      cmocka_unit_test(collecting_all),
      cmocka_unit_test(collecting_young),
      cmocka_unit_test(without_a_collector),
      cmocka_unit_test(wishes_are_clamped),
      cmocka_unit_test(nurseries_are_rounded),
      cmocka_unit_test(refused_by_the_store),
      cmocka_unit_test(refused_by_the_pool),
  };

  return helper_run(tests, NULL, NULL);
}
