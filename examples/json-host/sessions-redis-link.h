/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Connections to a Redis server, one for each thread. */
#ifndef JSON_HOST_SESSIONS_REDIS_LINK_H
#define JSON_HOST_SESSIONS_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <pthread.h>

#include "sessions.h"

struct redis_server {
  char host[256];
  unsigned port, database;
  pthread_key_t link; /* of each thread */
};

struct redis_command {
  const char *words[7];
  size_t lengths[7];
  int count;
  bool reads; /* only: it may be sent again */
};

/* The names have been set. False: no memory. It connects when there is a command. */
bool redis_server_open(struct redis_server *server);
void redis_server_close(struct redis_server *server);

/* What it answers, but errors: then NULL, and there is a message. A command that does
 * more than read is never sent twice: if its answer is lost, nobody knows whether it was
 * done, and the message says so. */
redisReply *redis_server_run(struct redis_server *server, struct redis_command *command,
                             struct sessions_error *error);

#endif
