/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Which of many calls fail: some in a row, or at random. What injects failures
 * has one of these. Any thread may call; one sets it up while no other does.
 */
#ifndef SLOTHEAP_TESTS_FAILING_H
#define SLOTHEAP_TESTS_FAILING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/helper.h"

struct failing {
  uint64_t from, to;       /* of the calls, in the order they come; from == to: none */
  uint64_t one_in;         /* or at random; 0: not */
  _Atomic uint64_t random; /* state of that */
  _Atomic uint64_t seen;   /* calls */
  _Atomic uint64_t failed;
  _Atomic bool paused; /* calls pass, and are not seen */
};

/* Lets `pass` calls pass and fails the next `count`. */
static inline void failing_row(struct failing *failing, uint64_t pass, uint64_t count)
{
  *failing = (struct failing){
      .from = pass, .to = count > UINT64_MAX - pass ? UINT64_MAX : pass + count, .one_in = 0};
}

/* Fails one in `one_in` calls. */
static inline void failing_at_random(struct failing *failing, uint64_t one_in, uint64_t random)
{
  *failing = (struct failing){.one_in = one_in, .random = random};
}

/* Counts a call; whether it is to fail, and random bits for how. */
static inline bool failing_hit(struct failing *failing, uint64_t *bits)
{
  uint64_t state, call;
  bool hit;

  *bits = 0;
  if (atomic_load(&failing->paused))
    return false;
  call = atomic_fetch_add(&failing->seen, 1);
  if (failing->one_in != 0) {
    /* As helper_random does it, for several threads. */
    state = atomic_fetch_add(&failing->random, UINT64_C(0x9e3779b97f4a7c15));
    *bits = helper_random(&state);
    hit = *bits % failing->one_in == 0;
    *bits >>= 32;
  } else {
    hit = call >= failing->from && call < failing->to;
  }
  if (hit)
    atomic_fetch_add(&failing->failed, 1);
  return hit;
}

#endif
