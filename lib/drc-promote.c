/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The phase of drc that finds what lives of the new objects. What has a mark or a count
 * does, and so does what that refers to, for its references are counted then. */
#include "lib/drc.h"

static void promote(struct collection *c, uint32_t at, uint32_t *state, const struct object *object)
{
  struct counting *counting = &c->counting;
  const struct shape *shape = object->shape;

  *state |= SLHI_STATE_COUNTED;
  counting->lived += (uint32_t)object->bytes;
  if (slhi_shape_kind(shape) == SLH_KIND_EXTERN)
    slhi_host_data_keep(&c->tables->host, object->word);
  if (shape->refs != 0 || shape->offsets) {
    SLHI_ASSERT_LT(counting->work_count * sizeof *counting->work,
                   c->heap->data.runtime->collector->space(c->heap, false));
    counting->work[counting->work_count++] = at;
    if (c->written < counting->work_count * sizeof *counting->work)
      c->written = counting->work_count * sizeof *counting->work;
  }
}

/* One reference more to what is counted already, of which only the state is looked at. */
static bool count_again(const struct collection *c, uint32_t ref)
{
  const slh_heap *heap = c->heap;
  uint32_t *state;

  if (!slhi_is_countable(heap, ref, heap->data.bump))
    return false;
  state = slhi_state(c->tables->counts, ref);
  if ((*state & SLHI_STATE_KIND) != SLHI_STATE_COUNTED)
    return false;
  slhi_state_up(state);
  return true;
}

/* Counts what one object refers to, in parts: a large one is gone through before the next is
 * begun. */
static bool count_references(struct collection *c, uint64_t *budget)
{
  struct counting *counting = &c->counting;
  const char *base = c->heap->data.base;
  struct object object, other;
  struct references references;
  uint64_t offset, done = 0, most = *budget / 4 + 1;
  bool more = true, sound = true;

  if (counting->current == 0)
    counting->current = counting->work[--counting->work_count];
  if (!slhi_drc_state_of(c, counting->current, &object, &sound))
    return false;
  references = slhi_references(&object, counting->part);
  while (done < most && (more = slhi_next_reference(&references, &offset))) {
    uint32_t ref = slhi_load_word(base + counting->current + offset);
    uint32_t *state;

    done++;
    if (count_again(c, ref))
      continue;
    state = slhi_drc_state_of(c, ref, &other, &sound);
    if (!sound)
      return false;
    if (!state)
      continue;
    slhi_state_up(state);
    if ((*state & SLHI_STATE_KIND) == SLHI_STATE_NEW)
      promote(c, ref, state, &other);
  }
  counting->part = more ? references.next : 0;
  if (!more)
    counting->current = 0;
  slhi_spend(budget, SLHI_ENTRY_WORK + 4 * done);
  return true;
}

/* From c->counting.at on: what lives of the region's new objects. */
static bool promote_some(struct collection *c, const struct region *region, uint64_t *budget)
{
  struct counting *counting = &c->counting;
  const struct counts *counts = c->tables->counts;
  uint32_t first = counting->at;
  uint32_t end = slhi_drc_scan_end(c, region, *budget);
  bool sound = true;

  while (counting->work_count == 0 &&
         (counting->at = slhi_next_state(counts, counting->at, end)) < end) {
    uint32_t *state = slhi_state(counts, counting->at);
    struct object object;

    if (*state >= SLHI_STATE_MARKED && (*state & SLHI_STATE_KIND) == SLHI_STATE_NEW) {
      if (!slhi_drc_state_of(c, counting->at, &object, &sound))
        break;
      promote(c, counting->at, state, &object);
    }
    counting->at += SLHI_OBJECT_ALIGN;
  }
  counting->looked_at += counting->at - first;
  slhi_spend(budget, SLHI_ENTRY_WORK + (counting->at - first) / SLHI_SCAN_BYTES);
  return sound;
}

bool slhi_drc_promote(struct collection *c, uint64_t *budget, slh_status *status)
{
  struct counting *counting = &c->counting;
  struct region region;

  while (*budget > 0) {
    bool sound;

    if (counting->current != 0 || counting->work_count != 0)
      sound = count_references(c, budget);
    else if (slhi_drc_next_region(c, false, &region))
      sound = promote_some(c, &region, budget);
    else
      return true;
    if (!sound) {
      *status = SLH_E_CORRUPT;
      return false;
    }
  }
  return false;
}
