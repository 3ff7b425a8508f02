/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a collection needs to know of a type, packed for its inner loop. */
#ifndef SLOTHEAP_LIB_SHAPE_H
#define SLOTHEAP_LIB_SHAPE_H

#include <slotheap/runtime.h>

/* Words that the first trace map covers; a struct of up to 256 bytes needs
 * no other. */
#define SLHI_MAP_WORDS 64

struct shape {
  uint32_t header;     /* of an object of this type */
  uint32_t bytes;      /* struct: of an object; 0: not a struct */
  uint32_t element;    /* array: bytes of an element */
  uint32_t more_count; /* struct: references beyond the map */
  /* Struct: bit i is set if the word at byte 4 * i is a reference.
   * Array: not zero if the elements are references. */
  uint64_t refs;
  const uint32_t *more; /* their offsets */
};

_Static_assert(sizeof(struct shape) == 32, "two to a cache line, indexed by a shift");

/* The shapes of a runtime at one moment; index 0 is the filler's. */
struct shapes {
  const struct shape *at;
  uint32_t count;
};

#endif
