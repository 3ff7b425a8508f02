/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <stdio.h>
#include <string.h>

#include "sessions.h"

struct sessions *sessions_open(const char *where, struct sessions_error *error)
{
  if (strncmp(where, "redis://", 8) == 0) {
#ifdef HAVE_HIREDIS
    return sessions_redis_open(where, error);
#else
    snprintf(error->message, sizeof error->message,
             "--sessions=%s: built without hiredis, so allowed are directories only", where);
    return NULL;
#endif
  }
  if (strstr(where, "://")) {
    snprintf(error->message, sizeof error->message,
             "--sessions=%s: allowed are a directory and redis://HOST:PORT/DB", where);
    return NULL;
  }
  return sessions_directory_open(where, error);
}
