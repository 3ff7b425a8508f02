/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A json-host of a test's own: a child process on a free port.
 * JSON_HOST in the environment names another program than the one that was built.
 */
#ifndef JSON_HOST_TESTS_SERVER_H
#define JSON_HOST_TESTS_SERVER_H

#include "tests/json-host/child.h"

#define SERVER_OPTIONS_MAX 16

struct server {
  struct child child;
  uint16_t port;
  char *options[SERVER_OPTIONS_MAX]; /* as given; ends with NULL */
};

/* SERVER_START(&server, "--memory=malloc", "--depth-limit=4"): runs, and listens. */
#define SERVER_START(server, ...) server_start(server, (const char *const[]){__VA_ARGS__, NULL})

void server_start(struct server *server, const char *const *options);

/* By SIGTERM: it must exit with 0. */
void server_stop(struct server *server);

/* The same, of one that has the signal. */
void server_await_end(struct server *server);

/* As server_stop, for one that is started again. */
void server_pause(struct server *server);

/* At once, whatever it does; to be started again. */
void server_kill(struct server *server);

/* One that was killed or paused, again: the same options, the same port. */
void server_restart(struct server *server);

/* Runs json-host with options that it must refuse: exit status 1, in place of
 * listening. */
void server_expect_refusal(const char *const *options);

#endif
