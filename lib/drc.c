/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Deferred reference counting (Deutsch and Bobrow 1976; the list of what may be on a
 * stack, and its precise mark, are those of Wasmtime's DRC collector). counts.h has the
 * states, holes.h the free room.
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
#include "lib/collection.h"
#include "lib/policy.h"
#include "lib/verify.h"
#include "pool/events.h"

/* All is swept when one part in so many of the heap was dropped since, or is holes of which
 * none was large enough; and when nothing else is left to be done. */
#define WHOLE_PART 8

/* Bytes of heap whose states are looked at for a byte of work. */
#define SCAN_BYTES 16

/* ---- beginning ---- */

static slh_status begin(slh_heap *heap, struct collection *c)
{
  struct counts *counts = slhi_counts_open(heap);
  uint64_t end = heap->data.bump;

  if (!counts || heap->forgetful || !slhi_counts_cover(heap, counts, end))
    return SLH_E_NOMEM;
  c->tables = slhi_heap_tables(heap);
  c->phase = PHASE_CHECK;
  c->cursor = 0;
  c->part = 0;
  c->written = 0;
  memset(&c->counting, 0, sizeof c->counting);
  c->counting.work = (uint32_t *)(void *)slhi_slot_start(slhi_slot_space(slhi_heap_slot(heap)));
  return SLH_OK;
}

/* ---- roots ---- */

/* The object that a reference is to: NULL if it is to none, or needs no count; `*sound` is
 * false if it is none that a heap can have. */
static uint32_t *state_of(const struct collection *c, uint32_t ref, struct object *object,
                          bool *sound)
{
  const slh_heap *heap = c->heap;
  const struct counts *counts = c->tables->counts;
  uint64_t end = heap->data.bump;
  uint32_t *state;

  if (ref < heap->data.start || (ref & 1) != 0)
    return NULL;
  *sound = false;
  if (!slhi_is_countable(heap, ref, end))
    return NULL;
  state = slhi_state(counts, ref);
  if ((*state & SLHI_STATE_KIND) > SLHI_STATE_COUNTED ||
      !slhi_object_read(slhi_shapes(heap->data.runtime), heap->data.base + ref, end - ref,
                        object) ||
      slhi_shape_kind(object->shape) == SLH_KIND_FILLER)
    return NULL;
  *sound = true;
  return state;
}

/* What is counted needs no mark: it lies in a global or a table, and was written by
 * slh_write_ref. */
static bool mark_one(struct collection *c, slh_root_kind kind, uint32_t ref)
{
  struct object object;
  bool sound = true;
  uint32_t *state = state_of(c, ref, &object, &sound);

  if (state && (kind == SLH_ROOT_STACK || *state < SLHI_STATE_ONE)) {
    *state |= SLHI_STATE_MARKED;
    slhi_counts_list(c->heap, c->tables->counts, ref);
  }
  return sound;
}

static bool each_root(struct collection *c, bool mark, uint64_t *budget, slh_status *status)
{
  while (*budget > 0 && c->cursor < c->roots.count) {
    const slh_root *root = &c->roots.entries[c->cursor];
    uint64_t some = slhi_at_most(root->count - c->part, *budget / SLHI_ENTRY_WORK + 1);

    for (uint64_t i = c->part; i < c->part + some; i++) {
      uint32_t ref = root->first[i].bits;
      bool sound =
          mark ? mark_one(c, root->kind, ref) : (ref & 1) != 0 || ref % SLHI_OBJECT_ALIGN == 0;

      if (!sound) {
        *status = SLH_E_CORRUPT;
        return false;
      }
    }
    slhi_spend(budget, SLHI_ENTRY_WORK * (1 + some));
    c->part += some;
    if (c->part == root->count) {
      c->cursor++;
      c->part = 0;
    }
  }
  return c->cursor == c->roots.count;
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

static void promote(struct collection *c, uint32_t at, uint32_t *state, const struct object *object)
{
  struct counting *counting = &c->counting;
  const struct shape *shape = object->shape;

  *state |= SLHI_STATE_COUNTED;
  counting->lived += (uint32_t)object->bytes;
  if (slhi_shape_kind(shape) == SLH_KIND_EXTERN)
    slhi_host_data_keep(c->tables, object->word);
  if (shape->refs != 0 || shape->offsets) {
    counting->work[counting->work_count++] = at;
    if (c->written < counting->work_count * sizeof *counting->work)
      c->written = counting->work_count * sizeof *counting->work;
  }
}

/* One reference more to what is counted already, of which only the state is looked at. */
static bool count_again(const struct collection *c, uint32_t ref)
{
  const slh_heap *heap = c->heap;
  uint32_t *state;

  if (!slhi_is_countable(heap, ref, heap->data.bump))
    return false;
  state = slhi_state(c->tables->counts, ref);
  if ((*state & SLHI_STATE_KIND) != SLHI_STATE_COUNTED)
    return false;
  if (*state < SLHI_STATE_COUNT)
    *state += SLHI_STATE_ONE;
  return true;
}

/* Counts what one object refers to, in parts: a large one is gone through before the next is
 * begun. */
static bool count_references(struct collection *c, uint64_t *budget)
{
  struct counting *counting = &c->counting;
  const char *base = c->heap->data.base;
  struct object object, other;
  struct references references;
  uint64_t offset, done = 0, most = *budget / 4 + 1;
  bool more = true, sound = true;

  if (counting->current == 0)
    counting->current = counting->work[--counting->work_count];
  if (!state_of(c, counting->current, &object, &sound))
    return false;
  references = slhi_references(&object, counting->part);
  while (done < most && (more = slhi_next_reference(&references, &offset))) {
    uint32_t ref = slhi_load_word(base + counting->current + offset);
    uint32_t *state;

    done++;
    if (count_again(c, ref))
      continue;
    state = state_of(c, ref, &other, &sound);
    if (!sound)
      return false;
    if (!state)
      continue;
    if (*state < SLHI_STATE_COUNT)
      *state += SLHI_STATE_ONE;
    if ((*state & SLHI_STATE_KIND) == SLHI_STATE_NEW)
      promote(c, ref, state, &other);
  }
  counting->part = more ? references.next : 0;
  if (!more)
    counting->current = 0;
  slhi_spend(budget, SLHI_ENTRY_WORK + 4 * done);
  return true;
}

/* So far the budget reaches. */
static uint32_t scan_end(const struct collection *c, const struct region *region, uint64_t budget)
{
  uint64_t room = region->end - c->counting.at;

  return c->counting.at + (uint32_t)(budget < room / SCAN_BYTES ? budget * SCAN_BYTES : room);
}

/* From c->counting.at on: what lives of the region's new objects. */
static bool promote_some(struct collection *c, const struct region *region, uint64_t *budget)
{
  struct counting *counting = &c->counting;
  const struct counts *counts = c->tables->counts;
  uint32_t first = counting->at;
  uint32_t end = scan_end(c, region, *budget);
  bool sound = true;

  while (counting->work_count == 0 &&
         (counting->at = slhi_next_state(counts, counting->at, end)) < end) {
    uint32_t *state = slhi_state(counts, counting->at);
    struct object object;

    if (*state >= SLHI_STATE_MARKED && (*state & SLHI_STATE_KIND) == SLHI_STATE_NEW) {
      if (!state_of(c, counting->at, &object, &sound))
        break;
      promote(c, counting->at, state, &object);
    }
    counting->at += SLHI_OBJECT_ALIGN;
  }
  counting->looked_at += counting->at - first;
  slhi_spend(budget, SLHI_ENTRY_WORK + (counting->at - first) / SCAN_BYTES);
  return sound;
}

/* Goes on to the next region; false: there is none. */
static bool next_region(struct collection *c, bool whole, struct region *region)
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

static bool promote_new(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct counting *counting = &c->counting;
  struct region region;

  while (*budget > 0) {
    bool sound;

    if (counting->current != 0 || counting->work_count != 0)
      sound = count_references(c, budget);
    else if (next_region(c, false, &region))
      sound = promote_some(c, &region, budget);
    else
      return true;
    if (!sound) {
      *status = SLH_E_CORRUPT;
      return false;
    }
  }
  return false;
}

/* ---- the list, and what dies ---- */

static bool unlist(struct collection *c, uint64_t *budget)
{
  struct counts *counts = c->tables->counts;

  while (*budget > 0 && c->cursor < counts->listed_count) {
    uint32_t at = counts->listed[c->cursor++];
    uint32_t *state = slhi_state(counts, at);

    slhi_spend(budget, SLHI_ENTRY_WORK);
    if ((*state & SLHI_STATE_KIND) != SLHI_STATE_COUNTED)
      continue;
    if ((*state & SLHI_STATE_MARKED) != 0) {
      *state &= ~SLHI_STATE_MARKED;
      counts->listed[c->counting.kept++] = at;
      continue;
    }
    *state &= ~SLHI_STATE_LISTED;
    if (*state == SLHI_STATE_COUNTED)
      slhi_counts_die(counts, at);
  }
  if (c->cursor < counts->listed_count)
    return false;
  counts->listed_count = c->counting.kept;
  counts->listed_due = 2 * counts->listed_count + SLHI_LISTED_DUE;
  return true;
}

/* ---- sweeping ---- */

/* What lies between two objects that live is a hole; at the end of the heap, bump is
 * where it begins. */
static void end_run(struct collection *c, uint32_t from, uint32_t end)
{
  slh_heap *heap = c->heap;

  if (from >= end)
    return;
  slhi_poison(heap, from, end - from);
  if (end != heap->data.bump) {
    slhi_hole_add(heap, c->tables->counts, from, end - from);
    return;
  }
  if (heap->data.dirty < heap->data.bump)
    heap->data.dirty = (uint32_t)heap->data.bump;
  heap->data.bump = from;
}

/* From c->counting.at on. Whatever has another state than a COUNTED one is dead. */
static bool sweep_some(struct collection *c, const struct region *region, uint64_t *budget)
{
  struct counting *counting = &c->counting;
  const struct counts *counts = c->tables->counts;
  uint32_t first = counting->at;
  uint32_t end = scan_end(c, region, *budget);
  bool sound = true;

  if (counting->run == 0)
    counting->run = region->start;
  while ((counting->at = slhi_next_state(counts, counting->at, end)) < end) {
    uint32_t at = counting->at;
    uint32_t *state = slhi_state(counts, at);
    struct object object;

    if ((*state & SLHI_STATE_KIND) != SLHI_STATE_COUNTED) {
      *state = SLHI_STATE_NEW;
      counting->at = at + SLHI_OBJECT_ALIGN;
      continue;
    }
    if (!state_of(c, at, &object, &sound) || object.bytes > region->end - at)
      return false;
    end_run(c, counting->run, at);
    counting->at = counting->run = at + (uint32_t)object.bytes;
    slhi_spend(budget, SLHI_ENTRY_WORK);
  }
  if (counting->at == region->end)
    end_run(c, counting->run, region->end);
  slhi_spend(budget, SLHI_ENTRY_WORK + (counting->at - first) / SCAN_BYTES);
  return true;
}

static bool sweep(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct region region;

  while (*budget > 0) {
    if (!next_region(c, c->counting.whole, &region))
      return true;
    if (!sweep_some(c, &region, budget)) {
      *status = SLH_E_CORRUPT;
      return false;
    }
  }
  return false;
}

static void begin_sweep(struct collection *c)
{
  struct counts *counts = c->tables->counts;
  const slh_heap *heap = c->heap;
  uint64_t used = heap->data.bump - heap->data.start, part = used / WHOLE_PART;
  uint64_t live = used - counts->holes.bytes - (c->counting.looked_at - c->counting.lived);
  /* Zeal collects before anything could be missed. */
  uint32_t missed = heap->data.runtime->zeal != 0 ? heap->needed : counts->missed;

  c->counting.whole =
      counts->dropped > part || live == 0 ||
      (missed != 0 && (counts->holes.bytes > part || missed > heap->max - heap->data.bump));
  c->counting.region = 0;
  c->counting.at = 0;
  if (c->counting.whole) {
    slhi_holes_forget(counts);
    counts->dropped = 0;
    counts->missed = 0;
  }
}

static void finish(slh_heap *heap, struct collection *c)
{
  struct counts *counts = c->tables->counts;

  counts->holes.region_count = 0;
  counts->young = (uint32_t)heap->data.bump;
  heap->live = (uint32_t)(heap->data.bump - heap->data.start - counts->holes.bytes);
  heap->reclaimed +=
      c->counting.looked_at > c->counting.lived ? c->counting.looked_at - c->counting.lived : 0;
  c->tables->host.old = c->tables->host.kept; /* the others are about to be dropped */
  if (c->counting.looked_at != 0)
    heap->survival = slhi_at_most((uint64_t)c->counting.lived * 100 / c->counting.looked_at, 100);
  slhi_heap_count_collection(heap);
}

/* ---- from one to the next ---- */

static bool run_phase(struct collection *c, uint64_t *budget, slh_status *status)
{
  switch (c->phase) {
  case PHASE_CHECK:
    return each_root(c, false, budget, status);
  case PHASE_MARK:
    return each_root(c, true, budget, status);
  case PHASE_PROMOTE:
    return promote_new(c, budget, status);
  case PHASE_UNLIST:
    return unlist(c, budget);
  case PHASE_DROP:
    return slhi_counts_drop(c->heap, c->tables->counts, budget);
  default:
    return sweep(c, budget, status);
  }
}

static void next_phase(struct collection *c)
{
  c->phase =
      c->phase == PHASE_CHECK ? PHASE_MARK : (c->phase == PHASE_SWEEP ? PHASE_DONE : c->phase + 1);
  c->cursor = 0;
  SLHI_EVENT(collection_phase, COLLECTION_PHASE, slh_heap_pool(c->heap), c->heap, c->phase,
             c->written, c->used);
  if (c->phase == PHASE_SWEEP)
    begin_sweep(c);
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
    .find_room = slhi_holes_find_room,
    .has_room = has_room,
    .begin = begin,
    .step = step,
};
