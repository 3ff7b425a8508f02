/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Snapshots in V8's format: flat arrays of numbers, written from start to end. Each
 * node says how many edges it has; the edges follow in the order of the nodes.
 * Node.js and Chrome agree on the meta data, which says what the numbers are.
 */
#include "export/graph.h"
#include "export/json.h"

#define NODE_NUMBERS 7u

/* Positions in node_types and edge_types. */
enum {
  TYPE_OBJECT = 3,
  TYPE_NATIVE = 8,
  TYPE_SYNTHETIC = 9
};
static const uint32_t edge_types[] = {
    [EDGE_ELEMENT] = 1, [EDGE_FIELD] = 2, [EDGE_SHORTCUT] = 5, [EDGE_ENTRY] = 3};

/* Strings by number: these, the reasons of roots, and each type's name with those of
 * its fields behind it. */
enum {
  STRING_EMPTY,
  STRING_GC_ROOTS,
  STRING_VALUE,
  STRING_REASONS
};

/* ---- meta data ---- */

static void write_list(struct json *json, const char *const *texts)
{
  slhx_json_array(json);
  for (; *texts; texts++)
    slhx_json_string(json, *texts);
  slhx_json_end_array(json);
}

/* A list of types, and then what they leave open. */
static void write_types(struct json *json, const char *const *first, const char *const *others)
{
  slhx_json_array(json);
  write_list(json, first);
  for (; *others; others++)
    slhx_json_string(json, *others);
  slhx_json_end_array(json);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void write_meta(struct json *json)
{
  slhx_json_map(json);
  slhx_json_string(json, "node_fields");
  write_list(
      json, LIST("type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"));
  slhx_json_string(json, "node_types");
  write_types(json,
              LIST("hidden", "array", "string", "object", "code", "closure", "regexp", "number",
                   "native", "synthetic", "concatenated string", "sliced string", "symbol",
                   "bigint", "object shape"),
              LIST("string", "number", "number", "number", "number", "number"));
  slhx_json_string(json, "edge_fields");
  write_list(json, LIST("type", "name_or_index", "to_node"));
  slhx_json_string(json, "edge_types");
  write_types(json,
              LIST("context", "element", "property", "internal", "hidden", "shortcut", "weak"),
              LIST("string_or_number", "node"));
  slhx_json_string(json, "trace_function_info_fields");
  write_list(json, LIST("function_id", "name", "script_name", "script_id", "line", "column"));
  slhx_json_string(json, "trace_node_fields");
  write_list(json, LIST("id", "function_info_index", "count", "size", "children"));
  slhx_json_string(json, "sample_fields");
  write_list(json, LIST("timestamp_us", "last_assigned_id"));
  slhx_json_string(json, "location_fields");
  write_list(json, LIST("object_index", "script_id", "line", "column"));
  slhx_json_end_map(json);
}

static void write_head(struct json *json, const struct graph *graph)
{
  slhx_json_string(json, "snapshot");
  slhx_json_map(json);
  slhx_json_string(json, "meta");
  write_meta(json);
  slhx_json_number_of(json, "node_count", slhx_graph_nodes(graph));
  slhx_json_number_of(json, "edge_count", graph->edges);
  slhx_json_number_of(json, "trace_function_count", 0);
  slhx_json_end_map(json);
}

/* ---- nodes ---- */

static uint32_t count_edges(const struct graph *graph, uint32_t node)
{
  struct edges edges;
  struct edge edge;
  uint32_t count = 0;

  slhx_edges_begin(&edges, graph, node, 0);
  while (slhx_edges_next(&edges, &edge))
    count++;
  return count;
}

/* DevTools takes even ids for something native. Objects have multiples of 8 plus 1,
 * the others of 8 plus 3. */
static void write_node(struct json *json, const struct graph *graph, uint32_t node)
{
  uint64_t type = TYPE_SYNTHETIC, string = node, id = 8 * (uint64_t)node + 3, bytes = 0;

  if (node >= NODE_GROUPS)
    string = STRING_REASONS + (node - NODE_GROUPS);
  if (slhx_is_object(graph, node)) {
    const slh_type *of;

    type = TYPE_OBJECT;
    string = STRING_EMPTY;
    id = slhx_ref_of(graph, node).bits + UINT64_C(1);
    if (slhx_object_of(graph, node, &of, &bytes)) {
      type = of->kind == SLH_KIND_EXTERN ? TYPE_NATIVE : TYPE_OBJECT;
      string = graph->types[of->index].string;
    }
  }
  slhx_json_number(json, type);
  slhx_json_number(json, string);
  slhx_json_number(json, id);
  slhx_json_number(json, bytes);
  slhx_json_number(json, count_edges(graph, node));
  slhx_json_number(json, 0);
  slhx_json_number(json, 0);
}

static void write_nodes(struct json *json, const struct graph *graph)
{
  slhx_json_string(json, "nodes");
  slhx_json_array(json);
  for (uint32_t node = 0; node < slhx_graph_nodes(graph) && !json->failed; node++)
    write_node(json, graph, node);
  slhx_json_end_array(json);
}

/* ---- edges ---- */

static void write_edges_of(struct json *json, const struct graph *graph, uint32_t node)
{
  struct edges edges;
  struct edge edge;

  slhx_edges_begin(&edges, graph, node, 0);
  while (slhx_edges_next(&edges, &edge)) {
    uint32_t name = edge.number;

    if (edge.kind == EDGE_FIELD)
      name += graph->types[edges.type->index].string + 1;
    else if (edge.kind == EDGE_ENTRY)
      name = STRING_VALUE;
    else if (edge.kind == EDGE_SHORTCUT)
      name = STRING_EMPTY;
    slhx_json_number(json, edge_types[edge.kind]);
    slhx_json_number(json, name);
    slhx_json_number(json, (uint64_t)edge.to * NODE_NUMBERS);
  }
}

static void write_edges(struct json *json, const struct graph *graph)
{
  slhx_json_string(json, "edges");
  slhx_json_array(json);
  for (uint32_t node = 0; node < slhx_graph_nodes(graph) && !json->failed; node++)
    write_edges_of(json, graph, node);
  slhx_json_end_array(json);
}

/* ---- strings ---- */

static void number_strings(struct graph *graph)
{
  uint32_t next = STRING_REASONS + graph->group_count;

  for (uint32_t i = 0; i < graph->type_count; i++) {
    if (!graph->types[i].type)
      continue;
    graph->types[i].string = next;
    next += 1 + graph->types[i].type->field_count;
  }
}

/* DevTools finds the roots by the name "(GC roots)"; its own are in parentheses, too. */
static void write_reason(struct json *json, const char *reason)
{
  char text[256];

  snprintf(text, sizeof text, "(%s)", reason);
  slhx_json_string(json, text);
}

static void write_strings(struct json *json, const struct graph *graph)
{
  char buffer[NAME_BYTES];

  slhx_json_string(json, "strings");
  slhx_json_array(json);
  slhx_json_string(json, "");
  slhx_json_string(json, "(GC roots)");
  slhx_json_string(json, "value of the ephemeron");
  for (uint32_t i = 0; i < graph->group_count; i++)
    write_reason(json, graph->groups[i].reason);
  for (uint32_t i = 0; i < graph->type_count; i++) {
    const slh_type *type = graph->types[i].type;

    if (!type)
      continue;
    slhx_json_string(json, slhx_type_name(type, buffer));
    for (uint32_t j = 0; j < type->field_count; j++)
      slhx_json_string(json, type->fields[j].name ? type->fields[j].name : "");
  }
  slhx_json_end_array(json);
}

/* ---- all of it ---- */

static void write_empty(struct json *json, const char *name)
{
  slhx_json_string(json, name);
  slhx_json_array(json);
  slhx_json_end_array(json);
}

static slh_status write_graph(const struct graph *graph, FILE *out, slh_error *error)
{
  struct json json;
  slh_status status = slhx_json_open(&json, out);

  if (status != SLH_OK)
    return slhx_error(error, status, "no memory for the generator");
  /* In the order in which DevTools expects them. */
  slhx_json_map(&json);
  write_head(&json, graph);
  write_nodes(&json, graph);
  write_edges(&json, graph);
  write_empty(&json, "trace_function_infos");
  write_empty(&json, "trace_tree");
  write_empty(&json, "samples");
  write_empty(&json, "locations");
  write_strings(&json, graph);
  slhx_json_end_map(&json);
  status = slhx_json_close(&json);
  return status == SLH_OK ? SLH_OK : slhx_error(error, status, "the snapshot could not be written");
}

slh_status slh_snapshot_write(slh_heap *heap, const slh_roots *roots, FILE *out, slh_error *error)
{
  struct graph graph;
  slh_status status = slhx_graph_open(&graph, heap, roots, true, error);

  if (status == SLH_OK) {
    number_strings(&graph);
    status = write_graph(&graph, out, error);
  }
  slhx_graph_close(&graph);
  return status;
}
