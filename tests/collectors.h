/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The table of collectors, with what a test has to know of each. A test goes through those
 * that have what it needs, and names one only if it is about that one; so a new collector
 * is in all of them once it is in the table.
 */
#ifndef SLOTHEAP_TESTS_COLLECTORS_H
#define SLOTHEAP_TESTS_COLLECTORS_H

#include "tests/helper.h"

#define COLLECTORS 4

/* What a collector can have, to be combined. */
enum {
  COLLECTORS_ALL = 0,
  COLLECTORS_COLLECT = 1,    /* collections give memory back */
  COLLECTORS_TRACE = 2,      /* and all that is not reached, cycles too, but nothing before */
  COLLECTORS_MOVE = 4,       /* objects, so that they lie side by side */
  COLLECTORS_HAVE_YOUNG = 8, /* collections of young objects alone */
  COLLECTORS_HAVE_WEAK = 16, /* references, ephemeron tables and finalizers */
  COLLECTORS_FORGIVE = 32    /* that an allocation failed: the next collection does all it should */
};

struct collector_traits {
  const char *name;
  unsigned has;
};

/* By the value of slh_collector. */
extern const struct collector_traits collectors[COLLECTORS];

bool collectors_have(slh_collector collector, unsigned needed);

/* How many have all that is needed, and one of them; behind the last comes the first. */
uint64_t collectors_count(unsigned needed);
slh_collector collectors_nth(unsigned needed, uint64_t n);

#endif
