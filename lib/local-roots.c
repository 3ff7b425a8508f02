/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Frames, and the local roots in them. */
#include <slotheap/barrier.h>
#include <slotheap/handles.h>

#include "lib/tables.h"

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
  return slhi_handle_get(heap, locals_of(heap), local.stamp, local.number, "slh_local_get");
}

void slh_local_set(slh_heap *heap, slh_local local, slh_ref ref)
{
  slhi_require_idle(heap, "slh_local_set");
  *slhi_handle_locate(locals_of(heap), local.stamp, local.number, "slh_local_set") = ref;
  slhi_handle_note(heap, &slhi_heap_tables(heap)->locals, local.number);
  (void)slh_expose_ref(heap, ref);
}
