/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench evacuate: what a collection takes for each object that it
 * moves. Everything is alive; the heap is built anew before each collection,
 * so the collector never meets an order that it has made itself.
 */
#include "bench.h"
#include "clock.h"
#include "memory.h"
#include "node.h"
#include "options.h"
#include "pin.h"
#include "progress.h"
#include "random.h"

#include <inttypes.h>

#define RUNS 9
#define QUICK_RUNS 3
#define RUNS_MAX 1000
#define RUN_OBJECTS (1u << 18) /* a run moves at least so many, in one or more collections */
#define HEAP_BYTES (UINT64_C(1) << 30)

struct evacuate_options {
  struct settings settings;
  struct options_list objects;
  uint64_t runs; /* 0: the default */
};

struct bed {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  slh_roots *roots;
  const slh_type *node;
  const slh_type *array;
  struct random random;
  slh_ref root; /* registered in `roots` */
};

static _Noreturn void fail(const char *what, slh_status status)
{
  fprintf(stderr, "slotheap-bench: evacuate: %s: %s\n", what, slh_status_text(status));
  exit(EXIT_FAILURE);
}

static void must(const char *what, slh_status status)
{
  if (status != SLH_OK)
    fail(what, status);
}

/* ---- the two shapes ---- */

static slh_ref new_node(struct bed *bed, slh_ref next, slh_ref other, int32_t value)
{
  slh_ref node = SLH_NULL;

  must("allocation", slh_alloc_struct_uninit(bed->heap, bed->node, &node));
  slh_init_ref(bed->heap, node, NODE_NEXT, next);
  slh_init_ref(bed->heap, node, NODE_OTHER, other);
  slh_set_i32(bed->heap, node, NODE_VALUE, value);
  return node;
}

/* A balanced tree, children before their parent, as a recursive program
 * builds one. */
static slh_ref build_tree(struct bed *bed, uint32_t objects)
{
  slh_ref left, right;

  if (objects == 0)
    return SLH_NULL;
  left = build_tree(bed, (objects - 1) / 2);
  right = build_tree(bed, objects - 1 - (objects - 1) / 2);
  return new_node(bed, left, right, (int32_t)objects);
}

/* An array of all objects, and two edges from each to objects anywhere. */
static slh_ref build_graph(struct bed *bed, uint32_t objects)
{
  slh_ref array;

  must("allocation", slh_alloc_array(bed->heap, bed->array, objects, &array));
  for (uint32_t i = 0; i < objects; i++)
    must("element",
         slh_array_set_ref(bed->heap, array, i, new_node(bed, SLH_NULL, SLH_NULL, (int32_t)i)));
  for (uint32_t i = 0; i < objects; i++) {
    slh_ref node = SLH_NULL, next = SLH_NULL, other = SLH_NULL;

    must("element", slh_array_get_ref(bed->heap, array, i, &node));
    must("element",
         slh_array_get_ref(bed->heap, array, random_below(&bed->random, objects), &next));
    must("element",
         slh_array_get_ref(bed->heap, array, random_below(&bed->random, objects), &other));
    slh_set_ref(bed->heap, node, NODE_NEXT, next);
    slh_set_ref(bed->heap, node, NODE_OTHER, other);
  }
  return array;
}

static const struct shape {
  const char *name;
  slh_ref (*build)(struct bed *bed, uint32_t objects);
} shapes[] = {{"tree", build_tree}, {"graph", build_graph}};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* ---- the measurement ---- */

static void bed_open(struct bed *bed, const struct settings *settings)
{
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
  slh_error error;

  /* Nothing goes back to the system between collections: what is measured
   * is moving objects, not page faults. */
  pool_options.slots = 1;
  pool_options.max_heap_bytes = HEAP_BYTES;
  pool_options.keep_resident_bytes = HEAP_BYTES;
  pool_options.keep_evacuation_bytes = HEAP_BYTES;
  must("runtime", slh_runtime_new(NULL, &bed->runtime, &error));
  must("pool", slh_pool_new(&pool_options, &bed->pool, &error));
  must("type", node_type_new(bed->runtime, &bed->node, &error));
  must("type", slh_array_type_new(bed->runtime, "nodes", SLH_REF, &bed->array, &error));
  heap_options.runtime = bed->runtime;
  heap_options.initial_bytes = HEAP_BYTES;
  must("heap", slh_heap_acquire(bed->pool, &heap_options, &bed->heap));
  must("roots", slh_roots_new(bed->runtime, &bed->roots));
  must("roots", slh_roots_add(bed->roots, SLH_ROOT_OTHER, &bed->root, 1, "the benchmark's"));
  bed->random = random_seed(settings->seed, 0);
}

static void bed_close(struct bed *bed)
{
  slh_heap_release(bed->heap);
  slh_roots_free(bed->roots);
  slh_pool_free(bed->pool);
  slh_runtime_free(bed->runtime);
}

/* Nanoseconds of one collection, and the bytes that it moved. */
static uint64_t collect_once(struct bed *bed, const struct shape *shape, uint32_t objects,
                             uint64_t *bytes)
{
  slh_heap_stats stats;
  uint64_t used, start, end;

  slh_heap_reset(bed->heap);
  bed->root = shape->build(bed, objects);
  slh_heap_get_stats(bed->heap, &stats);
  used = stats.used;
  start = clock_ns();
  must("collection", slh_heap_collect(bed->heap, bed->roots));
  end = clock_ns();
  slh_heap_get_stats(bed->heap, &stats);
  if (stats.used != used)
    fail("a collection lost live objects", SLH_E_CORRUPT);
  *bytes += used;
  return end - start;
}

/* One run: enough collections to be timed well. */
static void run(struct bed *bed, const struct shape *shape, uint32_t objects, double *ns_per_object,
                double *bytes_per_s)
{
  uint32_t collections = RUN_OBJECTS / objects + 1;
  uint64_t nanoseconds = 0, bytes = 0;

  for (uint32_t i = 0; i < collections; i++)
    nanoseconds += collect_once(bed, shape, objects, &bytes);
  *ns_per_object = (double)nanoseconds / objects / collections;
  *bytes_per_s = (double)bytes / (double)nanoseconds * 1e9;
}

static void run_case(struct report *report, struct bed *bed, const struct shape *shape,
                     uint32_t objects, uint64_t runs)
{
  double ns_per_object[RUNS_MAX], bytes_per_s[RUNS_MAX];
  char name[64];

  snprintf(name, sizeof name, "%s, objects=%" PRIu32, shape->name, objects);
  run(bed, shape, objects, ns_per_object, bytes_per_s); /* warms up, not kept */
  for (uint64_t i = 0; i < runs; i++) {
    char label[96];

    snprintf(label, sizeof label, "evacuate %s", name);
    progress_show(label, (double)i / (double)runs);
    run(bed, shape, objects, &ns_per_object[i], &bytes_per_s[i]);
  }
  progress_clear();
  report_add(report, "evacuate", name, "slotheap", "ns_per_object", ns_per_object, runs);
  report_add(report, "evacuate", name, "slotheap", "bytes_per_s", bytes_per_s, runs);
}

static void fill_in(struct evacuate_options *options)
{
  static const struct options_list objects = {{1024, 16384, 131072, 1048576}, 4};

  if (options->objects.count == 0)
    options->objects = objects;
  if (options->runs == 0)
    options->runs = options->settings.quick ? QUICK_RUNS : RUNS;
}

static bool measure(struct report *report, void *input)
{
  struct evacuate_options *options = input;
  struct bed bed;

  fill_in(options);
  pin_thread(pin_processors() - 1);
  bed_open(&bed, &options->settings);
  for (size_t i = 0; i < SHAPES; i++)
    for (size_t j = 0; j < options->objects.count; j++)
      run_case(report, &bed, &shapes[i], (uint32_t)options->objects.values[j], options->runs);
  bed_close(&bed);
  pin_release();
  return true;
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *cases[SHAPES * OPTIONS_LIST_MAX];
  size_t count = report_cases(report, "evacuate", cases, SHAPES * OPTIONS_LIST_MAX);

  table_cell(table, "evacuate");
  table_cell(table, "an object");
  table_cell(table, "a second");
  table_end_row(table);
  for (size_t i = 0; i < count; i++) {
    table_cell(table, "%s", cases[i]);
    table_nanoseconds(
        table, report_find(report, "evacuate", cases[i], "slotheap", "ns_per_object")->median);
    table_bytes(table,
                report_find(report, "evacuate", cases[i], "slotheap", "bytes_per_s")->median);
    table_end_row(table);
  }
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"objects", OPTION_LIST, offsetof(struct evacuate_options, objects),
     "Objects alive (default 1024,16384,131072,1048576)", .least = 1, .most = 16777216},
    {"runs", OPTION_NUMBER, offsetof(struct evacuate_options, runs),
     "Runs of each (default 9; 3 with --quick)", .least = 1, .most = RUNS_MAX},
    OPTIONS_SETTINGS,
};

const struct command command_evacuate = {
    .name = "evacuate",
    .summary = "a collection's time for each object it moves",
    .doc = "Times collections of a heap in which everything is alive: a balanced tree, and an "
           "array of objects with two random edges each.",
    .options = option_rows,
    .bytes = sizeof(struct evacuate_options),
    .measure = measure,
    .tabulate = tabulate,
};
