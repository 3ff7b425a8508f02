/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Where sessions are kept: of each an image, under its name, with a version. A new image
 * takes the place of the one with the version that it was made from, and of no other, so
 * that no update is lost, whichever processes make them.
 *
 * All calls may come from any thread. Names have been checked: 1 to 64 of
 * [A-Za-z0-9._-], not beginning with a dot.
 */
#ifndef JSON_HOST_SESSIONS_H
#define JSON_HOST_SESSIONS_H

#include "engine.h"

enum sessions_status {
  SESSIONS_OK,
  SESSIONS_OTHER, /* there is no session, or one of another version */
  SESSIONS_TIME,  /* not done by the deadline */
  SESSIONS_DOWN   /* does not work now; an update may have been made nonetheless */
};

struct sessions_error {
  char message[200];
};

struct sessions {
  const struct sessions_interface *calls;
};

/* What a kind of place does; an error says why it was SESSIONS_DOWN. */
struct sessions_interface {
  void (*close)(struct sessions *sessions);

  enum sessions_status (*load)(struct sessions *sessions, const char *id, struct bytes *image,
                               uint64_t *version, struct sessions_error *error);

  /* It is stored, and stays whatever happens to this process, when this returns
   * SESSIONS_OK. `old` 0: there must be none. `deadline`: nanoseconds of the monotonic
   * clock. */
  enum sessions_status (*replace)(struct sessions *sessions, const char *id, uint64_t old,
                                  uint64_t version, const struct bytes *image, uint64_t deadline,
                                  struct sessions_error *error);

  enum sessions_status (*remove)(struct sessions *sessions, const char *id, uint64_t old,
                                 uint64_t deadline, struct sessions_error *error);
};

/* `where` is redis://HOST[:PORT[/DB]], or else a directory, which is made if its parent
 * is there. NULL: see the error. */
struct sessions *sessions_open(const char *where, struct sessions_error *error);

/* The kinds. */
struct sessions *sessions_directory_open(const char *path, struct sessions_error *error);
struct sessions *sessions_redis_open(const char *url, struct sessions_error *error);

#endif
