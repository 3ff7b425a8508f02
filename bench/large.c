/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench large: what a large array does to the full collections of a
 * heap with many small objects: the first one, which meets it, and those after.
 */
#include "bench.h"
#include "clock.h"
#include "memory.h"
#include "node.h"
#include "pin.h"

#define NODES 500000
#define ARRAY_BYTES (UINT64_C(256) << 20)
#define QUICK_ARRAY_BYTES (UINT64_C(64) << 20) /* room for the references of fill() */
#define AGAIN 5
#define RUNS 3

static const struct {
  const char *name;
  bool has_array;
  slh_storage element;
} cases[] = {{"nodes alone", false, SLH_I8},
             {"with an array of i8", true, SLH_I8},
             {"with an array of references", true, SLH_REF}};

#define CASES (sizeof cases / sizeof *cases)

struct bed {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *node;
  slh_ref roots[2]; /* the last node, the array */
};

static void must(slh_status status)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "slotheap-bench: large: %s\n", slh_status_text(status));
  exit(EXIT_FAILURE);
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct bed *bed = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, bed->roots, 2, "the benchmark's");
}

static void open_bed(struct bed *bed)
{
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_error error;

  pool_options.slots = 1;
  pool_options.keep_evacuation_bytes = UINT64_C(1) << 30;
  must(slh_runtime_new(NULL, &bed->runtime, &error));
  must(node_type_new(bed->runtime, &bed->node, &error));
  must(slh_pool_new(&pool_options, &bed->pool, &error));
  options.runtime = bed->runtime;
  options.initial_bytes = UINT64_C(1) << 30;
  options.enumerate_roots = list_roots;
  options.host = bed;
  bed->roots[0] = bed->roots[1] = SLH_NULL;
  must(slh_heap_acquire(bed->pool, &options, &bed->heap));
}

static void close_bed(struct bed *bed)
{
  slh_heap_release(bed->heap);
  slh_pool_free(bed->pool);
  slh_runtime_free(bed->runtime);
}

/* The array in the middle, so that half of the nodes have to pass it. Of an array
 * of references one in 64 refers to a node. */
static void fill(struct bed *bed, bool has_array, slh_storage element, uint64_t bytes)
{
  for (uint32_t i = 0; i < NODES; i++) {
    slh_ref node = SLH_NULL;

    if (has_array && i == NODES / 2) {
      const slh_type *type;

      must(slh_array_type_new(bed->runtime, "large", element, &type, NULL));
      must(slh_alloc_array(bed->heap, type, (uint32_t)(bytes / type->size), &bed->roots[1]));
    }
    must(slh_alloc_struct(bed->heap, bed->node, &node));
    slh_init_ref(bed->heap, node, NODE_NEXT, bed->roots[0]);
    bed->roots[0] = node;
    if (element == SLH_REF && !slh_is_null(bed->roots[1]))
      must(slh_array_set_ref(bed->heap, bed->roots[1], 64 * (i - NODES / 2), node));
  }
}

static double collect(struct bed *bed)
{
  uint64_t start = clock_ns();

  must(slh_heap_collect(bed->heap, NULL));
  return (double)(clock_ns() - start);
}

static bool measure(struct report *report, void *options)
{
  const struct settings *settings = options;
  uint64_t bytes = settings->quick ? QUICK_ARRAY_BYTES : ARRAY_BYTES;

  pin_thread(pin_processors() - 1);
  for (size_t i = 0; i < CASES; i++) {
    double first[RUNS], again[RUNS * AGAIN];

    for (size_t run = 0; run < RUNS; run++) {
      struct bed bed;

      open_bed(&bed);
      fill(&bed, cases[i].has_array, cases[i].element, bytes);
      first[run] = collect(&bed);
      for (size_t j = 0; j < AGAIN; j++)
        again[run * AGAIN + j] = collect(&bed);
      close_bed(&bed);
    }
    report_add(report, "large", cases[i].name, "slotheap", "ns_first", first, RUNS);
    report_add(report, "large", cases[i].name, "slotheap", "ns_again", again, RUNS * AGAIN);
  }
  pin_release();
  return true;
}

static void tabulate(const struct report *report, struct table *table)
{
  table_cell(table, "large");
  table_cell(table, "first collection");
  table_cell(table, "later ones");
  table_end_row(table);
  for (size_t i = 0; i < CASES; i++) {
    table_cell(table, "%s", cases[i].name);
    table_nanoseconds(table,
                      report_find(report, "large", cases[i].name, "slotheap", "ns_first")->median);
    table_nanoseconds(table,
                      report_find(report, "large", cases[i].name, "slotheap", "ns_again")->median);
    table_end_row(table);
  }
}

const struct command command_large = {
    .name = "large",
    .summary = "what a large array costs full collections",
    .doc = "Times full collections of 500,000 nodes, alone and with an array of 256 MiB between "
           "them (16 MiB with --quick).",
    .options = options_settings,
    .bytes = sizeof(struct settings),
    .measure = measure,
    .tabulate = tabulate,
    .alone = true,
};
