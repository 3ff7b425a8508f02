/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The parts of the HTTP server, and what they share:
 *
 *   http-server.c       the start and the end
 *   http-worker.c       the threads, each with its connections
 *   http-connections.c  all connections, and how much time they take
 *   http-request.c      a request as it arrives: route, body, store
 *   http-answer.c       answers, and errors as JSON
 *   http-session.c      sessions: what becomes of a request that names one
 */
#ifndef JSON_HOST_HTTP_H
#define JSON_HOST_HTTP_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "engine.h"
#include "failure.h"
#include "options.h"
#include "sessions.h"

#define SESSION_ID_MAX 64

enum route {
  ROUTE_OTHER, /* none of ours */
  ROUTE_QUERY,
  ROUTE_SESSION,
  ROUTE_HEALTHZ,
  ROUTE_METRICS,
  ROUTES
};

enum method {
  METHOD_OTHER,
  METHOD_GET, /* HEAD, too: its body is left out by the library */
  METHOD_POST,
  METHOD_PUT,
  METHOD_DELETE
};

struct request {
  enum route route;
  enum method method;
  char id[SESSION_ID_MAX + 1]; /* of a session */
  uint64_t began;              /* nanoseconds */
  uint64_t received;           /* bytes of body */
  bool declared;               /* its head says whether there is a body */
  struct store *store;         /* while a document arrives */
  struct bytes body;           /* of a session's update, which may have to be tried again */
  bool failed;
  struct failure failure;

  int status; /* of the answer; 0: none */
  struct bytes answer;
  uint64_t version; /* of the session, for its ETag; 0: none */
  bool replayed;
};

/* Who may end a connection: the thread that serves it, or, while a request arrives,
 * the watch. Who changes the phase first has it. */
enum phase {
  PHASE_IDLE,      /* no request line yet */
  PHASE_ARRIVING,  /* not all of a request */
  PHASE_ANSWERING, /* the watch leaves it alone */
  PHASE_EXPIRED    /* ended by the watch */
};

struct connection {
  struct connection *next, *previous;
  int socket;
  _Atomic enum phase phase;
  _Atomic uint64_t since; /* when the phase began */
  atomic_bool late;       /* the watch has answered */
  bool seen;              /* the request's head */
  struct request request; /* one after the other */
};

struct connections {
  pthread_mutex_t lock;
  struct connection list; /* in a ring with this one, which is none */
};

/* What all requests share. */
struct host {
  struct host_options options;
  struct engine *engine;
  struct sessions *sessions; /* NULL: there are none */
  struct connections connections;
  atomic_bool stopping;
};

static inline uint64_t http_now(void)
{
  struct timespec t = {0};

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* False if the connection is in another phase than `from`. */
static inline bool connection_enter(struct connection *connection, enum phase from, enum phase to)
{
  if (!atomic_compare_exchange_strong(&connection->phase, &from, to))
    return false;
  atomic_store(&connection->since, http_now());
  return true;
}

/* ---- http-server.c ---- */

struct server;

/* False with a sentence in `message`. Prints nothing. */
bool server_start(struct host *host, struct server **out, char *message, size_t capacity);

/* As "127.0.0.1:8080". */
const char *server_address(const struct server *server);

/* To be called several times a second: ends connections that take too long. */
void server_watch(struct server *server);

/* Accepts no more, finishes what is in flight, or gives up after the timeout. */
void server_stop(struct server *server);

/* ---- http-connections.c ---- */

void connections_open(struct connections *all);
void connections_close(struct connections *all);

/* NULL without memory. */
struct connection *connection_new(struct connections *all, struct MHD_Connection *mhd);
void connection_free(struct connections *all, struct connection *connection);

/* Ends those that are without a request, or have a part of one, for that many
 * nanoseconds; returns how many connections there are. */
size_t connections_expire(struct connections *all, uint64_t idle, uint64_t arriving);

/* ---- http-request.c ---- */

/* The three calls that the library makes for a request: there is a request line; there
 * is a head, then some of the body, then all; it is over. */
void request_seen(struct connection *connection, const char *uri);
enum MHD_Result request_handle(struct host *host, struct connection *connection,
                               struct MHD_Connection *mhd, const char *path, const char *method,
                               const char *version, const char *bytes, size_t *length);
void request_over(struct host *host, struct connection *connection);

/* The query; `@` if there is none. */
const char *request_query(struct MHD_Connection *mhd, size_t *length);

/* ---- http-answer.c ---- */

/* The request has failed for this reason, unless it had before. */
void request_problem(struct request *request, const struct problem *problem);
void __attribute__((format(printf, 3, 4)))
request_fail(struct request *request, enum failure_kind kind, const char *format, ...);

/* Queues request->answer, or if it failed, why. */
enum MHD_Result request_answer(struct host *host, struct request *request,
                               struct MHD_Connection *mhd);

/* Why it failed, at once, past the library, which takes no answer while a body
 * arrives. The connection must then be closed. */
void request_answer_at_once(struct request *request, int socket);

/* ---- http-session.c ---- */

void session_handle(struct host *host, struct request *request, struct MHD_Connection *mhd);

#endif
