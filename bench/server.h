/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads that serve the stores of a workload from one pool, each on a
 * processor of its own, in rounds that are measured one by one. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include "engine.h"
#include "stats.h"

struct server;

/* What all threads did in one round. */
struct server_round {
  double seconds;
  uint64_t stores;
  uint64_t faults; /* page faults, minor and major */
  struct workload_result sum;
  struct histogram latency; /* nanoseconds a store, from acquire to release */
};

/* Starts the threads. NULL after a line on stderr that says what failed. */
struct server *server_open(const struct engine_options *options);
void server_close(struct server *server);

const struct engine *server_engine(const struct server *server);

/* Serves for `seconds`, or `stores` stores unless that is 0. `label` goes to
 * the progress bar. False after a line on stderr if a store failed. */
bool server_run(struct server *server, double seconds, uint64_t stores, const char *label,
                struct server_round *out);

#endif
