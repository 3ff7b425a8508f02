/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the command line says. */
#ifndef JSON_HOST_OPTIONS_H
#define JSON_HOST_OPTIONS_H

#include "engine.h"

struct host_options {
  const struct engine_interface *memory;
  struct engine_options engine;
  uint64_t body_bytes;      /* of one request */
  uint64_t timeout;         /* nanoseconds in which a request has to arrive */
  uint32_t max_connections; /* at a time */
  uint32_t threads;
  const char *listen;   /* an address, not a name */
  uint16_t port;        /* 0: any */
  const char *sessions; /* a directory or a URL; NULL: no sessions */
};

/* Ends the program if the command line is wrong. */
void options_parse(int argc, char **argv, struct host_options *options);

#endif
