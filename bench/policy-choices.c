/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The default policy, and fixed ones to compare it with. */
#include "policy.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

struct fixed {
  uint64_t percent; /* of what lived: the heap may fill to that */
  uint64_t nursery;
};

static uint64_t at_least(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* ---- the default ---- */

static slh_policy_action default_act(void *context, const slh_policy_figures *f)
{
  const slh_policy *policy = slh_default_policy();

  (void)context;
  return policy->act(policy->context, f);
}

static uint64_t default_soft_limit(void *context, const slh_policy_figures *f)
{
  const slh_policy *policy = slh_default_policy();

  (void)context;
  return policy->soft_limit(policy->context, f);
}

static uint64_t default_nursery(void *context, const slh_policy_figures *f)
{
  const slh_policy *policy = slh_default_policy();

  (void)context;
  return policy->nursery(policy->context, f);
}

/* ---- fixed ones ---- */

static slh_policy_action always_full(void *context, const slh_policy_figures *f)
{
  (void)context;
  (void)f;
  return SLH_POLICY_FULL;
}

static uint64_t fixed_soft_limit(void *context, const slh_policy_figures *f)
{
  const struct fixed *fixed = context;

  return at_least(f->used * fixed->percent / 100 + f->needed, f->initial);
}

static uint64_t fixed_nursery(void *context, const slh_policy_figures *f)
{
  const struct fixed *fixed = context;

  (void)f;
  return fixed->nursery;
}

static slh_policy_action grow_or_default(void *context, const slh_policy_figures *f)
{
  return f->soft_limit < f->max ? SLH_POLICY_GROW : default_act(context, f);
}

static uint64_t all_there_is(void *context, const slh_policy_figures *f)
{
  (void)context;
  return f->max;
}

/* Young collections at every 64 KiB; without them, full ones. */
static uint64_t little_more(void *context, const slh_policy_figures *f)
{
  return f->generational ? fixed_soft_limit(context, f) : f->used + f->needed + 64 * KIB;
}

static struct fixed by_half = {150, UINT64_MAX}, by_one = {200, UINT64_MAX},
                    by_three = {400, UINT64_MAX}, small_nursery = {200, MIB},
                    large_nursery = {200, 4 * MIB}, least_nursery = {200, 64 * KIB};

const struct policy_choice policy_choices[POLICY_CHOICES] = {
    {"default", {default_act, default_soft_limit, default_nursery, NULL}, false},
    {"full-1.5x", {always_full, fixed_soft_limit, fixed_nursery, &by_half}, false},
    {"full-2x", {always_full, fixed_soft_limit, fixed_nursery, &by_one}, false},
    {"full-4x", {always_full, fixed_soft_limit, fixed_nursery, &by_three}, false},
    {"nursery-1M", {default_act, fixed_soft_limit, fixed_nursery, &small_nursery}, true},
    {"nursery-4M", {default_act, fixed_soft_limit, fixed_nursery, &large_nursery}, true},
    {"grow-first", {grow_or_default, all_there_is, default_nursery, NULL}, false},
    {"every-64K", {default_act, little_more, fixed_nursery, &least_nursery}, false},
};

/* ---- metered ---- */

static const slh_policy *ask(void *context, const slh_policy_figures *f)
{
  struct policy_meter *meter = context;

  meter->questions++;
  meter->peak_used = at_least(meter->peak_used, f->used);
  return meter->policy;
}

static slh_policy_action metered_act(void *context, const slh_policy_figures *f)
{
  const slh_policy *policy = ask(context, f);

  return policy->act(policy->context, f);
}

static uint64_t metered_soft_limit(void *context, const slh_policy_figures *f)
{
  const slh_policy *policy = ask(context, f);

  return policy->soft_limit(policy->context, f);
}

static uint64_t metered_nursery(void *context, const slh_policy_figures *f)
{
  const slh_policy *policy = ask(context, f);

  return policy->nursery(policy->context, f);
}

slh_policy policy_metered(struct policy_meter *meter)
{
  return (slh_policy){metered_act, metered_soft_limit, metered_nursery, meter};
}
