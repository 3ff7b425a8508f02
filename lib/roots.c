/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "lib/roots.h"

#include "lib/runtime.h"

void slhi_roots_open(slh_roots *roots, const slh_allocator *allocator)
{
  roots->allocator = *allocator;
  roots->entries = roots->few;
  roots->count = 0;
  roots->capacity = SLHI_ROOTS_INLINE;
  roots->failure = SLH_OK;
  slhi_sign(&roots->signature, SLHI_SIGNATURE_ROOTS);
}

slh_status slh_roots_new(slh_runtime *runtime, slh_roots **out)
{
  slh_roots *roots;

  slhi_check_runtime(runtime, "slh_roots_new");
  roots = slhi_allocate(&runtime->allocator, sizeof *roots);

  if (!roots)
    return SLH_E_NOMEM;
  slhi_roots_open(roots, &runtime->allocator);
  *out = roots;
  return SLH_OK;
}

void slh_roots_free(slh_roots *roots)
{
  slh_allocator allocator;

  if (!roots)
    return;
  slhi_check_roots(roots, "slh_roots_free");
  slhi_spoil_signature(&roots->signature);
  allocator = roots->allocator;
  if (roots->entries != roots->few)
    slhi_free(&allocator, roots->entries);
  slhi_free(&allocator, roots);
}

static slh_status widen(slh_roots *roots)
{
  bool few = roots->entries == roots->few;
  size_t capacity = 2 * roots->capacity;
  slh_root *entries =
      slhi_resize(&roots->allocator, few ? NULL : roots->entries, capacity * sizeof *entries);

  if (!entries)
    return SLH_E_NOMEM;
  if (few)
    memcpy(entries, roots->few, roots->count * sizeof *entries);
  roots->entries = entries;
  roots->capacity = capacity;
  return SLH_OK;
}

slh_status slh_roots_add(slh_roots *roots, slh_root_kind kind, slh_ref *first, uint32_t count,
                         const char *reason)
{
  slh_root root = {first, reason, count, kind};

  slhi_check_roots(roots, "slh_roots_add");
  if (roots->count == roots->capacity) {
    slh_status status = widen(roots);

    if (status != SLH_OK) {
      roots->failure = status;
      return status;
    }
  }
  roots->entries[roots->count++] = root;
  return SLH_OK;
}

void slh_roots_clear(slh_roots *roots)
{
  slhi_check_roots(roots, "slh_roots_clear");
  roots->count = 0;
  roots->failure = SLH_OK;
}

const slh_root *slh_roots_entries(const slh_roots *roots, size_t *count)
{
  slhi_check_roots(roots, "slh_roots_entries");
  *count = roots->count;
  return roots->entries;
}

bool slh_roots_is_empty(const slh_roots *roots)
{
  return roots->count == 0;
}

bool slh_roots_next(slh_roots_iterator *iterator)
{
  const slh_roots *roots = iterator->roots;

  while (iterator->entry < roots->count) {
    const slh_root *root = &roots->entries[iterator->entry];

    if (iterator->item < root->count) {
      iterator->root = root;
      iterator->ref = &root->first[iterator->item++];
      return true;
    }
    iterator->entry++;
    iterator->item = 0;
  }
  return false;
}
