/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a run of torture does, and running it. */
#ifndef SLOTHEAP_TESTS_TORTURE_DRIVER_H
#define SLOTHEAP_TESTS_TORTURE_DRIVER_H

#include "tests/torture/torture.h"

struct run {
  uint64_t seed;
  uint64_t count;  /* corruptions; 0: as many as the rounds come to */
  uint64_t from;   /* the first round */
  uint64_t rounds; /* 0: as many as the corruptions take */
  bool verbose;    /* each call and corruption is printed */
  bool in_process; /* for a debugger: no children */
};

/* Does it, and prints what came of it. Whether all went well. */
bool torture_run(const struct run *run);

#endif
