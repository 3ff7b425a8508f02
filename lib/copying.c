/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The copying collector: phases around an evacuation. Each phase is a function
 * that works until its budget is used up; it returns whether it is done, and
 * sets `*status` if the heap turns out to be corrupt.
 */
#include "lib/copying.h"

#include "pool/events.h"

bool slhi_copying_one(struct collection *c, slh_ref *ref, uint64_t *budget, slh_status *status)
{
  struct evacuation *e = &c->copying.evacuation;
  uint64_t before = e->free;

  if (slhi_evacuate_range(e, (char *)ref, 1, 0) == SLHI_CORRUPT) {
    *status = SLH_E_CORRUPT;
    return false;
  }
  slhi_spend(budget, SLHI_ENTRY_WORK + (e->free - before));
  return true;
}

/* ---- roots ---- */

static uint64_t move_some(struct collection *c, const slh_root *root, uint64_t from, uint64_t count,
                          uint64_t *budget)
{
  struct evacuation *e = &c->copying.evacuation;
  uint64_t before = e->free;
  uint64_t done = slhi_evacuate_roots(e, root->first + from, count, *budget);

  if (done != SLHI_CORRUPT)
    slhi_spend(budget, 4 * done + (e->free - before));
  return done;
}

static uint64_t finish_some(struct collection *c, const slh_root *root, uint64_t from,
                            uint64_t count, uint64_t *budget)
{
  (void)c;
  slhi_spend(budget, 4 * count);
  slhi_finish_roots(root->first + from, count);
  return count;
}

static bool roots(struct collection *c, uint64_t *budget, slh_status *status)
{
  return slhi_each_root(c, move_some, budget, status);
}

static bool finish_roots(struct collection *c, uint64_t *budget, slh_status *status)
{
  return slhi_each_root(c, finish_some, budget, status);
}

static bool scan(struct collection *c, uint64_t *budget, slh_status *status)
{
  if (!slhi_evacuate_scan(&c->copying.evacuation, budget)) {
    *status = SLH_E_CORRUPT;
    return false;
  }
  return slhi_evacuation_is_complete(&c->copying.evacuation);
}

static bool copy_back(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct evacuation *e = &c->copying.evacuation;
  uint64_t at = e->start + c->cursor;

  (void)status;
  while (*budget > 0 && at < e->free) {
    uint64_t work = 0;

    at += slhi_larges_copy_back(e, at, *budget, &work);
    slhi_spend(budget, work);
  }
  c->cursor = at - e->start;
  return at >= e->free;
}

/* ---- from one to the next ---- */

static slhi_phase_fn *const phase_functions[] = {
    [PHASE_CHECK] = slhi_check_alignment,
    [PHASE_ROOTS] = roots,
    [PHASE_IMAGE] = slhi_copying_image,
    [PHASE_HANDLES] = slhi_copying_handles,
    [PHASE_CARDS] = slhi_copying_cards,
    [PHASE_REMEMBERED] = slhi_copying_remembered,
    [PHASE_UNCHAIN] = slhi_copying_unchain,
    [PHASE_SCAN] = scan,
    [PHASE_EPHEMERONS] = slhi_copying_ephemerons,
    [PHASE_WEAK] = slhi_copying_weak,
    [PHASE_FINALIZERS] = slhi_copying_finalizers,
    [PHASE_REVIVE] = slhi_copying_revive,
    [PHASE_DEAD_KEYS] = slhi_copying_dead_keys,
    [PHASE_INDEX] = slhi_copying_index,
    [PHASE_COPY_BACK] = copy_back,
    [PHASE_FINISH] = finish_roots,
};

/* Goes on to a phase; young collections have nothing to do in it for old
 * entries. */
static void go_to(struct collection *c, enum phase phase)
{
  const struct tables *tables = c->tables;
  bool keys = phase == PHASE_UNCHAIN || phase == PHASE_EPHEMERONS || phase == PHASE_DEAD_KEYS ||
              phase == PHASE_INDEX;

  c->phase = phase;
  c->cursor = 0;
  SLHI_EVENT(collection_phase, COLLECTION_PHASE, slh_heap_pool(c->heap), c->heap, phase,
             c->copying.evacuation.free - c->copying.evacuation.start, c->used);
  if (phase == PHASE_COPY_BACK)
    c->copying.evacuation.free = slhi_larges_settle(&c->copying.larges, c->copying.evacuation.start,
                                                    c->copying.evacuation.free);
  if (phase == PHASE_REVIVE)
    c->cursor = c->copying.queued;
  else if (c->young && phase == PHASE_FINALIZERS)
    c->cursor = tables->finalizers.old;
  else if (c->young && keys)
    c->cursor = tables->ephemerons.old;
}

static void next_phase(struct collection *c)
{
  switch (c->phase) {
  case PHASE_ROOTS:
    go_to(c, c->young ? PHASE_HANDLES : PHASE_IMAGE);
    break;
  case PHASE_IMAGE:
    go_to(c, PHASE_SCAN);
    break;
  case PHASE_SCAN:
    c->copying.moved_values = false;
    go_to(c, PHASE_EPHEMERONS);
    break;
  case PHASE_EPHEMERONS:
    if (c->copying.moved_values)
      go_to(c, PHASE_SCAN);
    else
      go_to(c, c->copying.finalizing ? PHASE_DEAD_KEYS : PHASE_WEAK);
    break;
  case PHASE_REVIVE:
    c->copying.finalizing = true;
    go_to(c, PHASE_SCAN);
    break;
  case PHASE_FINISH:
    go_to(c, PHASE_DONE);
    break;
  default:
    go_to(c, c->phase + 1);
  }
}

uint64_t slhi_copying_space(const slh_heap *heap, bool young)
{
  return heap->data.bump - (young ? heap->data.young : heap->data.start);
}

void slhi_copying_begin(slh_heap *heap, struct collection *c, uint64_t start)
{
  struct slot *space = slhi_slot_space(slhi_heap_slot(heap));
  struct copying *copying = &c->copying;
  struct evacuation *e = &copying->evacuation;

  copying->finalizing = false;
  copying->queued = c->tables->queue.count;
  copying->larges.allocator = &c->allocator;
  *e = slhi_evacuation(heap, c->tables, start, slhi_slot_start(space));
  e->larges = &copying->larges;
  e->free = e->scan = slhi_larges_begin(&copying->larges, heap, c->young, start);
  c->written = e->end - start;
}

static void finish(slh_heap *heap, const struct collection *c)
{
  const struct evacuation *e = &c->copying.evacuation;
  uint64_t bump = heap->data.bump;
  uint64_t lived = e->free - e->start - c->copying.larges.dead;

  if (heap->data.dirty < bump)
    heap->data.dirty = (uint32_t)bump;
  heap->data.bump = e->free;
  heap->reclaimed += bump - e->free;
  heap->copied += lived - c->copying.larges.stayed;
  if (!c->young)
    heap->live = (uint32_t)lived;
  if (bump > e->start)
    heap->survival = lived * 100 / (bump - e->start);
  slhi_heap_count_collection(heap);
}

slh_status slhi_copying_step(slh_heap *heap, struct collection *c, uint64_t *budget, bool *complete)
{
  slh_status status = SLH_OK;

  while (c->phase != PHASE_DONE && *budget > 0) {
    if (phase_functions[c->phase](c, budget, &status))
      next_phase(c);
    if (status != SLH_OK)
      return status;
  }
  *complete = c->phase == PHASE_DONE;
  if (*complete) {
    slhi_larges_finish(&c->copying.larges, c->young);
    finish(heap, c);
    c->written = c->copying.evacuation.free - c->copying.evacuation.start;
  }
  return SLH_OK;
}

static slh_status begin(slh_heap *heap, struct collection *c)
{
  slhi_copying_begin(heap, c, heap->data.start);
  return SLH_OK;
}

const struct collector slhi_copying_collector = {
    .id = SLH_COLLECTOR_COPYING,
    .collects = true,
    .space = slhi_copying_space,
    .begin = begin,
    .step = slhi_copying_step,
};
