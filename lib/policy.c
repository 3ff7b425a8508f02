/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/policy.h"

#include "lib/growth.h"
#include "lib/tables.h"

/* Nurseries that survive so little, in percent, can be smaller; and those that
 * survive so much should be larger. */
#define LITTLE 5
#define MUCH 20

#define LEAST_NURSERY (UINT64_C(1) << 20)
#define MOST_NURSERY (UINT64_C(4) << 20)

/* Percent of a heap from which on collecting it again soon is no use. */
#define NEARLY_ALL 80

/* A nursery of less than such a part of its room may have met a burst. */
#define BURST 8

/* With zeal, one collection in so many is a full one. */
#define ZEAL_FULL 4

static uint64_t at_least(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* ---- the default ---- */

/* The last collection was a young one, and nearly all lived. */
static bool is_growing(const slh_policy_figures *f)
{
  return f->old > f->live && f->survival >= NEARLY_ALL;
}

/*
 * Half of what the heap may fill between full collections, so that the last
 * nursery is not much smaller than the first. Where nearly all lives, young
 * collections copy what the full one will copy again: once that is no mere burst,
 * the rest is left to it.
 */
static uint64_t nursery(void *context, const slh_policy_figures *f)
{
  uint64_t room = f->soft_limit > f->live ? f->soft_limit - f->live : 0;
  uint64_t wish = slhi_at_most(f->nursery, MOST_NURSERY);

  (void)context;
  if (f->survival >= MUCH)
    wish *= 2;
  else if (f->survival < LITTLE)
    wish /= 2;
  wish = slhi_at_most(at_least(wish, LEAST_NURSERY), MOST_NURSERY);
  if (is_growing(f) && f->nursery >= room / BURST)
    return room;
  if (is_growing(f))
    wish = at_least(wish, room / BURST);
  return slhi_at_most(wish, room / 2);
}

static slh_policy_action act(void *context, const slh_policy_figures *f)
{
  (void)context;
  if (!f->generational || f->old == 0)
    return SLH_POLICY_FULL;
  if (is_growing(f) && f->used + f->needed > f->soft_limit)
    return SLH_POLICY_FULL;
  return f->soft_limit >= f->old + f->nursery / 2 ? SLH_POLICY_YOUNG : SLH_POLICY_FULL;
}

/*
 * Twice what lived: the cost of a collection is in what lives, so each live byte
 * is copied at most once for each byte allocated since, and a heap is at most
 * half garbage. Where young collections come first, a nursery more.
 */
static uint64_t soft_limit(void *context, const slh_policy_figures *f)
{
  uint64_t wish = 2 * f->used + f->needed;

  (void)context;
  if (f->survival >= NEARLY_ALL && f->used > f->initial / 2)
    wish += f->used;
  if (f->generational)
    wish += slhi_at_most(MOST_NURSERY, at_least(f->used, f->initial));
  return at_least(wish, f->initial);
}

const slh_policy *slh_default_policy(void)
{
  static const slh_policy policy = {act, soft_limit, nursery, NULL};

  return &policy;
}

/* ---- for heaps ---- */

static slh_policy_figures figures_of(const slh_heap *heap, uint64_t needed)
{
  return (slh_policy_figures){
      .needed = needed,
      .used = heap->data.bump - heap->data.start,
      .old = slhi_heap_old(heap),
      .live = heap->live,
      .survival = heap->survival,
      .soft_limit = heap->soft - heap->data.start,
      .nursery = heap->nursery == SLHI_NURSERY_UNBOUNDED ? heap->initial
                                                         : SLHI_NURSERY_BYTES << heap->nursery,
      .initial = heap->initial,
      .max = heap->max - heap->data.start,
      .collections = heap->collections,
      .generational = heap->data.runtime->collector->generational,
  };
}

uint64_t slhi_policy_soft_limit(const slh_heap *heap, uint64_t bytes)
{
  const slh_policy *policy = &heap->data.runtime->policy;
  slh_policy_figures f = figures_of(heap, bytes);
  uint64_t wish = policy->soft_limit(policy->context, &f);
  uint64_t dead = slhi_heap_tables(heap) ? slhi_heap_tables(heap)->large.dead : 0;

  /* Twice what lived is not twice what died. */
  wish -= slhi_at_most(wish, dead);
  return heap->data.start + slhi_at_most(at_least(wish, f.used + bytes), f.max);
}

uint64_t slhi_policy_nursery(const slh_heap *heap)
{
  const slh_policy *policy = &heap->data.runtime->policy;
  slh_policy_figures f = figures_of(heap, 0);

  return policy->nursery(policy->context, &f);
}

slh_policy_action slhi_policy_act(const slh_heap *heap, uint64_t bytes)
{
  const slh_runtime *runtime = heap->data.runtime;
  const slh_policy *policy = &runtime->policy;
  slh_policy_figures f = figures_of(heap, bytes);
  slh_policy_action action = SLH_POLICY_FULL;

  if (runtime->zeal == 0)
    action = policy->act(policy->context, &f);
  else if (heap->collections % ZEAL_FULL != 0)
    action = SLH_POLICY_YOUNG;
  if (action == SLH_POLICY_YOUNG && (!f.generational || f.old == 0))
    action = SLH_POLICY_FULL;
  return action;
}
