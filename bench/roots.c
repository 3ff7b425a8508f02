/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench roots: what it takes a host written in C to keep references
 * and host data: each kind of root made and given up, a protected call, and a
 * collection of a heap that such roots keep alive.
 */
#include "bench.h"
#include "clock.h"
#include "node.h"
#include "pin.h"
#include "progress.h"

#include <inttypes.h>
#include <stdlib.h>

#define RUNS 9
#define QUICK_RUNS 3
#define BATCH 1000       /* roots at a time */
#define BATCHES 200      /* in a run */
#define COLLECTIONS 1000 /* in a run */
#define CASES_MAX 32

struct bed {
  slh_runtime *runtime;
  slh_pool *pool;
  slh_heap *heap;
  const slh_type *node;
  slh_ref raw[BATCH]; /* listed by enumerate_roots: the first `raw_count` */
  uint32_t raw_count;
  uint64_t dropped; /* externrefs */
};

static void must(const char *what, slh_status status)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "slotheap-bench: roots: %s: %s\n", what, slh_status_text(status));
  exit(EXIT_FAILURE);
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct bed *bed = host;

  (void)slh_roots_add(roots, SLH_ROOT_OTHER, bed->raw, bed->raw_count, "the benchmark's");
}

static void bed_open(struct bed *bed)
{
  slh_pool_options pool_options = SLH_POOL_OPTIONS_INIT;
  slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;

  pool_options.slots = 1;
  must("runtime", slh_runtime_new(NULL, &bed->runtime, NULL));
  must("pool", slh_pool_new(&pool_options, &bed->pool, NULL));
  must("type", node_type_new(bed->runtime, &bed->node, NULL));
  must("traps", slh_traps_enable(NULL));
  heap_options.runtime = bed->runtime;
  heap_options.enumerate_roots = list_roots;
  heap_options.host = bed;
  must("heap", slh_heap_acquire(bed->pool, &heap_options, &bed->heap));
}

static void bed_close(struct bed *bed)
{
  slh_heap_release(bed->heap);
  slh_traps_disable();
  slh_pool_free(bed->pool);
  slh_runtime_free(bed->runtime);
}

/* The compiler takes it for used. */
static inline void use(slh_ref ref)
{
  __asm__ volatile("" : : "r"(ref.bits) : "memory");
}

static slh_ref new_node(struct bed *bed)
{
  slh_ref node;

  must("allocation", slh_alloc_struct(bed->heap, bed->node, &node));
  return node;
}

static void drop(void *data)
{
  struct bed *bed = data;

  bed->dropped++;
}

/* ---- one batch of operations each ---- */

/* A host's own array: written, and read again. */
static void raw_batch(struct bed *bed)
{
  for (int i = 0; i < BATCH; i++) {
    bed->raw[i] = slh_i31(i);
    use(bed->raw[i]);
  }
}

static void frame_batch(struct bed *bed)
{
  for (int i = 0; i < BATCH; i++) {
    slh_frame frame;

    must("frame", slh_frame_open(bed->heap, &frame));
    slh_frame_close(&frame);
  }
}

static void local_batch(struct bed *bed)
{
  slh_frame frame;

  must("frame", slh_frame_open(bed->heap, &frame));
  for (int i = 0; i < BATCH; i++) {
    slh_local local;

    must("local root", slh_local_new(&frame, slh_i31(i), &local));
    use(slh_local_get(bed->heap, local));
  }
  slh_frame_close(&frame);
}

static void owned_batch(struct bed *bed)
{
  for (int i = 0; i < BATCH; i++) {
    slh_owned owned;

    must("owned root", slh_owned_new(bed->heap, slh_i31(i), &owned));
    slh_owned_free(bed->heap, owned);
  }
}

static void externref_batch(struct bed *bed)
{
  slh_ref made;

  bed->dropped = 0;
  for (int i = 0; i < BATCH; i++)
    must("externref", slh_alloc_externref(bed->heap, bed, drop, &made));
  must("collection", slh_heap_collect(bed->heap, NULL));
  if (bed->dropped != BATCH)
    must("an externref was not dropped once", SLH_E_CORRUPT);
}

static void protected_function(void *argument)
{
  use(*(const slh_ref *)argument);
}

static void protected_batch(struct bed *bed)
{
  for (int i = 0; i < BATCH; i++)
    must("protected call", slh_heap_protect(bed->heap, protected_function, bed->raw, NULL));
}

static const struct operation {
  const char *name;
  void (*batch)(struct bed *bed);
} operations[] = {
    {"raw root, set and get", raw_batch},
    {"frame, open and close", frame_batch},
    {"local root, new and get", local_batch},
    {"owned root, new and free", owned_batch},
    {"externref, new and dropped", externref_batch},
    {"protected call", protected_batch},
};

static double time_operation(struct bed *bed, const struct operation *operation)
{
  uint64_t start;

  bed->raw_count = 0;
  slh_heap_reset(bed->heap);
  operation->batch(bed); /* tables grow once */
  start = clock_ns();
  for (int i = 0; i < BATCHES; i++)
    operation->batch(bed);
  return (double)(clock_ns() - start) / BATCHES / BATCH;
}

/* ---- collections: `count` roots of a kind, each of a node of its own ---- */

static double time_collections(struct bed *bed)
{
  slh_heap_stats before, after;
  uint64_t start, end;

  slh_heap_get_stats(bed->heap, &before);
  start = clock_ns();
  for (int i = 0; i < COLLECTIONS; i++)
    must("collection", slh_heap_collect(bed->heap, NULL));
  end = clock_ns();
  slh_heap_get_stats(bed->heap, &after);
  if (after.used != before.used || after.externrefs != before.externrefs)
    must("a collection lost live objects", SLH_E_CORRUPT);
  return (double)(end - start) / COLLECTIONS;
}

static double collect_raw(struct bed *bed, uint32_t count)
{
  while (bed->raw_count < count)
    bed->raw[bed->raw_count++] = new_node(bed);
  return time_collections(bed);
}

static double collect_locals(struct bed *bed, uint32_t count)
{
  slh_frame frame;
  double nanoseconds;

  must("frame", slh_frame_open(bed->heap, &frame));
  for (uint32_t i = 0; i < count; i++) {
    slh_local local;

    must("local root", slh_local_new(&frame, new_node(bed), &local));
  }
  nanoseconds = time_collections(bed);
  slh_frame_close(&frame);
  return nanoseconds;
}

/* They end with the store. */
static double collect_owned(struct bed *bed, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) {
    slh_owned owned;

    must("owned root", slh_owned_new(bed->heap, new_node(bed), &owned));
  }
  return time_collections(bed);
}

/* Raw roots of externrefs instead of nodes. */
static double collect_externrefs(struct bed *bed, uint32_t count)
{
  for (; bed->raw_count < count; bed->raw_count++)
    must("externref", slh_alloc_externref(bed->heap, bed, drop, &bed->raw[bed->raw_count]));
  return time_collections(bed);
}

static const struct kind {
  const char *name;
  double (*collect)(struct bed *bed, uint32_t count);
} kinds[] = {
    {"raw roots", collect_raw},
    {"local roots", collect_locals},
    {"owned roots", collect_owned},
    {"externrefs", collect_externrefs},
};

/* ---- the measurement ---- */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const uint32_t counts[] = {10, 1000};

struct sampled {
  char name[64];
  double nanoseconds[RUNS];
};

static void run(struct bed *bed, struct sampled *cases, uint64_t number)
{
  for (size_t i = 0; i < COUNT(operations); i++, cases++) {
    snprintf(cases->name, sizeof cases->name, "%s", operations[i].name);
    cases->nanoseconds[number] = time_operation(bed, &operations[i]);
  }
  for (size_t i = 0; i < COUNT(kinds); i++)
    for (size_t j = 0; j < COUNT(counts); j++, cases++) {
      bed->raw_count = 0;
      slh_heap_reset(bed->heap);
      snprintf(cases->name, sizeof cases->name, "collection, %" PRIu32 " %s", counts[j],
               kinds[i].name);
      cases->nanoseconds[number] = kinds[i].collect(bed, counts[j]);
    }
}

static bool measure(struct report *report, void *options)
{
  const struct settings *settings = options;
  struct sampled cases[COUNT(operations) + COUNT(kinds) * COUNT(counts)];
  uint64_t runs = settings->quick ? QUICK_RUNS : RUNS;
  struct bed bed = {0};

  pin_thread(pin_processors() - 1);
  bed_open(&bed);
  run(&bed, cases, 0); /* warms up, not kept */
  for (uint64_t i = 0; i < runs; i++) {
    progress_show("roots", (double)i / (double)runs);
    run(&bed, cases, i);
  }
  progress_clear();
  bed_close(&bed);
  pin_release();
  for (size_t i = 0; i < COUNT(cases); i++)
    report_add(report, "roots", cases[i].name, "slotheap", "ns_per_operation", cases[i].nanoseconds,
               runs);
  return true;
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *cases[CASES_MAX];
  size_t count = report_cases(report, "roots", cases, CASES_MAX);

  table_cell(table, "roots");
  table_cell(table, "each");
  table_end_row(table);
  for (size_t i = 0; i < count; i++) {
    table_cell(table, "%s", cases[i]);
    table_nanoseconds(
        table, report_find(report, "roots", cases[i], "slotheap", "ns_per_operation")->median);
    table_end_row(table);
  }
}

const struct command command_roots = {
    .name = "roots",
    .summary = "what roots and host data cost a host in C",
    .doc = "Times what a host written in C does to keep references and host data: roots of each "
           "kind, externrefs, protected calls, and collections with many of them.",
    .options = options_settings,
    .bytes = sizeof(struct settings),
    .measure = measure,
    .tabulate = tabulate,
};
