/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images of files that anyone can have written: whatever is in them, stores that
 * begin with them are sound. */
#ifndef SLOTHEAP_TESTS_IMAGE_SOUND_H
#define SLOTHEAP_TESTS_IMAGE_SOUND_H

#include "tests/guest.h"
#include "tests/image-bytes.h"

#define IMAGE_SOUND_WAYS (2 * COLLECTORS * 2)

/* Guests' runtimes with each collector, and pools of each kind. */
struct image_sound {
  slh_runtime *runtimes[COLLECTORS];
  slh_pool *pools[2];
  uint64_t reads, sound; /* how many were read, and how many of them were images */
};

void image_sound_open(struct image_sound *sound);
void image_sound_close(struct image_sound *sound);

/*
 * Reads the bytes into one runtime, for pools of one kind, both chosen by `which`, as is the
 * way to begin from them: there are IMAGE_SOUND_WAYS.
 * Gives an error that says what is wrong, or an image: which begins stores and resumes
 * them, in heaps that can be verified, read and collected. The error is returned in
 * words, which stay until the next call; NULL: there was none.
 */
const char *image_sound_read(struct image_sound *sound, const struct image_bytes *bytes,
                             unsigned which);

/* What the status was. */
slh_status image_sound_status(void);

/* The file of a small image with all that there can be. Its roots are two nodes, first
 * among its objects, of which one is named. */
struct image_bytes image_sound_example(void);

#endif
