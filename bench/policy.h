/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* `slotheap-bench policy`: policies, and programs to run under them. */
#ifndef BENCH_POLICY_H
#define BENCH_POLICY_H

#include <slotheap.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- policies ---- */

struct policy_choice {
  const char *name;
  slh_policy policy;
  bool generational; /* it is another one's equal without young collections */
};

#define POLICY_CHOICES 8

/* The first is the default. */
extern const struct policy_choice policy_choices[POLICY_CHOICES];

/* Asks a policy, and notes what there is to see. */
struct policy_meter {
  const slh_policy *policy;
  uint64_t questions;
  uint64_t peak_used;
};

slh_policy policy_metered(struct policy_meter *meter);

/* ---- programs ---- */

enum policy_shape {
  POLICY_STEADY,  /* lists are replaced at random */
  POLICY_GROWTH,  /* all stays; stores end at a quarter of `live` to all of it */
  POLICY_SAWTOOTH /* again and again nine tenths are dropped at once */
};

struct policy_scenario {
  const char *name;
  enum policy_shape shape;
  double live;          /* share of the heap's maximum */
  double allocated;     /* by each store, in such maxima; sawtooth: teeth */
  uint32_t temporaries; /* lists dropped at once for each that is kept */
  uint32_t stores;      /* one after the other */
};

#define POLICY_SCENARIOS 7

extern const struct policy_scenario policy_scenarios[POLICY_SCENARIOS];

struct policy_result {
  uint64_t cpu_ns;
  uint64_t young, full;
  uint64_t copied;
  uint64_t peak_used;
  uint64_t questions; /* that the policy was asked */
  uint64_t check;     /* the same whatever the policy */
};

/* Runs `scenario` with heaps of up to `max_bytes`. False if that took more than
 * `most_ns`: what there is of the result is no use. */
bool policy_run(slh_pool *pool, slh_collector collector, const struct policy_choice *choice,
                const struct policy_scenario *scenario, uint64_t max_bytes, uint64_t seed,
                uint64_t most_ns, struct policy_result *out);

#endif
