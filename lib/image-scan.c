/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The image that a store began with, in a collection of all: it stays where it
 * is, and is looked through for references to what moves. */
#include "lib/copying.h"

/* References that are looked at before any is rewritten. */
#define FEW 64

/* Moves what `count` references lead to. Those that lead to nothing that moves
 * are not even written: their pages are shared with other stores. */
static bool image_references(struct collection *c, char *at, uint64_t count)
{
  struct evacuation *e = &c->evacuation;

  for (uint64_t i = 0; i < count; i += FEW) {
    uint64_t some = slhi_at_most(count - i, FEW);
    bool leave = true;

    for (uint64_t j = i; j < i + some && leave; j++)
      leave = slhi_load_word(at + 4 * j) < e->start || (slhi_load_word(at + 4 * j) & 1) != 0;
    if (!leave && slhi_evacuate_range(e, at + 4 * i, some, UINT64_MAX) == UINT64_MAX)
      return false;
  }
  return true;
}

/* From reference `c->part` on. False: corrupt. */
static bool image_object(struct collection *c, char *at, const struct object *object,
                         uint64_t *budget)
{
  const struct shape *shape = object->shape;
  uint64_t before = c->evacuation.free, first = c->part, some = 1;
  bool sound = true;

  c->part = 0; /* whatever it was in the step before, it may be something else now */
  if (shape->bytes == 0 && shape->refs != 0) {
    /* Between steps the length can have been forged. */
    some = first < object->word ? slhi_at_most(object->word - first, *budget / 4 + FEW) : 0;
    sound = image_references(c, at + SLH_ARRAY_DATA_OFFSET + 4 * first, some);
    if (first + some < object->word)
      c->part = first + some;
  } else if (shape->offsets) {
    uint32_t count = shape->offsets[0];

    some = first < count ? slhi_at_most(count - first, *budget / 4 + 1) : 0;
    for (uint64_t i = first; i < first + some && sound; i++)
      sound = image_references(c, at + shape->offsets[1 + i], 1);
    if (first + some < count)
      c->part = first + some;
  } else {
    for (uint64_t map = shape->refs; map != 0 && sound; map >>= 8)
      sound = image_references(c, at + (map & 0xff), 1);
  }
  /* The remembered set is emptied after this. */
  if ((slhi_load_word(at) & SLHI_LOGGED) != 0)
    slhi_store_word(at, slhi_load_word(at) & ~SLHI_LOGGED);
  slhi_spend(budget, SLHI_ENTRY_WORK / 2 + 4 * some + (c->evacuation.free - before));
  return sound;
}

bool slhi_scan_image(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct evacuation *e = &c->evacuation;

  while (*budget > 0 && e->old + c->cursor < e->start) {
    uint64_t at = e->old + c->cursor;
    struct object object;

    if (!slhi_object_read(e->shapes, e->from + at, e->start - at, &object) ||
        !image_object(c, e->from + at, &object, budget)) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    if (c->part == 0)
      c->cursor += object.bytes;
  }
  return e->old + c->cursor >= e->start;
}
