/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The start and the end of the server: the socket, and the threads that have it. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http-worker.h"

#define OTHER_FILES 64 /* beside connections and what threads have: sessions, engine, libraries */
#define THREAD_FILES 8
#define SECOND UINT64_C(1000000000)
#define IDLE_GRACE (SECOND / 4) /* for requests that are under way when the server ends */

struct server {
  struct host *host;
  char address[NI_MAXHOST + NI_MAXSERV];
  uint32_t count; /* of workers that run */
  struct worker workers[];
};

/* ---- the start ---- */

static bool allow_files(const struct host_options *options, char *message, size_t capacity)
{
  struct rlimit limit;
  rlim_t needed =
      OTHER_FILES + (rlim_t)options->max_connections + THREAD_FILES * (rlim_t)options->threads;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
    return true;
  if (limit.rlim_max < needed) {
    snprintf(message, capacity,
             "%u connections need %llu open files, and the system allows %llu: lower "
             "--max-connections, or raise the hard limit (ulimit -Hn)",
             options->max_connections, (unsigned long long)needed,
             (unsigned long long)limit.rlim_max);
    return false;
  }
  limit.rlim_cur = needed;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
    return true;
  snprintf(message, capacity, "the limit of open files cannot be raised to %llu: %s",
           (unsigned long long)needed, strerror(errno));
  return false;
}

static void say_address(struct server *server, int socket)
{
  struct sockaddr_storage bound;
  socklen_t length = sizeof bound;
  char name[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

  if (getsockname(socket, (struct sockaddr *)&bound, &length) == 0)
    getnameinfo((struct sockaddr *)&bound, length, name, sizeof name, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(server->address, sizeof server->address, strchr(name, ':') ? "[%s]:%s" : "%s:%s", name,
           port);
}

/* -1: there is a message. */
static int open_socket(struct server *server, char *message, size_t capacity)
{
  const struct host_options *options = &server->host->options;
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found;
  char port[8];
  int made, error, yes = 1;

  snprintf(port, sizeof port, "%u", options->port);
  if ((error = getaddrinfo(options->listen, port, &hints, &found)) != 0) {
    snprintf(message, capacity, "--listen=%s is no address: %s", options->listen,
             gai_strerror(error));
    return -1;
  }
  made = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0 || setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(made, found->ai_addr, found->ai_addrlen) != 0 || listen(made, SOMAXCONN) != 0) {
    snprintf(message, capacity, "cannot listen on %s, port %u: %s", options->listen, options->port,
             strerror(errno));
    if (made >= 0)
      close(made);
    made = -1;
  }
  freeaddrinfo(found);
  return made;
}

/* The connections are dealt out evenly. */
static bool start_workers(struct server *server, int listening, char *message, size_t capacity)
{
  const struct host_options *options = &server->host->options;
  uint32_t share = options->max_connections / options->threads;
  uint32_t more = options->max_connections % options->threads;

  for (; server->count < options->threads; server->count++)
    if (!worker_start(&server->workers[server->count], server->host, listening,
                      share + (server->count < more))) {
      snprintf(message, capacity, "thread %u of %u cannot be started: %s", server->count + 1,
               options->threads, strerror(errno));
      return false;
    }
  return true;
}

static void end_workers(struct server *server)
{
  while (server->count > 0)
    worker_end(&server->workers[--server->count]);
  connections_close(&server->host->connections);
  free(server);
}

bool server_start(struct host *host, struct server **out, char *message, size_t capacity)
{
  struct server *server =
      calloc(1, sizeof *server + host->options.threads * sizeof *server->workers);
  int listening;
  bool ok;

  if (!server) {
    snprintf(message, capacity, "no memory");
    return false;
  }
  server->host = host;
  connections_open(&host->connections);
  listening =
      allow_files(&host->options, message, capacity) ? open_socket(server, message, capacity) : -1;
  ok = listening >= 0 && start_workers(server, listening, message, capacity);
  if (ok)
    say_address(server, listening);
  /* Each worker has its own; when all have closed theirs, nobody can connect. */
  if (listening >= 0)
    close(listening);
  if (ok)
    *out = server;
  else
    end_workers(server);
  return ok;
}

const char *server_address(const struct server *server)
{
  return server->address;
}

/* ---- the time between, and the end ---- */

void server_watch(struct server *server)
{
  uint64_t timeout = server->host->options.timeout;

  (void)connections_expire(&server->host->connections, timeout, timeout);
}

void server_stop(struct server *server)
{
  struct connections *connections = &server->host->connections;
  uint64_t timeout = server->host->options.timeout, deadline = http_now() + timeout;
  struct timespec tick = {0, 20 * 1000 * 1000};

  atomic_store(&server->host->stopping, true);
  for (uint32_t i = 0; i < server->count; i++)
    worker_wake(&server->workers[i]);
  /* Answers now end their connections. Those without a request have a moment more, for
   * one that is under way. */
  while (connections_expire(connections, IDLE_GRACE, timeout) > 0 && http_now() < deadline)
    nanosleep(&tick, NULL);
  end_workers(server);
}
