/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Phases of young collections only: what refers to young objects besides roots, which are
 * marked handles, and what the remembered set has. */
#include "lib/copying.h"

#include "lib/remembered.h"
#include "lib/tables.h"

static bool young_handles(struct collection *c, struct handles *handles, uint64_t *budget,
                          slh_status *status)
{
  while (*budget > 0) {
    uint32_t number = slhi_handle_next_young(handles);

    if (number == UINT32_MAX)
      return true;
    if (!slhi_copying_one(c, &handles->refs[number], budget, status))
      return false;
  }
  return false;
}

bool slhi_copying_handles(struct collection *c, uint64_t *budget, slh_status *status)
{
  return young_handles(c, &c->tables->locals, budget, status) &&
         young_handles(c, &c->tables->owned.at, budget, status);
}

/* What is remembered at offset `at`, if it is an object there. */
static bool find_old(const struct collection *c, uint32_t at, struct object *out)
{
  const struct evacuation *e = &c->copying.evacuation;

  return at % SLHI_OBJECT_ALIGN == 0 && at >= e->first && at < e->start &&
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
      (slhi_load_word(c->copying.evacuation.from + card.array) & SLHI_LOGGED) != 0 ||
      array.word <= SLH_REMEMBERED_WHOLE || card.number > slhi_last_card(array.bytes))
    return 0;
  slhi_card_elements(array.word, card.number, &first, &end);
  *at = c->copying.evacuation.from + card.array + SLH_ARRAY_DATA_OFFSET + 4 * (uint64_t)first;
  return end - first;
}

/* A card takes at most 1 KiB of elements, and what they lead to. */
bool slhi_copying_cards(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct remembered *set = &c->tables->remembered;

  while (*budget > 0 && c->cursor < set->card_count) {
    uint64_t before = c->copying.evacuation.free;
    char *at = NULL;
    uint32_t count = find_card(c, set->cards[c->cursor++], &at);

    if (count &&
        slhi_evacuate_range(&c->copying.evacuation, at, count, UINT64_MAX) == SLHI_CORRUPT) {
      *status = SLH_E_CORRUPT;
      return false;
    }
    slhi_spend(budget,
               SLHI_ENTRY_WORK + 4 * (uint64_t)count + (c->copying.evacuation.free - before));
  }
  return c->cursor == set->card_count;
}

/* An object that is no longer logged has come before. */
static bool remembered_object(struct collection *c, uint32_t offset, uint64_t *budget,
                              slh_status *status)
{
  struct evacuation *e = &c->copying.evacuation;
  char *at = e->from + offset;
  uint64_t before = e->free, done = 0;
  struct object object;
  bool complete = true;

  if (find_old(c, offset, &object) && (slhi_load_word(at) & SLHI_LOGGED) != 0) {
    done = slhi_evacuate_in_place(e, at, &object, &c->part, *budget, &complete);
    if (done == SLHI_CORRUPT) {
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

bool slhi_copying_remembered(struct collection *c, uint64_t *budget, slh_status *status)
{
  const struct remembered *set = &c->tables->remembered;
  uint32_t count = slhi_remembered_objects(c->heap);

  while (*budget > 0 && c->cursor < count) {
    if (c->cursor + AHEAD < count)
      __builtin_prefetch(c->copying.evacuation.from + set->objects[c->cursor + AHEAD], 1);
    if (remembered_object(c, set->objects[c->cursor], budget, status))
      c->cursor++;
    else if (*status != SLH_OK)
      return false;
  }
  return c->cursor == count;
}

bool slhi_copying_unchain(struct collection *c, uint64_t *budget, slh_status *status)
{
  uint64_t before = c->cursor;
  bool done = slhi_ephemerons_unchain_young(&c->tables->ephemerons, &c->cursor,
                                            *budget / SLHI_ENTRY_WORK + 1);

  (void)status;
  slhi_spend(budget, (c->cursor - before) * SLHI_ENTRY_WORK);
  return done;
}
