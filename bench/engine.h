/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a host makes once to serve a workload: a runtime, a pool, and what
 * the workload shares among its threads. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "workload.h"

struct engine_options {
  const struct workload *workload;
  unsigned threads;
  const char *pool;    /* options as text, or NULL */
  const char *runtime; /* likewise */
  uint64_t seed;
};

struct engine {
  const struct workload *workload;
  slh_runtime *runtime;
  slh_pool *pool;
  void *shared;
};

/* False after a line on stderr that says what failed; nothing is left then. */
bool engine_open(struct engine *engine, const struct engine_options *options);
void engine_close(struct engine *engine);

/* Bytes of a touched slot that are in memory; NaN if the system does not say. */
double engine_resident(const struct engine *engine);

#endif
