/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Requests as a well-behaved client sends them (libcurl), on a connection that is
 * kept. What no such client would send is in raw.h.
 */
#ifndef JSON_HOST_TESTS_CLIENT_H
#define JSON_HOST_TESTS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
  const char *method;
  const char *path;
  const char *query;    /* NULL: none; sent as ?q=, percent-encoded */
  const char *body;     /* NULL: none */
  size_t length;        /* 0: of the string */
  const char *if_match; /* NULL: no header */
  const char *key;      /* the same, Idempotency-Key */
  bool chunked;         /* the body's length is not said in advance */
};

struct reply {
  int status; /* 0: none came */
  char *body; /* ends with 0 */
  size_t length;
  uint64_t version; /* of ETag; 0: none */
  bool replayed;    /* Idempotent-Replay: true */
  char type[64];    /* Content-Type */
  char allow[64];
};

/* One thread's. */
struct client {
  void *curl;
  uint16_t port;
  struct reply reply; /* the last; valid until the next request */
};

/* The first on the main thread. */
void client_open(struct client *client, uint16_t port);
void client_close(struct client *client);

/* Returns the reply's status; 0 if none came. Fails no test, so any thread may. */
int client_ask(struct client *client, const struct request *request);

/* POST /query. */
int client_query(struct client *client, const char *query, const char *document);

/* The last reply was this one, and JSON; else the test fails. */
void client_expect(const struct client *client, int status, const char *body);

/* The last reply was an error of this kind, in the form that all errors have. */
void client_expect_error(const struct client *client, int status, const char *kind);

/* The test fails unless `body` is {"error":{"kind":KIND,"message":...}}, with "at" or
 * without. Returns "at", or -1. */
long long client_check_error(const char *body, const char *kind);

/* The value of a sample of /metrics, named with its labels; 0 if it is not there. */
double client_metric(struct client *client, const char *sample);

/* Until it has that value. */
void client_await_metric(struct client *client, const char *sample, double value);

#endif
