/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The workload "graph": stores of very different sizes, half of their objects
 * garbage. One in eight collects. At its end each store reads all that it
 * built and compares it with what it should be: so moved objects, rewritten
 * roots and bytes of other stores would all be noticed.
 */
#include "memory.h"
#include "node.h"
#include "random.h"
#include "workload.h"

#define OBJECTS_MIN 10
#define OBJECTS_MAX 5000
#define CHAINS 4
#define INDEX_STEP 16    /* every so many objects, one goes into the index */
#define COLLECT_ONE_IN 8 /* stores */

#define LIVE_MAX (OBJECTS_MAX / 2 * NODE_BYTES + (OBJECTS_MAX / INDEX_STEP + 1) * 4 + 8)
#define HEAP_MIN (48u * 1024)

_Static_assert(LIVE_MAX <= HEAP_MIN, "a heap that small has room for all live objects");

struct graph {
  const slh_type *node;
  const slh_type *index;
  slh_heap_options options;
  uint64_t seed;
};

/* What a store holds outside its heap. Its nodes are linked into chains from
 * the newest to the oldest; `other` of each leads to the head of any chain. */
struct refs {
  slh_ref heads[CHAINS];
  slh_ref index;
};

/* What the nodes that the references lead to should sum up to. */
struct expected {
  int32_t head_values[CHAINS];
  uint64_t chains[CHAINS];
  uint64_t index;
};

struct thread {
  const struct graph *graph;
  slh_heap_options options;
  struct random random;
  slh_roots *roots;
  struct refs refs;
  struct expected expected;
  bool heads_in_list; /* `roots` has them already; must not be listed twice */
};

/* ---- shared among threads, and a thread's own ---- */

static bool register_types(struct graph *graph, slh_runtime *runtime)
{
  slh_error error;

  if (node_type_new(runtime, &graph->node, &error) == SLH_OK &&
      slh_array_type_new(runtime, "nodes", SLH_REF, &graph->index, &error) == SLH_OK)
    return true;
  fprintf(stderr, "slotheap-bench: graph: %s\n", error.message);
  return false;
}

static void *graph_open(slh_runtime *runtime, const struct workload_options *options)
{
  struct graph *graph;

  if (options->max_heap_bytes != 0 && options->max_heap_bytes < HEAP_MIN) {
    fprintf(stderr,
            "slotheap-bench: graph: heaps of %llu bytes are too small; up to %d bytes are alive at "
            "a time, so give it %uK or more\n",
            (unsigned long long)options->max_heap_bytes, LIVE_MAX, HEAP_MIN / 1024);
    return NULL;
  }
  graph = memory_new(1, sizeof *graph);
  graph->options = (slh_heap_options)SLH_HEAP_OPTIONS_INIT;
  graph->options.runtime = runtime;
  graph->options.max_bytes = options->max_heap_bytes;
  graph->seed = options->seed;
  if (register_types(graph, runtime))
    return graph;
  free(graph);
  return NULL;
}

static void enumerate_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct thread *thread = host;

  if (!thread->heads_in_list)
    slh_roots_add(roots, SLH_ROOT_STACK, thread->refs.heads, CHAINS, "heads");
  slh_roots_add(roots, SLH_ROOT_OTHER, &thread->refs.index, 1, "index");
}

static void *graph_thread_open(void *shared, unsigned thread_number)
{
  struct thread *thread = memory_new(1, sizeof *thread);

  thread->graph = shared;
  thread->options = thread->graph->options;
  thread->options.enumerate_roots = enumerate_roots;
  thread->options.host = thread;
  thread->random = random_seed(thread->graph->seed, thread_number);
  if (slh_roots_new(thread->options.runtime, &thread->roots) == SLH_OK)
    return thread;
  free(thread);
  return NULL;
}

static void graph_thread_close(void *state)
{
  struct thread *thread = state;

  slh_roots_free(thread->roots);
  free(thread);
}

/* ---- building ---- */

static uint64_t hash(int32_t value, int32_t other)
{
  return (uint32_t)value * UINT64_C(0x9e3779b97f4a7c15) + (uint32_t)other;
}

/* A node in front of the chain `next`. Every reference is read from `refs`
 * after the allocation: that may have collected. */
static slh_status add_node(struct thread *thread, slh_heap *heap, uint64_t choice, slh_ref *out)
{
  uint32_t next = (uint32_t)choice % CHAINS;
  uint32_t other = (uint32_t)(choice >> 8) % CHAINS;
  slh_status status = slh_new_struct_uninit(heap, thread->graph->node, out);

  if (status != SLH_OK)
    return status;
  slh_init_ref(heap, *out, NODE_NEXT, thread->refs.heads[next]);
  slh_init_ref(heap, *out, NODE_OTHER, thread->refs.heads[other]);
  slh_set_i32(heap, *out, NODE_VALUE, (int32_t)(choice >> 32));
  return SLH_OK;
}

/* The same node, kept: it becomes the head of its chain. */
static void keep_node(struct thread *thread, uint64_t choice, slh_ref node)
{
  struct expected *expected = &thread->expected;
  uint32_t chain = (uint32_t)choice % CHAINS;
  uint32_t other = (uint32_t)(choice >> 8) % CHAINS;
  int32_t value = (int32_t)(choice >> 32);

  expected->chains[chain] += hash(value, expected->head_values[other]);
  expected->head_values[chain] = value;
  thread->refs.heads[chain] = node;
}

static slh_status build(struct thread *thread, slh_heap *heap, uint32_t objects)
{
  slh_status status =
      slh_new_array(heap, thread->graph->index, objects / INDEX_STEP + 1, &thread->refs.index);

  for (uint32_t i = 0; i < objects && status == SLH_OK; i++) {
    uint64_t choice = random_bits(&thread->random);
    slh_ref node;

    status = add_node(thread, heap, choice, &node);
    if (status != SLH_OK || i % 2 == 1)
      continue; /* an error, or garbage */
    keep_node(thread, choice, node);
    if (i % INDEX_STEP == 0) {
      status = slh_array_set_ref(heap, thread->refs.index, i / INDEX_STEP, node);
      thread->expected.index += (uint32_t)(choice >> 32);
    }
  }
  return status;
}

/* ---- checking ---- */

static int32_t value_of(const slh_heap *heap, slh_ref node)
{
  return slh_is_null(node) ? 0 : slh_get_i32(heap, node, NODE_VALUE);
}

static uint64_t sum_chain(const slh_heap *heap, slh_ref node)
{
  uint64_t sum = 0;

  for (; !slh_is_null(node); node = slh_get_ref(heap, node, NODE_NEXT))
    sum += hash(slh_get_i32(heap, node, NODE_VALUE),
                value_of(heap, slh_get_ref(heap, node, NODE_OTHER)));
  return sum;
}

static uint64_t sum_index(const slh_heap *heap, slh_ref index)
{
  uint32_t length = slh_array_length(heap, index);
  uint64_t sum = 0;

  for (uint32_t i = 0; i < length; i++) {
    slh_ref node;

    if (slh_array_get_ref(heap, index, i, &node) == SLH_OK)
      sum += (uint32_t)value_of(heap, node);
  }
  return sum;
}

static bool check(const struct thread *thread, const slh_heap *heap)
{
  bool good = sum_index(heap, thread->refs.index) == thread->expected.index;

  for (unsigned i = 0; i < CHAINS; i++)
    good &= sum_chain(heap, thread->refs.heads[i]) == thread->expected.chains[i];
  return good;
}

/* ---- a store ---- */

/* With roots of both kinds: the heads in a list, the index enumerated. */
static slh_status collect(struct thread *thread, slh_heap *heap)
{
  slh_status status;

  slh_roots_clear(thread->roots);
  slh_roots_add(thread->roots, SLH_ROOT_STACK, thread->refs.heads, CHAINS, "heads");
  thread->heads_in_list = true;
  status = slh_heap_collect(heap, thread->roots);
  thread->heads_in_list = false;
  return status;
}

static bool work(struct thread *thread, slh_heap *heap)
{
  uint32_t objects = random_log_uniform(&thread->random, OBJECTS_MIN, OBJECTS_MAX);
  bool collects = random_below(&thread->random, COLLECT_ONE_IN) == 0;
  slh_status status = build(thread, heap, objects);

  if (status == SLH_OK && collects)
    status = collect(thread, heap);
  if (status != SLH_OK)
    fprintf(stderr, "slotheap-bench: graph: a store of %u objects failed: %s\n", objects,
            slh_status_text(status));
  else if (check(thread, heap))
    return true;
  else
    fprintf(stderr, "slotheap-bench: graph: a store of %u objects%s read what it had not written\n",
            objects, collects ? ", collected," : "");
  return false;
}

static bool graph_serve(void *state, slh_pool *pool, struct workload_result *result)
{
  struct thread *thread = state;
  slh_heap_stats stats;
  slh_heap *heap;
  bool good;
  slh_status status = slh_heap_acquire(pool, &thread->options, &heap);

  if (status != SLH_OK) {
    fprintf(stderr, "slotheap-bench: graph: no heap: %s\n", slh_status_text(status));
    return false;
  }
  memset(&thread->refs, 0, sizeof thread->refs);
  memset(&thread->expected, 0, sizeof thread->expected);
  good = work(thread, heap);
  slh_heap_get_stats(heap, &stats);
  result->allocated_bytes = stats.allocated_total;
  result->reclaimed_bytes = stats.reclaimed_total;
  result->collections = stats.collections;
  slh_heap_release(heap);
  return good;
}

const struct workload workload_graph = {"graph",           graph_open,         free,
                                        graph_thread_open, graph_thread_close, graph_serve};
