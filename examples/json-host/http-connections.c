/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * libmicrohttpd ends connections on which nothing moves. What it has no limit for is the
 * time that a request takes to arrive in all, so that is looked after here, by the main
 * thread.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "http.h"

void connections_open(struct connections *all)
{
  all->list.next = all->list.previous = &all->list;
  pthread_mutex_init(&all->lock, NULL);
}

void connections_close(struct connections *all)
{
  pthread_mutex_destroy(&all->lock);
}

struct connection *connection_new(struct connections *all, struct MHD_Connection *mhd)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct connection *connection = info ? calloc(1, sizeof *connection) : NULL;

  if (!connection)
    return NULL;
  connection->socket = info->connect_fd;
  atomic_store(&connection->since, http_now());
  pthread_mutex_lock(&all->lock);
  connection->next = &all->list;
  connection->previous = all->list.previous;
  connection->previous->next = connection->next->previous = connection;
  pthread_mutex_unlock(&all->lock);
  return connection;
}

/* The socket is still open: the watch, which has the lock, cannot meet another one of
 * the same number. */
void connection_free(struct connections *all, struct connection *connection)
{
  pthread_mutex_lock(&all->lock);
  connection->next->previous = connection->previous;
  connection->previous->next = connection->next;
  pthread_mutex_unlock(&all->lock);
  bytes_free(&connection->request.answer);
  free(connection);
}

static void expire_idle(struct connection *connection)
{
  if (connection_enter(connection, PHASE_IDLE, PHASE_EXPIRED))
    shutdown(connection->socket, SHUT_RDWR);
}

/* The request is the serving thread's, so the failure is said of another one. */
static void expire_arriving(struct connection *connection, uint64_t allowed)
{
  struct request late = {0};

  if (!connection_enter(connection, PHASE_ARRIVING, PHASE_EXPIRED))
    return;
  request_fail(&late, FAILURE_SLOW,
               "the request did not arrive within the %llu ms that are allowed",
               (unsigned long long)(allowed / 1000000));
  request_answer_at_once(&late, connection->socket);
  bytes_free(&late.answer);
  atomic_store(&connection->late, true);
  shutdown(connection->socket, SHUT_RDWR);
}

/* A client that is gone: its end may have come together with the last of its bytes, and
 * the library (0.9.75) then waits for another event before it looks. This makes one. It
 * harms nobody who has only ended writing: what has come can be read, and answered. */
static void nudge(struct connection *connection)
{
  struct pollfd state = {.fd = connection->socket, .events = POLLRDHUP};

  if (poll(&state, 1, 0) == 1)
    shutdown(connection->socket, SHUT_RD);
}

size_t connections_expire(struct connections *all, uint64_t idle, uint64_t arriving)
{
  uint64_t now = http_now();
  size_t count = 0;

  pthread_mutex_lock(&all->lock);
  for (struct connection *c = all->list.next; c != &all->list; c = c->next) {
    enum phase phase = atomic_load(&c->phase);
    uint64_t since = atomic_load(&c->since);
    uint64_t lasts = now > since ? now - since : 0;

    if (phase == PHASE_IDLE && lasts >= idle)
      expire_idle(c);
    else if (phase == PHASE_ARRIVING && lasts >= arriving)
      expire_arriving(c, arriving);
    else if (phase == PHASE_ARRIVING)
      nudge(c);
    count++;
  }
  pthread_mutex_unlock(&all->lock);
  return count;
}
