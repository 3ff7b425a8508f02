/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A check, before a young collection, that the remembered set is complete: a
 * barrier that was forgotten is found out here. */
#include <stdio.h>

#include "lib/bitmap.h"
#include "lib/tables.h"
#include "lib/verify.h"

struct check {
  const slh_heap *heap;
  const struct remembered *set;
  uint64_t *logged; /* bit i: the object at slhi_heap_first + 8 * i is remembered */
};

static bool is_young(const struct check *check, uint32_t ref)
{
  return ref >= check->heap->data.young && (ref & 1) == 0;
}

static bool is_logged(const struct check *check, uint64_t at)
{
  return slhi_bitmap_has(check->logged, (at - slhi_heap_first(check->heap)) / SLHI_OBJECT_ALIGN);
}

static slh_status complain(const struct check *check, uint64_t at, uint64_t offset)
{
  fprintf(stderr,
          "slotheap: before a young collection: the reference at offset %#llx + %llu is %#x, to a "
          "young object, and was written without the barrier\n",
          (unsigned long long)at, (unsigned long long)offset,
          slhi_load_word(check->heap->data.base + at + offset));
  return SLH_E_CORRUPT;
}

/* Whether element `index` of an array lies in a card that is remembered. */
static bool is_in_card(const struct check *check, const struct object *array, uint64_t at,
                       uint32_t index)
{
  struct card card = {(uint32_t)at, slhi_card_of(array->bytes, index)};
  uint64_t mark = slhi_card_mark(card);

  return array->word > SLH_REMEMBERED_WHOLE && mark / 64 < check->set->mark_words &&
         slhi_bitmap_has(check->set->marks, mark);
}

static slh_status check_object(const struct check *check, const struct object *object, uint64_t at)
{
  struct references references = slhi_references(object, 0);
  bool is_array = slhi_shape_kind(object->shape) == SLH_KIND_ARRAY;
  uint64_t offset;

  if (is_logged(check, at))
    return SLH_OK;
  while (slhi_next_reference(&references, &offset)) {
    if (is_young(check, slhi_load_word(check->heap->data.base + at + offset)) &&
        !(is_array && is_in_card(check, object, at, references.next - 1)))
      return complain(check, at, offset);
  }
  return SLH_OK;
}

static slh_status check_old_objects(const struct check *check)
{
  const slh_heap_data *data = &check->heap->data;
  struct shapes shapes = slhi_shapes(data->runtime);
  slh_status status = SLH_OK;
  struct object object;

  for (uint64_t at = slhi_heap_first(check->heap); at < data->young && status == SLH_OK;
       at += object.bytes) {
    if (!slhi_object_read(shapes, data->base + at, data->young - at, &object)) {
      fprintf(stderr, "slotheap: before a young collection: no object at offset %#llx\n",
              (unsigned long long)at);
      return SLH_E_CORRUPT;
    }
    status = check_object(check, &object, at);
  }
  return status;
}

/* ---- tables: wrong only if the library is ---- */

static bool check_handles(const struct check *check, const struct handles *handles)
{
  for (uint32_t i = 0; i < handles->count; i++) {
    if (is_young(check, handles->refs[i].bits) &&
        (i / 64 < handles->low || i / 64 >= handles->high || !slhi_bitmap_has(handles->young, i)))
      return false;
  }
  return true;
}

static slh_status check_tables(const struct check *check, const struct tables *tables)
{
  bool known = check_handles(check, &tables->locals) && check_handles(check, &tables->owned.at) &&
               check_handles(check, &tables->weak.at);

  for (uint32_t i = 0; i < tables->finalizers.old; i++)
    known = known && !is_young(check, tables->finalizers.refs[i].bits);
  for (uint32_t i = 0; i < tables->ephemerons.old; i++)
    known = known && !is_young(check, tables->ephemerons.entries[i].key.bits) &&
            !is_young(check, tables->ephemerons.entries[i].value.bits);
  if (known)
    return SLH_OK;
  fprintf(stderr, "slotheap: before a young collection: a handle, finalizer or ephemeron of a "
                  "young object is not known as one\n");
  return SLH_E_CORRUPT;
}

slh_status slhi_check_remembered(slh_heap *heap)
{
  static const struct remembered empty;
  const slh_allocator *allocator = &heap->data.runtime->allocator;
  const struct tables *tables = slhi_heap_tables(heap);
  struct check check = {heap, tables ? &tables->remembered : &empty, NULL};
  uint64_t span = heap->data.young - slhi_heap_first(heap);
  size_t bytes = slhi_bitmap_bytes(span / SLHI_OBJECT_ALIGN + 1);
  slh_status status;

  if (!slhi_checks(heap))
    return SLH_OK;
  check.logged = slhi_allocate(allocator, bytes);
  if (!check.logged)
    return SLH_OK;
  memset(check.logged, 0, bytes);
  for (uint32_t i = slhi_remembered_objects(heap); i-- > 0;) {
    uint64_t at = check.set->objects[i] - (uint64_t)slhi_heap_first(heap);

    if (at < span)
      slhi_bitmap_set(check.logged, at / SLHI_OBJECT_ALIGN);
  }
  status = check_old_objects(&check);
  if (status == SLH_OK && tables)
    status = check_tables(&check, tables);
  slhi_free(allocator, check.logged);
  return status;
}
