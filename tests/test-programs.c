/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The same generated programs on every collector, with and without zeal:
 * reachable graphs, weak references and drop counts are what a model says, and
 * so the same everywhere.
 */
/* [promise dense-prefix] */
#include "tests/program.h"

/* ---- programs ---- */

static void programs_do_the_same_on_every_collector(void **state)
{
  uint64_t seed = helper_seed();

  for (uint64_t round = helper_rounds(160); round > 0; round--) {
    struct program *p = program_open(seed++);

    for (int i = 0; i < 600; i++) {
      program_step(p);
      if (helper_one_in(&p->random, 60))
        program_collect(p);
      else if (helper_one_in(&p->random, 30))
        program_compare(p, false);
    }
    program_collect(p);
    program_close(p);
  }
}

/* Fewer, so that heaps become large and collect by themselves. */
static void long_programs(void **state)
{
  uint64_t seed = helper_seed() + 1000;

  for (uint64_t round = helper_rounds(4); round > 0; round--) {
    struct program *p = program_open(seed++);

    for (uint64_t i = helper_rounds(10000); i > 0; i--) {
      program_step(p);
      if (helper_one_in(&p->random, 1000))
        program_collect(p);
    }
    program_collect(p);
    program_close(p);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(programs_do_the_same_on_every_collector),
      cmocka_unit_test(long_programs),
  };

  return helper_run(tests, NULL, NULL);
}
