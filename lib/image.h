/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * An image in memory: the objects, as a store of this process has them, in a
 * template of the pool's; and what goes with them.
 *
 *   image-freeze.c        a heap's reachable objects, side by side
 *   image-begin.c         stores that begin with an image
 *   image-scan.c          the image of a store in its collections
 *   image-format.h        files, field by field
 *   image-types.c         types without indices, as files tell them
 *   image-write.c         to a file
 *   image-read.c          from a file, checked: its parts but for
 *   image-read-types.c    the types, matched with the runtime's, and
 *   image-read-objects.c  the objects
 */
#ifndef SLOTHEAP_LIB_IMAGE_H
#define SLOTHEAP_LIB_IMAGE_H

#include <slotheap/image.h>

#include "lib/heap.h"
#include "pool/template.h"

/* A piece of an image's text. */
struct image_text {
  uint32_t at;
  uint32_t size;
};

/* Names (each with a zero behind it) and bytes that the host made of its data,
 * one after the other. */
struct image_texts {
  char *bytes;
  uint32_t size;
  uint32_t capacity;
};

#define SLHI_NO_NAME UINT32_MAX

struct image_root {
  uint32_t name; /* where in the text, or SLHI_NO_NAME */
  slh_ref ref;
};

struct image_entry {
  uint32_t table; /* number of the ephemeron table */
  slh_ref key;
  slh_ref value;
};

/* An array that grows. */
struct image_list {
  void *at;
  uint32_t count;
  uint32_t capacity;
};

struct slh_image {
  uint32_t signature; /* SLHI_SIGNATURE_IMAGE */
  slh_runtime *runtime;
  slh_image_options options;
  struct slhi_template body; /* from a slot's first byte on */
  uint32_t first;            /* offset of the first object */
  uint32_t end;              /* and behind the last */
  uint64_t objects;
  uint64_t *is_used; /* a bit for each index of a type below `known` */
  uint32_t known;
  struct image_list types; /* const slh_type *: those used, each behind its supertype */
  struct image_texts texts;
  struct image_list roots;      /* struct image_root */
  struct image_list names;      /* uint32_t: numbers of those that have names, in order of these */
  struct image_list weak;       /* slh_ref */
  struct image_list entries;    /* struct image_entry */
  struct image_list externrefs; /* struct image_text; the number in an externref is the index */
  struct image_list functions;  /* const void *; the number in a field is the index plus 1 */
  uint32_t ephemerons;          /* tables */
};

static inline void slhi_check_image(const slh_image *image, const char *call)
{
  slhi_check_signature(image->signature, SLHI_SIGNATURE_IMAGE, call);
}

/* Offset of the first byte of a slot, with which a template begins. */
static inline uint32_t slhi_image_lead(const slh_image *image)
{
  return image->options.kind == SLH_POOL_WIDE ? SLH_WIDE_FIRST : 0;
}

/* Offset 0 of a heap of the image's kind, if its slot had the image's bytes. */
static inline char *slhi_image_base(const slh_image *image)
{
  return image->body.memory - slhi_image_lead(image);
}

/* Its first object, if it has any. */
static inline char *slhi_image_objects(const slh_image *image)
{
  return slhi_image_base(image) + image->first;
}

static inline uint32_t slhi_image_first(slh_pool_kind kind)
{
  return kind == SLH_POOL_WIDE ? SLH_WIDE_FIRST : SLH_DENSE_FIRST;
}

/* Checks options. SLH_E_INVALID. */
slh_status slhi_image_options(const slh_image_options *given, slh_image_options *out,
                              slh_error *error);

/* An image without anything, with memory for objects up to offset `end`. */
slh_status slhi_image_new(slh_runtime *runtime, const slh_image_options *options, uint64_t end,
                          slh_image **out, slh_error *error);

/* Complete: its objects end at `end`. On an error it is to be freed. */
slh_status slhi_image_seal(slh_image *image, uint64_t end, slh_error *error);

/* One more item. NULL: no memory. */
void *slhi_list_add(const slh_allocator *allocator, struct image_list *list, size_t each);
void *slhi_image_add(slh_image *image, struct image_list *list, size_t each);

/* All roots are there: they can be found by name. SLH_E_NOMEM, or `twice` if two
 * have one name. */
slh_status slhi_image_index_names(slh_image *image, slh_status twice, slh_error *error);

/* Objects of that type are in it. False: no memory. */
bool slhi_image_use_type(slh_image *image, const slh_type *type);

/* One more text, and a zero behind it. False: no memory, or more than 4 GiB. */
bool slhi_texts_add(const slh_allocator *allocator, struct image_texts *texts, const void *bytes,
                    size_t size, struct image_text *out);
bool slhi_image_add_text(slh_image *image, const void *bytes, size_t size, struct image_text *out);

/* ---- stores ---- */

/* Whether stores are to get a mapping of it, where pools have any. */
bool slhi_image_is_for_mapping(const slh_image *image);

/* Whether a store with these options can begin from their image in that pool. */
slh_status slhi_image_begin_check(slh_pool *pool, const slh_heap_options *options,
                                  slh_error *error);

/* What slots are told apart by, for stores that want one that was used alike. */
uint32_t slhi_image_begin_tag(const slh_heap_options *options);

/* A heap that is empty but for what its slot began with last: it becomes one that
 * began from the options' image, or from none. On an error it is to be released. */
slh_status slhi_image_begin(slh_heap *heap, const slh_heap_options *options);

#endif
