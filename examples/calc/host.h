/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The process that runs scripts. */
#ifndef CALC_HOST_H
#define CALC_HOST_H

#include "calc.h"

/* What each script may use. */
struct limits {
  uint64_t heap_bytes;
  uint64_t host_bytes;
  uint64_t steps;
};

struct host {
  struct limits limits;
  slh_runtime *runtime;
  struct types types;
  slh_pool *pool;
  bool failed; /* a script was not run to its end */
};

/* Runs the session's text; an error becomes a line on standard error. */
void calc_run(struct host *host, const char *path, struct session *s);

#endif
