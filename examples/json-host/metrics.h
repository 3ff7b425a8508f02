/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What has happened so far, as text for Prometheus. */
#ifndef JSON_HOST_METRICS_H
#define JSON_HOST_METRICS_H

#include "http.h"

enum session_event {
  SESSION_READ,
  SESSION_UPDATED, /* made anew, too */
  SESSION_REMOVED,
  SESSION_CONFLICT, /* an update that lost, and was tried again */
  SESSION_REPLAYED,
  SESSION_EVENTS
};

/* `status` 0: the client has had no answer. */
void metrics_request(enum route route, int status, uint64_t nanoseconds);
void metrics_failure(int kind);
void metrics_session(enum session_event event);

/* Appends; false without memory. */
bool metrics_write(struct host *host, struct bytes *out);

#endif
