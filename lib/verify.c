/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Whether a heap is sound: objects side by side, and references to where they start. */
#include "lib/verify.h"

#include <stdio.h>

#include "lib/bitmap.h"
#include "lib/heap.h"
#include "lib/hide.h"
#include "lib/holes.h"
#include "lib/object.h"
#include "lib/roots.h"

struct verifier {
  const slh_heap *heap;
  uint64_t end; /* of its objects */
  struct shapes shapes;
  uint64_t *starts; /* bit i: an object starts at slhi_heap_first + 8 * i */
  slh_error *error;
};

/* Pass 1: objects lie one after the other up to bump. */
static slh_status find_objects(struct verifier *v)
{
  const slh_heap *heap = v->heap;
  uint64_t at = slhi_heap_first(heap);

  while (at < v->end) {
    const char *where = heap->data.base + at;
    struct object object;

    if (!slhi_object_read(v->shapes, where, v->end - at, &object))
      return slhi_error(v->error, SLH_E_CORRUPT,
                        "no object at offset %#llx (words %#x %#x), %llu bytes before bump",
                        (unsigned long long)at, slhi_load_word(where), slhi_load_word(where + 4),
                        (unsigned long long)(v->end - at));
    if (slhi_shape_kind(object.shape) != SLH_KIND_FILLER)
      slhi_bitmap_set(v->starts, (at - slhi_heap_first(heap)) / SLHI_OBJECT_ALIGN);
    at += object.bytes;
  }
  return SLH_OK;
}

static bool is_sound(const struct verifier *v, uint32_t ref)
{
  if (ref == 0 || (ref & 1) != 0)
    return true;
  return ref % SLHI_OBJECT_ALIGN == 0 && ref >= slhi_heap_first(v->heap) && ref < v->end &&
         slhi_bitmap_has(v->starts, (ref - slhi_heap_first(v->heap)) / SLHI_OBJECT_ALIGN);
}

static slh_status check_field(const struct verifier *v, uint64_t object, uint64_t offset)
{
  uint32_t ref = slhi_load_word(v->heap->data.base + object + offset);

  if (is_sound(v, ref))
    return SLH_OK;
  return slhi_error(v->error, SLH_E_CORRUPT,
                    "the reference at offset %#llx + %llu is %#x, where no object starts",
                    (unsigned long long)object, (unsigned long long)offset, ref);
}

/* Pass 2: every reference in an object points at the start of one. */
static slh_status check_references(const struct verifier *v)
{
  const slh_heap *heap = v->heap;
  slh_status status = SLH_OK;
  struct references references;
  struct object object;
  uint64_t offset;

  for (uint64_t at = slhi_heap_first(heap); at < v->end && status == SLH_OK; at += object.bytes) {
    if (!slhi_object_read(v->shapes, heap->data.base + at, v->end - at, &object))
      return slhi_error(v->error, SLH_E_CORRUPT, "the heap changed while it was verified");
    references = slhi_references(&object, 0);
    while (status == SLH_OK && slhi_next_reference(&references, &offset))
      status = check_field(v, at, offset);
  }
  return status;
}

static slh_status check_roots(const struct verifier *v, const slh_roots *roots)
{
  for (size_t i = 0; roots && i < roots->count; i++) {
    const slh_root *root = &roots->entries[i];

    for (uint32_t j = 0; j < root->count; j++) {
      if (!is_sound(v, root->first[j].bits))
        return slhi_error(v->error, SLH_E_CORRUPT,
                          "root %zu[%u] (%s) is %#x, where no object starts", i, (unsigned)j,
                          root->reason ? root->reason : "no reason given", root->first[j].bits);
    }
  }
  return SLH_OK;
}

/* Beyond the high-water mark everything is zero. */
static slh_status check_zero(const struct verifier *v)
{
  const slh_heap_data *data = &v->heap->data;
  uint64_t end = slhi_heap_committed(v->heap);
  uint64_t at = data->bump > data->dirty ? data->bump : data->dirty;
  const char *first = data->base + at;

  /* Zero to begin with, and each byte like the one before it. */
  if (at >= end || (*first == 0 && memcmp(first, first + 1, end - at - 1) == 0))
    return SLH_OK;
  for (; at < end; at++) {
    if (data->base[at] != 0)
      return slhi_error(v->error, SLH_E_CORRUPT,
                        "the byte at offset %#llx, beyond all that was allocated, is not zero",
                        (unsigned long long)at);
  }
  return SLH_OK;
}

static slh_status verify(const slh_heap *heap, const slh_roots *roots, slh_error *error)
{
  const slh_allocator *allocator = &heap->data.runtime->allocator;
  size_t bytes =
      slhi_bitmap_bytes((slhi_heap_end(heap) - slhi_heap_first(heap)) / SLHI_OBJECT_ALIGN + 1);
  struct verifier v = {heap, slhi_heap_end(heap), slhi_shapes(heap->data.runtime), NULL, error};
  slh_status status;

  if (heap->corrupt)
    return slhi_error(error, SLH_E_CORRUPT, "a collection found the heap corrupt");
  v.starts = slhi_allocate(allocator, bytes);
  if (!v.starts)
    return slhi_error(error, SLH_E_NOMEM, "no memory for a map of %zu bytes", bytes);
  memset(v.starts, 0, bytes);
  slhi_holes_seal(heap);
  slhi_show_free(heap);
  status = find_objects(&v);
  if (status == SLH_OK)
    status = check_references(&v);
  if (status == SLH_OK)
    status = check_roots(&v, roots);
  if (status == SLH_OK)
    status = check_zero(&v);
  slhi_hide_free(heap);
  slhi_free(allocator, v.starts);
  return status;
}

/* [promise dense-prefix] */
slh_status slh_heap_verify(const slh_heap *heap, const slh_roots *roots, slh_error *error)
{
  slhi_require_idle(heap, "slh_heap_verify");
  if (roots)
    slhi_check_roots(roots, "slh_heap_verify");
  return verify(heap, roots, error);
}

/* As a reference misaligned, as a header without a type. */
#define POISON 0xdc

#ifdef SLH_DEBUG
#define ALWAYS true
#else
#define ALWAYS false
#endif

bool slhi_checks(const slh_heap *heap)
{
  return ALWAYS || heap->data.runtime->zeal != 0;
}

void slhi_poison(slh_heap *heap, uint64_t at, uint64_t bytes)
{
  if (slhi_checks(heap))
    memset(heap->data.base + at, POISON, bytes);
}

slh_status slhi_check_collected(slh_heap *heap, const slh_roots *roots)
{
  slh_error error;
  slh_status status;

  if (!slhi_checks(heap))
    return SLH_OK;
  slhi_show_free(heap);
  if (heap->data.dirty > heap->data.bump)
    slhi_poison(heap, heap->data.bump, heap->data.dirty - heap->data.bump);
  status = verify(heap, roots, &error);
  if (status == SLH_E_NOMEM)
    return SLH_OK;
  if (status != SLH_OK)
    fprintf(stderr, "slotheap: after a collection: %s\n", error.message);
  return status;
}
