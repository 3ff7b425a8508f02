/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A connection that fails is closed, and made again by a later request: after a while,
 * so that requests do not queue up behind a server that does not answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sessions-redis-link.h"

#define WAIT_SECONDS 1 /* for a connection, for an answer, and until the next try */

struct link {
  redisContext *context; /* NULL: to be made */
  time_t again;          /* not before */
  bool late;             /* it failed since there was no answer in time */
  char why[128];
};

static time_t seconds(void)
{
  struct timespec t = {0};

  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec;
}

static void link_free(void *thread_link)
{
  struct link *link = thread_link;

  if (link->context)
    redisFree(link->context);
  free(link);
}

/* What went wrong with the context, which may be NULL; it is closed. */
static void link_break(struct link *link)
{
  bool late = link->context && link->context->err == REDIS_ERR_IO &&
              (errno == EAGAIN || errno == EWOULDBLOCK);

  snprintf(link->why, sizeof link->why, "%s",
           !link->context ? "no memory"
           : late         ? "no answer within a second"
                          : link->context->errstr);
  if (link->context)
    redisFree(link->context);
  link->context = NULL;
  link->late = late;
  link->again = seconds() + WAIT_SECONDS;
}

static bool choose_database(struct redis_server *server, struct link *link)
{
  redisReply *reply;
  bool ok;

  if (server->database == 0)
    return true;
  reply = redisCommand(link->context, "SELECT %u", server->database);
  ok = reply && reply->type != REDIS_REPLY_ERROR;
  if (!ok)
    link_break(link);
  if (reply && !ok)
    snprintf(link->why, sizeof link->why, "%s", reply->str);
  if (reply)
    freeReplyObject(reply);
  return ok;
}

static bool link_make(struct redis_server *server, struct link *link)
{
  struct timeval wait = {WAIT_SECONDS, 0};

  if (link->context)
    return true;
  if (seconds() < link->again)
    return false;
  link->context = redisConnectWithTimeout(server->host, (int)server->port, wait);
  if (!link->context || link->context->err != 0 ||
      redisSetTimeout(link->context, wait) != REDIS_OK) {
    link_break(link);
    return false;
  }
  return choose_database(server, link);
}

/* The thread's; NULL without memory. */
static struct link *link_of(struct redis_server *server)
{
  struct link *link = pthread_getspecific(server->link);

  if (link)
    return link;
  link = calloc(1, sizeof *link);
  if (link && pthread_setspecific(server->link, link) != 0) {
    free(link);
    link = NULL;
  }
  return link;
}

/* NULL: the connection is broken, or there is none. */
static redisReply *send_once(struct redis_server *server, struct link *link,
                             struct redis_command *command)
{
  redisReply *reply;

  if (!link_make(server, link))
    return NULL;
  reply = redisCommandArgv(link->context, command->count, command->words, command->lengths);
  if (!reply)
    link_break(link);
  return reply;
}

/* A connection that was made earlier may be one to a server that has been restarted
 * since: a reading command finds out, and goes to the new one. */
static redisReply *send_command(struct redis_server *server, struct link *link,
                                struct redis_command *command)
{
  bool old = link->context != NULL;
  redisReply *reply = send_once(server, link, command);

  if (reply || !old || link->late || !command->reads)
    return reply;
  link->again = 0;
  return send_once(server, link, command);
}

redisReply *redis_server_run(struct redis_server *server, struct redis_command *command,
                             struct sessions_error *error)
{
  struct link *link = link_of(server);
  redisReply *reply;
  bool made;

  if (!link) {
    snprintf(error->message, sizeof error->message, "no memory for a connection to Redis");
    return NULL;
  }
  made = link->context != NULL;
  reply = send_command(server, link, command);
  if (!reply) {
    snprintf(error->message, sizeof error->message, "Redis at %.60s:%u does not work: %.80s%s",
             server->host, server->port, link->why,
             made && !command->reads ? "; the update may have been made" : "");
  } else if (reply->type == REDIS_REPLY_ERROR) {
    snprintf(error->message, sizeof error->message, "Redis refuses: %.160s", reply->str);
    freeReplyObject(reply);
    reply = NULL;
  }
  return reply;
}

bool redis_server_open(struct redis_server *server)
{
  return pthread_key_create(&server->link, link_free) == 0;
}

/* Other threads' connections have ended with them. */
void redis_server_close(struct redis_server *server)
{
  struct link *link = pthread_getspecific(server->link);

  if (link)
    link_free(link);
  pthread_key_delete(server->link);
}
