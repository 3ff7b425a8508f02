/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A workload: what one short-lived store does between acquire and release.
 * `serve` runs it on any number of threads; it knows nothing of what is inside.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <slotheap.h>
#include <stdbool.h>
#include <stdint.h>

struct workload_options {
  uint64_t seed;
  uint64_t max_heap_bytes; /* of a store; 0: the pool's */
};

/* What one store did. */
struct workload_result {
  uint64_t allocated_bytes; /* by all allocations */
  uint64_t reclaimed_bytes; /* by collections */
  uint64_t collections;
};

struct workload {
  const char *name;

  /* Prepares what all threads share, read-only from then on: types registered
   * in `runtime`, documents, expected answers. On failure prints one line to
   * stderr that says what was wrong and what would help; returns NULL. */
  void *(*open)(slh_runtime *runtime, const struct workload_options *options);
  void (*close)(void *shared);

  /* What one thread needs: its random state, its buffers. NULL: no memory. */
  void *(*thread_open)(void *shared, unsigned thread_number);
  void (*thread_close)(void *thread);

  /* Serves one store: acquire, work, check the answer, release. False if
   * anything went wrong, with one line on stderr. */
  bool (*serve)(void *thread, slh_pool *pool, struct workload_result *result);
};

extern const struct workload workload_chain;
extern const struct workload workload_graph;
extern const struct workload workload_json;

#endif
