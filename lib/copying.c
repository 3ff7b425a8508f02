/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The copying collector: phases around an evacuation. Each phase is a function
 * that works until its budget is used up; it returns whether it is done, and
 * sets `*status` if the heap turns out to be corrupt.
 */
#include "lib/copying.h"

#include "pool/events.h"

typedef bool phase_fn(struct collection *c, uint64_t *budget, slh_status *status);

/* Moves what a reference outside the heap refers to. */
static bool evacuate_one(struct collection *c, slh_ref *ref, uint64_t *budget, slh_status *status)
{
  uint64_t before = c->evacuation.free;

  if (slhi_evacuate_range(&c->evacuation, (char *)ref, 1, 0) == UINT64_MAX) {
    *status = SLH_E_CORRUPT;
    return false;
  }
  slhi_spend(budget, SLHI_ENTRY_WORK + (c->evacuation.free - before));
  return true;
}

/* Works on up to `count` roots that lie side by side; how many, or UINT64_MAX:
 * corrupt. */
typedef uint64_t roots_fn(struct collection *c, slh_ref *first, uint64_t count, uint64_t budget);

/* All roots, once through. */
static bool each_root(struct collection *c, roots_fn *work, uint64_t *budget, slh_status *status)
{
  while (*budget > 0 && c->cursor < c->roots.count) {
    const slh_root *root = &c->roots.entries[c->cursor];
    uint64_t before = c->evacuation.free;
    uint64_t most = *budget / 4 + 1;
    uint64_t left = root->count - c->part;
    /* Where there are none, `first` may be NULL. */
    uint64_t done =
        left == 0 ? 0 : work(c, root->first + c->part, left < most ? left : most, *budget);

    if (done == UINT64_MAX) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    slhi_spend(budget, SLHI_ENTRY_WORK + 4 * done + (c->evacuation.free - before));
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

static bool check(struct collection *c, uint64_t *budget, slh_status *status)
{
  return each_root(c, check_some, budget, status);
}

static bool roots(struct collection *c, uint64_t *budget, slh_status *status)
{
  return each_root(c, move_some, budget, status);
}

static bool finish_roots(struct collection *c, uint64_t *budget, slh_status *status)
{
  return each_root(c, finish_some, budget, status);
}

/* ---- young collections: what roots do not lead to ---- */

static bool young_handles(struct collection *c, struct handles *handles, uint64_t *budget,
                          slh_status *status)
{
  while (*budget > 0) {
    uint32_t number = slhi_handle_next_young(handles);

    if (number == UINT32_MAX)
      return true;
    if (!evacuate_one(c, &handles->refs[number], budget, status))
      return false;
  }
  return false;
}

static bool handles(struct collection *c, uint64_t *budget, slh_status *status)
{
  return young_handles(c, &c->tables->locals, budget, status) &&
         young_handles(c, &c->tables->owned.at, budget, status);
}

/* What is remembered at offset `at`, if it is an object there. */
static bool find_old(const struct collection *c, uint32_t at, struct object *out)
{
  const struct evacuation *e = &c->evacuation;

  return at % SLHI_OBJECT_ALIGN == 0 && at >= e->old && at < e->start &&
         slhi_object_read(e->shapes, e->from + at, e->start - at, out) &&
         out->shape != slhi_filler_shape(e->shapes);
}

/* Elements of an old array that a card covers; none if there is no such array,
 * or it is remembered as a whole: nothing may be rewritten twice. */
static uint32_t find_card(const struct collection *c, struct card card, char **at)
{
  struct object array;
  uint32_t first, end;

  if (!find_old(c, card.array, &array) || array.shape->bytes != 0 || array.shape->refs == 0 ||
      (slhi_load_word(c->evacuation.from + card.array) & SLHI_LOGGED) != 0 ||
      array.word <= SLH_REMEMBERED_WHOLE || card.number > slhi_last_card(array.bytes))
    return 0;
  slhi_card_elements(array.word, card.number, &first, &end);
  *at = c->evacuation.from + card.array + SLH_ARRAY_DATA_OFFSET + 4 * (uint64_t)first;
  return end - first;
}

/* A card takes at most 1 KiB of elements, and what they lead to. */
static bool cards(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct remembered *set = &c->tables->remembered;

  while (*budget > 0 && c->cursor < set->card_count) {
    uint64_t before = c->evacuation.free;
    char *at = NULL;
    uint32_t count = find_card(c, set->cards[c->cursor++], &at);

    if (count && slhi_evacuate_range(&c->evacuation, at, count, UINT64_MAX) == UINT64_MAX) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    slhi_spend(budget, SLHI_ENTRY_WORK + 4 * (uint64_t)count + (c->evacuation.free - before));
  }
  return c->cursor == set->card_count;
}

/* An object that is no longer logged has come before. */
static bool remembered_object(struct collection *c, uint32_t offset, uint64_t *budget,
                              slh_status *status)
{
  struct evacuation *e = &c->evacuation;
  char *at = e->from + offset;
  uint64_t before = e->free, done = 0;
  struct object object;
  bool complete = true;

  if (find_old(c, offset, &object) && (slhi_load_word(at) & SLHI_LOGGED) != 0) {
    done = slhi_evacuate_in_place(e, at, &object, &c->part, *budget, &complete);
    if (done == UINT64_MAX) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    if (complete)
      slhi_store_word(at, slhi_load_word(at) & ~SLHI_LOGGED);
  } else {
    c->part = 0; /* it was there in the step before */
  }
  slhi_spend(budget, SLHI_ENTRY_WORK + 4 * done + (e->free - before));
  return complete;
}

/* So far ahead headers are fetched: nobody knows where they lie. */
#define AHEAD 8

static bool remembered(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct remembered *set = &c->tables->remembered;
  uint32_t count = slhi_remembered_objects(c->heap);

  while (*budget > 0 && c->cursor < count) {
    if (c->cursor + AHEAD < count)
      __builtin_prefetch(c->evacuation.from + set->objects[c->cursor + AHEAD], 1);
    if (remembered_object(c, set->objects[c->cursor], budget, status))
      c->cursor++;
    else if (*status != SLH_OK)
      return false;
  }
  return c->cursor == count;
}

static bool unchain(struct collection *c, uint64_t *budget, slh_status *status)
{
  uint64_t before = c->cursor;
  bool done = slhi_ephemerons_unchain_young(&c->tables->ephemerons, &c->cursor,
                                            *budget / SLHI_ENTRY_WORK + 1);

  (void)status;
  slhi_spend(budget, (c->cursor - before) * SLHI_ENTRY_WORK);
  return done;
}

/* ---- scanning, and what it decides ---- */

static bool scan(struct collection *c, uint64_t *budget, slh_status *status)
{
  if (!slhi_evacuate_scan(&c->evacuation, budget)) {
    *status = SLH_E_CORRUPT;
    return false;
  }
  return slhi_evacuation_is_complete(&c->evacuation);
}

/* One pass over those not yet kept. Done once a pass moved nothing. */
static bool ephemerons(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &c->tables->ephemerons;

  while (*budget > 0 && c->cursor < all->count) {
    struct ephemeron *entry = &all->entries[c->cursor++];
    uint32_t key = entry->kept ? 0 : slhi_evacuation_find(&c->evacuation, entry->key.bits);

    slhi_spend(budget, SLHI_ENTRY_WORK);
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

static bool young_weak(struct collection *c, uint64_t *budget)
{
  struct handles *handles = &c->tables->weak.at;

  while (*budget > 0) {
    uint32_t number = slhi_handle_next_young(handles);

    if (number == UINT32_MAX)
      return true;
    handles->refs[number].bits = slhi_evacuation_find(&c->evacuation, handles->refs[number].bits);
    slhi_spend(budget, SLHI_ENTRY_WORK);
  }
  return false;
}

static bool weak(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct handles *handles = &c->tables->weak.at;

  (void)status;
  if (c->young)
    return young_weak(c, budget);
  for (; *budget > 0 && c->cursor < handles->count; c->cursor++) {
    slh_ref *ref = &handles->refs[c->cursor];

    ref->bits = slhi_evacuation_find(&c->evacuation, ref->bits);
    slhi_spend(budget, SLHI_ENTRY_WORK);
  }
  return c->cursor == handles->count;
}

/* Those of the dead go to the queue, which has room for all. */
static bool finalizers(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct finalizers *list = &c->tables->finalizers;
  struct finalizers *queue = &c->tables->queue;

  while (*budget > 0 && c->cursor < list->count) {
    slh_ref *ref = &list->refs[c->cursor];
    uint32_t moved = slhi_evacuation_find(&c->evacuation, ref->bits);

    slhi_spend(budget, SLHI_ENTRY_WORK);
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

static bool revive(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct finalizers *queue = &c->tables->queue;

  /* From c->queued on: those before were among the roots. */
  while (*budget > 0 && c->cursor < queue->count) {
    if (!evacuate_one(c, &queue->refs[c->cursor++], budget, status))
      return false;
  }
  return c->cursor == queue->count;
}

static bool dead_keys(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &c->tables->ephemerons;

  (void)status;
  while (*budget > 0 && c->cursor < all->count) {
    struct ephemeron *entry = &all->entries[c->cursor];

    slhi_spend(budget, SLHI_ENTRY_WORK);
    if (!entry->kept) {
      *entry = all->entries[--all->count];
      continue;
    }
    entry->kept = false;
    c->cursor++;
  }
  return c->cursor == all->count;
}

static bool index_keys(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &c->tables->ephemerons;
  uint64_t before = c->cursor, most = *budget / SLHI_ENTRY_WORK + 1;
  bool done = c->young ? slhi_ephemerons_chain_young(all, &c->cursor, most)
                       : slhi_ephemerons_index(all, &c->cursor, most);

  (void)status;
  slhi_spend(budget, (c->cursor - before) * SLHI_ENTRY_WORK);
  return done;
}

static bool copy_back(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct evacuation *e = &c->evacuation;
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

static phase_fn *const phase_functions[] = {
    [PHASE_CHECK] = check,           [PHASE_ROOTS] = roots,
    [PHASE_IMAGE] = slhi_scan_image, [PHASE_HANDLES] = handles,
    [PHASE_CARDS] = cards,           [PHASE_REMEMBERED] = remembered,
    [PHASE_UNCHAIN] = unchain,       [PHASE_SCAN] = scan,
    [PHASE_EPHEMERONS] = ephemerons, [PHASE_WEAK] = weak,
    [PHASE_FINALIZERS] = finalizers, [PHASE_REVIVE] = revive,
    [PHASE_DEAD_KEYS] = dead_keys,   [PHASE_INDEX] = index_keys,
    [PHASE_COPY_BACK] = copy_back,   [PHASE_FINISH] = finish_roots,
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
             c->evacuation.free - c->evacuation.start, c->used);
  if (phase == PHASE_COPY_BACK)
    c->evacuation.free = slhi_larges_settle(&c->larges, c->evacuation.start, c->evacuation.free);
  if (phase == PHASE_REVIVE)
    c->cursor = c->queued;
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
    c->moved_values = false;
    go_to(c, PHASE_EPHEMERONS);
    break;
  case PHASE_EPHEMERONS:
    if (c->moved_values)
      go_to(c, PHASE_SCAN);
    else
      go_to(c, c->finalizing ? PHASE_DEAD_KEYS : PHASE_WEAK);
    break;
  case PHASE_REVIVE:
    c->finalizing = true;
    go_to(c, PHASE_SCAN);
    break;
  default:
    go_to(c, c->phase + 1);
  }
}

void slhi_copying_begin(slh_heap *heap, struct collection *c, uint64_t start)
{
  struct slot *space = slhi_slot_space(slhi_heap_slot(heap));

  c->phase = PHASE_CHECK;
  c->finalizing = false;
  c->cursor = 0;
  c->part = 0;
  c->queued = c->tables->queue.count;
  c->larges.allocator = &c->allocator;
  c->evacuation = slhi_evacuation(heap, c->tables, start, slhi_slot_start(space));
  c->evacuation.larges = &c->larges;
  c->evacuation.free = c->evacuation.scan = slhi_larges_begin(&c->larges, heap, c->young, start);
  c->written = c->evacuation.end - start;
}

static void finish(slh_heap *heap, const struct collection *c)
{
  const struct evacuation *e = &c->evacuation;
  uint64_t bump = heap->data.bump;

  if (heap->data.dirty < bump)
    heap->data.dirty = (uint32_t)bump;
  heap->data.bump = e->free;
  heap->reclaimed += bump - e->free;
  heap->copied += e->free - e->start - c->larges.stayed - c->larges.dead;
  if (!c->young)
    heap->live = (uint32_t)(e->free - e->start - c->larges.dead);
  if (bump > e->start)
    heap->survival = (e->free - e->start) * 100 / (bump - e->start);
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
    slhi_larges_finish(&c->larges, c->young);
    finish(heap, c);
    c->written = c->evacuation.free - c->evacuation.start;
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
    .begin = begin,
    .step = slhi_copying_step,
};
