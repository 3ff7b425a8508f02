/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench drop: what it takes to be rid of objects, by collector: those that
 * live for a moment, host data behind the last reference in an old object, and
 * a large old tree.
 */
#include "bench.h"
#include "clock.h"
#include "memory.h"
#include "node.h"
#include "pin.h"
#include "progress.h"

#include <inttypes.h>
#include <malloc.h>

#define RUNS 5
#define QUICK_RUNS 3
#define SHORT_LIVED 4000000
#define QUICK_SHORT_LIVED 400000
#define TREE_NODES (1u << 20)
#define QUICK_TREE_NODES (1u << 16)
#define HEAP_BYTES (UINT64_C(64) << 20) /* nothing is collected before it is time to */

/* Externrefs that are dropped in a run: where each takes a collection, few. */
#define AT_ONCE 1000
#define BY_COLLECTION 5

static const uint32_t live_counts[] = {10000, 100000, 1000000};
#define LIVE_COUNTS (sizeof live_counts / sizeof *live_counts)

static const struct system {
  const char *name;
  slh_collector collector;
  bool malloc;
} systems[] = {{"slotheap", SLH_COLLECTOR_GENERATIONAL, false},
               {"slotheap-full", SLH_COLLECTOR_COPYING, false},
               {"slotheap-drc", SLH_COLLECTOR_DRC, false},
               {"glibc", SLH_COLLECTOR_NULL, true}};
#define SYSTEMS (sizeof systems / sizeof *systems)

struct bed {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap_options options;
  slh_heap *heap;
  const slh_type *node;
  const slh_type *array;
  slh_ref tree;
  slh_ref holder; /* an array of externrefs */
  uint64_t dropped;
};

static void must(const char *what, slh_status status)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "slotheap-bench: drop: %s: %s\n", what, slh_status_text(status));
  exit(EXIT_FAILURE);
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct bed *bed = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &bed->tree, 1, "the tree");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &bed->holder, 1, "what holds the externrefs");
}

static void bed_open(struct bed *bed, slh_collector collector)
{
  slh_runtime_options runtime_options = SLH_RUNTIME_OPTIONS_INIT;
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;

  runtime_options.collector = collector;
  pool_options.slots = 1;
  pool_options.max_heap_bytes = HEAP_BYTES;
  pool_options.keep_resident_bytes = HEAP_BYTES;
  pool_options.keep_evacuation_bytes = HEAP_BYTES;
  must("runtime", slh_runtime_new(&runtime_options, &bed->runtime, NULL));
  must("pool", slh_pool_new(&pool_options, &bed->pool, NULL));
  must("type", node_type_new(bed->runtime, &bed->node, NULL));
  must("type", slh_array_type_new(bed->runtime, "holder", SLH_REF, &bed->array, NULL));
  bed->options = (slh_heap_options)SLH_HEAP_OPTIONS_INIT;
  bed->options.runtime = bed->runtime;
  bed->options.enumerate_roots = list_roots;
  bed->options.host = bed;
}

static void bed_close(struct bed *bed)
{
  slh_pool_free(bed->pool);
  slh_runtime_free(bed->runtime);
}

/* `initial_bytes` of 0: the default. */
static void begin(struct bed *bed, uint64_t initial_bytes)
{
  bed->options.initial_bytes = initial_bytes;
  bed->dropped = 0;
  must("heap", slh_heap_acquire(bed->pool, &bed->options, &bed->heap));
}

static void end(struct bed *bed)
{
  bed->tree = bed->holder = SLH_NULL;
  slh_heap_release(bed->heap);
}

/* ---- objects that live for a moment ---- */

static double short_lived(struct bed *bed, uint32_t objects)
{
  const slh_type known = *bed->node; /* constants, in compiled code */
  uint64_t start;

  begin(bed, 0);
  start = clock_ns();
  for (uint32_t i = 0; i < objects; i++) {
    slh_ref node = SLH_NULL;

    while (SLH_UNLIKELY(slh_alloc_struct_uninit(bed->heap, &known, &node) != SLH_OK))
      must("room", slh_heap_make_room(bed->heap, NODE_BYTES));
    slh_init_ref(bed->heap, node, NODE_NEXT, SLH_NULL);
    slh_init_ref(bed->heap, node, NODE_OTHER, SLH_NULL);
    slh_set_i32(bed->heap, node, NODE_VALUE, (int32_t)i);
    __asm__ volatile("" : : "r"(node.bits) : "memory");
  }
  start = clock_ns() - start;
  end(bed);
  return (double)start / objects;
}

struct pointer_node {
  struct pointer_node *left;
  struct pointer_node *right;
};

static double short_lived_malloc(uint32_t objects)
{
  uint64_t start = clock_ns();

  for (uint32_t i = 0; i < objects; i++) {
    struct pointer_node *node = malloc(sizeof *node);

    if (node == NULL)
      memory_exhausted();
    *node = (struct pointer_node){NULL, NULL};
    __asm__ volatile("" : : "r"(node) : "memory");
    free(node);
  }
  return (double)(clock_ns() - start) / objects;
}

/* ---- a large tree that has become old ---- */

static slh_ref build_tree(struct bed *bed, uint32_t nodes)
{
  slh_ref left, right, node = SLH_NULL;

  if (nodes == 0)
    return SLH_NULL;
  left = build_tree(bed, (nodes - 1) / 2);
  right = build_tree(bed, nodes - 1 - (nodes - 1) / 2);
  must("allocation", slh_alloc_struct_uninit(bed->heap, bed->node, &node));
  slh_init_ref(bed->heap, node, NODE_NEXT, left);
  slh_init_ref(bed->heap, node, NODE_OTHER, right);
  slh_set_i32(bed->heap, node, NODE_VALUE, 0);
  return node;
}

/* Nanoseconds of the one call that is rid of it. */
static double drop_tree(struct bed *bed, uint32_t nodes)
{
  slh_heap_stats stats;
  uint64_t start;

  begin(bed, HEAP_BYTES);
  slh_write_ref(bed->heap, &bed->tree, build_tree(bed, nodes));
  must("collection", slh_heap_collect(bed->heap, NULL));
  start = clock_ns();
  slh_write_ref(bed->heap, &bed->tree, SLH_NULL);
  if (!slh_heap_counts(bed->heap))
    must("collection", slh_heap_collect(bed->heap, NULL));
  start = clock_ns() - start;
  slh_heap_get_stats(bed->heap, &stats);
  if (stats.reclaimed_total < (uint64_t)nodes * NODE_BYTES)
    must("the tree is still there", SLH_E_CORRUPT);
  end(bed);
  return (double)start;
}

static struct pointer_node *build_malloc(uint32_t nodes)
{
  struct pointer_node *node;

  if (nodes == 0)
    return NULL;
  node = memory_resize(NULL, 1, sizeof *node);
  node->left = build_malloc((nodes - 1) / 2);
  node->right = build_malloc(nodes - 1 - (nodes - 1) / 2);
  return node;
}

static void free_tree(struct pointer_node *node)
{
  if (node == NULL)
    return;
  free_tree(node->left);
  free_tree(node->right);
  free(node);
}

static double drop_tree_malloc(uint32_t nodes)
{
  struct pointer_node *tree = build_malloc(nodes);
  uint64_t start = clock_ns();

  free_tree(tree);
  start = clock_ns() - start;
  /* What it has put off would be done by whoever allocates next. */
  malloc_trim(0);
  return (double)start;
}

/* ---- host data behind the last reference, in an old object ---- */

static void count_drop(void *data)
{
  struct bed *bed = data;

  bed->dropped++;
}

static void hold_externrefs(struct bed *bed, uint32_t count)
{
  slh_ref holder = SLH_NULL, made = SLH_NULL;

  must("allocation", slh_alloc_array(bed->heap, bed->array, count, &holder));
  for (uint32_t i = 0; i < count; i++) {
    must("externref", slh_alloc_externref(bed->heap, bed, count_drop, &made));
    must("element", slh_array_set_ref(bed->heap, holder, i, made));
  }
  slh_write_ref(bed->heap, &bed->holder, holder);
}

/* Nanoseconds from the write that drops the reference to the end of the call that has
 * run the callback. */
static double drop_externref(struct bed *bed, uint32_t live)
{
  uint32_t count;
  uint64_t start;
  bool at_once;

  begin(bed, HEAP_BYTES);
  at_once = slh_heap_counts(bed->heap);
  count = at_once ? AT_ONCE : BY_COLLECTION;
  slh_write_ref(bed->heap, &bed->tree, build_tree(bed, live));
  hold_externrefs(bed, count);
  must("collection", slh_heap_collect(bed->heap, NULL));
  start = clock_ns();
  for (uint32_t i = 0; i < count; i++) {
    must("element", slh_array_set_ref(bed->heap, bed->holder, i, SLH_NULL));
    if (!at_once)
      must("collection", slh_heap_collect(bed->heap, NULL));
    if (bed->dropped != i + 1)
      must("an externref was not dropped once", SLH_E_CORRUPT);
  }
  start = clock_ns() - start;
  end(bed);
  return (double)start / count;
}

/* ---- the measurement ---- */

#define SHORT_CASE "short-lived objects"
#define CASES (2 + LIVE_COUNTS)

/* Of all systems: at first short-lived objects, then the tree, then externrefs by what lives. */
struct samples {
  double of[SYSTEMS][CASES][RUNS];
};

struct sizes {
  uint32_t short_lived;
  uint32_t tree;
  size_t live_counts;
  size_t runs;
};

static void run(struct bed *bed, const struct system *system, const struct sizes *sizes,
                size_t number, double samples[CASES][RUNS])
{
  if (system->malloc) {
    samples[0][number] = short_lived_malloc(sizes->short_lived);
    samples[1][number] = drop_tree_malloc(sizes->tree);
    return;
  }
  samples[0][number] = short_lived(bed, sizes->short_lived);
  samples[1][number] = drop_tree(bed, sizes->tree);
  for (size_t i = 0; i < sizes->live_counts; i++)
    samples[2 + i][number] = drop_externref(bed, live_counts[i]);
}

static void add(struct report *report, const struct sizes *sizes, const char *system, bool malloc,
                double samples[CASES][RUNS])
{
  double each[RUNS];
  char name[64];

  report_add(report, "drop", SHORT_CASE, system, "ns_per_object", samples[0], sizes->runs);
  snprintf(name, sizeof name, "old tree, nodes=%" PRIu32, sizes->tree);
  for (size_t i = 0; i < sizes->runs; i++)
    each[i] = samples[1][i] / sizes->tree;
  report_add(report, "drop", name, system, "ns_per_node", each, sizes->runs);
  if (!malloc)
    report_add(report, "drop", name, system, "ns_longest_call", samples[1], sizes->runs);
  for (size_t i = 0; i < sizes->live_counts && !malloc; i++) {
    snprintf(name, sizeof name, "externref, live=%" PRIu32, live_counts[i]);
    report_add(report, "drop", name, system, "ns_to_callback", samples[2 + i], sizes->runs);
  }
}

static bool measure(struct report *report, void *options)
{
  const struct settings *settings = options;
  const struct sizes sizes =
      settings->quick ? (struct sizes){QUICK_SHORT_LIVED, QUICK_TREE_NODES, 2, QUICK_RUNS}
                      : (struct sizes){SHORT_LIVED, TREE_NODES, LIVE_COUNTS, RUNS};
  struct samples *samples = memory_new(1, sizeof *samples);
  struct bed beds[SYSTEMS] = {0};

  pin_thread(pin_processors() - 1);
  for (size_t i = 0; i < SYSTEMS; i++)
    if (!systems[i].malloc)
      bed_open(&beds[i], systems[i].collector);
  for (size_t i = 0; i < SYSTEMS; i++)
    run(&beds[i], &systems[i], &sizes, 0, samples->of[i]); /* warms up, not kept */
  for (size_t run_number = 0; run_number < sizes.runs; run_number++)
    for (size_t i = 0; i < SYSTEMS; i++) {
      progress_show("drop", (double)(run_number * SYSTEMS + i) / (double)(sizes.runs * SYSTEMS));
      run(&beds[i], &systems[i], &sizes, run_number, samples->of[i]);
    }
  progress_clear();
  pin_release();
  for (size_t i = 0; i < SYSTEMS; i++) {
    add(report, &sizes, systems[i].name, systems[i].malloc, samples->of[i]);
    if (!systems[i].malloc)
      bed_close(&beds[i]);
  }
  free(samples);
  return true;
}

/* ---- the table: a row for each system ---- */

static const char *const metrics[] = {"ns_per_object", "ns_per_node", "ns_longest_call",
                                      "ns_to_callback"};
#define METRICS (sizeof metrics / sizeof *metrics)
#define LONGEST 2

/* The row of one system; NULL: the headings. The first system has all there are. */
static void tabulate_row(const struct report *report, struct table *table, const char *system)
{
  const char *cases[CASES];
  size_t count = report_cases(report, "drop", cases, CASES);

  table_cell(table, "%s", system ? system : "drop");
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < METRICS; j++) {
      const struct report_entry *entry =
          report_find(report, "drop", cases[i], system ? system : systems[0].name, metrics[j]);

      if (!system && entry != NULL)
        table_cell(table, "%s", j == LONGEST ? "longest call" : cases[i]);
      else if (entry != NULL)
        table_nanoseconds(table, entry->median);
    }
  table_end_row(table);
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *names[SYSTEMS];
  size_t count = report_systems(report, "drop", names, SYSTEMS);

  tabulate_row(report, table, NULL);
  for (size_t i = 0; i < count; i++)
    tabulate_row(report, table, names[i]);
}

const struct command command_drop = {
    .name = "drop",
    .summary = "being rid of objects, trees and host data",
    .doc =
        "Times what it takes to be rid of objects, by collector: objects that live for a moment; a "
        "large old tree; and host data behind the last reference to an externref in an old object, "
        "until its callback has run: at once with drc, by a forced collection with the others.",
    .options = options_settings,
    .bytes = sizeof(struct settings),
    .measure = measure,
    .tabulate = tabulate,
};
