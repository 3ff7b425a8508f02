/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Programs that make garbage, run by several systems: `slotheap-bench trees`,
 * gcbench, splay, lru and strings. The programs are compiled into executables
 * beside this one (gc-peer.h); here is what starts them and counts together.
 */
#ifndef BENCH_GC_H
#define BENCH_GC_H

#include "bench.h"
#include "options.h"

#define GC_SYSTEMS 9
#define GC_RUNS_MAX 100

struct gc_bench {
  const char *name; /* of the command, and of the workload */
  const char *size; /* what its one number is: "depth" */
  const char *unit; /* what it is done so often: "node" */
  struct options_list sizes;
  struct options_list sizes_in_all;
  struct options_list sizes_quick;
  /* From this size on bdwgc-incremental runs only if asked for by name. */
  uint64_t long_from;
};

/* In the order of the tables. */
extern const char *const gc_system_names[GC_SYSTEMS];

struct gc_options {
  struct settings settings;
  struct options_list sizes;
  bool chosen[GC_SYSTEMS]; /* none: all */
  uint64_t runs;           /* 0: the default */
};

/* Measures what was asked for. */
bool gc_measure(struct report *report, const struct gc_bench *bench, struct gc_options *options);

void gc_tabulate(const struct report *report, struct table *table, const struct gc_bench *bench);

#endif
