/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Reading an image file: what its parts share. */
#ifndef SLOTHEAP_LIB_IMAGE_READ_H
#define SLOTHEAP_LIB_IMAGE_READ_H

#include "lib/image-format.h"
#include "lib/object.h"

/* A type of the file, and that of the runtime. */
struct read_type {
  uint32_t header; /* in the file */
  const slh_type *type;
};

struct reader {
  slh_runtime *runtime;
  slh_image_options options;
  char *file;     /* a copy that nobody else can change */
  uint64_t bytes; /* of its mapping */
  struct format_parts parts;
  const char *body;
  struct read_type *types; /* by header */
  uint32_t fields;         /* of the types looked at so far */
  uint64_t names;          /* bytes of their names */
  uint64_t *starts;        /* bit i: an object starts at byte 8 * i of the body */
  slh_image *image;
  slh_error *error;
};

slh_status slhi_damaged(const struct reader *r, const char *what);

static inline slh_status slhi_read_no_memory(const struct reader *r)
{
  return slhi_error(r->error, SLH_E_NOMEM, "no memory for an image");
}

/* One name more: whether it is one, or none. Each has its own piece of the text, or
 * little text would make long names of many. */
bool slhi_read_name(struct reader *r, uint32_t name);

/* Finds, or registers, the runtime's types. */
slh_status slhi_read_types(struct reader *r);

/* Copies the objects, checks them, and has them be of the runtime's types and
 * at the image's offsets. */
slh_status slhi_read_objects(struct reader *r);

/* A reference of the file as it is in the image. False: it is none. */
static inline bool slhi_read_reference(const struct reader *r, uint32_t bits, slh_ref *out)
{
  uint32_t at = bits - r->parts.header->first;

  out->bits = bits;
  if (bits == 0 || (bits & 1) != 0)
    return true;
  out->bits = at + r->image->first;
  return at % SLHI_OBJECT_ALIGN == 0 && at < r->parts.header->body_bytes &&
         (r->starts[at / 512] >> (at / 8 % 64) & 1) != 0;
}

#endif
