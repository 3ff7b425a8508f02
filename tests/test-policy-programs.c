/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Random programs under policies that answer at random, in stores that refuse to
 * grow at random: the data survive, the limits hold, and no allocation fails but
 * where what lives has no room.
 */
#include "tests/collectors.h"
#include "tests/model.h"
#include "tests/policed.h"

#define KIB UINT64_C(1024)

/* The policy, and the store's growth callback, whose context is the store. */
static struct chance {
  uint64_t random;
  uint64_t odds[3]; /* of each action */
  uint64_t refused;
} chance;

static slh_policy_action act(void *context, const slh_policy_figures *figures)
{
  uint64_t *odds = chance.odds;
  uint64_t drawn = helper_below(&chance.random, odds[0] + odds[1] + odds[2]);

  assert_ptr_equal(context, &chance);
  assert_true(figures->needed > 0 && figures->needed <= MODEL_HEAP_BYTES);
  return drawn < odds[0]             ? SLH_POLICY_GROW
         : drawn < odds[0] + odds[1] ? SLH_POLICY_YOUNG
                                     : SLH_POLICY_FULL;
}

static uint64_t wish(void *context, const slh_policy_figures *figures)
{
  uint64_t bits = helper_random(&chance.random);

  assert_ptr_equal(context, &chance);
  assert_true(figures->live <= figures->used && figures->used <= figures->soft_limit);
  assert_true(figures->soft_limit <= figures->max && figures->survival <= 100);
  return helper_one_in(&chance.random, 4) ? bits : bits % MODEL_HEAP_BYTES;
}

/* What is needed is always granted: the model knows no refusal. */
static bool grow(void *host, slh_heap *heap, const slh_growth *growth)
{
  bool agrees = growth->to <= growth->from + growth->needed || helper_one_in(&chance.random, 2);

  assert_ptr_equal(((struct store *)host)->heap, heap);
  assert_true(growth->from < growth->to && growth->to <= MODEL_HEAP_BYTES);
  chance.refused += !agrees;
  return agrees;
}

static void check_limits(const struct store *store)
{
  slh_heap_stats stats = store_stats(store);

  assert_true(stats.used <= stats.soft_limit);
  assert_true(stats.soft_limit <= MODEL_HEAP_BYTES);
  assert_true(stats.accessible <= MODEL_HEAP_BYTES);
}

static slh_heap_stats run(uint64_t seed, slh_collector collector)
{
  static const slh_policy policy = {act, wish, wish, &chance};
  struct store_options options = {collector, NULL, MODEL_HEAP_BYTES, 0};
  slh_heap_stats stats;
  struct store *store;
  struct model *model;

  chance.random = seed;
  for (int i = 0; i < 3; i++)
    chance.odds[i] = 1 + helper_below(&chance.random, 1 << helper_below(&chance.random, 6));
  options.initial_bytes = 8 + helper_below(&chance.random, MODEL_HEAP_BYTES);
  store = policed_open(&options, &policy, grow);
  model = model_open(store, seed, NULL, 0);
  while (model->allocated < 2 * MODEL_HEAP_BYTES) {
    model_allocate_new(model);
    check_limits(store);
    model_link(model);
    if (helper_one_in(&chance.random, 4))
      model_set_root(model);
  }
  assert_ok(slh_heap_collect(store->heap, NULL));
  model_compare(model);
  store_verify(store);
  stats = store_stats(store);
  model_close(model);
  store_close(store);
  return stats;
}

static void random_policies(void **state)
{
  uint64_t seed = helper_seed(), rounds = helper_rounds(20), young = 0, full = 0;
  bool all = false;

  (void)state;
  /* Until everything has happened that can: chance has it sooner or later. */
  for (uint64_t round = 0; round < rounds || (round < 200 && !all); round++, seed++) {
    slh_heap_stats stats = run(seed, collectors_nth(COLLECTORS_TRACE, round));

    young += stats.young_collections;
    full += stats.collections - stats.young_collections;
    all = young > 0 && full > 0 && chance.refused > 0;
  }
  assert_true(all);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_policies),
  };

  return helper_run(tests, NULL, NULL);
}
