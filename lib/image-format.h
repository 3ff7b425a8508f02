/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * An image's file; doc/image-format.md says what each field means. All numbers
 * have the byte order of the system that wrote it.
 *
 *   header | types | fields | roots | weak | entries | externrefs | functions | text | 0.. | body
 *
 * Each part but the text is a multiple of 8 bytes long; the body starts at a
 * multiple of SLHI_FORMAT_PAGE.
 */
#ifndef SLOTHEAP_LIB_IMAGE_FORMAT_H
#define SLOTHEAP_LIB_IMAGE_FORMAT_H

#include <slotheap/image-file.h>

#include "lib/image.h"

#define SLHI_FORMAT_MAGIC "slotheap"
#define SLHI_FORMAT_VERSION 1
#define SLHI_FORMAT_BYTE_ORDER UINT32_C(0x01020304)
#define SLHI_FORMAT_PAGE 4096

struct format_header {
  char magic[8];
  uint32_t version;
  uint32_t byte_order;
  uint64_t checksum; /* XXH3, 64 bits, of all that follows */
  uint64_t file_bytes;
  uint64_t body_at;
  uint64_t body_bytes;
  uint64_t objects;
  uint32_t first; /* what references to the body's first byte are */
  uint32_t types;
  uint32_t fields;
  uint32_t roots;
  uint32_t weak;
  uint32_t ephemerons; /* tables */
  uint32_t entries;
  uint32_t externrefs;
  uint32_t functions;
  uint32_t text_bytes;
};

struct format_type {
  uint64_t fingerprint;
  uint32_t rank;      /* among types with this fingerprint, in the order of registration */
  uint32_t header;    /* of its objects in the body */
  uint32_t supertype; /* its number here plus 1; 0: none */
  uint32_t name;      /* in the text */
  uint32_t first_field;
  uint32_t field_count;
};

struct format_field {
  uint32_t name; /* in the text, or SLHI_NO_NAME */
  uint32_t storage;
};

struct format_root {
  uint32_t name; /* in the text, or SLHI_NO_NAME */
  uint32_t ref;
};

struct format_weak {
  uint32_t ref;
  uint32_t zero;
};

struct format_entry {
  uint32_t table;
  uint32_t key;
  uint32_t value;
  uint32_t zero;
};

struct format_text { /* of an externref or a function */
  uint32_t at;
  uint32_t size;
};

_Static_assert(sizeof(struct format_header) == 96, "doc/image-format.md");
_Static_assert(sizeof(struct format_type) == 32, "doc/image-format.md");
_Static_assert(sizeof(struct format_field) == 8, "doc/image-format.md");
_Static_assert(sizeof(struct format_root) == 8, "doc/image-format.md");
_Static_assert(sizeof(struct format_weak) == 8, "doc/image-format.md");
_Static_assert(sizeof(struct format_entry) == 16, "doc/image-format.md");
_Static_assert(sizeof(struct format_text) == 8, "doc/image-format.md");

/* The parts of a file, in memory. */
struct format_parts {
  struct format_header *header;
  struct format_type *types;
  struct format_field *fields;
  struct format_root *roots;
  struct format_weak *weak;
  struct format_entry *entries;
  struct format_text *externrefs;
  struct format_text *functions;
  char *text;
  uint64_t end; /* of the text: bytes from the file's start */
};

/* Where the parts of a file with that header's counts are, if it starts at
 * `file`, which may be NULL for the sake of `end`. Overflows nothing. */
struct format_parts slhi_format_parts(char *file, const struct format_header *counts);

static inline uint64_t slhi_format_body_at(const struct format_parts *parts)
{
  return slhi_round_up(parts->end, SLHI_FORMAT_PAGE);
}

/* Of a whole file that consists of two pieces. */
uint64_t slhi_format_checksum(const char *file, uint64_t bytes, const char *body,
                              uint64_t body_bytes);

/* Whether files can be had: there was xxHash when this was compiled. */
bool slhi_format_is_there(void);

/* Hash of some bytes that goes on from another. */
uint64_t slhi_format_hash(const void *bytes, size_t size, uint64_t seed);

#endif
