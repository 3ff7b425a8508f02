/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The copying collector: phases around an evacuation. Each phase is a function
 * that works until its budget is used up; it returns whether it is done, and
 * sets `*status` if the heap turns out to be corrupt.
 */
#include "lib/collection.h"

typedef bool phase_fn(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status);

/* Work for an entry of a table, in bytes. */
#define ENTRY_WORK 16

static void spend(uint64_t *budget, uint64_t work)
{
  *budget -= work < *budget ? work : *budget;
}

/* Moves what a reference outside the heap refers to. */
static bool evacuate_one(struct collection *c, slh_ref *ref, uint64_t *budget, slh_status *status)
{
  uint64_t before = c->evacuation.free;

  if (slhi_evacuate_range(&c->evacuation, (char *)ref, 1, 0) == UINT64_MAX) {
    *status = SLH_E_CORRUPT;
    return false;
  }
  spend(budget, ENTRY_WORK + (c->evacuation.free - before));
  return true;
}

/* Works on up to `count` roots that lie side by side; how many, or UINT64_MAX:
 * corrupt. */
typedef uint64_t roots_fn(struct collection *c, slh_ref *first, uint64_t count, uint64_t budget);

/* All roots, once through. */
static bool each_root(struct collection *c, roots_fn *work, uint64_t *budget, slh_status *status)
{
  while (c->cursor<c->roots.count && * budget> 0) {
    const slh_root *root = &c->roots.entries[c->cursor];
    uint64_t before = c->evacuation.free;
    uint64_t most = *budget / 4 + 1;
    uint64_t left = root->count - c->part;
    uint64_t done = work(c, root->first + c->part, left < most ? left : most, *budget);

    if (done == UINT64_MAX) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    spend(budget, ENTRY_WORK + 4 * done + (c->evacuation.free - before));
    c->part += done;
    if (c->part == root->count) {
      c->cursor++;
      c->part = 0;
    }
  }
  return c->cursor == c->roots.count;
}

static uint64_t check_some(struct collection *c, slh_ref *first, uint64_t count, uint64_t budget)
{
  (void)c;
  (void)budget;
  return slhi_roots_are_aligned(first, count) ? count : UINT64_MAX;
}

static uint64_t move_some(struct collection *c, slh_ref *first, uint64_t count, uint64_t budget)
{
  return slhi_evacuate_roots(&c->evacuation, first, count, budget);
}

static uint64_t finish_some(struct collection *c, slh_ref *first, uint64_t count, uint64_t budget)
{
  (void)c;
  (void)budget;
  slhi_finish_roots(first, count);
  return count;
}

static bool check(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  (void)heap;
  return each_root(c, check_some, budget, status);
}

static bool roots(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  (void)heap;
  return each_root(c, move_some, budget, status);
}

static bool finish_roots(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  (void)heap;
  return each_root(c, finish_some, budget, status);
}

static bool scan(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  (void)heap;
  if (!slhi_evacuate_scan(&c->evacuation, budget)) {
    *status = SLH_E_CORRUPT;
    return false;
  }
  return slhi_evacuation_is_complete(&c->evacuation);
}

/* One pass over those not yet kept. Done once a pass moved nothing. */
static bool ephemerons(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &heap->tables->ephemerons;

  while (c->cursor<all->count && * budget> 0) {
    struct ephemeron *entry = &all->entries[c->cursor++];
    uint32_t key = entry->kept ? 0 : slhi_evacuation_find(&c->evacuation, entry->key.bits);

    spend(budget, ENTRY_WORK);
    if (key == 0)
      continue;
    entry->kept = true;
    entry->key.bits = key;
    c->moved_values = true;
    if (!evacuate_one(c, &entry->value, budget, status))
      return false;
  }
  return c->cursor == all->count;
}

static bool weak(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  struct handles *handles = &heap->tables->weak.at;

  (void)status;
  for (; c->cursor<handles->count && * budget> 0; c->cursor++) {
    slh_ref *ref = &handles->refs[c->cursor];

    ref->bits = slhi_evacuation_find(&c->evacuation, ref->bits);
    spend(budget, ENTRY_WORK);
  }
  return c->cursor == handles->count;
}

/* Those of the dead go to the queue, which has room for all. */
static bool finalizers(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  struct finalizers *list = &heap->tables->finalizers;
  struct finalizers *queue = &heap->tables->queue;

  while (c->cursor<list->count && * budget> 0) {
    slh_ref *ref = &list->refs[c->cursor];
    uint32_t moved = slhi_evacuation_find(&c->evacuation, ref->bits);

    spend(budget, ENTRY_WORK);
    if (moved != 0) {
      list->refs[c->cursor++].bits = moved;
      continue;
    }
    /* Not moved here: others that die with it must be found dead, too. */
    queue->refs[queue->count] = *ref;
    queue->data[queue->count++] = list->data[c->cursor];
    list->refs[c->cursor] = list->refs[--list->count];
    list->data[c->cursor] = list->data[list->count];
  }
  (void)status;
  return c->cursor == list->count;
}

static bool revive(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  struct finalizers *queue = &heap->tables->queue;

  /* From c->queued on: those before were among the roots. */
  while (c->cursor<queue->count && * budget> 0) {
    if (!evacuate_one(c, &queue->refs[c->cursor++], budget, status))
      return false;
  }
  return c->cursor == queue->count;
}

static bool dead_keys(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &heap->tables->ephemerons;

  (void)status;
  while (c->cursor<all->count && * budget> 0) {
    struct ephemeron *entry = &all->entries[c->cursor];

    spend(budget, ENTRY_WORK);
    if (!entry->kept) {
      *entry = all->entries[--all->count];
      continue;
    }
    entry->kept = false;
    c->cursor++;
  }
  return c->cursor == all->count;
}

static bool index_keys(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  uint64_t before = c->cursor;
  bool done =
      slhi_ephemerons_index(&heap->tables->ephemerons, &c->cursor, *budget / ENTRY_WORK + 1);

  (void)status;
  spend(budget, (c->cursor - before) * ENTRY_WORK);
  return done;
}

static bool copy_back(slh_heap *heap, struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct evacuation *e = &c->evacuation;
  uint64_t at = e->start + c->cursor;
  uint64_t left = e->free - at;
  uint64_t some = left < *budget ? left : *budget;

  (void)heap;
  (void)status;
  memcpy(e->from + at, e->to + at, some);
  c->cursor += some;
  spend(budget, some);
  return some == left;
}

/* ---- from one to the next ---- */

static phase_fn *const phase_functions[] = {
    [PHASE_CHECK] = check,           [PHASE_ROOTS] = roots,         [PHASE_SCAN] = scan,
    [PHASE_EPHEMERONS] = ephemerons, [PHASE_WEAK] = weak,           [PHASE_FINALIZERS] = finalizers,
    [PHASE_REVIVE] = revive,         [PHASE_DEAD_KEYS] = dead_keys, [PHASE_INDEX] = index_keys,
    [PHASE_COPY_BACK] = copy_back,   [PHASE_FINISH] = finish_roots,
};

static void next_phase(struct collection *c)
{
  c->cursor = 0;
  switch (c->phase) {
  case PHASE_SCAN:
    c->moved_values = false;
    c->phase = PHASE_EPHEMERONS;
    break;
  case PHASE_EPHEMERONS:
    if (c->moved_values)
      c->phase = PHASE_SCAN;
    else
      c->phase = c->finalizing ? PHASE_DEAD_KEYS : PHASE_WEAK;
    break;
  case PHASE_FINALIZERS:
    c->cursor = c->queued;
    c->phase = PHASE_REVIVE;
    break;
  case PHASE_REVIVE:
    c->finalizing = true;
    c->phase = PHASE_SCAN;
    break;
  default:
    c->phase++;
  }
}

static slh_status begin(slh_heap *heap)
{
  struct collection *c = heap->tables->collection;
  uint64_t start = SLHI_START;
  uint64_t end = heap->data.bump;
  slh_status status = slhi_pool_lend_space(slh_heap_pool(heap), end - start, &c->space);

  if (status != SLH_OK)
    return status;
  c->phase = PHASE_CHECK;
  c->finalizing = false;
  c->cursor = 0;
  c->part = 0;
  c->queued = heap->tables->queue.count;
  c->evacuation = slhi_evacuation(heap, start, end, c->space->start);
  return SLH_OK;
}

static void return_space(slh_heap *heap, uint64_t used)
{
  slhi_pool_return_space(slh_heap_pool(heap), heap->tables->collection->space, used);
}

static void cancel(slh_heap *heap)
{
  const struct evacuation *e = &heap->tables->collection->evacuation;

  /* How far it came is not known if the heap turned out to be corrupt. */
  return_space(heap, e->end - e->start);
}

static void finish(slh_heap *heap)
{
  const struct evacuation *e = &heap->tables->collection->evacuation;
  uint64_t bump = heap->data.bump;

  return_space(heap, e->free - e->start);
  if (heap->data.dirty < bump)
    heap->data.dirty = bump;
  heap->data.bump = e->free;
  heap->reclaimed += bump - e->free;
  heap->copied += e->free - e->start;
  heap->live = e->free - e->start;
  heap->collections++;
}

static slh_status step(slh_heap *heap, uint64_t *budget, bool *complete)
{
  struct collection *c = heap->tables->collection;
  slh_status status = SLH_OK;

  while (c->phase != PHASE_DONE && *budget > 0) {
    if (phase_functions[c->phase](heap, c, budget, &status))
      next_phase(c);
    if (status != SLH_OK)
      return status;
  }
  *complete = c->phase == PHASE_DONE;
  if (*complete)
    finish(heap);
  return SLH_OK;
}

const struct collector slhi_copying_collector = {
    .id = SLH_COLLECTOR_COPYING,
    .collects = true,
    .begin = begin,
    .step = step,
    .cancel = cancel,
};
