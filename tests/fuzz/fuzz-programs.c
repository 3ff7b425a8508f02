/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sequences of calls, in stores of all collectors at a time and in the model of
 * tests/program.h, which must agree. Two bytes are a step: all that it chooses
 * follows from them.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/program.h"

#define STEPS 400

/* One step in so many is a comparison, or a collection. */
#define COMPARE 0xfe
#define COLLECT 0xff

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct fuzz_input input = {data, size};
  struct program *p;

  setenv("CMOCKA_TEST_ABORT", "1", 1);
  p = program_open(0);
  for (int i = 0; i < STEPS && input.left > 0; i++) {
    uint64_t step = fuzz_bytes(&input, 2);

    p->random = step;
    if (step >> 8 == COMPARE)
      program_compare(p, false);
    else if (step >> 8 == COLLECT)
      program_collect(p);
    else
      program_step(p);
  }
  program_collect(p);
  program_close(p);
  return 0;
}
