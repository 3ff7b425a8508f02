/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What no good client sends: requests that end in the middle, that come slowly, that
 * are no HTTP, or not for this resource. Each is refused or dropped; none has an
 * effect on the requests of others, and none leaves a store behind.
 */
#include "tests/json-host/canary.h"
#include "tests/json-host/raw.h"
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
  struct server server;
  struct client client;
  struct canary canary;
};

static int open_fixture(void **state)
{
  struct fixture *fixture = calloc(1, sizeof *fixture);

  assert_non_null(fixture);
  *state = fixture;
  SERVER_START(&fixture->server, "--threads=2", "--timeout=500ms");
  client_open(&fixture->client, fixture->server.port);
  canary_start(&fixture->canary, fixture->server.port);
  return 0;
}

static int close_fixture(void **state)
{
  struct fixture *fixture = *state;

  canary_stop(&fixture->canary);
  client_await_metric(&fixture->client, "json_host_stores_live", 0);
  client_query(&fixture->client, "[0]", "[1,2]");
  client_expect(&fixture->client, 200, "1");
  client_close(&fixture->client);
  server_stop(&fixture->server);
  free(fixture);
  return 0;
}

/* ---- requests that end in the middle ---- */

#define CHUNKED "POST /query HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"

static const char whole[] = "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 24\r\n\r\n"
                            "{\"a\": [1, 2, {\"b\": 345}]}";
static const char chunks[] = CHUNKED "5\r\n[1, 2\r\n7\r\n, 3, 4]\r\n0\r\n\r\n";

/* What is sent of a request before its client goes, with a reset or without. */
static void leave_early(struct fixture *fixture, const char *text, size_t length)
{
  struct raw raw;

  raw_open(&raw, fixture->server.port);
  raw_send(&raw, text, length);
  raw_close(&raw);
  raw_open(&raw, fixture->server.port);
  raw_send(&raw, text, length);
  raw_abort(&raw);
}

static void truncated_requests_are_dropped(void **state)
{
  for (size_t length = 0; length < strlen(whole); length++)
    leave_early(*state, whole, length);
  for (size_t length = 0; length < strlen(chunks); length++)
    leave_early(*state, chunks, length);
}

/* The same of clients that say that they end, and wait for an answer. */
static void truncated_requests_are_refused(void **state)
{
  struct fixture *fixture = *state;
  struct raw raws[sizeof whole - 1];

  for (size_t length = 0; length < strlen(whole); length++) {
    raw_open(&raws[length], fixture->server.port);
    raw_send(&raws[length], whole, length);
    shutdown(raws[length].fd, SHUT_WR);
  }
  for (size_t length = 0; length < strlen(whole); length++) {
    int status = raw_reply(&raws[length]);

    if (status != 0 && status / 100 != 4)
      fail_msg("%zu bytes of a request are answered %d %s", length, status, raws[length].body);
    raw_close(&raws[length]);
  }
}

/* A client that goes before it has read all of a long answer. */
static void answers_may_be_left_unread(void **state)
{
  struct fixture *fixture = *state;
  size_t length = 4 << 20;
  char *document = malloc(length + 1);
  struct raw raws[4];

  assert_non_null(document);
  memset(document, 'x', length);
  document[0] = document[length - 1] = '"';
  document[length] = '\0';
  for (unsigned i = 0; i < 4; i++) {
    raw_open(&raws[i], fixture->server.port);
    raw_print(&raws[i], "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", length);
    assert_true(raw_send(&raws[i], document, length));
  }
  /* Nothing is read, but the stores are given back. */
  client_await_metric(&fixture->client, "json_host_stores_live", 0);
  for (unsigned i = 0; i < 4; i++)
    raw_abort(&raws[i]);
  free(document);
}

/* ---- slow clients ---- */

/* The server says so, and closes. */
static void expect_too_slow(struct raw *raw)
{
  assert_int_equal(raw_reply(raw), 408);
  client_check_error(raw->body, "slow");
  raw_expect_close(raw);
  raw_close(raw);
}

static void slow_requests_are_ended(void **state)
{
  struct fixture *fixture = *state;
  struct raw head, body, trickle, chunked;

  raw_open(&head, fixture->server.port);
  raw_print(&head, "POST /query HTTP/1.1\r\nHos");
  raw_open(&body, fixture->server.port);
  raw_print(&body, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n[1,");
  raw_open(&chunked, fixture->server.port);
  raw_print(&chunked,
            "POST /query HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[");
  /* Always something, never all of it. */
  raw_open(&trickle, fixture->server.port);
  raw_print(&trickle, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\n[");
  for (unsigned i = 0; raw_print(&trickle, " "); i++) {
    assert_true(i < PATIENCE_SECONDS * 50);
    usleep(20000);
  }
  raw_close(&trickle); /* what it was told is lost with what it went on to send */
  expect_too_slow(&head);
  expect_too_slow(&body);
  expect_too_slow(&chunked);
}

/* Connections without a request take a place, too. */
static void silent_connections_are_closed(void **state)
{
  struct fixture *fixture = *state;
  struct raw silent, used;

  raw_open(&silent, fixture->server.port);
  raw_open(&used, fixture->server.port);
  raw_print(&used, "%s", "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
  assert_int_equal(raw_reply(&used), 200);
  raw_expect_close(&silent);
  raw_expect_close(&used);
  raw_close(&silent);
  raw_close(&used);
}

/* ---- no HTTP ---- */

/* Each is refused or closed. Nothing of it is taken for a request that is done. */
static const char *const rubbish[] = {
    "\r\n\r\n\r\n\r\nrubbish\r\n\r\n",
    "GET\r\n\r\n",
    "POST\r\n\r\n",
    "POST /query\r\n\r\n",
    "/query\r\n\r\n",
    " POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n1",
    "POST  /query  HTTP/1.1 x\r\nHost: t\r\nContent-Length: 1\r\n\r\n1",
    "POST /query HTTP/2.0\r\nHost: t\r\nContent-Length: 1\r\n\r\n1",
    "POST /query HTTP/9.9\r\nHost: t\r\nContent-Length: 1\r\n\r\n1",
    "POST /query HTTPS/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n1",
    "POST /query http\r\nHost: t\r\nContent-Length: 1\r\n\r\n1",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 is TLS\r\n\r\n",
    "POST /query HTTP/1.1\r\nContent-Length: 1\r\n\r\n1", /* no Host (RFC 9112, 3.2) */
    "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n1",
    "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 0x1\r\n\r\n1",
    "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 1,2\r\n\r\n1",
    "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: one\r\n\r\n1",
    "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n1",
    CHUNKED "zz\r\n1\r\n0\r\n\r\n",
    CHUNKED "-1\r\n1\r\n0\r\n\r\n",
    CHUNKED "fffffffffffffffff\r\n1\r\n0\r\n\r\n",
    CHUNKED "1\r\n12\r\n0\r\n\r\n",
    "POST /query HTTP/1.1\r\nHost: t\r\nno colon\r\nContent-Length: 1\r\n\r\n1",
};

static void rubbish_is_refused(void **state)
{
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
    struct raw raw;
    int status;

    raw_open(&raw, fixture->server.port);
    raw_print(&raw, "%s", rubbish[i]);
    status = raw_reply(&raw);
    if (status != 0 && (status < 400 || status > 505))
      fail_msg("%s\nis answered %d %s", rubbish[i], status, raw.body);
    raw_close(&raw);
  }
}

/* Whoever is in front of this server must not read another length than it does (RFC
 * 9112, 6.3): what may be a second request is never answered. */
static void ambiguous_lengths_smuggle_nothing(void **state)
{
  static const char *const heads[] = {
      "Content-Length: 1\r\nContent-Length: 36\r\n",
      "Content-Length: 36\r\nContent-Length: 1\r\n",
      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
      "Transfer-Encoding: xchunked\r\nContent-Length: 1\r\n",
      "Transfer-Encoding: identity, chunked\r\nContent-Length: 1\r\n",
      "Content-Length : 1\r\nContent-Length: 36\r\n",
  };
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    struct raw raw;
    int first, second;

    raw_open(&raw, fixture->server.port);
    raw_print(&raw,
              "POST /query HTTP/1.1\r\nHost: t\r\n%s\r\n"
              "1GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n",
              heads[i]);
    first = raw_reply(&raw);
    second = first ? raw_reply(&raw) : 0;
    if (first == 200 || second == 200)
      fail_msg("%sis answered %d, then %d %s", heads[i], first, second, raw.body);
    raw_close(&raw);
  }
}

/* Requests in which some bytes are others, from the seed. */
static void mutated_requests_are_survived(void **state)
{
  struct fixture *fixture = *state;
  uint64_t random = helper_seed();
  unsigned rounds = (unsigned)helper_rounds(500);

  for (unsigned i = 0; i < rounds; i++) {
    const char *from = helper_one_in(&random, 2) ? whole : chunks;
    size_t length = strlen(from);
    char text[256];
    struct raw raw;

    memcpy(text, from, length + 1);
    for (uint64_t changes = 1 + helper_below(&random, 4); changes > 0; changes--)
      text[helper_below(&random, length)] = helper_one_in(&random, 2)
                                                ? " \r\n:,0[{\"\\%"[helper_below(&random, 11)]
                                                : (char)helper_random(&random);
    raw_open(&raw, fixture->server.port);
    raw_send(&raw, text, length);
    while (raw_soon(&raw, 5) && raw_reply(&raw) != 0)
      ;
    raw_abort(&raw);
  }
}

/* ---- pipelines ---- */

static void pipelined_requests_are_answered_in_order(void **state)
{
  struct fixture *fixture = *state;
  struct raw raw;

  raw_open(&raw, fixture->server.port);
  for (unsigned i = 100; i < 150; i++)
    raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n[%u]", i);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n[150,");
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n[151]");
  raw_print(&raw, "rubbish\r\n\r\n");
  for (unsigned i = 100; i < 150; i++) {
    char expected[8];

    snprintf(expected, sizeof expected, "[%u]", i);
    assert_int_equal(raw_reply(&raw), 200);
    assert_string_equal(raw.body, expected);
  }
  assert_int_equal(raw_reply(&raw), 400);
  assert_int_equal(raw_reply(&raw), 200);
  assert_string_equal(raw.body, "[151]");
  assert_true(raw_reply(&raw) != 200);
  raw_close(&raw);
}

/* ---- HTTP, but not for this server ---- */

static void other_methods_are_refused(void **state)
{
  static const struct {
    const char *method, *path, *allow;
  } wrong[] = {
      {"GET", "/query", "POST"},
      {"PUT", "/query", "POST"},
      {"DELETE", "/query", "POST"},
      {"OPTIONS", "/query", "POST"},
      {"BREW", "/query", "POST"},
      {"POST", "/healthz", "GET, HEAD"},
      {"DELETE", "/metrics", "GET, HEAD"},
      {"PATCH", "/session/s", "GET, HEAD, PUT, POST, DELETE"},
      {"TRACE", "/session/s", "GET, HEAD, PUT, POST, DELETE"},
  };
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct request request = {.method = wrong[i].method, .path = wrong[i].path};

    client_ask(&fixture->client, &request);
    client_expect_error(&fixture->client, 405, "method");
    assert_string_equal(fixture->client.reply.allow, wrong[i].allow);
  }
}

static void other_paths_are_not_found(void **state)
{
  static const char *const paths[] = {
      "/",         "/Query",    "/query/",  "//query",     "/queryx", "/quer",     "/../query",
      "/query%00", "/healthz/", "/session", "/query/../x", "/%71uer", "/metrics/a"};
  struct fixture *fixture = *state;

  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    struct request request = {.method = "POST", .path = paths[i], .body = "1"};

    client_ask(&fixture->client, &request);
    client_expect_error(&fixture->client, 404, "not_found");
  }
}

static void long_heads_are_refused(void **state)
{
  struct fixture *fixture = *state;
  char *many = malloc(1 << 20);
  struct raw raw;
  int status;

  assert_non_null(many);
  memset(many, 'x', 1 << 20);
  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query?q=%.10000s HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n1", many);
  assert_int_equal(raw_reply(&raw), 414);
  raw_close(&raw);
  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nX: %.40000s\r\nContent-Length: 1\r\n\r\n1",
            many);
  assert_int_equal(raw_reply(&raw), 431);
  raw_close(&raw);
  /* So long that they do not even fit into the connection's memory. */
  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query?q=%.200000s HTTP/1.1\r\n\r\n", many);
  status = raw_reply(&raw);
  assert_true(status == 0 || status == 414 || status == 431);
  raw_close(&raw);
  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nX: %.1000000s\r\n\r\n", many);
  status = raw_reply(&raw);
  assert_true(status == 0 || status == 431);
  raw_close(&raw);
  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\n");
  for (unsigned i = 0; i < 100000 && raw_print(&raw, "X-%u: x\r\n", i); i++)
    ;
  raw_close(&raw);
  free(many);
}

static void a_body_needs_a_length(void **state)
{
  struct fixture *fixture = *state;
  struct raw raw;

  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\n\r\n");
  assert_int_equal(raw_reply(&raw), 411);
  client_check_error(raw.body, "length_required");
  raw_close(&raw);
}

/* Expect: 100-continue (RFC 9110, 10.1.1): who asks first is told. */
static void who_asks_first_is_told(void **state)
{
  struct fixture *fixture = *state;
  struct raw raw;

  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n"
                  "Expect: 100-continue\r\n\r\n");
  raw_await(&raw, "HTTP/1.1 100 ");
  raw_print(&raw, "[1]");
  assert_int_equal(raw_reply(&raw), 200);
  raw_close(&raw);
  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n"
                  "Expect: 100-continue\r\n\r\n");
  raw_await(&raw, "HTTP/1.1 413 ");
  raw_close(&raw);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
  const struct CMUnitTest tests[] = {
      TEST(truncated_requests_are_dropped),
      TEST(truncated_requests_are_refused),
      TEST(answers_may_be_left_unread),
      TEST(slow_requests_are_ended),
      TEST(silent_connections_are_closed),
      TEST(rubbish_is_refused),
      TEST(ambiguous_lengths_smuggle_nothing),
      TEST(mutated_requests_are_survived),
      TEST(pipelined_requests_are_answered_in_order),
      TEST(other_methods_are_refused),
      TEST(other_paths_are_not_found),
      TEST(long_heads_are_refused),
      TEST(a_body_needs_a_length),
      TEST(who_asks_first_is_told),
  };

  return helper_run(tests, NULL, NULL);
}
