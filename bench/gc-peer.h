/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * One system under `slotheap-bench trees` and its like. Each is an executable
 * of its own, so that no system's malloc replaces another's: gc-peer.c has
 * main(), gc-peer-NAME.c the calls below, and all workloads are compiled for
 * it, with gc-memory.h.
 */
#ifndef BENCH_GC_PEER_H
#define BENCH_GC_PEER_H

#include "gc-memory.h"

/* ---- of the system ---- */

/* Once each. `mode` is one of those that the system has, or "". */
void mem_open(const char *mode);
void mem_close(void);

/* An empty heap for a program, and its end, at which all is dropped. */
struct mem mem_begin(void);
void mem_end(struct mem mem);

/* Collections so far, of this heap or the process, and what they took. */
struct mem_collections {
  uint64_t count;
  uint64_t nanoseconds;
};

struct mem_collections mem_collections(struct mem mem);

/* ---- of a workload ---- */

struct mem_outcome {
  uint64_t operations; /* done: nodes made, requests served */
  uint64_t check;      /* equal in all systems */
};

struct mem_workload {
  const char *name;
  uint32_t warm_size; /* runs once with this size first, if that is less */
  void (*open)(void); /* registers its types */
  struct mem_outcome (*run)(struct mem mem, uint32_t size, uint64_t seed);
};

extern const struct mem_workload mem_workload_trees;
extern const struct mem_workload mem_workload_gcbench;
extern const struct mem_workload mem_workload_splay;
extern const struct mem_workload mem_workload_lru;
extern const struct mem_workload mem_workload_strings;

#endif
