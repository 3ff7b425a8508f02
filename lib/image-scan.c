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
  struct evacuation *e = &c->copying.evacuation;

  for (uint64_t i = 0; i < count; i += FEW) {
    uint64_t some = slhi_at_most(count - i, FEW);
    bool leave = true;

    for (uint64_t j = i; j < i + some && leave; j++)
      leave = slhi_load_word(at + 4 * j) < e->start || (slhi_load_word(at + 4 * j) & 1) != 0;
    if (!leave && slhi_evacuate_range(e, at + 4 * i, some, UINT64_MAX) == SLHI_CORRUPT)
      return false;
  }
  return true;
}

/* From reference `c->part` on. False: corrupt. */
static bool image_object(struct collection *c, char *at, const struct object *object,
                         uint64_t *budget)
{
  uint64_t before = c->copying.evacuation.free, first = c->part, most = *budget / 4 + 1, some = 0;
  bool sound = true;

  c->part = 0; /* whatever it was in the step before, it may be something else now */
  if (slhi_shape_kind(object->shape) == SLH_KIND_ARRAY && object->shape->refs != 0) {
    /* Between steps the length can have been forged. */
    some = first < object->word ? slhi_at_most(object->word - first, most + FEW) : 0;
    sound = image_references(c, at + SLH_ARRAY_DATA_OFFSET + 4 * first, some);
    if (first + some < object->word)
      c->part = first + some;
  } else {
    struct references left = slhi_references(object, (uint32_t)first);
    uint64_t offset;
    bool more = true;

    for (; some < most && sound && (more = slhi_next_reference(&left, &offset)); some++)
      sound = image_references(c, at + offset, 1);
    if (more)
      c->part = left.next;
  }
  /* The remembered set is emptied after this. */
  if ((slhi_load_word(at) & SLHI_LOGGED) != 0)
    slhi_store_word(at, slhi_load_word(at) & ~SLHI_LOGGED);
  slhi_spend(budget, SLHI_ENTRY_WORK / 2 + 4 * some + (c->copying.evacuation.free - before));
  return sound;
}

bool slhi_copying_image(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct evacuation *e = &c->copying.evacuation;

  while (*budget > 0 && e->first + c->cursor < e->start) {
    uint64_t at = e->first + c->cursor;
    struct object object;

    if (!slhi_object_read(e->shapes, e->from + at, e->start - at, &object) ||
        !image_object(c, e->from + at, &object, budget)) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    if (c->part == 0)
      c->cursor += object.bytes;
  }
  return e->first + c->cursor >= e->start;
}
