/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A client that asks the same question all the time while a test does its worst to
 * the server, and must get the same answer every time.
 */
#ifndef JSON_HOST_TESTS_CANARY_H
#define JSON_HOST_TESTS_CANARY_H

#include "tests/json-host/client.h"

#include <pthread.h>
#include <stdatomic.h>

struct canary {
  pthread_t thread;
  atomic_bool stop;
  atomic_ulong answers;
  struct client client;
  char wrong[256]; /* the first answer that was not right */
};

void canary_start(struct canary *canary, uint16_t port);

/* The test fails if an answer was not right, or none came. */
void canary_stop(struct canary *canary);

#endif
