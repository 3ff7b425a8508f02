/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An allocator hook that counts, and fails on demand. For any thread. */
#ifndef SLOTHEAP_TESTS_METER_H
#define SLOTHEAP_TESTS_METER_H

#include <slotheap.h>

#include "tests/failing.h"

struct meter {
  _Atomic uint64_t blocks; /* not released */
  _Atomic uint64_t bytes;  /* in them */
  _Atomic uint64_t left;   /* calls that succeed before all others fail */
  struct failing failing;  /* of the calls, these fail too */
  slh_allocator hook;
};

/* The hook; the meter must outlive it. Starts with nothing failing. */
slh_allocator meter_allocator(struct meter *meter);

#endif
