/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What else a service of several processes is made of: a Redis, and an nginx in front
 * of two servers.
 */
#ifndef JSON_HOST_TESTS_SERVICES_H
#define JSON_HOST_TESTS_SERVICES_H

#include "tests/json-host/child.h"

struct redis {
  struct child child;
  char *directory; /* what it holds, while it does not run, too */
  uint16_t port;
  char url[64]; /* for --sessions= */
};

void redis_start(struct redis *redis);

/* By SIGKILL. */
void redis_kill(struct redis *redis);

/* On the same port, with what was acknowledged. */
void redis_restart(struct redis *redis);

void redis_stop(struct redis *redis);

struct balancer {
  struct child child;
  uint16_t port;
};

/* As examples/json-host/bench/nginx.conf says. */
void balancer_start(struct balancer *balancer, uint16_t first, uint16_t second);
void balancer_stop(struct balancer *balancer);

#endif
