/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The format of image files: where their parts are, and the hash that guards them. */
#include "lib/image-format.h"

#ifdef HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t slhi_format_hash(const void *bytes, size_t size, uint64_t seed)
{
  return XXH3_64bits_withSeed(bytes, size, seed);
}

uint64_t slhi_format_checksum(const char *file, uint64_t bytes, const char *body,
                              uint64_t body_bytes)
{
  size_t from = offsetof(struct format_header, file_bytes);
  XXH3_state_t state;

  (void)XXH3_64bits_reset(&state);
  (void)XXH3_64bits_update(&state, file + from, bytes - from);
  (void)XXH3_64bits_update(&state, body, body_bytes);
  return XXH3_64bits_digest(&state);
}

bool slhi_format_is_there(void)
{
  return true;
}

#else

uint64_t slhi_format_hash(const void *bytes, size_t size, uint64_t seed)
{
  (void)bytes;
  (void)size;
  return seed;
}

uint64_t slhi_format_checksum(const char *file, uint64_t bytes, const char *body,
                              uint64_t body_bytes)
{
  (void)file;
  (void)bytes;
  (void)body;
  return body_bytes;
}

bool slhi_format_is_there(void)
{
  return false;
}

#endif

struct format_parts slhi_format_parts(char *file, const struct format_header *counts)
{
  struct format_parts parts;
  uint64_t at = sizeof *counts;

#define PART(name, number)                                                                         \
  parts.name = (void *)((uintptr_t)file + at);                                                     \
  at += (uint64_t)(number) * sizeof *parts.name
  parts.header = (void *)file;
  PART(types, counts->types);
  PART(fields, counts->fields);
  PART(roots, counts->roots);
  PART(weak, counts->weak);
  PART(entries, counts->entries);
  PART(externrefs, counts->externrefs);
  PART(functions, counts->functions);
  PART(text, counts->text_bytes);
#undef PART
  parts.end = at;
  return parts;
}
