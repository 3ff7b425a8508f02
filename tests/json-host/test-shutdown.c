/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * SIGTERM: what has begun is answered, nothing new is taken, and the server exits
 * with 0, whatever its clients do.
 */
#include "tests/json-host/canary.h"
#include "tests/json-host/raw.h"
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_FLIGHT 20

static bool accepts(uint16_t port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected;

  assert_true(fd >= 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return connected;
}

/* Tells it to end, and waits until nobody can connect. */
static void begin_stop(struct server *server, int signal)
{
  kill(server->child.pid, signal);
  for (unsigned tries = 0; accepts(server->port); tries++) {
    assert_true(tries < PATIENCE_SECONDS * 200);
    usleep(5000);
  }
}

/* `count` requests of which all but the end has been received. */
static void send_halves(struct server *server, struct raw *raws, unsigned count)
{
  struct client client;

  for (unsigned i = 0; i < count; i++) {
    raw_open(&raws[i], server->port);
    raw_print(&raws[i], "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\n[%3u", i);
  }
  client_open(&client, server->port);
  client_await_metric(&client, "json_host_stores_live", count);
  client_close(&client);
}

static void check_requests_are_finished(const char *memory, int signal)
{
  struct server server;
  struct raw raws[IN_FLIGHT];

  SERVER_START(&server, memory, "--threads=2");
  send_halves(&server, raws, IN_FLIGHT);
  begin_stop(&server, signal);
  for (unsigned i = 0; i < IN_FLIGHT; i++) {
    char expected[8];

    snprintf(expected, sizeof expected, "[%u]", i);
    raw_print(&raws[i], " ]");
    assert_int_equal(raw_reply(&raws[i]), 200);
    assert_string_equal(raws[i].body, expected);
    raw_expect_close(&raws[i]);
    raw_close(&raws[i]);
  }
  server_await_end(&server);
}

static void requests_in_flight_are_answered(void **state)
{
  check_requests_are_finished("--memory=slotheap", SIGTERM);
  check_requests_are_finished("--memory=malloc", SIGTERM);
  check_requests_are_finished("--memory=slotheap", SIGINT);
}

/* A client that never sends the rest is waited for until the timeout, and no longer. */
static void stuck_clients_do_not_hold_it_up(void **state)
{
  struct server server;
  struct raw raws[IN_FLIGHT];

  SERVER_START(&server, "--threads=2", "--timeout=500ms");
  send_halves(&server, raws, IN_FLIGHT);
  server_stop(&server);
  for (unsigned i = 0; i < IN_FLIGHT; i++)
    raw_close(&raws[i]);
}

/* Connections without a request are just closed. */
static void idle_connections_do_not_hold_it_up(void **state)
{
  struct server server;
  struct raw raws[IN_FLIGHT];

  SERVER_START(&server, "--threads=2", "--timeout=60s");
  for (unsigned i = 0; i < IN_FLIGHT; i++) {
    raw_open(&raws[i], server.port);
    if (i % 2) {
      raw_print(&raws[i], "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
      assert_int_equal(raw_reply(&raws[i]), 200);
    }
  }
  server_stop(&server);
  for (unsigned i = 0; i < IN_FLIGHT; i++) {
    raw_expect_close(&raws[i]);
    raw_close(&raws[i]);
  }
}

/* Balancers that ask on a connection they have are told to go elsewhere. */
static void it_says_that_it_stops(void **state)
{
  struct server server;
  struct raw health, half;

  SERVER_START(&server, "--threads=2");
  raw_open(&health, server.port);
  raw_print(&health, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
  assert_int_equal(raw_reply(&health), 200);
  assert_string_equal(health.body, "{\"status\":\"ok\"}\n");
  /* It has begun, so that it is not closed as idle. */
  raw_print(&health, "GET /healthz HTTP/1.1\r\n");
  send_halves(&server, &half, 1);
  begin_stop(&server, SIGTERM);
  raw_print(&health, "Host: t\r\n\r\n");
  assert_int_equal(raw_reply(&health), 503);
  raw_close(&health);
  raw_print(&half, " ]");
  assert_int_equal(raw_reply(&half), 200);
  raw_close(&half);
  server_await_end(&server);
}

/* Again and again, in the middle of whatever it does. */
static void it_stops_under_load(void **state)
{
  struct server server;

  SERVER_START(&server, "--threads=2");
  for (unsigned i = 0; i < 8; i++) {
    struct raw raws[8];

    for (unsigned j = 0; j < 8; j++) {
      raw_open(&raws[j], server.port);
      for (unsigned k = 0; k < 20; k++)
        raw_print(&raws[j], "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n[%u]",
                  100 + k);
    }
    server_pause(&server);
    for (unsigned j = 0; j < 8; j++)
      raw_close(&raws[j]);
    server_restart(&server);
  }
  server_stop(&server);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_in_flight_are_answered),
      cmocka_unit_test(stuck_clients_do_not_hold_it_up),
      cmocka_unit_test(idle_connections_do_not_hold_it_up),
      cmocka_unit_test(it_says_that_it_stops),
      cmocka_unit_test(it_stops_under_load),
  };

  return helper_run(tests, NULL, NULL);
}
