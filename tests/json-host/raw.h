/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Connections on which a test sends any bytes, whether they are HTTP or not.
 * For a test's main thread.
 */
#ifndef JSON_HOST_TESTS_RAW_H
#define JSON_HOST_TESTS_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw {
  int fd;
  char *bytes; /* received, and no part of a reply that was taken */
  size_t length;
  char *body; /* of the last reply; ends with 0 */
};

void raw_open(struct raw *raw, uint16_t port);
void raw_close(struct raw *raw);

/* Closes it at once, with a reset. */
void raw_abort(struct raw *raw);

/* False if the server has closed it. */
bool raw_send(struct raw *raw, const void *bytes, size_t length);
bool raw_print(struct raw *raw, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the next reply: its status; 0 if the server closed the connection in place of
 * answering. */
int raw_reply(struct raw *raw);

/* Whether something comes, be it the end, in so many milliseconds. */
bool raw_soon(struct raw *raw, int milliseconds);

/* Until the next bytes are these; they are not taken. */
void raw_await(struct raw *raw, const char *start);

/* The server closes the connection, with no further byte. */
void raw_expect_close(struct raw *raw);

#endif
