/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Phases that decide by what was reached: ephemerons, weak references, finalizers. */
#include "lib/copying.h"

#include "lib/tables.h"

/* One pass over those not yet kept. Done once a pass moved nothing. */
bool slhi_copying_ephemerons(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &c->tables->ephemerons;

  while (*budget > 0 && c->cursor < all->count) {
    struct ephemeron *entry = &all->entries[c->cursor++];
    uint32_t key = entry->kept ? 0 : slhi_evacuation_find(&c->copying.evacuation, entry->key.bits);

    slhi_spend(budget, SLHI_ENTRY_WORK);
    if (key == 0)
      continue;
    entry->kept = true;
    entry->key.bits = key;
    c->copying.moved_values = true;
    if (!slhi_copying_one(c, &entry->value, budget, status))
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
    handles->refs[number].bits =
        slhi_evacuation_find(&c->copying.evacuation, handles->refs[number].bits);
    slhi_spend(budget, SLHI_ENTRY_WORK);
  }
  return false;
}

bool slhi_copying_weak(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct handles *handles = &c->tables->weak.at;

  (void)status;
  if (c->young)
    return young_weak(c, budget);
  for (; *budget > 0 && c->cursor < handles->count; c->cursor++) {
    slh_ref *ref = &handles->refs[c->cursor];

    ref->bits = slhi_evacuation_find(&c->copying.evacuation, ref->bits);
    slhi_spend(budget, SLHI_ENTRY_WORK);
  }
  return c->cursor == handles->count;
}

/* Those of the dead go to the queue, which has room for all. */
bool slhi_copying_finalizers(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct finalizers *list = &c->tables->finalizers;
  struct finalizers *queue = &c->tables->queue;

  while (*budget > 0 && c->cursor < list->count) {
    slh_ref *ref = &list->refs[c->cursor];
    uint32_t moved = slhi_evacuation_find(&c->copying.evacuation, ref->bits);

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

bool slhi_copying_revive(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct finalizers *queue = &c->tables->queue;

  /* From c->copying.queued on: those before were among the roots. */
  while (*budget > 0 && c->cursor < queue->count) {
    if (!slhi_copying_one(c, &queue->refs[c->cursor++], budget, status))
      return false;
  }
  return c->cursor == queue->count;
}

bool slhi_copying_dead_keys(struct collection *c, uint64_t *budget, slh_status *status)
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

bool slhi_copying_index(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct ephemerons *all = &c->tables->ephemerons;
  uint64_t before = c->cursor, most = *budget / SLHI_ENTRY_WORK + 1;
  bool done = c->young ? slhi_ephemerons_chain_young(all, &c->cursor, most)
                       : slhi_ephemerons_index(all, &c->cursor, most);

  (void)status;
  slhi_spend(budget, (c->cursor - before) * SLHI_ENTRY_WORK);
  return done;
}
