/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The objects of an image file: first each for itself, then what they refer
 * to. Their layout is that of the runtime's types, whatever the file says. */
#include "lib/bitmap.h"
#include "lib/image-read.h"

/* What a header of the file stands for, or NULL. */
static const slh_type *type_of(const struct reader *r, uint32_t header)
{
  uint32_t low = 0, high = r->parts.header->types;

  if (header == SLHI_EXTERN_HEADER)
    return slh_externref_type(r->runtime);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (r->types[middle].header < header)
      low = middle + 1;
    else
      high = middle;
  }
  return low < r->parts.header->types && r->types[low].header == header ? r->types[low].type : NULL;
}

/* Bytes of the object at `at`, which has that much room. 0: it is none. */
static uint64_t measure(const slh_type *type, const char *at, uint64_t room)
{
  uint64_t bytes = type->kind == SLH_KIND_ARRAY
                       ? slhi_array_bytes(type->size, slhi_load_word(at + SLH_ARRAY_LENGTH_OFFSET))
                       : type->size;

  return bytes <= room ? bytes : 0;
}

/* One after the other, up to the end. They get their headers here. */
static slh_status find_objects(struct reader *r, char *to)
{
  uint64_t end = r->parts.header->body_bytes;
  const slh_type *type = NULL;
  uint32_t header = 0;

  for (uint64_t at = 0; at < end;) {
    uint32_t next = slhi_load_word(r->body + at);
    uint64_t bytes;

    if (!type || next != header) { /* mostly it is as the one before */
      header = next;
      type = type_of(r, header);
    }
    bytes = type ? measure(type, r->body + at, end - at) : 0;
    if (bytes == 0)
      return slhi_damaged(r, "it has something among its objects that is none");
    if (!slhi_image_use_type(r->image, type))
      return slhi_read_no_memory(r);
    slhi_store_word(to + at, type->header);
    slhi_bitmap_set(r->starts, at / SLHI_OBJECT_ALIGN);
    r->image->objects++;
    at += bytes;
  }
  if (r->image->objects != r->parts.header->objects)
    return slhi_damaged(r, "it has another number of objects");
  return SLH_OK;
}

/* ---- what is in them ---- */

static bool read_word(const struct reader *r, slh_storage storage, char *at)
{
  uint32_t bits = slhi_load_word(at);
  slh_ref ref;

  if (storage == SLH_FUNCREF)
    return bits <= r->parts.header->functions;
  if (storage != SLH_REF)
    return true;
  if (!slhi_read_reference(r, bits, &ref))
    return false;
  slhi_store_word(at, ref.bits);
  return true;
}

static bool read_array(const struct reader *r, slh_storage storage, char *at)
{
  uint32_t length = slhi_load_word(at + SLH_ARRAY_LENGTH_OFFSET);
  bool sound = true;

  if (storage != SLH_REF && storage != SLH_FUNCREF)
    return true;
  at += SLH_ARRAY_DATA_OFFSET;
  for (uint32_t i = 0; i < length && sound; i++, at += 4)
    sound = read_word(r, storage, at);
  return sound;
}

static bool read_object(const struct reader *r, const slh_type *type, char *at)
{
  bool sound = true;

  if (type->kind == SLH_KIND_EXTERN)
    return slhi_load_word(at + SLHI_EXTERN_ID_OFFSET) < r->parts.header->externrefs;
  if (type->kind == SLH_KIND_ARRAY)
    return read_array(r, type->fields[0].storage, at);
  for (uint32_t i = 0; i < type->field_count && sound; i++)
    sound = read_word(r, type->fields[i].storage, at + type->fields[i].offset);
  return sound;
}

slh_status slhi_read_objects(struct reader *r)
{
  uint64_t end = r->parts.header->body_bytes, bytes;
  size_t bitmap = slhi_bitmap_bytes(end / SLHI_OBJECT_ALIGN + 1);
  char *to = slhi_image_objects(r->image);
  slh_status status;

  r->starts = slhi_allocate(&r->runtime->allocator, bitmap);
  if (!r->starts)
    return slhi_read_no_memory(r);
  memset(r->starts, 0, bitmap);
  if (end != 0)
    memcpy(to, r->body, end);
  status = find_objects(r, to);
  for (uint64_t at = 0; at < end && status == SLH_OK; at += bytes) {
    const slh_type *type =
        slh_runtime_type(r->runtime, slhi_load_word(to + at) >> SLHI_INDEX_SHIFT);

    bytes = measure(type, to + at, end - at);
    if (!read_object(r, type, to + at))
      status = slhi_damaged(r, "a reference, or the number of host data, is none");
  }
  return status;
}
