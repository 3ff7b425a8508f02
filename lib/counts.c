/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Counts of references, and what is reclaimed when they come to nothing (Deutsch and
 * Bobrow, "An efficient, incremental, automatic garbage collector", CACM 19:9, 1976). */
#include "lib/counts.h"

#include <stdio.h>

#include "lib/find.h"
#include "lib/verify.h"

/* Of states and of the list, in entries. */
#define FIRST_STATES 1024
#define FIRST_LISTED 256

/* States that are looked at together. */
#define SCAN_STATES 8

/* Work for one object, in bytes. */
#define DROP_WORK 16

/* ---- states ---- */

struct counts *slhi_counts_open(slh_heap *heap)
{
  struct tables *tables;
  struct counts *counts;

  if (slhi_tables(heap, &tables) != SLH_OK)
    return NULL;
  if (tables->counts)
    return tables->counts;
  counts = slhi_slot_resize(slhi_heap_slot(heap), NULL, sizeof *counts);
  if (!counts)
    return NULL;
  memset(counts, 0, sizeof *counts);
  tables->uncounted += sizeof *counts;
  counts->start = slhi_heap_first(heap);
  counts->listed_due = SLHI_LISTED_DUE;
  tables->counts = counts;
  return counts;
}

void slhi_counts_reset(struct counts *counts)
{
  if (counts->states)
    memset(counts->states, 0, counts->covered * sizeof *counts->states);
  counts->young = 0;
  counts->listed_count = 0;
  counts->listed_due = SLHI_LISTED_DUE;
  counts->dropped = 0;
  counts->missed = 0;
  counts->drop = (struct drop){0, 0};
  slhi_holes_forget(counts);
  counts->holes.region_count = 0;
  counts->holes.top = 0;
}

/* The heap's own limits bound this, so it is not on the store's account. */
bool slhi_counts_cover(slh_heap *heap, struct counts *counts, uint64_t end)
{
  uint64_t wanted = (end - counts->start) / SLHI_OBJECT_ALIGN;
  uint64_t covered = counts->covered ? 2 * (uint64_t)counts->covered : FIRST_STATES;
  uint64_t most = (heap->max - counts->start) / SLHI_OBJECT_ALIGN;
  uint32_t *states;

  if (wanted <= counts->covered)
    return true;
  covered = slhi_at_most(covered > wanted ? covered : wanted, most > wanted ? most : wanted);
  states = slhi_slot_resize(slhi_heap_slot(heap), counts->states, covered * sizeof *states);
  if (!states)
    return false;
  memset(states + counts->covered, 0, (covered - counts->covered) * sizeof *states);
  slhi_heap_tables(heap)->uncounted += (covered - counts->covered) * sizeof *states;
  counts->states = states;
  counts->covered = (uint32_t)covered;
  return true;
}

uint32_t slhi_next_state(const struct counts *counts, uint32_t at, uint32_t end)
{
  const uint32_t *first = slhi_state(counts, at), *state = first;
  const uint32_t *last = first + (at < end ? (end - at) / SLHI_OBJECT_ALIGN : 0);
  uint64_t some[SCAN_STATES / 2];

  for (; last - state >= SCAN_STATES; state += SCAN_STATES) {
    memcpy(some, state, sizeof some);
    if ((some[0] | some[1] | some[2] | some[3]) != 0)
      break;
  }
  while (state < last && *state == 0)
    state++;
  return at + SLHI_OBJECT_ALIGN * (uint32_t)(state - first);
}

/* ---- counting ---- */

/* Without a count nothing can be reclaimed any more. */
static bool has_state(slh_heap *heap, uint32_t ref)
{
  struct counts *counts = slhi_counts_open(heap);

  if (!counts || !slhi_counts_cover(heap, counts, ref + (uint64_t)SLHI_OBJECT_ALIGN))
    heap->forgetful = true;
  return !heap->forgetful;
}

/* Whether there are counts, and one for what starts at `ref`, which is countable. */
static inline bool covers(const struct counts *counts, uint32_t ref)
{
  return counts && (ref - counts->start) / SLHI_OBJECT_ALIGN < counts->covered;
}

/* `end`: of the heap's objects. */
static inline void count_up(slh_heap *heap, uint32_t ref, uint64_t end)
{
  const struct counts *counts = slhi_counts(heap);
  uint32_t *state;

  if (!slhi_is_countable(heap, ref, end) || heap->forgetful)
    return;
  if (SLH_UNLIKELY(!covers(counts, ref))) {
    if (!has_state(heap, ref))
      return;
    counts = slhi_counts(heap);
  }
  state = slhi_state(counts, ref);
  if ((*state & SLHI_STATE_KIND) <= SLHI_STATE_COUNTED && *state < SLHI_STATE_COUNT)
    *state += SLHI_STATE_ONE;
}

void slhi_count_up(slh_heap *heap, uint32_t ref)
{
  count_up(heap, ref, slhi_heap_end(heap));
}

void slhi_counts_die(struct counts *counts, uint32_t at)
{
  *slhi_state(counts, at) = counts->drop.first | SLHI_STATE_DYING;
  counts->drop.first = at;
}

static inline void count_down(const slh_heap *heap, struct counts *counts, uint32_t ref,
                              uint64_t end)
{
  uint32_t *state;

  if (!slhi_is_countable(heap, ref, end) || heap->forgetful || !covers(counts, ref))
    return;
  state = slhi_state(counts, ref);
  if ((*state & SLHI_STATE_KIND) > SLHI_STATE_COUNTED || *state < SLHI_STATE_ONE ||
      *state >= SLHI_STATE_COUNT)
    return;
  *state -= SLHI_STATE_ONE;
  /* Neither NEW, nor listed, nor counted. */
  if (*state == SLHI_STATE_COUNTED)
    slhi_counts_die(counts, ref);
}

/* ---- reclaiming ---- */

/* What comes behind the first in counts->drop. Where forged objects overlap, its link can
 * have become something else: then the rest waits for a sweep. */
static uint32_t next_dying(const struct counts *counts, uint64_t end)
{
  uint32_t next = *slhi_state(counts, counts->drop.first) & ~SLHI_STATE_KIND;

  return slhi_has_state(counts, next, SLHI_STATE_DYING, end) ? next : 0;
}

/* Drops some references of the object that is first in counts->drop. */
static bool drop_references(slh_heap *heap, struct counts *counts, const char *at,
                            const struct object *object, uint64_t end, uint64_t *budget)
{
  struct references references = slhi_references(object, counts->drop.part);
  uint32_t first = counts->drop.first;
  uint64_t offset, work = DROP_WORK, most = slhi_saturating_add(*budget, DROP_WORK + 1);
  bool more = false;

  /* What they refer to comes behind it. */
  counts->drop.first = next_dying(counts, end);
  while (work < most && (more = slhi_next_reference(&references, &offset))) {
    count_down(heap, counts, slhi_load_word(at + offset), end);
    work += 4;
  }
  *slhi_state(counts, first) = counts->drop.first | SLHI_STATE_DYING;
  counts->drop.first = first;
  counts->drop.part = more ? references.next : 0;
  *budget -= slhi_at_most(work, *budget);
  return !more;
}

/* The first in counts->drop is no more: a hole, if there is an object. */
static void reclaim(slh_heap *heap, struct counts *counts, const struct object *object,
                    uint64_t end)
{
  uint32_t at = counts->drop.first;

  counts->drop.first = next_dying(counts, end);
  *slhi_state(counts, at) = SLHI_STATE_NEW;
  if (!object)
    return;
  slhi_poison(heap, at, object->bytes);
  slhi_hole_add(heap, counts, at, (uint32_t)object->bytes);
  counts->dropped += (uint32_t)object->bytes;
  heap->reclaimed += object->bytes;
}

bool slhi_counts_drop(slh_heap *heap, struct counts *counts, uint64_t *budget)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t end = slhi_heap_end(heap);

  while (counts->drop.first != 0 && *budget > 0) {
    const char *at = heap->data.base + counts->drop.first;
    uint32_t number;
    struct object object;

    if (!slhi_object_read(shapes, at, end - counts->drop.first, &object) ||
        slhi_shape_kind(object.shape) == SLH_KIND_FILLER) {
      counts->drop.part = 0;
      reclaim(heap, counts, NULL, end);
      continue;
    }
    if (!drop_references(heap, counts, at, &object, end, budget))
      continue;
    number = object.word;
    reclaim(heap, counts, &object, end);
    /* Last, for it can jump out. */
    if (slhi_shape_kind(object.shape) == SLH_KIND_EXTERN)
      slhi_host_data_drop(heap, number);
  }
  return counts->drop.first == 0;
}

static void drop_all(slh_heap *heap, struct counts *counts)
{
  uint64_t budget = UINT64_MAX;

  while (counts->drop.first != 0 && !slhi_counts_drop(heap, counts, &budget))
    budget = UINT64_MAX;
}

/* ---- what may be on a stack ---- */

static bool has_room(slh_heap *heap, struct counts *counts)
{
  return counts->listed_count < counts->listed_capacity ||
         slhi_table_widen(heap, &counts->listed, sizeof *counts->listed, &counts->listed_capacity,
                          FIRST_LISTED);
}

void slhi_counts_list(slh_heap *heap, struct counts *counts, uint32_t ref)
{
  uint32_t *state = slhi_state(counts, ref);

  if ((*state & SLHI_STATE_LISTED) != 0)
    return;
  if (has_room(heap, counts)) {
    *state |= SLHI_STATE_LISTED;
    counts->listed[counts->listed_count++] = ref;
  } else {
    *state |= SLHI_STATE_COUNT; /* it stays until the store ends */
  }
}

void slh_counted_expose(slh_heap *heap, slh_ref ref)
{
  struct counts *counts = slhi_counts(heap);

  /* What was never counted is NEW, as an image's objects are, and needs no entry. */
  if (ref.bits % SLHI_OBJECT_ALIGN != 0 || !covers(counts, ref.bits))
    return;
  if ((*slhi_state(counts, ref.bits) & (SLHI_STATE_KIND | SLHI_STATE_LISTED)) == SLHI_STATE_COUNTED)
    slhi_counts_list(heap, counts, ref.bits);
}

bool slh_counted_list_is_long(const slh_heap *heap, uint32_t count)
{
  const struct counts *counts = slhi_counts(heap);

  return counts && counts->listed_count + (uint64_t)count > counts->listed_due;
}

/* ---- barriers ---- */

void slh_counted_write(slh_heap *heap, slh_ref *destination, slh_ref source)
{
  struct counts *counts;
  slh_ref old = *destination;

  slhi_require_idle(heap, "slh_write_ref, slh_clone_ref or slh_drop_ref");
  slhi_count_up(heap, source.bits);
  *destination = source;
  counts = slhi_counts(heap);
  if (!counts)
    return;
  count_down(heap, counts, old.bits, slhi_heap_end(heap));
  drop_all(heap, counts);
}

/* Whether the references in what starts at `object` are counted; those in images are. */
static inline bool is_counted(const slh_heap *heap, const struct counts *counts, uint32_t object,
                              uint64_t end)
{
  if (object < heap->data.start)
    return true;
  return counts && slhi_has_state(counts, object, SLHI_STATE_COUNTED, end);
}

void slh_counted_set(slh_heap *heap, slh_ref object, uint64_t at, slh_ref value)
{
  struct counts *counts = slhi_counts(heap);
  uint64_t end = slhi_heap_end(heap);
  slh_ref old;
  char *place;

  slhi_require_idle(heap, "slh_set_ref");
  if (heap->data.mask != UINT32_MAX)
    at &= heap->data.mask & ~UINT64_C(3);
  place = heap->data.base + at;
  /* Beyond the objects it is what an unchecked write comes to: to a guard, perhaps. */
  if (at < slhi_heap_first(heap) || at + sizeof old > end ||
      !is_counted(heap, counts, object.bits, end)) {
    slhi_store_word(place, value.bits);
    slh_counted_expose(heap, value);
    return;
  }
  old.bits = slhi_load_word(place);
  count_up(heap, value.bits, end);
  slhi_store_word(place, value.bits);
  counts = slhi_counts(heap);
  if (counts) {
    count_down(heap, counts, old.bits, end);
    drop_all(heap, counts);
  }
}

bool slhi_counts_set_elements(slh_heap *heap, slh_ref array, char *to, const char *from,
                              uint32_t step, uint32_t count)
{
  struct counts *counts = slhi_counts(heap);
  uint64_t end = slhi_heap_end(heap);
  bool backwards = from < to;

  if (!is_counted(heap, counts, array.bits, end)) {
    for (uint32_t i = 0; i < count; i++)
      slh_counted_expose(heap, (slh_ref){slhi_load_word(from + (uint64_t)step * i)});
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    count_up(heap, slhi_load_word(from + (uint64_t)step * i), end);
  counts = slhi_counts(heap);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = backwards ? count - 1 - i : i;
    uint32_t old = slhi_load_word(to + 4 * at);

    slhi_store_word(to + 4 * at, slhi_load_word(from + step * at));
    if (counts)
      count_down(heap, counts, old, end);
  }
  if (counts)
    drop_all(heap, counts);
  return true;
}

void slhi_counts_remember(slh_heap *heap, const struct object *object, uint32_t at, uint32_t first,
                          uint32_t count)
{
  struct references references = slhi_references(object, first);
  uint64_t end = slhi_heap_end(heap);
  bool counted = is_counted(heap, slhi_counts(heap), at, end);
  uint64_t offset;

  while (count-- > 0 && slhi_next_reference(&references, &offset)) {
    slh_ref ref = {slhi_load_word(heap->data.base + at + offset)};

    if (counted)
      count_up(heap, ref.bits, end);
    else
      slh_counted_expose(heap, ref);
  }
}

/* ---- a check ---- */

/* References that objects hold, by what they are to. */
static void tally(const slh_heap *heap, const struct counts *counts, uint32_t *found)
{
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t end = heap->data.bump;
  struct object object;

  for (uint64_t at = slhi_heap_first(heap);
       at < end && slhi_object_read(shapes, heap->data.base + at, end - at, &object);
       at += object.bytes) {
    struct references references = slhi_references(&object, 0);
    uint64_t offset;

    while (slhi_next_reference(&references, &offset)) {
      uint32_t ref = slhi_load_word(heap->data.base + at + offset);

      if (slhi_is_countable(heap, ref, end))
        found[(ref - counts->start) / SLHI_OBJECT_ALIGN] += SLHI_STATE_ONE;
    }
  }
}

slh_status slhi_check_counts(slh_heap *heap)
{
  const slh_allocator *allocator = &heap->data.runtime->allocator;
  const struct counts *counts = slhi_counts(heap);
  size_t words = (heap->data.bump - counts->start) / SLHI_OBJECT_ALIGN;
  slh_status status = SLH_OK;
  uint32_t *found;

  if (!slhi_checks(heap))
    return SLH_OK;
  found = slhi_allocate(allocator, words * sizeof *found + 1);
  if (!found)
    return SLH_OK;
  memset(found, 0, words * sizeof *found);
  tally(heap, counts, found);
  for (size_t i = 0; i < words && status == SLH_OK; i++) {
    if (found[i] <= counts->states[i])
      continue;
    fprintf(stderr,
            "slotheap: after a collection: %u references to the object at offset %#llx, and %u are "
            "counted: one was written without the barrier\n",
            (unsigned)(found[i] / SLHI_STATE_ONE),
            (unsigned long long)(counts->start + SLHI_OBJECT_ALIGN * i),
            (unsigned)(counts->states[i] / SLHI_STATE_ONE));
    status = SLH_E_CORRUPT;
  }
  slhi_free(allocator, found);
  return status;
}
