/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Why a request failed: a problem of the engine, or one of these. */
#ifndef JSON_HOST_FAILURE_H
#define JSON_HOST_FAILURE_H

#include "engine.h"

enum failure_kind {                      /* goes on from enum problem_kind */
  FAILURE_HEADER = PROBLEM_INTERNAL + 1, /* 400: a header that cannot be read */
  FAILURE_SESSION_ID,                    /* 400 */
  FAILURE_NOT_FOUND,                     /* 404 */
  FAILURE_METHOD,                        /* 405 */
  FAILURE_SLOW,                          /* 408 */
  FAILURE_CONFLICT,                      /* 409: other updates of the session were faster */
  FAILURE_LENGTH,                        /* 411 */
  FAILURE_PRECONDITION,                  /* 412: If-Match */
  FAILURE_BODY,                          /* 413 */
  FAILURE_URI,                           /* 414 */
  FAILURE_HEADERS,                       /* 431 */
  FAILURE_SESSIONS,                      /* 503: where sessions are kept does not work */
  FAILURES
};

struct failure {
  int kind; /* enum problem_kind or failure_kind */
  uint64_t at;
  char message[256];
};

/* As problem_http_status and problem_name. */
int failure_status(int kind);
const char *failure_name(int kind);

/* Whether `at` says something. */
bool failure_has_place(int kind);

#endif
