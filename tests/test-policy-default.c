/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the default policy promises. */
#include "tests/collectors.h"
#include "tests/store.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

static struct store *open_store(slh_collector collector, uint64_t initial)
{
  struct store_options options = {collector, NULL, 64 * MIB, initial};

  return store_open(&options);
}

/* Nothing is collected before the initial size is used, and then something is. */
static void first_collections(void **state)
{
  uint64_t random = helper_seed();

  (void)state;
  for (uint64_t round = helper_rounds(200); round > 0; round--) {
    uint64_t initial = (4096 + helper_below(&random, (8 * MIB) >> helper_below(&random, 11))) & ~7u;
    struct store *store = open_store(collectors_nth(COLLECTORS_COLLECT, round), initial);
    uint64_t most = 16 + initial / (1 + helper_below(&random, 50)), used = 0, bytes = 16;
    slh_ref ref = SLH_NULL;

    for (; used + bytes <= initial; bytes = 16 + helper_below(&random, most) / 8 * 8) {
      assert_ok(slh_new_array(store->heap, store->bytes, (uint32_t)bytes - 8, &ref));
      slh_write_ref(store->heap, &store->roots[helper_below(&random, STORE_ROOTS)], ref);
      used += bytes;
      assert_int_equal(store_stats(store).collections, 0);
      assert_int_equal(store_stats(store).used, used);
      assert_int_equal(store_stats(store).soft_limit, initial);
    }
    assert_ok(slh_new_array(store->heap, store->bytes, (uint32_t)bytes - 8, &ref));
    assert_int_equal(store_stats(store).collections, 1);
    store_close(store);
  }
}

/* ---- its functions, asked about figures as a heap may have them ---- */

static uint64_t some(uint64_t *random, uint64_t most)
{
  return helper_below(random, (most >> helper_below(random, 20)) + 1) & ~UINT64_C(7);
}

/* After a collection; a full one if `full`. */
static slh_policy_figures random_figures(uint64_t *random, bool generational, bool full)
{
  slh_policy_figures f = {0};

  f.max = 16 * KIB + some(random, 4000 * MIB);
  f.soft_limit = f.max - some(random, f.max - 8 * KIB);
  f.initial = f.soft_limit - some(random, f.soft_limit - KIB);
  f.used = some(random, f.soft_limit);
  f.old = generational ? f.used : 0;
  f.live = full ? f.used : some(random, f.used);
  f.survival = helper_below(random, 101);
  f.nursery = (64 * KIB) << helper_below(random, 10);
  f.needed = some(random, f.max / 2);
  f.collections = 1 + helper_below(random, 100);
  f.generational = generational;
  return f;
}

/* What a nursery may add to the limit. */
static uint64_t most_nursery(const slh_policy_figures *f)
{
  uint64_t larger = f->used > f->initial ? f->used : f->initial;

  if (!f->generational)
    return 0;
  return larger < 4 * MIB ? larger : 4 * MIB;
}

/* After a full collection: twice what lived, three times where nearly all did and that is
 * more than half of what it began with; and not more than a nursery beyond. */
static void soft_limits(void **state)
{
  const slh_policy *policy = slh_default_policy();
  uint64_t random = helper_seed() + 1;

  (void)state;
  for (uint64_t round = helper_rounds(100000); round > 0; round--) {
    slh_policy_figures f = random_figures(&random, round % 2, true);
    uint64_t wish = policy->soft_limit(policy->context, &f), times;

    assert_true(wish >= f.initial);
    assert_true(wish >= 2 * f.used + f.needed);
    times = f.survival >= 80 && f.used > f.initial / 2 ? 3 : 2;
    if (wish > f.initial)
      assert_true(wish <= times * f.used + f.needed + most_nursery(&f));
  }
}

static void nurseries(void **state)
{
  const slh_policy *policy = slh_default_policy();
  uint64_t random = helper_seed() + 2;

  (void)state;
  for (uint64_t round = helper_rounds(100000); round > 0; round--) {
    slh_policy_figures f = random_figures(&random, true, round % 2);
    uint64_t nursery = policy->nursery(policy->context, &f);
    uint64_t room = f.soft_limit - f.live;
    bool grows = f.old > f.live && f.survival >= 80;

    assert_true(nursery <= room);
    if (grows)
      continue;
    assert_true(nursery <= room / 2 && nursery <= 4 * MIB);
    assert_true(nursery == room / 2 || nursery >= MIB);
  }
}

static void actions(void **state)
{
  const slh_policy *policy = slh_default_policy();
  uint64_t random = helper_seed() + 3;
  uint64_t young = 0;

  (void)state;
  for (uint64_t round = helper_rounds(100000); round > 0; round--) {
    slh_policy_figures f = random_figures(&random, round % 4, round % 3);
    bool grows = f.old > f.live && f.survival >= 80;
    slh_policy_action action;

    f.used += some(&random, f.soft_limit - f.used); /* allocated since */
    action = policy->act(policy->context, &f);
    young += action == SLH_POLICY_YOUNG;
    assert_int_not_equal(action, SLH_POLICY_GROW);
    if (!f.generational || f.old == 0 || f.soft_limit < f.old + f.nursery / 2)
      assert_int_equal(action, SLH_POLICY_FULL);
    else if (grows && f.used + f.needed > f.soft_limit)
      assert_int_equal(action, SLH_POLICY_FULL);
    else
      assert_int_equal(action, SLH_POLICY_YOUNG);
  }
  assert_true(young > 0);
}

/* ---- growth ---- */

/* Where all lives, young collections are few: each copies what a full one copies
 * again. */
static void growth_is_left_to_full_collections(void **state)
{
  struct store *store = open_store(SLH_COLLECTOR_GENERATIONAL, MIB);
  slh_ref ref = SLH_NULL;
  slh_heap_stats stats;

  (void)state;
  for (uint64_t used = 0; used + 16 <= 60 * MIB; used += 16) {
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
    slh_init_ref(store->heap, ref, HELPER_LEFT, store->roots[0]);
    store->roots[0] = ref;
  }
  stats = store_stats(store);
  assert_int_equal(stats.used, 60 * MIB);
  assert_true(stats.young_collections > 0);
  assert_true(stats.promoted_total < 30 * MIB);
  assert_true(stats.copied_total < 2 * stats.used);
  store_close(store);
}

/* `bytes` in lists that live, or in garbage. */
static void allocate(struct store *store, uint64_t bytes, bool live)
{
  slh_ref ref = SLH_NULL;

  for (uint64_t i = 0; i < bytes; i += 16) {
    assert_ok(slh_new_struct(store->heap, store->node, &ref));
    if (live) {
      slh_init_ref(store->heap, ref, HELPER_LEFT, store->roots[1]);
      store->roots[1] = ref;
    }
  }
}

/* A burst of what lives does not end the young collections of a large heap. */
static void bursts_are_no_growth(void **state)
{
  struct store *store = open_store(SLH_COLLECTOR_GENERATIONAL, 64 * MIB);
  slh_heap_stats before, after;

  (void)state;
  store->roots[0] = store_array(store, store->bytes, 10 * MIB);
  assert_ok(slh_heap_collect(store->heap, NULL));
  allocate(store, 2 * MIB, false);
  before = store_stats(store);
  for (int i = 0; i < 2; i++) {
    allocate(store, 5 * MIB, true);
    allocate(store, 60 * MIB, false);
  }
  after = store_stats(store);
  assert_int_equal(after.collections - after.young_collections, 1);
  assert_true(after.young_collections - before.young_collections > 8);
  store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_collections),
      cmocka_unit_test(soft_limits),
      cmocka_unit_test(nurseries),
      cmocka_unit_test(actions),
      cmocka_unit_test(growth_is_left_to_full_collections),
      cmocka_unit_test(bursts_are_no_growth),
  };

  helper_zeal = SLH_ZEAL_NEVER;
  return helper_run(tests, NULL, NULL);
}
