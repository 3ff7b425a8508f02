/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Sockets: connecting, sending bytes, reading answers. */
#include "tests/json-host/raw.h"
#include "tests/json-host/child.h"
#include "tests/helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

void raw_open(struct raw *raw, uint16_t port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct timeval patience = {PATIENCE_SECONDS, 0};

  memset(raw, 0, sizeof *raw);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(raw->fd >= 0);
  assert_int_equal(setsockopt(raw->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  assert_int_equal(setsockopt(raw->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
  assert_int_equal(connect(raw->fd, (struct sockaddr *)&address, sizeof address), 0);
}

void raw_close(struct raw *raw)
{
  close(raw->fd);
  free(raw->bytes);
  free(raw->body);
  memset(raw, 0, sizeof *raw);
  raw->fd = -1;
}

void raw_abort(struct raw *raw)
{
  struct linger reset = {1, 0};

  assert_int_equal(setsockopt(raw->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  raw_close(raw);
}

/* ---- sending ---- */

bool raw_send(struct raw *raw, const void *bytes, size_t length)
{
  const char *next = bytes;

  while (length > 0) {
    ssize_t sent = send(raw->fd, next, length, MSG_NOSIGNAL);

    if (sent < 0 && errno == EAGAIN)
      fail_msg("the server took nothing for %d s", PATIENCE_SECONDS);
    if (sent < 0)
      return false;
    next += sent;
    length -= (size_t)sent;
  }
  return true;
}

bool raw_print(struct raw *raw, const char *format, ...)
{
  char *text = NULL;
  va_list arguments;
  int length;
  bool sent;

  va_start(arguments, format);
  length = vasprintf(&text, format, arguments);
  va_end(arguments);
  assert_true(length >= 0);
  sent = raw_send(raw, text, (size_t)length);
  free(text);
  return sent;
}

/* ---- receiving ---- */

/* False: no more comes. */
static bool receive(struct raw *raw)
{
  char *bytes = realloc(raw->bytes, raw->length + 4097);
  ssize_t got;

  assert_non_null(bytes);
  raw->bytes = bytes;
  got = recv(raw->fd, bytes + raw->length, 4096, 0);
  if (got < 0 && errno == EAGAIN)
    fail_msg("the server said nothing for %d s", PATIENCE_SECONDS);
  if (got <= 0)
    return false;
  raw->length += (size_t)got;
  bytes[raw->length] = '\0';
  return true;
}

static void take(struct raw *raw, size_t length)
{
  memmove(raw->bytes, raw->bytes + length, raw->length - length + 1);
  raw->length -= length;
}

/* The bytes of the next reply's head; 0: the connection was closed first. */
static size_t await_head(struct raw *raw)
{
  for (;;) {
    char *end = raw->length ? strstr(raw->bytes, "\r\n\r\n") : NULL;

    if (end != NULL)
      return (size_t)(end + 4 - raw->bytes);
    if (!receive(raw))
      return 0;
  }
}

bool raw_soon(struct raw *raw, int milliseconds)
{
  struct pollfd ready = {raw->fd, POLLIN, 0};

  return raw->length > 0 || poll(&ready, 1, milliseconds) == 1;
}

void raw_await(struct raw *raw, const char *start)
{
  while (raw->length < strlen(start))
    if (!receive(raw))
      fail_msg("closed in place of \"%s\"", start);
  if (strncmp(raw->bytes, start, strlen(start)) != 0)
    fail_msg("\"%s\" in place of \"%s\"", raw->bytes, start);
}

int raw_reply(struct raw *raw)
{
  size_t head, length = 0;
  int status = 0;
  char *field;

  do {
    head = await_head(raw);
    if (head == 0)
      return 0;
    if (sscanf(raw->bytes, "HTTP/1.1 %d ", &status) != 1)
      fail_msg("no HTTP: %s", raw->bytes);
    raw->bytes[head - 1] = '\0';
    field = strcasestr(raw->bytes, "\ncontent-length:");
    if (field != NULL)
      length = strtoull(strchr(field, ':') + 1, NULL, 10);
    take(raw, head);
  } while (status < 200); /* 100 Continue */
  while (raw->length < length)
    if (!receive(raw))
      fail_msg("the connection ended in the middle of a reply");
  free(raw->body);
  raw->body = strndup(raw->bytes, length);
  assert_non_null(raw->body);
  take(raw, length);
  return status;
}

void raw_expect_close(struct raw *raw)
{
  if (raw->length > 0 || receive(raw))
    fail_msg("after the last reply came: %s", raw->bytes);
}
