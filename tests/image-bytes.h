/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Image files in memory, to be looked at, changed and read. */
#ifndef SLOTHEAP_TESTS_IMAGE_BYTES_H
#define SLOTHEAP_TESTS_IMAGE_BYTES_H

#include "tests/helper.h"

struct image_bytes {
  char *at;
  size_t size;
};

/* Whether there are any: not if the library was compiled without xxHash. Programs
 * that need them exit with IMAGE_BYTES_SKIP then. */
bool image_bytes_are_there(void);
#define IMAGE_BYTES_SKIP 77

/* What slh_image_write writes. */
struct image_bytes image_bytes_of(const slh_image *image);
struct image_bytes image_bytes_copy(const struct image_bytes *bytes);
void image_bytes_free(struct image_bytes *bytes);

/* Reads `size` of the bytes, out of a file. */
slh_status image_bytes_read(slh_runtime *runtime, const char *at, size_t size,
                            const slh_image_options *options, slh_image **out, slh_error *error);

/* Makes the checksum right again. Where there is no room for one, nothing. */
void image_bytes_repair(struct image_bytes *bytes);

/* Numbers at offsets of the file, in the byte order of this system. */
uint32_t image_bytes_u32(const struct image_bytes *bytes, size_t at);
uint64_t image_bytes_u64(const struct image_bytes *bytes, size_t at);
void image_bytes_put_u32(struct image_bytes *bytes, size_t at, uint32_t value);
void image_bytes_put_u64(struct image_bytes *bytes, size_t at, uint64_t value);

/* A file without a name that holds the bytes, and stands at its start. */
int image_bytes_file(const char *at, size_t size);

#endif
