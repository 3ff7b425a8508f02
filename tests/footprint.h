/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a process has of the system: for tests that nothing leaks. */
#ifndef SLOTHEAP_TESTS_FOOTPRINT_H
#define SLOTHEAP_TESTS_FOOTPRINT_H

#include <stdint.h>

struct footprint {
  uint64_t mappings;    /* lines of /proc/self/maps, but for the C library's heap */
  uint64_t bytes;       /* in them */
  uint64_t descriptors; /* open files */
};

/* As it is now. What is wrong with /proc aborts. */
struct footprint footprint_take(void);

/* Has malloc keep to its heap, so that it makes no mappings. */
void footprint_settle(void);

/* Aborts, and prints which, if they differ. */
void footprint_require_equal(const struct footprint *before, const struct footprint *after);

#endif
