/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The table, and how one is chosen out of it. */
#include "tests/collectors.h"

const struct collector_traits collectors[COLLECTORS] = {
    [SLH_COLLECTOR_COPYING] = {"copying", COLLECTORS_COLLECT | COLLECTORS_TRACE | COLLECTORS_MOVE |
                                              COLLECTORS_HAVE_WEAK | COLLECTORS_FORGIVE},
    [SLH_COLLECTOR_NULL] = {"null", COLLECTORS_HAVE_WEAK | COLLECTORS_FORGIVE},
    [SLH_COLLECTOR_GENERATIONAL] = {"generational", COLLECTORS_COLLECT | COLLECTORS_TRACE |
                                                        COLLECTORS_MOVE | COLLECTORS_HAVE_YOUNG |
                                                        COLLECTORS_HAVE_WEAK | COLLECTORS_FORGIVE},
    [SLH_COLLECTOR_DRC] = {"drc", COLLECTORS_COLLECT},
};

bool collectors_have(slh_collector collector, unsigned needed)
{
  return (collectors[collector].has & needed) == needed;
}

uint64_t collectors_count(unsigned needed)
{
  uint64_t count = 0;

  for (int i = 0; i < COLLECTORS; i++)
    count += collectors_have((slh_collector)i, needed);
  return count;
}

slh_collector collectors_nth(unsigned needed, uint64_t n)
{
  int i = -1;

  for (uint64_t left = n % collectors_count(needed) + 1; left > 0;
       left -= collectors_have((slh_collector)i, needed))
    i++;
  return (slh_collector)i;
}
