/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The simple algorithm of T. Lengauer and R. E. Tarjan, "A Fast Algorithm for
 * Finding Dominators in a Flowgraph", TOPLAS 1:1, 1979, and its names: O(e log n)
 * whatever a guest makes of its heap. Nothing here recurses: lists are long.
 */
#include "export/dominators.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct search {
  const struct graph *graph;
  uint32_t count;
  uint32_t *vertex; /* of a number: the node */
  uint32_t *number; /* of a node: NONE if it was not reached */
  uint32_t *parent; /* all others by number, too */
  uint32_t *semi;
  uint32_t *ancestor; /* NONE: the root of its tree */
  uint32_t *label;
  uint32_t *bucket; /* the first whose semidominator it is */
  uint32_t *next;   /* in its bucket */
  uint32_t *path;   /* while searching: positions; then of compress() */
  uint32_t *dominator;
  uint32_t *first;        /* of its predecessors; see note_edge */
  uint32_t *predecessors; /* numbers */
};

/* ---- the search ---- */

static void reach(struct search *s, uint32_t node, uint32_t parent)
{
  uint32_t number = s->count++;

  s->number[node] = number;
  s->vertex[number] = node;
  s->parent[number] = parent;
  s->path[number] = 0;
}

/* The stack is the chain of parents. */
static void search(struct search *s)
{
  uint32_t at = 0;

  reach(s, NODE_ROOT, NONE);
  while (at != NONE) {
    struct edges edges;
    struct edge edge;
    bool deeper = false;

    slhx_edges_begin(&edges, s->graph, s->vertex[at], s->path[at]);
    while (!deeper && slhx_edges_next(&edges, &edge))
      deeper = s->number[edge.to] == NONE;
    s->path[at] = edges.at;
    if (deeper) {
      reach(s, edge.to, at);
      at = s->count - 1;
    } else {
      at = s->parent[at];
    }
  }
}

/* Calls for each edge between nodes that were reached, by their numbers. */
static void each_edge(struct search *s, void (*visit)(struct search *s, uint32_t from, uint32_t to))
{
  for (uint32_t from = 0; from < s->count; from++) {
    struct edges edges;
    struct edge edge;

    slhx_edges_begin(&edges, s->graph, s->vertex[from], 0);
    while (slhx_edges_next(&edges, &edge))
      visit(s, from, s->number[edge.to]);
  }
}

static void count_edge(struct search *s, uint32_t from, uint32_t to)
{
  (void)from;
  s->first[to + 1]++;
}

/* first[to + 1] is where the next node's begin. Filled from there backwards, it becomes
 * where those of `to` begin, and first[to + 2] where they end. */
static void note_edge(struct search *s, uint32_t from, uint32_t to)
{
  s->predecessors[--s->first[to + 1]] = from;
}

static slh_status find_predecessors(struct search *s)
{
  each_edge(s, count_edge);
  for (uint32_t i = 1; i <= s->count; i++)
    s->first[i] += s->first[i - 1];
  s->first[s->count + 1] = s->first[s->count];
  s->predecessors = malloc((s->first[s->count] + UINT64_C(1)) * sizeof *s->predecessors);
  if (!s->predecessors)
    return SLH_E_NOMEM;
  each_edge(s, note_edge);
  return SLH_OK;
}

/* ---- dominators ---- */

/* Shortens the way from v to the root of its tree; the best label comes along. */
static void compress(struct search *s, uint32_t v)
{
  uint32_t depth = 0;

  for (; s->ancestor[s->ancestor[v]] != NONE; v = s->ancestor[v])
    s->path[depth++] = v;
  while (depth-- > 0) {
    uint32_t u = s->path[depth], above = s->ancestor[u];

    if (s->semi[s->label[above]] < s->semi[s->label[u]])
      s->label[u] = s->label[above];
    s->ancestor[u] = s->ancestor[above];
  }
}

static uint32_t eval(struct search *s, uint32_t v)
{
  if (s->ancestor[v] == NONE)
    return v;
  compress(s, v);
  return s->label[v];
}

static void find_semidominator(struct search *s, uint32_t w)
{
  for (uint32_t i = s->first[w + 1]; i < s->first[w + 2]; i++) {
    uint32_t u = eval(s, s->predecessors[i]);

    if (s->semi[u] < s->semi[w])
      s->semi[w] = s->semi[u];
  }
}

static void find_dominators(struct search *s)
{
  for (uint32_t w = s->count - 1; w > 0; w--) {
    uint32_t parent = s->parent[w];

    find_semidominator(s, w);
    s->next[w] = s->bucket[s->semi[w]];
    s->bucket[s->semi[w]] = w;
    s->ancestor[w] = parent;
    for (uint32_t v = s->bucket[parent]; v != NONE; v = s->next[v]) {
      uint32_t u = eval(s, v);

      s->dominator[v] = s->semi[u] < s->semi[v] ? u : parent;
    }
    s->bucket[parent] = NONE;
  }
  s->dominator[0] = 0;
  for (uint32_t w = 1; w < s->count; w++) {
    if (s->dominator[w] != s->semi[w])
      s->dominator[w] = s->dominator[s->dominator[w]];
  }
}

/* ---- memory ---- */

/* Each array that is to be; in the order of the struct. */
static slh_status open_search(struct search *s, const struct graph *graph)
{
  size_t nodes = slhx_graph_nodes(graph);
  uint32_t **const arrays[] = {&s->vertex, &s->number, &s->parent, &s->semi, &s->ancestor,
                               &s->label,  &s->bucket, &s->next,   &s->path, &s->dominator};

  *s = (struct search){.graph = graph};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    *arrays[i] = malloc(nodes * sizeof **arrays[i]);
    if (!*arrays[i])
      return SLH_E_NOMEM;
  }
  s->first = calloc(nodes + 2, sizeof *s->first);
  if (!s->first)
    return SLH_E_NOMEM;
  for (size_t i = 0; i < nodes; i++) {
    s->number[i] = s->ancestor[i] = s->bucket[i] = NONE;
    s->semi[i] = s->label[i] = (uint32_t)i;
  }
  return SLH_OK;
}

static void close_search(struct search *s)
{
  free(s->number);
  free(s->parent);
  free(s->semi);
  free(s->ancestor);
  free(s->label);
  free(s->bucket);
  free(s->next);
  free(s->path);
  free(s->first);
  free(s->predecessors);
}

static slh_status add_up(struct dominators *dominators, const struct graph *graph)
{
  dominators->retained = malloc((dominators->count + UINT64_C(1)) * sizeof *dominators->retained);
  if (!dominators->retained)
    return SLH_E_NOMEM;
  for (uint32_t i = 0; i < dominators->count; i++) {
    const slh_type *type;

    dominators->retained[i] = 0;
    if (slhx_is_object(graph, dominators->nodes[i]))
      (void)slhx_object_of(graph, dominators->nodes[i], &type, &dominators->retained[i]);
  }
  for (uint32_t i = dominators->count; i-- > 1;)
    dominators->retained[dominators->immediate[i]] += dominators->retained[i];
  return SLH_OK;
}

slh_status slhx_dominators_open(struct dominators *dominators, const struct graph *graph)
{
  struct search s;
  slh_status status = open_search(&s, graph);

  if (status == SLH_OK) {
    search(&s);
    status = find_predecessors(&s);
  }
  if (status == SLH_OK)
    find_dominators(&s);
  *dominators = (struct dominators){s.count, s.vertex, s.dominator, NULL};
  close_search(&s);
  return status == SLH_OK ? add_up(dominators, graph) : status;
}

void slhx_dominators_close(struct dominators *dominators)
{
  free(dominators->nodes);
  free(dominators->immediate);
  free(dominators->retained);
}
