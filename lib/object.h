/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Reading objects out of a heap that may hold anything. Whatever is read is
 * read once, and checked before it is used.
 */
#ifndef SLOTHEAP_LIB_OBJECT_H
#define SLOTHEAP_LIB_OBJECT_H

#include <string.h>

#include "lib/header.h"
#include "lib/shape.h"

#define SLHI_OBJECT_ALIGN 8

/* An externref: the header, and the id of its entry (host-data.h). */
#define SLHI_EXTERN_BYTES 8
#define SLHI_EXTERN_ID_OFFSET 4

/* A collection copies and scans objects that are larger in several steps. */
#define SLHI_LAZY_BYTES 4096

static inline uint32_t slhi_load_word(const char *at)
{
  uint32_t word;

  memcpy(&word, at, sizeof word);
  return word;
}

static inline void slhi_store_word(char *at, uint32_t word)
{
  memcpy(at, &word, sizeof word);
}

/* Makes a filler of `bytes` at `at`. */
static inline void slhi_store_filler(char *at, uint32_t bytes)
{
  slhi_store_word(at, SLHI_FILLER_HEADER);
  slhi_store_word(at + 4, bytes);
}

static inline uint64_t slhi_align_object(uint64_t bytes)
{
  return (bytes + SLHI_OBJECT_ALIGN - 1) & ~(uint64_t)(SLHI_OBJECT_ALIGN - 1);
}

/* Cannot overflow: 32-bit length, elements of at most 16 bytes. */
static inline uint64_t slhi_array_bytes(uint32_t element_bytes, uint32_t length)
{
  return slhi_align_object(SLH_ARRAY_DATA_OFFSET + (uint64_t)length * element_bytes);
}

/* The shape that a header word names, or NULL if it names none. */
static inline const struct shape *slhi_shape_of(struct shapes shapes, uint32_t header)
{
  uint32_t index = header >> SLHI_INDEX_SHIFT;

  /* Acquire: a forged header can name a type that is being registered. */
  if (index >= shapes.count ||
      (header & ~SLHI_LOGGED) != __atomic_load_n(&shapes.at[index].header, __ATOMIC_ACQUIRE))
    return NULL;
  return &shapes.at[index];
}

static inline slh_kind slhi_shape_kind(const struct shape *shape)
{
  return (slh_kind)(shape->header >> SLHI_KIND_SHIFT & 7);
}

static inline const struct shape *slhi_filler_shape(struct shapes shapes)
{
  return &shapes.at[0];
}

/* Bytes of an object of `shape` whose second word is `word`; 0 if that word
 * cannot be. */
static inline uint64_t slhi_object_bytes(const struct shape *shape, uint32_t word)
{
  if (SLH_LIKELY(shape->bytes != 0))
    return shape->bytes;
  if (slhi_shape_kind(shape) == SLH_KIND_ARRAY)
    return slhi_array_bytes(shape->element, word);
  if (slhi_shape_kind(shape) == SLH_KIND_EXTERN)
    return SLHI_EXTERN_BYTES;
  return word % SLHI_OBJECT_ALIGN == 0 ? word : 0; /* a filler */
}

/* An object that was checked. */
struct object {
  const struct shape *shape;
  uint64_t bytes;
  uint32_t word; /* the second word: an array's length */
};

/*
 * Checks what lies at `at`, with `room` bytes from there to the end of the
 * heap, at least 8: a valid header, not forwarded, and an object that fits.
 */
static inline bool slhi_object_read(struct shapes shapes, const char *at, uint64_t room,
                                    struct object *out)
{
  out->shape = slhi_shape_of(shapes, slhi_load_word(at));
  if (!out->shape)
    return false;
  out->word = slhi_load_word(at + 4);
  out->bytes = slhi_object_bytes(out->shape, out->word);
  return out->bytes != 0 && out->bytes <= room;
}

/* The references of an object, one after the other. */
struct references {
  uint64_t map;            /* of those that are left, see struct shape */
  const uint32_t *offsets; /* or their offsets; NULL: an array's */
  uint32_t next;           /* number of the next */
  uint32_t count;          /* those of a map are not counted */
};

/* From the reference of that number on. */
static inline struct references slhi_references(const struct object *object, uint32_t first)
{
  const struct shape *shape = object->shape;
  struct references references = {0, shape->offsets, first, 0};

  if (shape->offsets)
    references.count = shape->offsets[0];
  else if (shape->bytes != 0)
    references.map = first < SLHI_MAP_REFS ? shape->refs >> 8 * first : 0;
  else if (shape->refs != 0)
    references.count = object->word;
  return references;
}

/* The offset of the next in its object. */
static inline bool slhi_next_reference(struct references *references, uint64_t *offset)
{
  if (references->map != 0) {
    *offset = references->map & 0xff;
    references->map >>= 8;
    references->next++;
    return true;
  }
  if (references->next >= references->count)
    return false;
  *offset = references->offsets ? references->offsets[1 + references->next]
                                : SLH_ARRAY_DATA_OFFSET + 4 * (uint64_t)references->next;
  references->next++;
  return true;
}

#endif
