/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What no system can beat while it writes the same bytes: one kept region, a
 * bump pointer in a register, the same four 4-byte stores an object, and a
 * memset of what was written. No limit check, no acquire, no release.
 */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

static char *region;

static uint32_t header = 2;

void peer_open(uint32_t objects)
{
  size_t bytes = ((size_t)objects + 1) * 16;

  region = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  if (region == NULL)
    peer_fail("out of memory");
  memset(region, 0, bytes);
}

void peer_store(uint32_t objects)
{
  uint32_t bump = 8;
  uint32_t previous = 0;
  uint32_t first = 0;

  for (uint32_t i = 0; i < objects; i++) {
    /* Volatile, or gcc packs the four words into a vector first, which takes
     * it half as long again. */
    volatile uint32_t *node = (volatile uint32_t *)(region + bump);

    if (first == 0)
      first = bump;
    node[0] = header;
    node[1] = previous;
    node[2] = first;
    node[3] = i;
    previous = bump;
    bump += 16;
  }
  peer_consume(region + previous);
  memset(region + 8, 0, bump - 8);
}
