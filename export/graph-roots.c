/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a graph starts from, and what ephemerons add to it. */
#include <stdlib.h>

#include "export/graph.h"

static const char *reason_of(const slh_root *root)
{
  if (root->reason && *root->reason)
    return root->reason;
  return root->kind == SLH_ROOT_STACK ? "stack" : "other";
}

static int by_reason(const void *a, const void *b)
{
  return strcmp(reason_of(a), reason_of(b));
}

static int by_number(const void *a, const void *b)
{
  uint32_t first, second;

  memcpy(&first, a, sizeof first);
  memcpy(&second, b, sizeof second);
  return first < second ? -1 : first > second;
}

static int by_key(const void *a, const void *b)
{
  const struct entry *first = a, *second = b;

  return first->key < second->key ? -1 : first->key > second->key;
}

/* The roots that are objects, by reason. Nodes are numbered behind the groups, so
 * these are counted first. */
static slh_status add_roots(struct graph *graph, const slh_root *entries, size_t count)
{
  struct group *group = NULL;

  for (size_t i = 0; i < count; i++) {
    if (!group || strcmp(group->reason, reason_of(&entries[i])) != 0) {
      group = group ? group + 1 : graph->groups;
      *group = (struct group){reason_of(&entries[i]), graph->root_count, 0};
    }
    for (uint32_t j = 0; j < entries[i].count; j++) {
      uint32_t bits = entries[i].first[j].bits;
      uint32_t node = slhx_graph_find(graph, bits);

      if (bits == 0 || (bits & 1) != 0)
        continue;
      if (node == NO_NODE)
        return slhx_error(graph->error, SLH_E_CORRUPT, "a root (%s) is %#x, where no object starts",
                          group->reason, bits);
      graph->roots[graph->root_count++] = node;
      group->count++;
    }
  }
  return SLH_OK;
}

/* Objects of the image that the heap began with: they live as long as the store. */
static uint32_t count_image(const struct graph *graph)
{
  uint32_t count = 0;

  while (count < graph->objects && graph->offsets[count] < slh_heap_get_data(graph->heap)->start)
    count++;
  return count;
}

static void add_image(struct graph *graph, struct group *group, uint32_t count)
{
  *group = (struct group){"image", graph->root_count, count};
  for (uint32_t i = 0; i < count; i++)
    graph->roots[graph->root_count++] = NODE_GROUPS + graph->group_count + i;
}

static slh_status group_roots(struct graph *graph, slh_root *entries, size_t count)
{
  uint32_t image = count_image(graph);
  uint64_t items = image, groups = image != 0;
  slh_status status;

  qsort(entries, count, sizeof *entries, by_reason);
  for (size_t i = 0; i < count; i++) {
    items += entries[i].count;
    groups += i == 0 || by_reason(&entries[i - 1], &entries[i]) != 0;
  }
  if (items > UINT32_MAX - NODE_GROUPS - graph->objects - groups)
    return slhx_error(graph->error, SLH_E_NOMEM, "too many roots");
  graph->groups = malloc((groups + 1) * sizeof *graph->groups);
  graph->roots = malloc((items + 1) * sizeof *graph->roots);
  if (!graph->groups || !graph->roots)
    return slhx_error(graph->error, SLH_E_NOMEM, "no memory for the roots");
  graph->group_count = (uint32_t)groups;
  status = add_roots(graph, entries, count);
  if (status == SLH_OK && image != 0)
    add_image(graph, &graph->groups[groups - 1], image);
  return status;
}

static slh_status collect_roots(struct graph *graph, const slh_roots *given, slh_roots *all)
{
  slh_status status = slh_heap_list_roots(graph->heap, all);
  size_t count = 0;
  const slh_root *entries = given ? slh_roots_entries(given, &count) : NULL;
  slh_root *copy;

  for (size_t i = 0; i < count && status == SLH_OK; i++)
    status =
        slh_roots_add(all, entries[i].kind, entries[i].first, entries[i].count, entries[i].reason);
  if (status != SLH_OK)
    return slhx_error(graph->error, status, "listing the roots: %s", slh_status_text(status));
  entries = slh_roots_entries(all, &count);
  copy = malloc((count + 1) * sizeof *copy);
  if (!copy)
    return slhx_error(graph->error, SLH_E_NOMEM, "no memory for the roots");
  if (count != 0)
    memcpy(copy, entries, count * sizeof *copy);
  status = group_roots(graph, copy, count);
  free(copy);
  return status;
}

static slh_status find_shortcuts(struct graph *graph)
{
  graph->shortcuts = malloc((graph->root_count + UINT64_C(1)) * sizeof *graph->shortcuts);
  if (!graph->shortcuts)
    return slhx_error(graph->error, SLH_E_NOMEM, "no memory for the roots");
  memcpy(graph->shortcuts, graph->roots, graph->root_count * sizeof *graph->roots);
  qsort(graph->shortcuts, graph->root_count, sizeof *graph->shortcuts, by_number);
  for (uint32_t i = 0; i < graph->root_count; i++) {
    if (i == 0 || graph->shortcuts[i] != graph->shortcuts[i - 1])
      graph->shortcuts[graph->shortcut_count++] = graph->shortcuts[i];
  }
  return SLH_OK;
}

/* ---- ephemerons ---- */

static bool count_entry(void *context, slh_ref key, slh_ref value)
{
  uint32_t *count = context;

  (void)key;
  *count += slh_is_object(value);
  return true;
}

/* Entries with keys that are no objects, as forged ones can be, say nothing. */
static bool note_entry(void *context, slh_ref key, slh_ref value)
{
  struct graph *graph = context;
  struct entry entry = {slhx_graph_find(graph, key.bits), slhx_graph_find(graph, value.bits)};

  if (entry.key != NO_NODE && entry.value != NO_NODE)
    graph->entries[graph->entry_count++] = entry;
  return true;
}

static slh_status find_entries(struct graph *graph)
{
  uint32_t count = 0;

  slh_heap_visit_ephemerons(graph->heap, count_entry, &count);
  graph->entries = malloc((count + UINT64_C(1)) * sizeof *graph->entries);
  if (!graph->entries)
    return slhx_error(graph->error, SLH_E_NOMEM, "no memory for %u ephemerons", count);
  slh_heap_visit_ephemerons(graph->heap, note_entry, graph);
  qsort(graph->entries, graph->entry_count, sizeof *graph->entries, by_key);
  return SLH_OK;
}

slh_status slhx_graph_find_roots(struct graph *graph, const slh_roots *given, bool shortcuts)
{
  slh_roots *all;
  slh_status status = slh_roots_new(slh_heap_runtime(graph->heap), &all);

  if (status != SLH_OK)
    return slhx_error(graph->error, status, "no memory for the roots");
  status = collect_roots(graph, given, all);
  slh_roots_free(all);
  if (status == SLH_OK && shortcuts)
    status = find_shortcuts(graph);
  return status == SLH_OK ? find_entries(graph) : status;
}
