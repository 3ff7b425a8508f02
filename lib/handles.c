/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Local and owned roots. */
#include <slotheap/barrier.h>
#include <slotheap/handles.h>

#include "lib/collection.h"
#include "pool/trap.h"

/* A mark for each handle that there is room for. */
static slh_status reserve_young(slh_heap *heap, struct handles *handles)
{
  uint32_t before = handles->young_capacity / 64;
  uint32_t words = (handles->capacity + 63) / 64;
  slh_status status;

  if (!heap->data.runtime->collector->generational)
    return SLH_OK;
  status = slhi_table_resize(heap, &handles->young, words, sizeof *handles->young);
  if (status != SLH_OK)
    return status;
  memset(handles->young + before, 0, (words - before) * sizeof *handles->young);
  handles->young_capacity = 64 * words;
  return SLH_OK;
}

/* The number of a free handle is kept in an i31. */
slh_status slhi_handles_reserve(slh_heap *heap, struct handles *handles)
{
  slh_status status = slhi_table_reserve(heap, &handles->capacity, (uint64_t)handles->count + 1,
                                         INT32_MAX / 2, &handles->refs, sizeof *handles->refs,
                                         &handles->stamps, sizeof *handles->stamps);

  if (status == SLH_OK && SLH_UNLIKELY(handles->count >= handles->young_capacity))
    status = reserve_young(heap, handles);
  return status;
}

slh_ref *slhi_handle_locate(const struct handles *handles, uint64_t stamp, uint32_t number,
                            const char *call)
{
  /* Stamp 0 is that of free handles. */
  if (SLH_UNLIKELY(!handles || stamp == 0 || number >= handles->count ||
                   handles->stamps[number] != stamp))
    slhi_misuse(call, "the handle is not one of this heap, or has ended");
  return &handles->refs[number];
}

slh_status slhi_handle_new(slh_heap *heap, struct free_handles *handles, slh_ref ref,
                           uint64_t *stamp, uint32_t *number)
{
  if (handles->free != 0) {
    *number = handles->free - 1;
    handles->free = slh_i31_unsigned(handles->at.refs[*number]);
  } else {
    slh_status status = slhi_handles_reserve(heap, &handles->at);

    if (status != SLH_OK)
      return status;
    *number = handles->at.count++;
  }
  handles->live++;
  *stamp = slhi_new_stamp(slhi_heap_tables(heap));
  handles->at.refs[*number] = ref;
  handles->at.stamps[*number] = *stamp;
  slhi_handle_note(heap, &handles->at, *number);
  return SLH_OK;
}

void slhi_handle_free(struct free_handles *handles, uint64_t stamp, uint32_t number,
                      const char *call)
{
  slh_ref *ref = slhi_handle_locate(handles ? &handles->at : NULL, stamp, number, call);

  handles->live--;
  handles->at.stamps[number] = 0;
  /* Free handles are linked through i31s, which collections leave alone. */
  *ref = slh_i31((int32_t)handles->free);
  handles->free = number + 1;
}

/* ---- local roots ---- */

slh_status slh_frame_open(slh_heap *heap, slh_frame *frame)
{
  struct tables *tables;

  slhi_require_idle(heap, "slh_frame_open");
  frame->heap = heap;
  frame->status = slhi_tables(heap, &tables);
  if (frame->status != SLH_OK)
    return frame->status;
  frame->outer = tables->frame;
  frame->first = tables->locals.count;
  frame->stamp = tables->frame = slhi_new_stamp(tables);
  return SLH_OK;
}

/* The tables of an open frame's heap. */
static struct tables *innermost(const slh_frame *frame, const char *call)
{
  struct tables *tables = frame->heap ? slhi_heap_tables(frame->heap) : NULL;

  if (SLH_UNLIKELY(!tables || tables->frame != frame->stamp))
    slhi_misuse(call, "the frame is not the innermost open one of its heap");
  return tables;
}

void slh_frame_close(slh_frame *frame)
{
  struct tables *tables;

  /* Closed before, in a block whose end closes it again. */
  if (!frame->heap)
    return;
  if (frame->status == SLH_OK) {
    slhi_require_idle(frame->heap, "slh_frame_close");
    tables = innermost(frame, "slh_frame_close");
    tables->frame = frame->outer;
    tables->locals.count = frame->first;
  }
  frame->heap = NULL;
}

slh_status slh_local_new(slh_frame *frame, slh_ref ref, slh_local *out)
{
  struct handles *locals;
  slh_status status;

  if (SLH_UNLIKELY(frame->status != SLH_OK))
    return frame->status;
  locals = &innermost(frame, "slh_local_new")->locals;
  slhi_require_idle(frame->heap, "slh_local_new");
  if (SLH_UNLIKELY(frame->heap->corrupt))
    return SLH_E_CORRUPT;
  status = slhi_handles_reserve(frame->heap, locals);
  if (status != SLH_OK)
    return status;
  out->number = locals->count++;
  out->stamp = frame->stamp;
  locals->refs[out->number] = ref;
  locals->stamps[out->number] = frame->stamp;
  slhi_handle_note(frame->heap, locals, out->number);
  (void)slh_expose_ref(frame->heap, ref);
  return SLH_OK;
}

static const struct handles *locals_of(const slh_heap *heap)
{
  return slhi_heap_tables(heap) ? &slhi_heap_tables(heap)->locals : NULL;
}

slh_ref slh_local_get(const slh_heap *heap, slh_local local)
{
  slhi_require_idle(heap, "slh_local_get");
  if (SLH_UNLIKELY(heap->corrupt))
    return SLH_NULL;
  return *slhi_handle_locate(locals_of(heap), local.stamp, local.number, "slh_local_get");
}

void slh_local_set(slh_heap *heap, slh_local local, slh_ref ref)
{
  slhi_require_idle(heap, "slh_local_set");
  *slhi_handle_locate(locals_of(heap), local.stamp, local.number, "slh_local_set") = ref;
  slhi_handle_note(heap, &slhi_heap_tables(heap)->locals, local.number);
  (void)slh_expose_ref(heap, ref);
}

/* ---- protected calls ---- */

/* What goes on with the heap once a callback has trapped. */
static enum busy busy_after_trap(slh_heap *heap)
{
  switch ((enum busy)heap->busy) {
  case BUSY_LISTING: /* the collection had not begun */
    slhi_collection_end(heap, 0);
    return BUSY_NOT;
  case BUSY_ASKING:
  case BUSY_FREEZING:
    return BUSY_NOT;
  case BUSY_DROPPING: /* the entry is gone; what called it goes on, or is called again */
    return slhi_heap_slot(heap)->space != 0 && slhi_heap_collection(heap)->sweeping
               ? BUSY_COLLECTING
               : BUSY_NOT;
  case BUSY_YIELDING:
    return BUSY_COLLECTING;
  default:
    return heap->busy;
  }
}

/* The frames that a protected call opened end with it if it traps; those from
 * before are gone if the heap was reset in it. */
static void end_call(struct slot *slot, const uint64_t memo[3])
{
  slh_heap *heap = slhi_slot_heap(slot);
  struct tables *tables = slhi_heap_tables(heap);
  bool was_reset;

  slhi_heap_set_busy(heap, busy_after_trap(heap));
  if (!tables)
    return;
  was_reset = tables->reset_stamp > memo[2];
  tables->frame = was_reset ? 0 : memo[0];
  if (was_reset || tables->locals.count > memo[1])
    tables->locals.count = was_reset ? 0 : (uint32_t)memo[1];
}

slh_status slh_heap_protect(slh_heap *heap, slh_protected_fn *call, void *argument, slh_trap *trap)
{
  const struct tables *tables = slhi_heap_tables(heap);
  uint64_t memo[3] = {0, 0, 0};

  if (tables) {
    memo[0] = tables->frame;
    memo[1] = tables->locals.count;
    memo[2] = tables->last_stamp;
  }
  return slhi_slot_protect(slhi_heap_slot(heap), call, argument, end_call, memo, trap);
}

/* ---- owned roots ---- */

slh_status slh_owned_new(slh_heap *heap, slh_ref ref, slh_owned *out)
{
  struct tables *tables;
  slh_status status;

  slhi_require_idle(heap, "slh_owned_new");
  status = slhi_tables(heap, &tables);
  if (status != SLH_OK)
    return status;
  status = slhi_handle_new(heap, &tables->owned, ref, &out->stamp, &out->number);
  if (status == SLH_OK)
    (void)slh_clone_ref(heap, ref);
  return status;
}

static const struct handles *owned_of(const slh_heap *heap)
{
  return slhi_heap_tables(heap) ? &slhi_heap_tables(heap)->owned.at : NULL;
}

void slh_owned_free(slh_heap *heap, slh_owned owned)
{
  struct free_handles *handles = slhi_heap_tables(heap) ? &slhi_heap_tables(heap)->owned : NULL;

  slh_ref ref;

  slhi_require_idle(heap, "slh_owned_free");
  ref = *slhi_handle_locate(handles ? &handles->at : NULL, owned.stamp, owned.number,
                            "slh_owned_free");
  slhi_handle_free(handles, owned.stamp, owned.number, "slh_owned_free");
  slh_drop_ref(heap, ref);
}

slh_ref slh_owned_get(const slh_heap *heap, slh_owned owned)
{
  slhi_require_idle(heap, "slh_owned_get");
  if (SLH_UNLIKELY(heap->corrupt))
    return SLH_NULL;
  return *slhi_handle_locate(owned_of(heap), owned.stamp, owned.number, "slh_owned_get");
}

void slh_owned_set(slh_heap *heap, slh_owned owned, slh_ref ref)
{
  slhi_require_idle(heap, "slh_owned_set");
  slh_write_ref(
      heap, slhi_handle_locate(owned_of(heap), owned.stamp, owned.number, "slh_owned_set"), ref);
  slhi_handle_note(heap, &slhi_heap_tables(heap)->owned.at, owned.number);
}
