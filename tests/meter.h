/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An allocator hook that counts, and fails on demand. For one thread. */
#ifndef SLOTHEAP_TESTS_METER_H
#define SLOTHEAP_TESTS_METER_H

#include <slotheap.h>

struct meter {
  uint64_t blocks; /* not released */
  uint64_t bytes;  /* in them */
  uint64_t left;   /* calls that succeed before all others fail */
};

/* The hook; the meter must outlive it. Starts with nothing failing. */
slh_allocator meter_allocator(struct meter *meter);

#endif
