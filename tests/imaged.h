/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images in tests, and stores that begin with them. */
#ifndef SLOTHEAP_TESTS_IMAGED_H
#define SLOTHEAP_TESTS_IMAGED_H

#include "tests/store.h"

/* Of what `count` references lead to, by SLH_IMAGE_MAP or whatever `start` is. */
slh_image *imaged_freeze(const slh_heap *heap, const slh_ref *refs, size_t count,
                         slh_image_start start);

/* An image of one array of bytes, which are `seed` and the following numbers: its
 * root 0. Made in a heap of the store's pool, which is released again. */
slh_image *imaged_bytes(struct store *store, uint32_t length, unsigned char seed,
                        slh_image_start start);

/* A heap that began from it, with other options as they are. */
slh_heap *imaged_start(slh_pool *pool, const slh_image *image, const slh_heap_options *options);

/* The store's heap is released, and one that begins from the image takes its place,
 * with the same roots callback. The roots are not set. */
void imaged_restart(struct store *store, const slh_image *image, const slh_heap_options *options);

slh_image_info imaged_info(const slh_image *image);
slh_ref imaged_root(const slh_image *image, size_t number);

/* Whether the heap's first bytes are a mapping of an image. */
bool imaged_is_mapped(const slh_heap *heap);

/* Pages that were copied for this process of what lies in [start, start + bytes),
 * of the mappings that begin there. */
uint64_t imaged_private_pages(const void *start, uint64_t bytes);

/* What a heap is, byte for byte: its record, and all that is accessible. */
struct imaged_copy {
  uint64_t bytes;
  char *memory;
};

struct imaged_copy imaged_copy_heap(const slh_heap *heap);

/* The heap is as it was; frees the copy. */
void imaged_check_copy(const slh_heap *heap, struct imaged_copy *copy);

/* Freezing fails with `status` and a message that has `text`; nothing has changed. */
void imaged_expect_refusal(struct store *store, const slh_image_contents *contents,
                           slh_status status, const char *text);

#endif
