/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Owned roots. */
#include <slotheap/barrier.h>
#include <slotheap/handles.h>

#include "lib/tables.h"

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
  return slhi_handle_get(heap, owned_of(heap), owned.stamp, owned.number, "slh_owned_get");
}

void slh_owned_set(slh_heap *heap, slh_owned owned, slh_ref ref)
{
  slhi_require_idle(heap, "slh_owned_set");
  slh_write_ref(
      heap, slhi_handle_locate(owned_of(heap), owned.stamp, owned.number, "slh_owned_set"), ref);
  slhi_handle_note(heap, &slhi_heap_tables(heap)->owned.at, owned.number);
}
