/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A heap as a graph: what snapshots and summaries have in common. Nodes are
 * numbered; the order is that of the file:
 *
 *   0      the root
 *   1      "(GC roots)"
 *   2..    one for each reason why references are roots
 *   then   the objects, by address
 *
 * All is read through checked calls. What refers to no object is found when the
 * graph is opened, so that those who go through the edges need not look.
 */
#ifndef SLOTHEAP_EXPORT_GRAPH_H
#define SLOTHEAP_EXPORT_GRAPH_H

#include <slotheap-export.h>

#define NODE_ROOT 0u
#define NODE_GC_ROOTS 1u
#define NODE_GROUPS 2u

#define NO_NODE UINT32_MAX

/* References that are roots for the same reason. */
struct group {
  const char *reason;
  uint32_t first; /* of graph.roots */
  uint32_t count;
};

/* Nodes: while it lives, the key keeps the value. */
struct entry {
  uint32_t key;
  uint32_t value;
};

struct graph_type {
  const slh_type *type; /* NULL: the heap has no object of this index */
  uint64_t objects;
  uint64_t bytes;
  uint32_t string; /* number of its name in a snapshot; fields follow */
};

struct graph {
  slh_heap *heap;
  slh_error *error; /* of opening it */
  uint64_t first;   /* offset of the first object */
  uint64_t *starts; /* bit i: an object starts at first + 8 * i */
  uint32_t *ranks;  /* of each word of them: bits before it */
  size_t words;
  uint32_t *offsets; /* of the objects */
  uint32_t objects;
  struct graph_type *types; /* by index */
  uint32_t type_count;
  struct group *groups;
  uint32_t group_count;
  uint32_t *roots; /* nodes, group by group */
  uint32_t root_count;
  uint32_t *shortcuts; /* nodes: the roots in order, each once; or NULL: not wanted */
  uint32_t shortcut_count;
  struct entry *entries; /* by key */
  uint32_t entry_count;
  uint64_t edges; /* in all */
};

/* With shortcuts the root has edges to all objects that are roots. Errors: SLH_E_NOMEM,
 * SLH_E_CORRUPT. To be closed in either case. */
slh_status slhx_graph_open(struct graph *graph, slh_heap *heap, const slh_roots *roots,
                           bool shortcuts, slh_error *error);
void slhx_graph_close(struct graph *graph);

/* In graph-roots.c, for opening: groups, roots, shortcuts and entries. */
slh_status slhx_graph_find_roots(struct graph *graph, const slh_roots *given, bool shortcuts);

static inline uint32_t slhx_graph_nodes(const struct graph *graph)
{
  return NODE_GROUPS + graph->group_count + graph->objects;
}

/* The node of the object that a reference points at; NO_NODE: it points at none. */
uint32_t slhx_graph_find(const struct graph *graph, uint32_t offset);

static inline bool slhx_is_object(const struct graph *graph, uint32_t node)
{
  return node >= NODE_GROUPS + graph->group_count;
}

static inline slh_ref slhx_ref_of(const struct graph *graph, uint32_t node)
{
  slh_ref ref = {graph->offsets[node - NODE_GROUPS - graph->group_count]};
  return ref;
}

/* Type and size of an object. False: it is none any more. */
bool slhx_object_of(const struct graph *graph, uint32_t node, const slh_type **type,
                    uint64_t *bytes);

/* Type names can be empty: then what it is is put into `buffer`. */
#define NAME_BYTES 40
const char *slhx_type_name(const slh_type *type, char buffer[NAME_BYTES]);

/* ---- edges ---- */

enum edge_kind {
  EDGE_ELEMENT,  /* `number` of an array, a list, or a field without name */
  EDGE_FIELD,    /* field `number` of its type */
  EDGE_SHORTCUT, /* from the root */
  EDGE_ENTRY     /* of an ephemeron table, whose key it is */
};

struct edge {
  enum edge_kind kind;
  uint32_t to;
  uint32_t number;
};

/* Goes through the edges of a node. */
struct edges {
  const struct graph *graph;
  uint32_t node;
  uint32_t at;          /* the next field, element or item */
  uint32_t count;       /* of fields, elements or items */
  uint32_t entry;       /* the first of its entries */
  const slh_type *type; /* of an object; NULL: it is none */
  slh_object_view view;
};

/* From position `at` on: 0, or where another got to. */
void slhx_edges_begin(struct edges *edges, const struct graph *graph, uint32_t node, uint32_t at);
bool slhx_edges_next(struct edges *edges, struct edge *out);

/* A sentence for `error`, which may be NULL. Returns `status`. */
slh_status slhx_error(slh_error *error, slh_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
