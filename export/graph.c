/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "export/graph.h"

#include <stdarg.h>
#include <stdlib.h>

slh_status slhx_error(slh_error *error, slh_status status, const char *format, ...)
{
  va_list arguments;

  if (!error)
    return status;
  error->status = status;
  error->os_errno = 0;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}

const char *slhx_type_name(const slh_type *type, char buffer[NAME_BYTES])
{
  static const char *const kinds[] = {[SLH_KIND_STRUCT] = "struct",
                                      [SLH_KIND_ARRAY] = "array",
                                      [SLH_KIND_EXTERN] = "externref",
                                      [SLH_KIND_EXN] = "exception"};

  if (*type->name)
    return type->name;
  snprintf(buffer, NAME_BYTES, "(%s %u)", kinds[type->kind], type->index);
  return buffer;
}

/* ---- objects ---- */

static bool reserve_types(struct graph *graph, uint32_t count)
{
  uint32_t capacity = graph->type_count ? graph->type_count : 64;
  struct graph_type *types;

  if (count <= graph->type_count)
    return true;
  while (capacity < count)
    capacity *= 2;
  types = realloc(graph->types, capacity * sizeof *types);
  if (!types)
    return false;
  memset(types + graph->type_count, 0, (capacity - graph->type_count) * sizeof *types);
  graph->types = types;
  graph->type_count = capacity;
  return true;
}

/* The first walk: how many there are, of which types. */
static bool count_object(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct graph *graph = context;
  struct graph_type *of;

  if (!reserve_types(graph, type->index + 1)) {
    graph->objects = NO_NODE;
    return false;
  }
  of = &graph->types[type->index];
  of->type = type;
  of->objects++;
  of->bytes += size;
  graph->objects++;
  (void)object;
  return true;
}

struct filling {
  struct graph *graph;
  uint32_t next;
};

/* The second: where they are. */
static bool note_object(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct filling *filling = context;
  struct graph *graph = filling->graph;
  uint64_t bit = (object.bits - graph->first) / 8;

  if (filling->next == graph->objects || bit / 64 >= graph->words)
    return false;
  graph->offsets[filling->next++] = object.bits;
  graph->starts[bit / 64] |= UINT64_C(1) << bit % 64;
  (void)type;
  (void)size;
  return true;
}

static slh_status find_objects(struct graph *graph)
{
  struct filling filling = {graph, 0};
  uint32_t before = 0;
  slh_status status = slh_heap_walk(graph->heap, count_object, graph);

  if (status != SLH_OK)
    return slhx_error(graph->error, status, "the heap holds something that is no object");
  if (graph->objects == NO_NODE)
    return slhx_error(graph->error, SLH_E_NOMEM, "no memory for the table of types");
  graph->first = slh_heap_first(graph->heap);
  graph->words = (size_t)((slh_heap_end(graph->heap) - graph->first) / 512 + 1);
  graph->starts = calloc(graph->words, sizeof *graph->starts);
  graph->ranks = malloc(graph->words * sizeof *graph->ranks);
  graph->offsets = malloc((graph->objects + UINT64_C(1)) * sizeof *graph->offsets);
  if (!graph->starts || !graph->ranks || !graph->offsets)
    return slhx_error(graph->error, SLH_E_NOMEM, "no memory for a map of the objects");
  status = slh_heap_walk(graph->heap, note_object, &filling);
  if (status != SLH_OK || filling.next != graph->objects)
    return slhx_error(graph->error, SLH_E_CORRUPT, "the heap changed while it was looked at");
  for (size_t i = 0; i < graph->words; i++) {
    graph->ranks[i] = before;
    before += (uint32_t)__builtin_popcountll(graph->starts[i]);
  }
  return SLH_OK;
}

uint32_t slhx_graph_find(const struct graph *graph, uint32_t offset)
{
  uint64_t bit = (offset - graph->first) / 8;
  uint64_t word, mask = UINT64_C(1) << bit % 64;

  if (offset < graph->first || offset % 8 != 0 || bit / 64 >= graph->words)
    return NO_NODE;
  word = graph->starts[bit / 64];
  if ((word & mask) == 0)
    return NO_NODE;
  return NODE_GROUPS + graph->group_count + graph->ranks[bit / 64] +
         (uint32_t)__builtin_popcountll(word & (mask - 1));
}

bool slhx_object_of(const struct graph *graph, uint32_t node, const slh_type **type,
                    uint64_t *bytes)
{
  slh_ref ref = slhx_ref_of(graph, node);

  return slh_object_type(graph->heap, ref, type) == SLH_OK &&
         slh_object_size(graph->heap, ref, bytes) == SLH_OK;
}

/* ---- edges ---- */

/* Of an object: its fields or elements, if any of them can be a reference. */
static void begin_object(struct edges *edges)
{
  slh_ref ref = slhx_ref_of(edges->graph, edges->node);
  slh_heap *heap = edges->graph->heap;
  const struct entry *entries = edges->graph->entries;
  uint32_t low = 0, high = edges->graph->entry_count;

  if (slh_object_type(heap, ref, &edges->type) != SLH_OK ||
      slh_object_data(heap, ref, &edges->view) != SLH_OK)
    edges->view.length = 0; /* so nothing is read of it */
  else if (edges->type->kind == SLH_KIND_STRUCT || edges->type->kind == SLH_KIND_EXN)
    edges->count = edges->type->field_count;
  else if (edges->type->kind == SLH_KIND_ARRAY && edges->type->fields[0].storage == SLH_REF &&
           slh_array_len(heap, ref, &edges->count) != SLH_OK)
    edges->count = 0;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (entries[middle].key < edges->node)
      low = middle + 1;
    else
      high = middle;
  }
  edges->entry = low;
}

void slhx_edges_begin(struct edges *edges, const struct graph *graph, uint32_t node, uint32_t at)
{
  *edges = (struct edges){.graph = graph, .node = node, .at = at};
  if (node == NODE_ROOT)
    edges->count = 1 + graph->shortcut_count;
  else if (node == NODE_GC_ROOTS)
    edges->count = graph->group_count;
  else if (!slhx_is_object(graph, node))
    edges->count = graph->groups[node - NODE_GROUPS].count;
  else
    begin_object(edges);
}

static void next_of_roots(const struct edges *edges, struct edge *out)
{
  const struct graph *graph = edges->graph;

  out->kind = EDGE_ELEMENT;
  out->number = edges->at;
  if (edges->node == NODE_GC_ROOTS) {
    out->to = NODE_GROUPS + edges->at;
  } else if (edges->node != NODE_ROOT) {
    out->to = graph->roots[graph->groups[edges->node - NODE_GROUPS].first + edges->at];
  } else if (edges->at == 0) {
    out->to = NODE_GC_ROOTS;
  } else {
    out->kind = EDGE_SHORTCUT;
    out->to = graph->shortcuts[edges->at - 1];
  }
}

/* What the field or element `edges->at` holds; 0 if that is no reference. */
static uint32_t read_reference(const struct edges *edges)
{
  const slh_type *type = edges->type;
  uint64_t offset = SLH_ARRAY_DATA_OFFSET + UINT64_C(4) * edges->at;
  uint32_t bits = 0;

  if (type->kind != SLH_KIND_ARRAY) {
    if (type->fields[edges->at].storage != SLH_REF)
      return 0;
    offset = type->fields[edges->at].offset;
  }
  return slh_view_get_u32(&edges->view, offset, &bits) == SLH_OK ? bits : 0;
}

static bool next_entry(struct edges *edges, struct edge *out)
{
  const struct graph *graph = edges->graph;
  uint32_t number = edges->entry + (edges->at - edges->count);

  if (!edges->type || number >= graph->entry_count || graph->entries[number].key != edges->node)
    return false;
  edges->at++;
  *out = (struct edge){EDGE_ENTRY, graph->entries[number].value, 0};
  return true;
}

bool slhx_edges_next(struct edges *edges, struct edge *out)
{
  for (; edges->at < edges->count; edges->at++) {
    uint32_t bits;

    if (!edges->type) {
      next_of_roots(edges, out);
      edges->at++;
      return true;
    }
    bits = read_reference(edges);
    if (bits == 0 || (bits & 1) != 0)
      continue;
    out->to = slhx_graph_find(edges->graph, bits);
    out->number = edges->at;
    out->kind = edges->type->kind != SLH_KIND_ARRAY && edges->type->fields[edges->at].name
                    ? EDGE_FIELD
                    : EDGE_ELEMENT;
    edges->at++;
    return true;
  }
  return next_entry(edges, out);
}

/* Counts them, and finds those that lead nowhere. */
static slh_status check_edges(struct graph *graph)
{
  for (uint32_t node = 0; node < slhx_graph_nodes(graph); node++) {
    struct edges edges;
    struct edge edge;

    slhx_edges_begin(&edges, graph, node, 0);
    while (slhx_edges_next(&edges, &edge)) {
      if (edge.to == NO_NODE)
        return slhx_error(graph->error, SLH_E_CORRUPT,
                          "reference %u of the object at offset %#x points where no object starts",
                          edge.number, slhx_ref_of(graph, node).bits);
      graph->edges++;
    }
  }
  return SLH_OK;
}

/* ---- all of it ---- */

slh_status slhx_graph_open(struct graph *graph, slh_heap *heap, const slh_roots *roots,
                           bool shortcuts, slh_error *error)
{
  slh_status status;

  *graph = (struct graph){.heap = heap, .error = error};
  status = find_objects(graph);
  if (status == SLH_OK)
    status = slhx_graph_find_roots(graph, roots, shortcuts);
  if (status == SLH_OK)
    status = check_edges(graph);
  return status;
}

void slhx_graph_close(struct graph *graph)
{
  free(graph->starts);
  free(graph->ranks);
  free(graph->offsets);
  free(graph->types);
  free(graph->groups);
  free(graph->roots);
  free(graph->shortcuts);
  free(graph->entries);
}
