/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The remembered set: where old objects may refer to young ones. Filled by the
 * write barrier, inline (slotheap/barrier.h) and out of line, and emptied by
 * each collection.
 *
 * Most objects are remembered as a whole: by a bit in their header and an entry
 * in a buffer, whose cursor is in slh_heap_data. Arrays of more than
 * SLH_REMEMBERED_WHOLE elements are in parts, cards, with a list and a bit
 * each; unless compiled code has logged the array as a whole, too, in which case
 * its cards are passed over.
 */
#ifndef SLOTHEAP_LIB_REMEMBERED_H
#define SLOTHEAP_LIB_REMEMBERED_H

#include <slotheap/barrier.h>

#include "lib/object.h"

#define SLHI_CARD_SHIFT 9
#define SLHI_CARD_BYTES (1u << SLHI_CARD_SHIFT)

/* Part of an array: bytes [number, number + 1) * SLHI_CARD_BYTES of it; its
 * last card ends with it, and can be almost two long. */
struct card {
  uint32_t array;
  uint32_t number;
};

struct remembered {
  uint32_t *objects; /* those before data.remembered are in use */
  uint32_t capacity;
  uint32_t card_count;
  struct card *cards;
  uint64_t *marks; /* a bit each, see slhi_card_mark */
  uint32_t card_capacity;
  uint32_t mark_words;
};

/* Last card of an array of so many bytes. */
static inline uint32_t slhi_last_card(uint64_t bytes)
{
  return (uint32_t)((bytes + SLHI_CARD_BYTES - 1) >> SLHI_CARD_SHIFT) - 2;
}

/* The card that has element `index`. */
static inline uint32_t slhi_card_of(uint64_t bytes, uint32_t index)
{
  uint64_t card = (SLH_ARRAY_DATA_OFFSET + (uint64_t)index * 4) >> SLHI_CARD_SHIFT;
  uint32_t last = slhi_last_card(bytes);

  return card < last ? (uint32_t)card : last;
}

/* Elements [first, end) of a card. */
static inline void slhi_card_elements(uint32_t length, uint32_t card, uint32_t *first,
                                      uint32_t *end)
{
  uint64_t bytes = slhi_array_bytes(4, length);

  *first = card == 0 ? 0 : (card * SLHI_CARD_BYTES - SLH_ARRAY_DATA_OFFSET) / 4;
  *end = card == slhi_last_card(bytes) ? length
                                       : ((card + 1) * SLHI_CARD_BYTES - SLH_ARRAY_DATA_OFFSET) / 4;
}

/* The bit of a card. No two arrays share one, for the last card of each has the
 * bit of the whole card before the next array. */
static inline uint64_t slhi_card_mark(struct card card)
{
  return ((uint64_t)card.array >> SLHI_CARD_SHIFT) + card.number;
}

/* Elements [index, index + count) of an array of references were written: by
 * copying, or with one value. */
void slhi_remember_elements(slh_heap *heap, slh_ref array, uint32_t index, uint32_t count);

/* Entries of data.remembered. */
uint32_t slhi_remembered_objects(const slh_heap *heap);

/* Forgets all entries, but not the bits in headers. */
void slhi_remembered_clear(slh_heap *heap);

/* Before the next store: the buffer is found again when it is needed. */
void slhi_remembered_reset(slh_heap *heap);

/* In debug builds, and with zeal: whether all references from old objects and
 * tables to young objects are known. If not, SLH_E_CORRUPT, with the first that is not
 * on standard error. */
slh_status slhi_check_remembered(slh_heap *heap);

#endif
