/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Programs whose garbage comes in known amounts. An array refers to lists of ten
 * objects; each step makes a list, and an element of the array refers to it from
 * then on.
 */
#include "policy.h"
#include "node.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIST_NODES 10
#define LIST_BYTES (LIST_NODES * NODE_BYTES)
#define CELL_BYTES (LIST_BYTES + 4)

/* Of the sawtooth: what is never dropped. */
#define KEPT(cells) ((cells) / 10)

/* Steps between two looks at the clock. */
#define STEPS_TIMED 256

const struct policy_scenario policy_scenarios[POLICY_SCENARIOS] = {
    {"garbage", POLICY_STEADY, 0.002, 16, 9, 1},        {"growth", POLICY_GROWTH, 0.9, 0, 0, 12},
    {"live 45%", POLICY_STEADY, 0.45, 8, 1, 1},         {"live 55%", POLICY_STEADY, 0.55, 8, 1, 1},
    {"live 90%", POLICY_STEADY, 0.9, 4, 1, 1},          {"sawtooth", POLICY_SAWTOOTH, 0.6, 8, 0, 1},
    {"small", POLICY_STEADY, 0.002, 1. / 128, 1, 1000},
};

struct bed {
  slh_heap *heap;
  const slh_type *node;
  const slh_type *array;
  const struct policy_scenario *scenario;
  struct random random;
  uint32_t cells, steps;
  slh_ref table, list; /* roots */
  uint64_t until_ns;
  uint64_t check;
};

static void must(const char *what, slh_status status)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "slotheap-bench: policy: %s: %s\n", what, slh_status_text(status));
  exit(EXIT_FAILURE);
}

static uint64_t cpu_ns(void)
{
  struct timespec now;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct bed *bed = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &bed->table, 1, "the table");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &bed->list, 1, "the list");
}

/* ---- a step ---- */

static void make_list(struct bed *bed, uint32_t number)
{
  slh_type node = *bed->node;

  bed->list = SLH_NULL;
  for (uint32_t i = 0; i < LIST_NODES; i++) {
    slh_ref ref = SLH_NULL;

    must("allocation", slh_new_struct_uninit(bed->heap, &node, &ref));
    slh_init_ref(bed->heap, ref, NODE_NEXT, bed->list);
    slh_init_ref(bed->heap, ref, NODE_OTHER, SLH_NULL);
    slh_set_i32(bed->heap, ref, NODE_VALUE, (int32_t)(number + i));
    bed->list = ref;
  }
}

static void drop_tooth(struct bed *bed)
{
  for (uint32_t i = KEPT(bed->cells); i < bed->cells; i++)
    must("element", slh_array_set_ref(bed->heap, bed->table, i, SLH_NULL));
}

/* The element for the list of a step. */
static uint32_t cell_of(struct bed *bed, uint32_t step)
{
  uint32_t kept = KEPT(bed->cells), cell;

  if (step < bed->cells)
    return step;
  if (bed->scenario->shape == POLICY_STEADY)
    return random_below(&bed->random, bed->cells);
  cell = kept + (step - kept) % (bed->cells - kept);
  if (cell == kept)
    drop_tooth(bed);
  return cell;
}

static bool run_steps(struct bed *bed)
{
  for (uint32_t step = 0; step < bed->steps; step++) {
    uint32_t cell = cell_of(bed, step);

    for (uint32_t i = 0; i < bed->scenario->temporaries; i++)
      make_list(bed, step);
    make_list(bed, step);
    must("element", slh_array_set_ref(bed->heap, bed->table, cell, bed->list));
    if (step % STEPS_TIMED == 0 && cpu_ns() > bed->until_ns)
      return false;
  }
  return true;
}

/* ---- a store ---- */

/* Growing stores end at different sizes: how far from the last collection would
 * be luck. */
static double live_of(const struct policy_scenario *scenario, uint32_t store)
{
  if (scenario->shape != POLICY_GROWTH)
    return scenario->live;
  return scenario->live * (1 + 3 * (store + 1) / (double)scenario->stores) / 4;
}

static void set_up(struct bed *bed, uint32_t store, uint64_t max_bytes)
{
  const struct policy_scenario *scenario = bed->scenario;
  double bytes = scenario->allocated * (double)max_bytes;

  bed->cells = (uint32_t)(live_of(scenario, store) * (double)max_bytes / CELL_BYTES);
  switch (scenario->shape) {
  case POLICY_STEADY:
    bed->steps = (uint32_t)(bytes / (LIST_BYTES * (1 + scenario->temporaries)));
    break;
  case POLICY_GROWTH:
    bed->steps = bed->cells;
    break;
  case POLICY_SAWTOOTH:
    bed->steps = (uint32_t)(scenario->allocated * (bed->cells - KEPT(bed->cells)));
    break;
  }
}

/* What all lists hold. */
static void add_up(struct bed *bed)
{
  for (uint32_t i = 0; i < bed->cells; i++) {
    slh_ref node = SLH_NULL;

    must("element", slh_array_get_ref(bed->heap, bed->table, i, &node));
    for (; !slh_is_null(node); node = slh_get_ref(bed->heap, node, NODE_NEXT))
      bed->check = bed->check * 31 + (uint32_t)slh_get_i32(bed->heap, node, NODE_VALUE);
  }
}

static void add_figures(const struct bed *bed, struct policy_result *result)
{
  slh_heap_stats stats;

  slh_heap_get_stats(bed->heap, &stats);
  result->young += stats.young_collections;
  result->full += stats.collections - stats.young_collections;
  result->copied += stats.copied_total;
  if (stats.used > result->peak_used)
    result->peak_used = stats.used;
}

static bool run_store(struct bed *bed, slh_pool *pool, const slh_heap_options *options,
                      struct policy_result *result)
{
  uint64_t start = cpu_ns();
  bool good;

  bed->table = bed->list = SLH_NULL;
  must("heap", slh_heap_acquire(pool, options, &bed->heap));
  must("table", slh_new_array(bed->heap, bed->array, bed->cells, &bed->table));
  good = run_steps(bed);
  result->cpu_ns += cpu_ns() - start;
  add_figures(bed, result);
  add_up(bed);
  start = cpu_ns();
  slh_heap_release(bed->heap);
  result->cpu_ns += cpu_ns() - start;
  return good;
}

bool policy_run(slh_pool *pool, slh_collector collector, const struct policy_choice *choice,
                const struct policy_scenario *scenario, uint64_t max_bytes, uint64_t seed,
                uint64_t most_ns, struct policy_result *out)
{
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  struct policy_meter meter = {.policy = &choice->policy};
  slh_policy policy = policy_metered(&meter);
  uint64_t now = cpu_ns();
  struct bed bed = {.scenario = scenario,
                    .random = random_seed(seed, 0),
                    .until_ns = most_ns < UINT64_MAX - now ? now + most_ns : UINT64_MAX};
  bool good = true;
  slh_error error;

  runtime_options.collector = collector;
  runtime_options.policy = &policy;
  must("runtime", slh_runtime_new(&runtime_options, &heap_options.runtime, &error));
  must("type", node_type_new(heap_options.runtime, &bed.node, &error));
  must("type", slh_array_type_new(heap_options.runtime, "lists", SLH_REF, &bed.array, &error));
  heap_options.max_bytes = max_bytes;
  heap_options.enumerate_roots = list_roots;
  heap_options.host = &bed;
  *out = (struct policy_result){0};
  for (uint32_t i = 0; i < scenario->stores && good; i++) {
    set_up(&bed, i, max_bytes);
    good = run_store(&bed, pool, &heap_options, out);
  }
  out->questions = meter.questions;
  if (meter.peak_used > out->peak_used)
    out->peak_used = meter.peak_used;
  out->check = bed.check;
  slh_runtime_free(heap_options.runtime);
  return good;
}
