/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a collection needs to know of a type, packed for its inner loop. */
#ifndef SLOTHEAP_LIB_SHAPE_H
#define SLOTHEAP_LIB_SHAPE_H

#include <slotheap/type.h>

/* Objects up to this size are copied inline. */
#define SLHI_SMALL_BYTES 64

/* References of a struct that its trace map has room for. */
#define SLHI_MAP_REFS 8

struct shape {
  uint32_t header;  /* of an object of this type */
  uint32_t bytes;   /* struct: of an object; 0: not a struct */
  uint32_t element; /* array: bytes of an element */
  uint32_t small;   /* struct of up to SLHI_SMALL_BYTES: its header; else what no
                       header is */
  /* Struct: a map of one byte a reference, its offset, from the low byte on; 0
   * ends it, for at offset 0 is the header. Array: not zero if the elements are
   * references. */
  uint64_t refs;
  const uint32_t *offsets; /* struct that `refs` does not describe, or that takes
                              several steps: those of its references, after how
                              many they are; else NULL */
};

_Static_assert(sizeof(struct shape) == 32, "two to a cache line, indexed by a shift");

/* The shapes of a runtime at one moment; index 0 is the filler's. */
struct shapes {
  const struct shape *at;
  uint32_t count;
  uint32_t mask; /* of the bits of a header that the table has room for */
};

#endif
