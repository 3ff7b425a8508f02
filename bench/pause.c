/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench pause: how long the increments of a collection are, of a heap
 * in which everything is alive. Beginning is an increment, too.
 */
#include "bench.h"
#include "clock.h"
#include "memory.h"
#include "node.h"
#include "options.h"
#include "pin.h"
#include "progress.h"
#include "random.h"
#include "stats.h"

#include <inttypes.h>

#define RUNS 5
#define QUICK_RUNS 3
#define RUNS_MAX 100
#define OBJECTS (1u << 20)
#define QUICK_OBJECTS (1u << 16)
#define RUN_INCREMENTS 1000 /* a run has at least so many, in one or more collections */
#define HEAP_BYTES (UINT64_C(1) << 30)

struct pause_options {
  struct settings settings;
  struct options_list budgets; /* in KiB */
  uint64_t objects;            /* 0: the default */
  uint64_t runs;               /* 0: the default */
};

struct bed {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *node;
  const slh_type *array;
  struct random random;
  slh_ref root;
};

static void must(const char *what, slh_status status)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "slotheap-bench: pause: %s: %s\n", what, slh_status_text(status));
  exit(EXIT_FAILURE);
}

/* ---- what is collected ---- */

static slh_ref new_node(struct bed *bed, slh_ref next, slh_ref other)
{
  slh_ref node = SLH_NULL;

  must("allocation", slh_alloc_struct_uninit(bed->heap, bed->node, &node));
  slh_init_ref(bed->heap, node, NODE_NEXT, next);
  slh_init_ref(bed->heap, node, NODE_OTHER, other);
  slh_set_i32(bed->heap, node, NODE_VALUE, 1);
  return node;
}

/* A balanced tree, from the bottom up. */
static slh_ref build_tree(struct bed *bed, uint32_t objects)
{
  slh_ref left, right;

  if (objects == 0)
    return SLH_NULL;
  left = build_tree(bed, (objects - 1) / 2);
  right = build_tree(bed, objects - 1 - (objects - 1) / 2);
  return new_node(bed, left, right);
}

/* One array of all objects, which refer to others before them. */
static slh_ref build_array(struct bed *bed, uint32_t objects)
{
  slh_ref array = SLH_NULL;

  must("allocation", slh_alloc_array(bed->heap, bed->array, objects, &array));
  for (uint32_t i = 0; i < objects; i++) {
    slh_ref next = SLH_NULL;

    must("element", slh_array_get_ref(bed->heap, array, random_below(&bed->random, i + 1), &next));
    must("element", slh_array_set_ref(bed->heap, array, i, new_node(bed, next, array)));
  }
  return array;
}

static const struct shape {
  const char *name;
  slh_ref (*build)(struct bed *bed, uint32_t objects);
} shapes[] = {{"tree", build_tree}, {"array", build_array}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static const struct system {
  const char *name;
  slh_collector collector;
} systems[] = {{"slotheap", SLH_COLLECTOR_GENERATIONAL}, {"slotheap-full", SLH_COLLECTOR_COPYING}};
#define SYSTEMS (sizeof systems / sizeof *systems)

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct bed *bed = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &bed->root, 1, "the benchmark's");
}

static void bed_open(struct bed *bed, slh_collector collector, const struct settings *settings)
{
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  slh_error error;

  runtime_options.collector = collector;
  pool_options.slots = 1;
  pool_options.max_heap_bytes = HEAP_BYTES;
  pool_options.keep_resident_bytes = HEAP_BYTES;
  pool_options.keep_evacuation_bytes = HEAP_BYTES;
  must("runtime", slh_runtime_new(&runtime_options, &bed->runtime, &error));
  must("pool", slh_pool_new(&pool_options, &bed->pool, &error));
  must("type", node_type_new(bed->runtime, &bed->node, &error));
  must("type", slh_array_type_new(bed->runtime, "nodes", SLH_REF, &bed->array, &error));
  heap_options.runtime = bed->runtime;
  heap_options.initial_bytes = HEAP_BYTES;
  heap_options.enumerate_roots = list_roots;
  heap_options.host = bed;
  bed->root = SLH_NULL;
  must("heap", slh_heap_acquire(bed->pool, &heap_options, &bed->heap));
  bed->random = random_seed(settings->seed, 0);
}

static void bed_close(struct bed *bed)
{
  slh_heap_release(bed->heap);
  slh_pool_free(bed->pool);
  slh_runtime_free(bed->runtime);
}

/* ---- the measurement ---- */

/* Each figure is a metric; the last is how many increments there were. */
static const struct {
  const char *metric;
  double quantile;
} figures[] = {{"ns_p50", 0.5}, {"ns_p99", 0.99}, {"ns_p999", 0.999}, {"ns_max", 1}};
#define FIGURES (sizeof figures / sizeof *figures)
#define INCREMENTS "increments_per_collection"

/* All increments of one collection. */
static void collect(struct bed *bed, uint64_t budget, struct histogram *histogram)
{
  uint64_t before = clock_ns();
  bool complete = false;

  must("collection", slh_collection_begin(bed->heap, NULL));
  while (!complete) {
    uint64_t now = clock_ns();

    histogram_add(histogram, now - before);
    before = now;
    must("increment", slh_collection_step(bed->heap, budget, &complete));
  }
  histogram_add(histogram, clock_ns() - before);
}

/* Built anew each time, so that the collector does not meet its own order. */
static uint32_t run(struct bed *bed, const struct shape *shape, uint32_t objects, uint64_t budget,
                    struct histogram *histogram)
{
  uint32_t collections = 0;

  histogram_clear(histogram);
  while (histogram->total < RUN_INCREMENTS) {
    slh_heap_reset(bed->heap);
    bed->root = SLH_NULL;
    bed->root = shape->build(bed, objects);
    collect(bed, budget, histogram);
    collections++;
  }
  return collections;
}

static void run_case(struct report *report, struct bed *bed, const struct system *system,
                     const struct shape *shape, const struct pause_options *options,
                     uint64_t budget)
{
  struct histogram *histogram = memory_new(1, sizeof *histogram);
  double samples[FIGURES][RUNS_MAX], increments[RUNS_MAX];
  char name[64];

  snprintf(name, sizeof name, "%s, budget=%" PRIu64, shape->name, budget);
  run(bed, shape, (uint32_t)options->objects, budget, histogram); /* warms up, not kept */
  for (uint64_t i = 0; i < options->runs; i++) {
    uint32_t collections;

    progress_show(name, (double)i / (double)options->runs);
    collections = run(bed, shape, (uint32_t)options->objects, budget, histogram);
    increments[i] = (double)histogram->total / collections;
    for (size_t j = 0; j < FIGURES; j++)
      samples[j][i] = histogram_quantile(histogram, figures[j].quantile);
  }
  progress_clear();
  for (size_t i = 0; i < FIGURES; i++)
    report_add(report, "pause", name, system->name, figures[i].metric, samples[i], options->runs);
  report_add(report, "pause", name, system->name, INCREMENTS, increments, options->runs);
  free(histogram);
}

static void fill_in(struct pause_options *options)
{
  static const struct options_list budgets = {{16, 64, 256}, 3};

  if (options->budgets.count == 0)
    options->budgets = budgets;
  if (options->objects == 0)
    options->objects = options->settings.quick ? QUICK_OBJECTS : OBJECTS;
  if (options->runs == 0)
    options->runs = options->settings.quick || options->settings.all ? QUICK_RUNS : RUNS;
}

static bool measure(struct report *report, void *input)
{
  struct pause_options *options = input;

  fill_in(options);
  pin_thread(pin_processors() - 1);
  for (size_t i = 0; i < SYSTEMS; i++) {
    struct bed bed;

    bed_open(&bed, systems[i].collector, &options->settings);
    for (size_t j = 0; j < SHAPES; j++)
      for (size_t k = 0; k < options->budgets.count; k++)
        run_case(report, &bed, &systems[i], &shapes[j], options, options->budgets.values[k] << 10);
    bed_close(&bed);
  }
  pin_release();
  return true;
}

static void tabulate_row(const struct report *report, struct table *table, const char *name,
                         const char *system)
{
  const struct report_entry *entry = report_find(report, "pause", name, system, INCREMENTS);

  if (entry == NULL)
    return;
  table_cell(table, "%s, %s", system, name);
  for (size_t i = 0; i < FIGURES; i++)
    table_nanoseconds(table, report_find(report, "pause", name, system, figures[i].metric)->median);
  table_number(table, entry->median);
  table_end_row(table);
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *cases[SHAPES * OPTIONS_LIST_MAX];
  size_t count = report_cases(report, "pause", cases, SHAPES * OPTIONS_LIST_MAX);

  table_cell(table, "pause");
  table_cell(table, "p50");
  table_cell(table, "p99");
  table_cell(table, "p99.9");
  table_cell(table, "max");
  table_cell(table, "increments");
  table_end_row(table);
  for (size_t i = 0; i < SYSTEMS; i++)
    for (size_t j = 0; j < count; j++)
      tabulate_row(report, table, cases[j], systems[i].name);
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"budgets", OPTION_LIST, offsetof(struct pause_options, budgets),
     "Of an increment, in KiB (default 16,64,256)", .least = 1, .most = 1 << 20},
    {"objects", OPTION_NUMBER, offsetof(struct pause_options, objects),
     "Alive (default 1048576; 65536 with --quick)", .least = 1, .most = 16777216},
    {"runs", OPTION_NUMBER, offsetof(struct pause_options, runs),
     "Runs of each (default 5; 3 with --quick)", .least = 1, .most = RUNS_MAX},
    OPTIONS_SETTINGS,
};

const struct command command_pause = {
    .name = "pause",
    .summary = "how long the increments of a collection are",
    .doc = "Times the increments of collections of a heap in which everything is alive: a "
           "balanced tree, and a large array of objects.",
    .options = option_rows,
    .bytes = sizeof(struct pause_options),
    .measure = measure,
    .tabulate = tabulate,
};
