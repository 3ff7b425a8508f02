/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sessions that several processes share through Redis, behind nginx: whichever is
 * killed, no acknowledged update is lost, and none is done twice.
 */
#include "tests/json-host/client.h"
#include "tests/json-host/server.h"
#include "tests/json-host/services.h"
#include "tests/json-host/updaters.h"
#include "tests/helper.h"

#include <stdio.h>
#include <unistd.h>

#define CLIENTS 8

static void start_with(struct server *server, const struct redis *redis)
{
  char sessions[96];

  snprintf(sessions, sizeof sessions, "--sessions=%s", redis->url);
  SERVER_START(server, sessions, "--threads=2");
}

static void updates_survive_killed_servers(void **state)
{
  unsigned updates = 60, all = CLIENTS * updates;
  struct redis redis;
  struct server servers[2];
  struct balancer balancer;
  struct updaters *updaters;
  uint16_t ports[2] = {0, 0};

  redis_start(&redis);
  start_with(&servers[0], &redis);
  start_with(&servers[1], &redis);
  balancer_start(&balancer, servers[0].port, servers[1].port);
  ports[0] = balancer.port;
  updaters = updaters_start(ports, CLIENTS, updates);
  for (unsigned i = 1; i < 4; i++) {
    updaters_await(updaters, all * i / 4);
    server_kill(&servers[i % 2]);
    updaters_await(updaters, all * i / 4 + all / 8); /* by the other alone */
    server_restart(&servers[i % 2]);
  }
  updaters_finish(updaters);
  balancer_stop(&balancer);
  server_stop(&servers[0]);
  server_stop(&servers[1]);
  redis_stop(&redis);
}

/* Any process has the session at once: what one stored, the other answers. */
static void processes_share_sessions(void **state)
{
  struct redis redis;
  struct server servers[2];
  struct client clients[2];
  struct request put = {.method = "PUT", .path = "/session/s", .body = "{\"n\":[1,2]}"};
  struct request get = {.method = "GET", .path = "/session/s", .query = "n"};
  struct request patch = {
      .method = "POST", .path = "/session/s", .query = "m", .body = "{\"m\":7}", .key = "only"};
  struct request delete = {.method = "DELETE", .path = "/session/s"};

  redis_start(&redis);
  for (unsigned i = 0; i < 2; i++) {
    start_with(&servers[i], &redis);
    client_open(&clients[i], servers[i].port);
  }
  assert_int_equal(client_ask(&clients[0], &put), 201);
  client_ask(&clients[1], &get);
  client_expect(&clients[1], 200, "[1,2]");
  client_ask(&clients[1], &patch);
  client_expect(&clients[1], 200, "7");
  assert_false(clients[1].reply.replayed);
  /* The key is known to the session, not to the process. */
  client_ask(&clients[0], &patch);
  client_expect(&clients[0], 200, "7");
  assert_true(clients[0].reply.replayed);
  assert_int_equal(clients[0].reply.version, clients[1].reply.version);
  assert_int_equal(client_ask(&clients[0], &delete), 204);
  assert_int_equal(client_ask(&clients[1], &get), 404);
  for (unsigned i = 0; i < 2; i++) {
    client_close(&clients[i]);
    server_stop(&servers[i]);
  }
  redis_stop(&redis);
}

/* While Redis is away sessions are refused, and nothing else; then they are back. */
static void redis_may_go_and_come(void **state)
{
  struct redis redis;
  struct server server;
  struct client client;
  struct request put = {.method = "PUT", .path = "/session/s", .body = "[1,2]"};
  struct request get = {.method = "GET", .path = "/session/s"};
  uint64_t version;

  redis_start(&redis);
  start_with(&server, &redis);
  client_open(&client, server.port);
  assert_int_equal(client_ask(&client, &put), 201);
  version = client.reply.version;
  redis_kill(&redis);
  assert_int_equal(client_ask(&client, &get), 503);
  client_check_error(client.reply.body, "sessions");
  assert_int_equal(client_ask(&client, &put), 503);
  client_query(&client, "[0]", "[3]");
  client_expect(&client, 200, "3");
  redis_restart(&redis);
  for (unsigned tries = 0; client_ask(&client, &get) == 503; tries++) {
    assert_true(tries < 1000); /* the server may wait a little before it tries again */
    usleep(10000);
  }
  client_expect(&client, 200, "[1,2]");
  assert_int_equal(client.reply.version, version);
  client_close(&client);
  server_stop(&server);
  redis_stop(&redis);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(processes_share_sessions),
      cmocka_unit_test(redis_may_go_and_come),
      cmocka_unit_test(updates_survive_killed_servers),
  };

  child_need("redis-server");
  child_need("nginx");
  return helper_run(tests, NULL, NULL);
}
