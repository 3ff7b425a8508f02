/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What is in a heap, in words. */
#include <inttypes.h>
#include <stdlib.h>

#include "export/dominators.h"

#define DEFAULT_TOP 20u
#define MAX_TOP 1000u

struct summary {
  const struct graph *graph;
  const struct dominators *dominators;
  FILE *out;
  uint32_t top[MAX_TOP]; /* numbers of those that retain most, by number */
  uint32_t count;
};

/* Names can come out of a file: control characters and what is no ASCII are escaped. */
static void print_name(FILE *out, const char *name)
{
  for (; *name; name++) {
    unsigned char c = (unsigned char)*name;

    if (c >= ' ' && c < 0x7f && c != '\\')
      fputc(c, out);
    else
      fprintf(out, "\\x%02x", c);
  }
}

/* ---- by type ---- */

static int by_bytes(const void *a, const void *b)
{
  const struct graph_type *first = a, *second = b;

  return first->bytes < second->bytes ? 1 : first->bytes > second->bytes ? -1 : 0;
}

static uint64_t print_types(const struct graph *graph, FILE *out)
{
  struct graph_type *types = calloc(graph->type_count + 1u, sizeof *types);
  char buffer[NAME_BYTES];
  uint64_t bytes = 0;

  if (!types)
    return UINT64_MAX;
  if (graph->type_count != 0)
    memcpy(types, graph->types, graph->type_count * sizeof *types);
  qsort(types, graph->type_count, sizeof *types, by_bytes);
  fputs("Types: bytes, objects, name\n", out);
  for (uint32_t i = 0; i < graph->type_count && types[i].type; i++) {
    fprintf(out, "  %12" PRIu64 "  %10" PRIu64 "  ", types[i].bytes, types[i].objects);
    print_name(out, slhx_type_name(types[i].type, buffer));
    fputc('\n', out);
    bytes += types[i].bytes;
  }
  free(types);
  return bytes;
}

/* ---- the top of the dominator tree ---- */

/* Whoever dominates one of them retains as much and has a lower number, so it is one
 * of them, too: they are a tree. */
static void find_top(struct summary *s, uint32_t most)
{
  const uint64_t *retained = s->dominators->retained;

  s->count = 0;
  for (uint32_t i = 1; i < s->dominators->count; i++) {
    uint32_t least = 0;

    if (s->count < most) {
      s->top[s->count++] = i;
      continue;
    }
    /* Of equals, the last. */
    for (uint32_t j = 1; j < most; j++) {
      if (retained[s->top[j]] <= retained[s->top[least]])
        least = j;
    }
    if (retained[i] > retained[s->top[least]]) {
      memmove(&s->top[least], &s->top[least + 1], (most - least - 1) * sizeof s->top[0]);
      s->top[most - 1] = i;
    }
  }
}

static void print_node(const struct summary *s, uint32_t number, uint32_t depth)
{
  const struct graph *graph = s->graph;
  uint32_t node = s->dominators->nodes[number];
  const slh_type *type;
  uint64_t bytes = 0;
  char buffer[NAME_BYTES];

  if (slhx_is_object(graph, node) && !slhx_object_of(graph, node, &type, &bytes))
    return;
  fprintf(s->out, "  %12" PRIu64 "  %10" PRIu64 "  %*s", s->dominators->retained[number], bytes,
          (int)(2 * depth), "");
  if (slhx_is_object(graph, node)) {
    print_name(s->out, slhx_type_name(type, buffer));
    fprintf(s->out, " at %#" PRIx32 "\n", slhx_ref_of(graph, node).bits);
  } else if (node == NODE_GC_ROOTS) {
    fputs("(GC roots)\n", s->out);
  } else {
    fputc('(', s->out);
    print_name(s->out, graph->groups[node - NODE_GROUPS].reason);
    fputs(")\n", s->out);
  }
}

/* Those that `above` dominates at once, who retain most first. At most MAX_TOP deep.
 * NOLINTNEXTLINE(misc-no-recursion): so it ends. */
static void print_below(struct summary *s, uint32_t above, uint32_t depth)
{
  const struct dominators *d = s->dominators;

  for (;;) {
    uint32_t best = 0, number;

    for (uint32_t i = 0; i < s->count; i++) {
      number = s->top[i];
      if (number != 0 && d->immediate[number] == above &&
          (best == 0 || d->retained[number] > d->retained[s->top[best - 1]]))
        best = i + 1;
    }
    if (best == 0)
      return;
    number = s->top[best - 1];
    s->top[best - 1] = 0; /* told */
    print_node(s, number, depth);
    print_below(s, number, depth + 1);
  }
}

static slh_status print_dominators(const struct graph *graph, uint32_t top, uint64_t bytes,
                                   FILE *out, slh_error *error)
{
  struct dominators dominators;
  struct summary summary = {.graph = graph, .dominators = &dominators, .out = out};
  slh_status status = slhx_dominators_open(&dominators, graph);

  if (status == SLH_OK) {
    uint32_t reached = dominators.count - NODE_GROUPS - graph->group_count;

    fprintf(out,
            "\nReachable: %" PRIu64 " bytes, %" PRIu32 " objects; dead: %" PRIu64 " bytes, %" PRIu32
            " objects\n\nDominators: bytes retained, own bytes, name\n",
            dominators.retained[0], reached, bytes - dominators.retained[0],
            graph->objects - reached);
    find_top(&summary, top);
    print_below(&summary, 0, 0);
  } else {
    status = slhx_error(error, status, "no memory for the dominator tree");
  }
  slhx_dominators_close(&dominators);
  return status;
}

static slh_status print_summary(const struct graph *graph, uint32_t top, FILE *out,
                                slh_error *error)
{
  uint64_t bytes = print_types(graph, out);
  slh_status status;

  if (bytes == UINT64_MAX)
    return slhx_error(error, SLH_E_NOMEM, "no memory for the types");
  status = print_dominators(graph, top, bytes, out, error);
  if (status == SLH_OK && (fflush(out) != 0 || ferror(out)))
    status = slhx_error(error, SLH_E_SYSTEM, "the summary could not be written");
  return status;
}

slh_status slh_snapshot_summary(slh_heap *heap, const slh_roots *roots, uint32_t top, FILE *out,
                                slh_error *error)
{
  struct graph graph;
  slh_status status = slhx_graph_open(&graph, heap, roots, false, error);

  if (top == 0)
    top = DEFAULT_TOP;
  if (status == SLH_OK)
    status = print_summary(&graph, top < MAX_TOP ? top : MAX_TOP, out, error);
  slhx_graph_close(&graph);
  return status;
}
