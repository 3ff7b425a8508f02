/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slh_pool_plan_new for dense pools, as properties of random options. */
#include "tests/helper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define WIDEST (2 * GIB)

static const slh_host_limits roomy = {4 * KIB, UINT64_C(1) << 47, UINT64_MAX, true};

static slh_pool_options dense(uint64_t slots, uint64_t slot_bytes)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  options.kind = SLH_POOL_DENSE;
  options.slots = slots;
  options.slot_bytes = slot_bytes;
  return options;
}

/* ---- what plans promise ---- */

static uint64_t width_of(const slh_pool_plan *plan, uint64_t size)
{
  return plan->slot_stride_bytes << size;
}

static void check_plan(const slh_pool_options *options, const slh_host_limits *limits,
                       const slh_pool_plan *plan)
{
  uint64_t page = limits->page_bytes, bytes = 0;
  uint64_t smallest = options->slot_bytes ? options->slot_bytes : 64 * KIB;
  uint64_t largest = width_of(plan, plan->sizes - 1);

  assert_int_equal(plan->kind, SLH_POOL_DENSE);
  assert_int_equal(plan->slots, options->slots ? options->slots : 1000);
  assert_int_equal(plan->slot_stride_bytes, smallest);
  assert_in_range(largest, smallest, WIDEST);
  /* Guards are whole pages and leave half of every slot. */
  assert_int_equal(plan->guard_bytes % page, 0);
  assert_true(plan->guard_bytes >= options->guard_bytes);
  assert_true(2 * plan->guard_bytes <= smallest);
  assert_int_equal(plan->lead_guard_bytes, 0);
  /* A heap of the most bytes is in the largest slot, before its guard; one size
   * less would not do. */
  assert_int_equal(SLH_DENSE_FIRST + plan->max_heap_bytes, largest - plan->guard_bytes);
  assert_true(options->max_heap_bytes <= largest);
  if (plan->sizes > 1 && options->max_heap_bytes)
    assert_true(options->max_heap_bytes > largest / 2 - plan->guard_bytes);
  for (uint64_t size = 0; size < plan->sizes; size++)
    bytes += (plan->slots * width_of(plan, size) + page - 1) / page * page;
  assert_int_equal(plan->slab_bytes, bytes);
  assert_true(plan->slab_bytes + plan->evacuation_slab_bytes <= limits->address_space_bytes);
  assert_true(plan->mappings <= limits->max_mappings);
  assert_true(plan->evacuation_stride_bytes >= plan->max_heap_bytes);
}

/* The number of slots that a refusal names is the most that there can be. */
static void check_refusal(slh_pool_options options, const slh_host_limits *limits,
                          const slh_error *error)
{
  const char *words = strstr(error->message, " slots would fit");
  slh_pool_plan plan;

  assert_non_null(words);
  while (words > error->message && words[-1] >= '0' && words[-1] <= '9')
    words--;
  options.slots = strtoull(words, NULL, 10);
  if (options.slots == 0)
    return;
  assert_int_equal(slh_pool_plan_new(&options, limits, &plan, NULL), SLH_OK);
  check_plan(&options, limits, &plan);
}

/* ---- random options ---- */

static uint64_t any_magnitude(uint64_t *random, unsigned bits)
{
  return helper_random(random) >> (64 - bits) >> helper_below(random, bits);
}

static slh_pool_options random_options(uint64_t *random)
{
  slh_pool_options options =
      dense(any_magnitude(random, 31), UINT64_C(512) << helper_below(random, 23));

  if (helper_one_in(random, 4))
    options.slots = 0;
  if (helper_one_in(random, 4))
    options.slot_bytes = 0;
  if (helper_one_in(random, 2))
    options.max_heap_bytes = any_magnitude(random, 32);
  if (helper_one_in(random, 2))
    options.guard_bytes = any_magnitude(random, 31);
  if (helper_one_in(random, 2))
    options.max_collections = 1 + helper_below(random, 64);
  return options;
}

static slh_host_limits random_limits(uint64_t *random)
{
  slh_host_limits limits = roomy;

  limits.page_bytes = 4 * KIB << helper_below(random, 5);
  limits.light_guards = helper_one_in(random, 2);
  if (helper_one_in(random, 2))
    limits.address_space_bytes = any_magnitude(random, 48);
  if (helper_one_in(random, 2))
    limits.max_mappings = any_magnitude(random, 20);
  return limits;
}

static bool is_allowed(const slh_pool_options *options, const slh_host_limits *limits)
{
  uint64_t width = options->slot_bytes ? options->slot_bytes : 64 * KIB;
  uint64_t page = limits->page_bytes;
  uint64_t guard = (options->guard_bytes + page - 1) / page * page;

  if (options->max_heap_bytes > WIDEST)
    return false;
  return guard == 0 || (width >= 64 * KIB && 2 * guard <= width);
}

static void test_random_plans(void **state)
{
  uint64_t random = helper_seed();
  uint64_t planned = 0, refused = 0, invalid = 0;

  (void)state;
  for (uint64_t i = helper_rounds(200000); i-- > 0;) {
    slh_pool_options options = random_options(&random);
    slh_host_limits limits = random_limits(&random);
    slh_error error = {0};
    slh_pool_plan plan;
    slh_status status = slh_pool_plan_new(&options, &limits, &plan, &error);

    assert_int_equal(status == SLH_E_INVALID, !is_allowed(&options, &limits));
    if (status == SLH_OK) {
      planned++;
      check_plan(&options, &limits, &plan);
    } else if (status == SLH_E_LIMIT) {
      refused++;
      check_refusal(options, &limits, &error);
    } else {
      invalid++;
      assert_non_null(strstr(error.message, options.max_heap_bytes > WIDEST && !options.guard_bytes
                                                ? "max_heap_bytes"
                                                : "_bytes is "));
    }
  }
  assert_true(planned > 0 && refused > 0 && invalid > 0);
}

/* ---- errors ---- */

static void expect_invalid(const slh_pool_options *options, const char *name, const char *why)
{
  slh_error error = {0};
  slh_pool_plan plan;
  slh_pool *pool = NULL;

  assert_int_equal(slh_pool_plan_new(options, &roomy, &plan, &error), SLH_E_INVALID);
  assert_non_null(strstr(error.message, name));
  assert_non_null(strstr(error.message, why));
  assert_int_equal(slh_pool_new(options, &pool, NULL), SLH_E_INVALID);
  assert_null(pool);
}

static void test_widths(void **state)
{
  slh_pool_options options = dense(10, 0);
  slh_pool_plan plan;

  (void)state;
  for (uint64_t width = 512; width <= 2 * GIB; width *= 2) {
    options.slot_bytes = width;
    assert_int_equal(slh_pool_plan_new(&options, &roomy, &plan, NULL), SLH_OK);
    check_plan(&options, &roomy, &plan);
    options.slot_bytes = width + 1;
    expect_invalid(&options, "slot_bytes", width == 2 * GIB ? "2147483648" : "powers of two");
    options.slot_bytes = width + width / 2;
    expect_invalid(&options, "slot_bytes", width == 2 * GIB ? "2147483648" : "powers of two");
  }
  options.slot_bytes = 256;
  expect_invalid(&options, "slot_bytes", "512");
  options.slot_bytes = UINT64_C(1) << 63;
  expect_invalid(&options, "slot_bytes", "2147483648");
}

static void test_guards(void **state)
{
  slh_pool_options options = dense(10, 32 * KIB);
  slh_pool_plan plan;

  (void)state;
  options.guard_bytes = 1;
  expect_invalid(&options, "guard_bytes", "too small for guards");
  options.slot_bytes = 64 * KIB;
  assert_int_equal(slh_pool_plan_new(&options, &roomy, &plan, NULL), SLH_OK);
  assert_int_equal(plan.guard_bytes, 4 * KIB);
  options.guard_bytes = 32 * KIB;
  assert_int_equal(slh_pool_plan_new(&options, &roomy, &plan, NULL), SLH_OK);
  check_plan(&options, &roomy, &plan);
  options.guard_bytes = 32 * KIB + 1;
  expect_invalid(&options, "guard_bytes", "half of slot_bytes");
}

/* What is of the other kind only is refused there. */
static void test_kinds(void **state)
{
  slh_pool_options options = dense(10, 64 * KIB);

  (void)state;
  options.kind = SLH_POOL_WIDE;
  expect_invalid(&options, "slot_bytes", "SLH_POOL_DENSE");
  options = dense(10, 64 * KIB);
  options.max_heap_bytes = WIDEST + 1;
  expect_invalid(&options, "max_heap_bytes", "2147483648");
}

static void test_defaults(void **state)
{
  slh_pool_options options = dense(0, 0);
  slh_pool_plan plan;

  (void)state;
  assert_int_equal(slh_pool_plan_new(&options, &roomy, &plan, NULL), SLH_OK);
  check_plan(&options, &roomy, &plan);
  assert_int_equal(plan.guard_bytes, 0);
  assert_int_equal(plan.sizes, 5); /* 64 KiB to a MiB */
  assert_int_equal(plan.max_heap_bytes, 16 * 64 * KIB - SLH_DENSE_FIRST);
  options.slot_bytes = 512;
  assert_int_equal(slh_pool_plan_new(&options, &roomy, &plan, NULL), SLH_OK);
  assert_int_equal(width_of(&plan, plan.sizes - 1), 16 * 512);
  /* A million of them are no problem of address space or mappings. */
  options.slots = 1000 * 1000;
  assert_int_equal(
      slh_pool_plan_new(&options, &(slh_host_limits){4 * KIB, 64 * GIB, 65530, false}, &plan, NULL),
      SLH_OK);
}

/* Guards that are mappings count. */
static void test_heavy_guards_take_mappings(void **state)
{
  slh_pool_options options = dense(20000, 64 * KIB);
  slh_host_limits limits = roomy;
  slh_error error = {0};
  slh_pool_plan plan;

  (void)state;
  limits.max_mappings = 65530;
  options.guard_bytes = 4 * KIB;
  assert_int_equal(slh_pool_plan_new(&options, &limits, &plan, &error), SLH_OK);
  assert_in_range(plan.mappings, 1, 1000);
  limits.light_guards = false;
  assert_int_equal(slh_pool_plan_new(&options, &limits, &plan, &error), SLH_E_LIMIT);
  assert_non_null(strstr(error.message, "max_map_count"));
  check_refusal(options, &limits, &error);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_plans), cmocka_unit_test(test_widths),
      cmocka_unit_test(test_guards),       cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_defaults),     cmocka_unit_test(test_heavy_guards_take_mappings),
  };

  (void)helper_seed();
  return helper_run(tests, NULL, NULL);
}
