/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A trace keeps the last events in a ring. trace.c fills it while things happen;
 * trace-write.c makes a document of a copy.
 */
#ifndef SLOTHEAP_EXPORT_TRACE_H
#define SLOTHEAP_EXPORT_TRACE_H

#include <pthread.h>
#include <slotheap-export.h>
#include <sys/types.h>

struct record {
  slh_event event;
  pid_t thread;
};

_Static_assert(sizeof(struct record) <= 64, "said in the public header");

struct pool_name {
  const slh_pool *pool;
  struct pool_name *next;
  char name[];
};

struct slh_trace {
  slh_listener listener;
  bool stores;
  uint32_t capacity;
  pthread_mutex_t lock; /* of all that follows */
  uint64_t count;       /* events ever noted; the last `capacity` of them are kept */
  struct pool_name *names;
  struct record records[];
};

#endif
