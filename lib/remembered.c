/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Noting objects and parts of arrays that may refer to young ones. */
#include "lib/remembered.h"

#include "lib/bitmap.h"
#include "lib/counted.h"
#include "lib/find.h"
#include "lib/tables.h"

/* Of the buffer and the list of cards, in entries; they double. */
#define FIRST_CAPACITY 256

static bool is_young(const slh_heap *heap, uint32_t ref)
{
  return ref >= heap->data.young && (ref & 1) == 0;
}

/* ---- objects ---- */

uint32_t slhi_remembered_objects(const slh_heap *heap)
{
  return heap->data.remembered
             ? (uint32_t)(heap->data.remembered - slhi_heap_tables(heap)->remembered.objects)
             : 0;
}

/* Room for one more entry. */
static bool widen(slh_heap *heap)
{
  struct tables *tables;
  struct remembered *set;
  uint32_t count;

  if (slhi_tables(heap, &tables) != SLH_OK)
    return false;
  set = &tables->remembered;
  count = slhi_remembered_objects(heap);
  if (count == set->capacity &&
      !slhi_table_widen(heap, &set->objects, sizeof *set->objects, &set->capacity,
                        (uint64_t)count + 1, FIRST_CAPACITY))
    return false;
  heap->data.remembered = set->objects + count;
  heap->data.remembered_end = set->objects + set->capacity;
  return true;
}

static void remember_object(slh_heap *heap, uint32_t offset)
{
  char *header = heap->data.base + offset;

  if (slhi_load_word(header) & SLHI_LOGGED)
    return;
  slhi_store_word(header, slhi_load_word(header) | SLHI_LOGGED);
  if (heap->data.remembered == heap->data.remembered_end && !widen(heap))
    heap->forgetful = true;
  else
    *heap->data.remembered++ = offset;
}

void slh_remember_object(slh_heap *heap, slh_ref ref)
{
  struct object object;

  slhi_require_idle(heap, "slh_remember_object");
  if ((ref.bits >= heap->data.young && !slhi_heap_counts(heap)) ||
      slhi_find_object(heap, ref, &object) != SLH_OK)
    return;
  if (slhi_heap_counts(heap))
    slhi_counted_remember(heap, &object, ref.bits, 0, UINT32_MAX);
  else
    remember_object(heap, ref.bits);
}

/* ---- cards ---- */

/* Bits for the cards of all that is old. */
static bool widen_marks(slh_heap *heap, struct remembered *set, uint64_t mark)
{
  uint64_t old = set->mark_words;
  uint64_t words = 2 * old;

  if (words < mark / 64 + 1)
    words = mark / 64 + 1;
  if (slhi_table_resize(heap, &set->marks, words, sizeof *set->marks) != SLH_OK)
    return false;
  memset(set->marks + old, 0, (words - old) * sizeof *set->marks);
  set->mark_words = (uint32_t)words;
  return true;
}

static bool remember_card(slh_heap *heap, struct card card)
{
  uint64_t mark = slhi_card_mark(card);
  struct tables *tables;
  struct remembered *set;

  if (slhi_tables(heap, &tables) != SLH_OK)
    return false;
  set = &tables->remembered;
  if (mark / 64 >= set->mark_words && !widen_marks(heap, set, mark))
    return false;
  if (slhi_bitmap_has(set->marks, mark))
    return true;
  if (set->card_count == set->card_capacity &&
      !slhi_table_widen(heap, &set->cards, sizeof *set->cards, &set->card_capacity,
                        (uint64_t)set->card_count + 1, FIRST_CAPACITY))
    return false;
  slhi_bitmap_set(set->marks, mark);
  set->cards[set->card_count++] = card;
  return true;
}

static bool has_young(const slh_heap *heap, const char *elements, uint32_t first, uint32_t end)
{
  for (uint32_t i = first; i < end; i++) {
    if (is_young(heap, slhi_load_word(elements + 4 * (uint64_t)i)))
      return true;
  }
  return false;
}

/* Those of the elements that are young now. `array` is a checked one. */
static void remember_elements(slh_heap *heap, uint32_t array, uint32_t length, uint32_t index,
                              uint32_t count)
{
  const char *elements = heap->data.base + array + SLH_ARRAY_DATA_OFFSET;
  uint64_t bytes = slhi_array_bytes(4, length);
  uint32_t end = index + count;

  if (length <= SLH_REMEMBERED_WHOLE) {
    if (has_young(heap, elements, index, end))
      remember_object(heap, array);
    return;
  }
  while (index < end) {
    struct card card = {array, slhi_card_of(bytes, index)};
    uint32_t first, next;

    slhi_card_elements(length, card.number, &first, &next);
    next = next < end ? next : end;
    /* Without memory for cards, the whole array. */
    if (has_young(heap, elements, index, next) && !remember_card(heap, card))
      remember_object(heap, array);
    index = next;
  }
}

void slhi_remember_elements(slh_heap *heap, slh_ref array, uint32_t index, uint32_t count)
{
  struct object object;

  if ((array.bits >= heap->data.young && !slhi_heap_counts(heap)) ||
      slhi_find_object(heap, array, &object) != SLH_OK || object.shape->bytes != 0 ||
      object.shape->refs == 0 || index > object.word || count > object.word - index)
    return;
  if (slhi_heap_counts(heap))
    slhi_counted_remember(heap, &object, array.bits, index, count);
  else
    remember_elements(heap, array.bits, object.word, index, count);
}

void slh_remember_element(slh_heap *heap, slh_ref array, uint32_t index)
{
  slhi_require_idle(heap, "slh_remember_element");
  slhi_remember_elements(heap, array, index, 1);
}

/* ---- emptying ---- */

void slhi_remembered_clear(slh_heap *heap)
{
  struct tables *tables = slhi_heap_tables(heap);
  struct remembered *set = tables ? &tables->remembered : NULL;

  heap->forgetful = false;
  if (!set)
    return;
  if (heap->data.remembered)
    heap->data.remembered = set->objects;
  /* Few cards cost less than the marks of a large heap. */
  if (set->card_count > set->mark_words)
    memset(set->marks, 0, set->mark_words * sizeof *set->marks);
  else
    for (uint32_t i = 0; i < set->card_count; i++)
      set->marks[slhi_card_mark(set->cards[i]) / 64] = 0;
  set->card_count = 0;
}

void slhi_remembered_reset(slh_heap *heap)
{
  slhi_remembered_clear(heap);
  heap->data.remembered = NULL;
  heap->data.remembered_end = NULL;
}
