/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A thread that serves its share of the connections by a daemon of its own. It waits by
 * itself: when as many connections are ready as the library takes at a time (128 in
 * 0.9.75), or a multiple, its own loop waits for more before it serves these.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http-worker.h"

#define SECOND UINT64_C(1000000000)

/* Of each connection: a head, and what has arrived of a body. The library clears all of
 * it after each request: with 64 KiB that was a fifth of the work for a short one. */
#define CONNECTION_MEMORY (24 << 10)

/* ---- the library's calls ---- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

  return info ? info->socket_context : NULL;
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
  struct worker *worker = context;

  if (code == MHD_CONNECTION_NOTIFY_STARTED)
    *socket_context = connection_new(&worker->host->connections, mhd);
  else if (*socket_context)
    connection_free(&worker->host->connections, *socket_context);
  worker->look_again |= code == MHD_CONNECTION_NOTIFY_CLOSED;
}

static void *on_request_line(void *context, const char *uri, struct MHD_Connection *mhd)
{
  struct connection *connection = connection_of(mhd);

  if (connection)
    request_seen(connection, uri);
  return NULL;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *length, void **request_context)
{
  struct worker *worker = context;
  struct connection *connection = connection_of(mhd);

  if (!connection)
    return MHD_NO;
  return request_handle(worker->host, connection, mhd, path, method, version, bytes, length);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
  struct worker *worker = context;
  struct connection *connection = connection_of(mhd);

  if (connection)
    request_over(worker->host, connection);
}

/* ---- the thread ---- */

/* Nothing of the daemon may be called by another thread, so it is told what to do. */
static void obey(struct worker *worker)
{
  MHD_socket listening;
  uint64_t count;

  if (read(worker->wake, &count, sizeof count) != sizeof count)
    return;
  if (!atomic_load(&worker->host->stopping) || worker->quiet)
    return;
  worker->quiet = true;
  listening = MHD_quiesce_daemon(worker->daemon);
  if (listening != MHD_INVALID_SOCKET)
    close(listening);
}

static void *serve(void *context)
{
  struct worker *worker = context;
  struct pollfd ready[] = {{.fd = worker->events, .events = POLLIN},
                           {.fd = worker->wake, .events = POLLIN}};

  while (!atomic_load(&worker->ended)) {
    MHD_UNSIGNED_LONG_LONG wait;
    int timeout = -1;

    if (MHD_get_timeout(worker->daemon, &wait) == MHD_YES)
      timeout = wait < 60000 ? (int)wait : 60000;
    /* One that waits for a place is looked at when the library is called once more. */
    if (worker->look_again)
      timeout = 0;
    worker->look_again = false;
    if (poll(ready, 2, timeout) > 0 && ready[1].revents != 0)
      obey(worker);
    MHD_run(worker->daemon);
  }
  MHD_stop_daemon(worker->daemon);
  return NULL;
}

static struct MHD_Daemon *start_daemon(struct worker *worker, int listening, unsigned connections)
{
  /* Stalled answers are the library's to end. Requests that do not arrive are ours,
   * which tells the client, so that comes first. */
  unsigned stall = (unsigned)(worker->host->options.timeout / SECOND) + 2;

  return MHD_start_daemon(
      MHD_USE_EPOLL, 0, NULL, NULL, on_request, worker, MHD_OPTION_LISTEN_SOCKET, listening,
      MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, stall,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
      on_connection, worker, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, worker,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, worker, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
      MHD_OPTION_END);
}

/* Takes the socket if it works. */
static bool open_daemon(struct worker *worker, int listening, unsigned connections)
{
  const union MHD_DaemonInfo *info;

  worker->daemon = start_daemon(worker, listening, connections);
  if (!worker->daemon)
    return false;
  info = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  worker->events = info ? info->epoll_fd : -1;
  return true;
}

bool worker_start(struct worker *worker, struct host *host, int listening, unsigned connections)
{
  int own = dup(listening), error;

  worker->host = host;
  worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (own < 0 || worker->wake < 0 || !open_daemon(worker, own, connections)) {
    error = errno;
    if (own >= 0)
      close(own);
    if (worker->wake >= 0)
      close(worker->wake);
    errno = error;
    return false;
  }
  error = pthread_create(&worker->thread, NULL, serve, worker);
  if (error != 0) {
    MHD_stop_daemon(worker->daemon);
    close(worker->wake);
    errno = error;
  }
  return error == 0;
}

void worker_wake(struct worker *worker)
{
  uint64_t one = 1;

  /* It can fail only if the worker has not woken up since 2^64 of these. */
  (void)!write(worker->wake, &one, sizeof one);
}

void worker_end(struct worker *worker)
{
  atomic_store(&worker->ended, true);
  worker_wake(worker);
  pthread_join(worker->thread, NULL);
  close(worker->wake);
}
