/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_pool_plan_new, as properties of random options on random hosts. */
#include "tests/helper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pool/plan.h"

#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define TIB (KIB * GIB)

typedef unsigned __int128 wide; /* sums that cannot overflow */

/* What doc comments of slh_pool_options promise. */
static const struct range {
  const char *name;
  size_t offset;
  uint64_t least, initial, most;
} ranges[] = {
    {"slots", offsetof(slh_pool_options, slots), 1, 1000, 2 * GIB},
    {"max_heap_bytes", offsetof(slh_pool_options, max_heap_bytes), 4096, 4 * GIB - 64 * KIB,
     4 * GIB - 64 * KIB},
    {"guard_bytes", offsetof(slh_pool_options, guard_bytes), SLH_STRUCT_SIZE_MAX, KIB *KIB, TIB},
    {"keep_resident_bytes", offsetof(slh_pool_options, keep_resident_bytes), 1, KIB *KIB,
     UINT64_MAX - KIB *KIB},
    {"max_collections", offsetof(slh_pool_options, max_collections), 1, 16, 65535},
    {"keep_evacuation_bytes", offsetof(slh_pool_options, keep_evacuation_bytes), 1, 32 * KIB *KIB,
     UINT64_MAX - KIB *KIB},
    {"budget_bytes", offsetof(slh_pool_options, budget_bytes), 1, UINT64_MAX, UINT64_MAX},
    {"resident_budget_bytes", offsetof(slh_pool_options, resident_budget_bytes), 1, UINT64_MAX,
     UINT64_MAX},
    {"decay_ms", offsetof(slh_pool_options, decay_ms), 1, 10000, KIB *GIB},
};

#define RANGES (sizeof ranges / sizeof ranges[0])

static uint64_t *option(slh_pool_options *options, const struct range *range)
{
  return (uint64_t *)(void *)((char *)options + range->offset);
}

/* Any order of magnitude in [least, most] is as likely as any other. */
static uint64_t random_between(uint64_t *random, uint64_t least, uint64_t most)
{
  uint64_t span = helper_random(random) >> helper_below(random, 64);

  if (helper_one_in(random, 16))
    return most;
  return most - least == UINT64_MAX ? span : least + span % (most - least + 1);
}

static slh_pool_options random_options(uint64_t *random)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  for (size_t i = 0; i < RANGES; i++) {
    if (!helper_one_in(random, 4))
      *option(&options, &ranges[i]) = random_between(random, ranges[i].least, ranges[i].most);
  }
  options.isolation = (slh_isolation)helper_below(random, 3);
  options.decommit = (slh_decommit)helper_below(random, SLH_DECOMMIT_ENGINES);
  options.huge_pages = (slh_huge_pages)helper_below(random, 3);
  return options;
}

static slh_host_limits random_limits(uint64_t *random)
{
  static const uint64_t pages[] = {4 * KIB, 16 * KIB, 64 * KIB};
  slh_host_limits limits = {pages[helper_below(random, 3)], UINT64_C(1) << 47, UINT64_MAX, true};

  if (helper_one_in(random, 2))
    limits.address_space_bytes = random_between(random, 0, UINT64_MAX);
  if (helper_one_in(random, 2))
    limits.max_mappings = random_between(random, 0, UINT64_C(1) << 24);
  limits.light_guards = helper_one_in(random, 2);
  return limits;
}

/* ---- what a plan promises ---- */

static void check_sizes(const slh_pool_plan *plan, const slh_host_limits *limits)
{
  uint64_t page = limits->page_bytes;
  const uint64_t aligned[] = {plan->max_heap_bytes,
                              plan->guard_bytes,
                              plan->slot_stride_bytes,
                              plan->lead_guard_bytes,
                              plan->slab_bytes,
                              plan->keep_resident_bytes,
                              plan->keep_evacuation_bytes,
                              plan->evacuation_stride_bytes,
                              plan->evacuation_slab_bytes};

  assert_int_equal(plan->page_bytes, page);
  for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++) {
    assert_true(aligned[i] != 0);
    assert_int_equal(aligned[i] % page, 0);
  }
  assert_true(plan->slot_stride_bytes >= 4 * GIB + plan->guard_bytes);
  assert_true(plan->evacuation_stride_bytes >= plan->max_heap_bytes);
  assert_true(plan->max_heap_bytes + SLH_WIDE_FIRST <= 4 * GIB);
  assert_true(plan->keep_resident_bytes <= plan->max_heap_bytes);
  assert_true(plan->keep_evacuation_bytes <= plan->max_heap_bytes);
  assert_true((wide)plan->slab_bytes + plan->evacuation_slab_bytes <= limits->address_space_bytes);
  assert_true(plan->mappings <= limits->max_mappings);
  assert_true(plan->mappings >= 2 * plan->slots + 2 * plan->evacuation_spaces);
}

/* Rounded up, and no further. */
static bool rounds_to(uint64_t given, uint64_t rounded, uint64_t page)
{
  return rounded >= given && rounded - given < page;
}

static void check_follows_options(const slh_pool_plan *plan, slh_pool_options options)
{
  uint64_t page = plan->page_bytes;
  uint64_t max = plan->max_heap_bytes;

  for (size_t i = 0; i < RANGES; i++) {
    if (*option(&options, &ranges[i]) == 0)
      *option(&options, &ranges[i]) = ranges[i].initial;
  }
  assert_int_equal(plan->slots, options.slots);
  assert_int_equal(plan->evacuation_spaces, options.max_collections);
  assert_int_equal(plan->isolation, options.isolation);
  assert_int_equal(plan->budget_bytes, options.budget_bytes);
  assert_int_equal(plan->resident_budget_bytes, options.resident_budget_bytes);
  assert_int_equal(plan->decay_ms, options.decay_ms);
  assert_int_equal(plan->decommit, options.decommit);
  assert_int_equal(plan->huge_pages, options.huge_pages);
  assert_int_equal(plan->kind, SLH_POOL_WIDE);
  assert_true(rounds_to(options.max_heap_bytes, max, page));
  assert_true(rounds_to(options.guard_bytes, plan->guard_bytes, page));
  assert_true(rounds_to(options.keep_resident_bytes, plan->keep_resident_bytes, page) ||
              (plan->keep_resident_bytes == max && options.keep_resident_bytes > max));
  assert_true(rounds_to(options.keep_evacuation_bytes, plan->keep_evacuation_bytes, page) ||
              (plan->keep_evacuation_bytes == max && options.keep_evacuation_bytes > max));
}

/* Whatever a reference and an offset below the guard size reach from slot
 * `number` is this slot, or a guard. */
static void check_reach(const slh_pool_plan *plan, uint64_t number)
{
  wide first = (wide)plan->lead_guard_bytes + (wide)number * plan->slot_stride_bytes;
  wide base = first - SLH_WIDE_FIRST;
  wide last = base + UINT32_MAX + (plan->guard_bytes - 1) + 16;
  wide end_before = 0; /* of what the slot before can have accessible */

  assert_true(first >= SLH_WIDE_FIRST);
  if (number > 0)
    end_before = first - plan->slot_stride_bytes + plan->max_heap_bytes;
  assert_true(base >= end_before);
  assert_true(last < first + plan->slot_stride_bytes);
  assert_true(last < plan->slab_bytes);
  assert_true(first + plan->max_heap_bytes <= plan->slab_bytes);
}

/* ---- what a refusal promises ---- */

static uint64_t slots_that_fit(const slh_error *error)
{
  const char *at = strstr(error->message, " slots would fit");
  uint64_t fit = 0;

  assert_non_null(at);
  while (at > error->message && at[-1] >= '0' && at[-1] <= '9')
    at--;
  assert_int_equal(sscanf(at, "%" SCNu64, &fit), 1);
  return fit;
}

static void check_refusal(slh_pool_options options, const slh_host_limits *limits,
                          const slh_error *error, uint64_t *random)
{
  slh_pool_plan plan;
  uint64_t asked = options.slots ? options.slots : 1000;
  uint64_t fit = slots_that_fit(error);

  assert_true(strstr(error->message, "address space") != NULL ||
              strstr(error->message, "max_map_count") != NULL);
  assert_true(fit < asked);
  if (fit > 0) {
    options.slots = fit;
    assert_int_equal(slh_pool_plan_new(&options, limits, &plan, NULL), SLH_OK);
  }
  options.slots = fit + 1;
  assert_int_equal(slh_pool_plan_new(&options, limits, &plan, NULL), SLH_E_LIMIT);
  options.slots = random_between(random, fit + 1, ranges[0].most);
  assert_int_equal(slh_pool_plan_new(&options, limits, &plan, NULL), SLH_E_LIMIT);
}

/* ---- tests ---- */

static void test_random_plans(void **state)
{
  uint64_t random = helper_seed();
  uint64_t planned = 0, refused = 0;

  (void)state;
  for (uint64_t i = helper_rounds(200000); i-- > 0;) {
    slh_pool_options options = random_options(&random);
    slh_host_limits limits = random_limits(&random);
    slh_error error = {0};
    slh_pool_plan plan;
    slh_status status = slh_pool_plan_new(&options, &limits, &plan, &error);

    if (status != SLH_OK) {
      refused++;
      assert_int_equal(status, SLH_E_LIMIT);
      assert_int_equal(error.status, status);
      check_refusal(options, &limits, &error, &random);
      continue;
    }
    planned++;
    check_sizes(&plan, &limits);
    check_follows_options(&plan, options);
    check_reach(&plan, 0);
    check_reach(&plan, plan.slots - 1);
    check_reach(&plan, helper_below(&random, plan.slots));
  }
  assert_true(planned > 0 && refused > 0);
}

static void test_failure_has_no_effect(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_host_limits limits = {4096, 4 * GIB, UINT64_MAX, true};
  slh_pool_plan plan, before;

  (void)state;
  memset(&plan, 0x5a, sizeof plan);
  before = plan;
  assert_int_equal(slh_pool_plan_new(&options, &limits, &plan, NULL), SLH_E_LIMIT);
  options.guard_bytes = 1;
  assert_int_equal(slh_pool_plan_new(&options, NULL, &plan, NULL), SLH_E_INVALID);
  assert_memory_equal(&plan, &before, sizeof plan);
}

static bool mentions(const slh_error *error, uint64_t number)
{
  char text[24];

  snprintf(text, sizeof text, "%" PRIu64, number);
  return strstr(error->message, text) != NULL;
}

static void expect_out_of_range(const struct range *range, uint64_t value)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_error error = {0};
  slh_pool_plan plan;

  *option(&options, range) = value;
  assert_int_equal(slh_pool_plan_new(&options, NULL, &plan, &error), SLH_E_INVALID);
  assert_int_equal(slh_pool_plan_new(&options, NULL, &plan, NULL), SLH_E_INVALID);
  assert_int_equal(error.status, SLH_E_INVALID);
  assert_int_equal(error.os_errno, 0);
  assert_non_null(strstr(error.message, range->name));
  assert_true(mentions(&error, value));
  assert_true(mentions(&error, range->least));
  assert_true(mentions(&error, range->most));
}

static void test_option_ranges(void **state)
{
  const slh_host_limits boundless = {4096, UINT64_MAX, UINT64_MAX, true};

  (void)state;
  for (size_t i = 0; i < RANGES; i++) {
    const struct range *range = &ranges[i];
    slh_pool_options options = SLH_POOL_OPTIONS_INIT;
    slh_pool_plan plan;

    if (range->least > 1)
      expect_out_of_range(range, range->least - 1);
    if (range->most < UINT64_MAX) {
      expect_out_of_range(range, range->most + 1);
      expect_out_of_range(range, UINT64_MAX);
    }
    *option(&options, range) = range->least;
    assert_int_equal(slh_pool_plan_new(&options, &boundless, &plan, NULL), SLH_OK);
    *option(&options, range) = range->most;
    /* As many slots as can be asked for do not fit unless they are small. */
    if (range->offset == offsetof(slh_pool_options, slots)) {
      assert_int_equal(slh_pool_plan_new(&options, &boundless, &plan, NULL), SLH_E_LIMIT);
      options.kind = SLH_POOL_DENSE;
      options.slot_bytes = 512;
    }
    assert_int_equal(slh_pool_plan_new(&options, &boundless, &plan, NULL), SLH_OK);
  }
}

static void expect_no_such(const char *name, size_t offset, int value, const char *allowed)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_error error = {0};
  slh_pool_plan plan;

  memcpy((char *)&options + offset, &value, sizeof value);
  assert_int_equal(slh_pool_plan_new(&options, NULL, &plan, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, name));
  assert_non_null(strstr(error.message, allowed));
}

static void test_bad_enumerations(void **state)
{
  static const int bad[] = {SLH_DECOMMIT_ENGINES, -1, 1 << 20};

  (void)state;
  for (size_t i = 0; i < 3; i++) {
    expect_no_such("isolation", offsetof(slh_pool_options, isolation), bad[i], "0 to 2");
    expect_no_such("kind", offsetof(slh_pool_options, kind), bad[i], "0 to 1");
    expect_no_such("decommit", offsetof(slh_pool_options, decommit), bad[i], "0 to 5");
    expect_no_such("huge_pages", offsetof(slh_pool_options, huge_pages), bad[i], "0 to 2");
  }
  expect_no_such("isolation", offsetof(slh_pool_options, isolation), 3, "0 to 2");
  expect_no_such("kind", offsetof(slh_pool_options, kind), 2, "0 to 1");
  expect_no_such("huge_pages", offsetof(slh_pool_options, huge_pages), 3, "0 to 2");
}

static void test_bad_struct_size(void **state)
{
  static const size_t bad[] = {0, sizeof(slh_pool_options) - 4, sizeof(slh_pool_options) + 4,
                               1 << 20};

  (void)state;
  for (size_t i = 0; i < 4; i++) {
    slh_pool_options options = SLH_POOL_OPTIONS_INIT;
    slh_error error = {0};
    slh_pool_plan plan;
    slh_pool *pool = NULL;

    options.struct_size = bad[i];
    assert_int_equal(slh_pool_plan_new(&options, NULL, &plan, &error), SLH_E_INVALID);
    assert_non_null(strstr(error.message, "struct_size"));
    assert_true(mentions(&error, sizeof options));
    assert_int_equal(slh_pool_new(&options, &pool, NULL), SLH_E_INVALID);
    assert_null(pool);
  }
}

static void test_bad_page(void **state)
{
  static const uint64_t bad[] = {0, 1, 2048, 5000, 12288, 131072, UINT64_MAX};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    slh_host_limits limits = {bad[i], UINT64_C(1) << 47, UINT64_MAX, true};
    slh_error error = {0};
    slh_pool_plan plan;

    assert_int_equal(slh_pool_plan_new(NULL, &limits, &plan, &error), SLH_E_INVALID);
    assert_int_equal(slh_pool_plan_new(NULL, &limits, &plan, NULL), SLH_E_INVALID);
    assert_non_null(strstr(error.message, "page_bytes"));
    assert_true(mentions(&error, 4096) && mentions(&error, 65536));
  }
}

/* NULL options are the documented defaults; NULL limits are this host. */
static void test_defaults(void **state)
{
  const slh_host_limits limits = {4096, UINT64_C(1) << 47, 65530, false};
  const slh_pool_options defaults = SLH_POOL_OPTIONS_INIT;
  slh_error error = {0};
  slh_pool_plan plan, same;

  (void)state;
  assert_int_equal(slh_pool_plan_new(NULL, &limits, &plan, &error), SLH_OK);
  assert_int_equal(slh_pool_plan_new(&defaults, &limits, &same, NULL), SLH_OK);
  assert_memory_equal(&plan, &same, offsetof(slh_pool_plan, isolation));
  check_follows_options(&plan, defaults);
  assert_int_equal(plan.isolation, SLH_ISOLATION_SCRUB);
  assert_int_equal(slh_pool_plan_new(NULL, NULL, &plan, NULL), SLH_OK);
  check_reach(&plan, plan.slots - 1);
}

/* The number that a refusal names is of the tighter of both limits. */
static void test_tighter_limit_is_named(void **state)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_host_limits limits = {4096, 0, 0, false};
  slh_error error = {0};
  slh_pool_plan plan;

  (void)state;
  options.slots = 100000;
  options.max_collections = 1;
  limits.address_space_bytes = 20000 * (4 * GIB);
  limits.max_mappings = 2000;
  assert_int_equal(slh_pool_plan_new(&options, &limits, &plan, &error), SLH_E_LIMIT);
  options.slots = slots_that_fit(&error);
  assert_int_equal(slh_pool_plan_new(&options, &limits, &plan, NULL), SLH_OK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_plans),    cmocka_unit_test(test_failure_has_no_effect),
      cmocka_unit_test(test_option_ranges),   cmocka_unit_test(test_bad_enumerations),
      cmocka_unit_test(test_bad_struct_size), cmocka_unit_test(test_bad_page),
      cmocka_unit_test(test_defaults),        cmocka_unit_test(test_tighter_limit_is_named),
  };

  return helper_run(tests, NULL, NULL);
}
