/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A thread that serves connections. */
#ifndef JSON_HOST_HTTP_WORKER_H
#define JSON_HOST_HTTP_WORKER_H

#include <pthread.h>

#include "http.h"

struct worker {
  struct host *host;
  pthread_t thread;
  struct MHD_Daemon *daemon; /* the thread's */
  int events;                /* the daemon's epoll */
  int wake;
  atomic_bool ended;
  bool quiet;      /* accepts no more */
  bool look_again; /* a connection has ended */
};

/* Accepts from a listening socket, which remains the caller's, up to so many connections
 * at a time. False: see errno. */
bool worker_start(struct worker *worker, struct host *host, int listening, unsigned connections);

/* host->stopping has been set: it is to accept no more. */
void worker_wake(struct worker *worker);

/* Ends its connections, and itself. */
void worker_end(struct worker *worker);

#endif
