/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Deferred reference counting (Deutsch and Bobrow 1976; the list of what may be on a
 * stack, and its precise mark, are those of Wasmtime's DRC collector). counts.h has the
 * states, listed.h the list, drop.h what dies between collections, holes.h the free room.
 *
 * A collection looks at what is new, and at the list, not at what is old:
 *
 *   mark     each reference on a stack marks its object, which is listed
 *   promote  what is new and has a mark or a count becomes counted: what it refers to
 *            gets counts, and so lives
 *   unlist   what has no mark leaves the list; without counts it dies
 *   drop     what died, with what only that referred to
 *   sweep    dead new objects become holes
 *
 * From time to time all of the heap is swept, so that holes that lie side by side become
 * one (as in the lazy coalescing of allocators).
 *
 * Old objects in a cycle keep one another until the store ends. What is new dies in
 * cycles, too.
 */
#include "lib/drc.h"
#include "lib/growth.h"
#include "lib/policy.h"
#include "pool/events.h"

/* ---- beginning ---- */

/* For the list of objects whose references are to be counted, 4 bytes each. An object gets
 * there once, when it stops being NEW, and no two start at the same 8 bytes. */
static uint64_t space(const slh_heap *heap, bool young)
{
  (void)young;
  return (heap->data.bump - heap->data.start) / SLHI_OBJECT_ALIGN * sizeof(uint32_t);
}

static slh_status begin(slh_heap *heap, struct collection *c)
{
  struct counts *counts = slhi_counts_open(heap);

  if (!counts)
    return SLH_E_NOMEM;
  c->tables = slhi_heap_tables(heap);
  memset(&c->counting, 0, sizeof c->counting);
  c->counting.work = (uint32_t *)(void *)slhi_slot_start(slhi_slot_space(slhi_heap_slot(heap)));
  return slhi_counts_cover_all(heap, counts);
}

/* ---- roots ---- */

/* What is counted needs no mark: it lies in a global or a table, and was written by
 * slh_write_ref. */
static bool mark_one(struct collection *c, slh_root_kind kind, uint32_t ref)
{
  struct object object;
  bool sound = true;
  uint32_t *state = slhi_drc_state_of(c, ref, &object, &sound);

  if (state && (kind == SLH_ROOT_STACK || *state < SLHI_STATE_ONE)) {
    *state |= SLHI_STATE_MARKED;
    slhi_listed_add(c->heap, c->tables->counts, ref);
  }
  return sound;
}

static uint64_t mark_some(struct collection *c, const slh_root *root, uint64_t from, uint64_t count,
                          uint64_t *budget)
{
  uint64_t some = slhi_at_most(count, *budget / SLHI_ENTRY_WORK + 1);

  for (uint64_t i = from; i < from + some; i++) {
    if (!mark_one(c, root->kind, root->first[i].bits))
      return SLHI_CORRUPT;
  }
  slhi_spend(budget, SLHI_ENTRY_WORK * some);
  return some;
}

/* ---- what is new: regions, and from `young` to bump ---- */

/* The region that is looked through, or the whole heap; false: there is none. */
static bool region_of(const struct collection *c, bool whole, struct region *out)
{
  const slh_heap *heap = c->heap;
  const struct holes *holes = &c->tables->counts->holes;
  uint32_t number = c->counting.region;

  if (whole)
    *out = (struct region){heap->data.start, (uint32_t)heap->data.bump};
  else if (number < holes->region_count)
    *out = holes->regions[number];
  else
    *out = (struct region){slhi_heap_young(heap), (uint32_t)heap->data.bump};
  return number <= (whole ? 0 : holes->region_count);
}

/* Goes on to the next region; false: there is none. */
bool slhi_drc_next_region(struct collection *c, bool whole, struct region *region)
{
  struct counting *counting = &c->counting;

  for (; region_of(c, whole, region); counting->region++) {
    if (counting->at == 0)
      counting->at = region->start;
    if (counting->at < region->end)
      return true;
    counting->at = 0;
    counting->run = 0;
  }
  return false;
}

/* ---- the list, and what dies ---- */

static bool unlist(struct collection *c, uint64_t *budget)
{
  struct counts *counts = c->tables->counts;
  struct listed *listed = &counts->listed;

  while (*budget > 0 && c->cursor < listed->count) {
    uint32_t at = listed->at[c->cursor++];
    uint32_t *state = slhi_state(counts, at);

    slhi_spend(budget, SLHI_ENTRY_WORK);
    if ((*state & SLHI_STATE_KIND) != SLHI_STATE_COUNTED)
      continue;
    if ((*state & SLHI_STATE_MARKED) != 0) {
      *state &= ~SLHI_STATE_MARKED;
      listed->at[c->counting.kept++] = at;
      continue;
    }
    *state &= ~SLHI_STATE_LISTED;
    if (*state == SLHI_STATE_COUNTED)
      slhi_drop_add(counts, at);
  }
  if (c->cursor < listed->count)
    return false;
  slhi_listed_keep(listed, c->counting.kept);
  return true;
}

/* ---- from one phase to the next ---- */

static void finish(slh_heap *heap, struct collection *c)
{
  struct counts *counts = c->tables->counts;

  counts->holes.region_count = 0;
  heap->counting.young = (uint32_t)heap->data.bump;
  heap->live = (uint32_t)(heap->data.bump - heap->data.start - counts->holes.bytes);
  heap->reclaimed +=
      c->counting.looked_at > c->counting.lived ? c->counting.looked_at - c->counting.lived : 0;
  c->tables->host.old = c->tables->host.kept; /* the others are about to be dropped */
  if (c->counting.looked_at != 0)
    heap->survival = slhi_at_most((uint64_t)c->counting.lived * 100 / c->counting.looked_at, 100);
  slhi_heap_count_collection(heap);
}

static bool run_phase(struct collection *c, uint64_t *budget, slh_status *status)
{
  switch (c->phase) {
  case PHASE_CHECK:
    return slhi_check_alignment(c, budget, status);
  case PHASE_MARK:
    return slhi_each_root(c, mark_some, budget, status);
  case PHASE_PROMOTE:
    return slhi_drc_promote(c, budget, status);
  case PHASE_UNLIST:
    return unlist(c, budget);
  case PHASE_DROP:
    return slhi_drop_some(c->heap, c->tables->counts, budget);
  default:
    return slhi_drc_sweep(c, budget, status);
  }
}

static void next_phase(struct collection *c)
{
  c->phase = c->phase == PHASE_CHECK ? PHASE_MARK : c->phase + 1;
  c->cursor = 0;
  SLHI_EVENT(collection_phase, COLLECTION_PHASE, slh_heap_pool(c->heap), c->heap, c->phase,
             c->written, c->used);
  if (c->phase == PHASE_SWEEP)
    slhi_drc_begin_sweep(c);
}

static slh_status step(slh_heap *heap, struct collection *c, uint64_t *budget, bool *complete)
{
  slh_status status = SLH_OK;

  while (c->phase != PHASE_DONE && *budget > 0) {
    if (run_phase(c, budget, &status))
      next_phase(c);
    if (status != SLH_OK)
      return status;
  }
  *complete = c->phase == PHASE_DONE;
  if (*complete) {
    finish(heap, c);
    status = slhi_check_counts(heap);
  }
  return status;
}

/* Half of what lives is enough: a collection costs what is new. What is more than the policy
 * would have it goes. */
static bool has_room(slh_heap *heap, uint64_t bytes)
{
  uint64_t soft = slhi_policy_soft_limit(heap, bytes);
  uint64_t free = slhi_heap_holes(heap);

  if (soft < heap->data.bump)
    soft = heap->data.bump;
  if (soft < heap->soft)
    (void)slhi_heap_move_soft(heap, soft, 0); /* downwards: cannot fail */
  free += heap->soft > heap->data.bump ? heap->soft - heap->data.bump : 0;
  return 2 * free >= heap->live && slhi_heap_commit(heap, bytes) == SLH_OK;
}

const struct collector slhi_drc_collector = {
    .id = SLH_COLLECTOR_DRC,
    .collects = true,
    .counts = true,
    .space = space,
    .find_room = slhi_holes_find_room,
    .has_room = has_room,
    .begin = begin,
    .step = step,
};
