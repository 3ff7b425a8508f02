/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/handles.h"

#include "lib/tables.h"
#include "pool/assert.h"

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

/* [promise own-handles] */
slh_ref *slhi_handle_locate(const struct handles *handles, uint64_t stamp, uint32_t number,
                            const char *call)
{
  /* Stamp 0 is that of free handles. */
  if (SLH_UNLIKELY(!handles || stamp == 0 || number >= handles->count ||
                   handles->stamps[number] != stamp))
    slhi_misuse(call, "the handle is not one of this heap, or has ended");
  return &handles->refs[number];
}

slh_ref slhi_handle_get(const slh_heap *heap, const struct handles *handles, uint64_t stamp,
                        uint32_t number, const char *call)
{
  slhi_require_idle(heap, call);
  if (SLH_UNLIKELY(heap->corrupt))
    return SLH_NULL;
  return *slhi_handle_locate(handles, stamp, number, call);
}

slh_status slhi_handle_new(slh_heap *heap, struct free_handles *handles, slh_ref ref,
                           uint64_t *stamp, uint32_t *number)
{
  SLHI_ASSERT(slhi_heap_tables(heap) != NULL);
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

void slhi_handles_forget(struct free_handles *handles)
{
  handles->at.count = 0;
  handles->free = 0;
  handles->live = 0;
}

/* ---- marks ---- */

uint32_t slhi_handle_next_young(struct handles *handles)
{
  for (; handles->low < handles->high; handles->low++) {
    uint64_t *word = &handles->young[handles->low];
    uint32_t number;

    if (*word == 0)
      continue;
    number = 64 * handles->low + (uint32_t)__builtin_ctzll(*word);
    *word &= *word - 1;
    if (number < handles->count)
      return number;
  }
  return UINT32_MAX;
}

void slhi_handles_promote(struct handles *handles)
{
  if (handles->low < handles->high)
    memset(handles->young + handles->low, 0,
           (handles->high - handles->low) * sizeof *handles->young);
  handles->low = handles->high = 0;
}
