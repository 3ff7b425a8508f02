/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Large arrays: reached, scanned in place, and slid down when survivors are copied back. */
#include "lib/large.h"

#include "lib/evacuate.h"
#include "pool/assert.h"

#define FIRST_CAPACITY 16

/* Work for an array whose bytes need not be moved, in bytes. */
#define SMALL_WORK 16

/* ---- what there is ---- */

static bool reserve(struct larges *larges)
{
  uint32_t capacity = larges->capacity ? 2 * larges->capacity : FIRST_CAPACITY;
  struct large *at;

  if (larges->count < larges->capacity)
    return true;
  at = slhi_resize(larges->allocator, larges->at, capacity * sizeof *at);
  if (!at)
    return false;
  larges->at = at;
  larges->capacity = capacity;
  return true;
}

static struct large *add(struct larges *larges, uint32_t offset, uint64_t place,
                         const struct object *array)
{
  struct large *large;

  if (!reserve(larges))
    return NULL;
  large = &larges->at[larges->count++];
  *large = (struct large){.offset = offset,
                          .place = (uint32_t)place,
                          .bytes = (uint32_t)array->bytes,
                          .header = array->shape->header,
                          .length = array->word,
                          .in_place = true};
  return large;
}

/* Whether an array lies where the last collection left one. */
static bool is_there(const slh_heap *heap, struct shapes shapes, struct large_place place,
                     struct object *out)
{
  const slh_heap_data *data = &heap->data;

  return slhi_object_read(shapes, data->base + place.offset, data->bump - place.offset, out) &&
         slhi_shape_kind(out->shape) == SLH_KIND_ARRAY && out->bytes == place.bytes;
}

uint64_t slhi_larges_begin(struct larges *larges, slh_heap *heap, bool young, uint64_t start)
{
  const struct tables *tables = slhi_heap_tables(heap);
  struct shapes shapes = slhi_shapes(heap->data.runtime);
  uint64_t place = start, end = start;

  larges->heap = heap;
  larges->count = larges->kept = larges->grey = larges->scanned = larges->next = 0;
  larges->dead = larges->stayed = 0;
  /* The heap may hold anything; the list is in order, and behind `start`. */
  for (uint32_t i = 0; tables && !young && i < tables->large.count; i++) {
    struct large_place old = tables->large.at[i];
    struct object array;

    if (old.offset < end || old.offset >= heap->data.bump || !is_there(heap, shapes, old, &array) ||
        !add(larges, old.offset, place, &array))
      continue;
    place += array.bytes;
    end = old.offset + array.bytes;
  }
  larges->kept = larges->count;
  return place;
}

/* ---- reaching ---- */

static struct large *find_kept(const struct larges *larges, uint32_t offset)
{
  uint32_t low = 0, high = larges->kept;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (larges->at[middle].offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low < larges->kept && larges->at[low].offset == offset ? &larges->at[low] : NULL;
}

uint32_t slhi_larges_reach(struct larges *larges, uint32_t offset, const struct object *array,
                           uint64_t free, uint64_t *takes)
{
  struct large *large = find_kept(larges, offset);
  uint32_t number;

  *takes = 0;
  if (large) {
    /* Forged: another header was read than at the beginning. */
    if (large->reached || large->bytes != array->bytes || large->header != array->shape->header)
      return 0;
  } else {
    large = offset >= free ? add(larges, offset, free, array) : NULL;
    if (!large)
      return 0;
    *takes = array->bytes;
  }
  large->reached = true;
  number = (uint32_t)(large - larges->at) + 1;
  if (array->shape->refs != 0) {
    *(larges->grey ? &larges->at[larges->last_grey - 1].next : &larges->grey) = number;
    larges->last_grey = number;
  }
  return large->place;
}

void slhi_larges_note(struct larges *larges, uint32_t place, const struct object *array)
{
  struct large *large = add(larges, place, place, array);

  if (large) {
    large->reached = true;
    large->in_place = false;
  }
}

uint64_t slhi_larges_scan(struct evacuation *e, uint64_t budget)
{
  struct larges *larges = e->larges;
  uint64_t before = e->free, done = 0;

  while (larges->grey != 0 && done + (e->free - before) < budget) {
    /* Scanning can move the records. */
    uint32_t number = larges->grey - 1, length = larges->at[number].length;
    char *elements = e->from + larges->at[number].offset + SLH_ARRAY_DATA_OFFSET;
    uint64_t left = length - larges->scanned;
    uint64_t some = slhi_at_most(left, (budget - done) / 4 + 1);
    uint64_t got;

    got = slhi_evacuate_range(e, elements + 4 * (uint64_t)larges->scanned, some, budget - done);
    if (got == SLHI_CORRUPT)
      return got;
    done += 4 * got;
    larges->scanned += (uint32_t)got;
    if (larges->scanned == length) {
      larges->grey = larges->at[number].next;
      larges->scanned = 0;
    }
  }
  return done + (e->free - before);
}

/* ---- copying back ---- */

uint64_t slhi_larges_settle(struct larges *larges, uint64_t start, uint64_t free)
{
  uint64_t end = start;

  for (uint32_t i = 0; i < larges->kept; i++)
    end = larges->at[i].place + (uint64_t)larges->at[i].bytes;
  /* If there is nothing behind them, the dead at the end need not be kept. */
  while (larges->kept != 0 && larges->kept == larges->count && free == end &&
         !larges->at[larges->kept - 1].reached) {
    free = end = larges->at[--larges->kept].place;
    larges->count--;
  }
  return free;
}

static void write_words(char *at, uint32_t first, uint32_t second)
{
  slhi_store_word(at, first);
  slhi_store_word(at + 4, second);
}

/* Goes on at offset `at` within the place of one; how many bytes are done. */
static uint64_t slide(const struct evacuation *e, const struct large *large, uint64_t at,
                      uint64_t budget, uint64_t *work)
{
  struct larges *larges = e->larges;
  char *to = e->from + large->place;
  uint64_t done = at - large->place, some = large->bytes - done;

  if (!large->reached) {
    write_words(to, SLHI_FILLER_HEADER, large->bytes);
    larges->dead += large->bytes;
    return some;
  }
  SLHI_ASSERT_LE(large->place, large->offset);
  if (large->offset == large->place) {
    larges->stayed += large->bytes;
  } else {
    some = slhi_at_most(some, budget);
    memmove(to + done, e->from + large->offset + done, some);
    *work += some;
    if (done + some < large->bytes)
      return some;
  }
  write_words(to, large->header, large->length);
  return some;
}

uint64_t slhi_larges_copy_back(const struct evacuation *e, uint64_t at, uint64_t budget,
                               uint64_t *work)
{
  struct larges *larges = e->larges;
  const struct large *large;
  uint64_t some;

  SLHI_ASSERT_LT(at, e->free);
  while (larges->next < larges->count && !larges->at[larges->next].in_place)
    larges->next++;
  large = larges->next < larges->count ? &larges->at[larges->next] : NULL;
  if (large && at >= large->place) {
    *work += SMALL_WORK;
    some = slide(e, large, at, budget, work);
    if (at + some == large->place + (uint64_t)large->bytes)
      larges->next++;
    return some;
  }
  some = slhi_at_most((large ? large->place : e->free) - at, budget);
  memcpy(e->from + at, e->to + at, some);
  *work += some;
  return some;
}

/* ---- from one collection to the next ---- */

static bool reserve_places(slh_heap *heap, struct large_list *list, uint64_t count)
{
  return count <= list->capacity || slhi_table_widen(heap, &list->at, sizeof *list->at,
                                                     &list->capacity, count, FIRST_CAPACITY);
}

void slhi_larges_finish(struct larges *larges, bool young)
{
  struct tables *tables = slhi_heap_tables(larges->heap);
  struct large_list *list;

  if (!tables && (larges->count == 0 || slhi_tables(larges->heap, &tables) != SLH_OK))
    return;
  list = &tables->large;
  if (!young) {
    list->count = 0;
    list->dead = larges->dead;
  }
  /* Those that the heap has no memory for are new in the next collection, too. */
  if (!reserve_places(larges->heap, list, list->count + (uint64_t)larges->count))
    return;
  for (uint32_t i = 0; i < larges->count; i++) {
    const struct large *large = &larges->at[i];

    if (large->reached)
      list->at[list->count++] = (struct large_place){large->place, large->bytes};
  }
}
