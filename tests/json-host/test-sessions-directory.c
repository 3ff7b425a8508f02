/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sessions in a directory, which two processes of one machine share: whichever is
 * killed, no acknowledged update is lost, none is done twice, and none is found half
 * written.
 */
#include "tests/json-host/client.h"
#include "tests/json-host/server.h"
#include "tests/json-host/updaters.h"
#include "tests/helper.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 6

static char *sessions_option(const char *directory)
{
  char *option = NULL;

  assert_true(asprintf(&option, "--sessions=%s", directory) >= 0);
  return option;
}

struct fixture {
  char *directory;
  char *option;
  struct server server;
  struct client client;
};

static int open_fixture(void **state)
{
  struct fixture *fixture = calloc(1, sizeof *fixture);

  assert_non_null(fixture);
  *state = fixture;
  fixture->directory = child_directory();
  fixture->option = sessions_option(fixture->directory);
  SERVER_START(&fixture->server, fixture->option, "--threads=2");
  client_open(&fixture->client, fixture->server.port);
  return 0;
}

static int close_fixture(void **state)
{
  struct fixture *fixture = *state;

  client_close(&fixture->client);
  server_stop(&fixture->server);
  free(fixture->option);
  free(fixture->directory);
  free(fixture);
  return 0;
}

static int ask(struct fixture *fixture, const char *method, const char *query, const char *body)
{
  struct request request = {.method = method, .path = "/session/s", .query = query, .body = body};

  return client_ask(&fixture->client, &request);
}

/* ---- one process ---- */

static void a_session_is_made_read_changed_and_deleted(void **state)
{
  struct fixture *fixture = *state;
  struct client *client = &fixture->client;
  uint64_t first;

  assert_int_equal(ask(fixture, "GET", NULL, NULL), 404);
  assert_int_equal(ask(fixture, "POST", NULL, "{\"a\":1}"), 404);
  assert_int_equal(ask(fixture, "DELETE", NULL, NULL), 404);
  assert_int_equal(ask(fixture, "PUT", NULL, "{\"a\": {\"b\": 1, \"c\": 2}, \"d\": [1, 2]}"), 201);
  first = client->reply.version;
  ask(fixture, "GET", NULL, NULL);
  client_expect(client, 200, "{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2]}");
  ask(fixture, "GET", "a.c", NULL);
  client_expect(client, 200, "2");
  assert_int_equal(client->reply.version, first);
  /* RFC 7396: null removes, objects merge, all else replaces. */
  ask(fixture, "POST", "@", "{\"a\": {\"b\": null, \"e\": \"x\"}, \"d\": [3]}");
  client_expect(client, 200, "{\"a\":{\"c\":2,\"e\":\"x\"},\"d\":[3]}");
  assert_int_equal(client->reply.version, first + 1);
  /* No patch: only asks, and makes no version. */
  ask(fixture, "POST", "d[0]", "");
  client_expect(client, 200, "3");
  assert_int_equal(client->reply.version, first + 1);
  assert_int_equal(ask(fixture, "PUT", NULL, "[]"), 200);
  assert_int_equal(client->reply.version, first + 2);
  assert_int_equal(ask(fixture, "DELETE", NULL, NULL), 204);
  assert_int_equal(ask(fixture, "GET", NULL, NULL), 404);
  /* One that is made again is another one, and has none of the versions before. */
  assert_int_equal(ask(fixture, "PUT", NULL, "[]"), 201);
  assert_true(client->reply.version > first + 2);
}

/* What is wrong leaves the session as it was. */
static void a_refused_update_changes_nothing(void **state)
{
  struct fixture *fixture = *state;
  struct client *client = &fixture->client;
  uint64_t first;

  assert_int_equal(ask(fixture, "PUT", NULL, "{\"n\":1}"), 201);
  first = client->reply.version;
  ask(fixture, "PUT", NULL, "{\"n\":2");
  client_expect_error(client, 400, "syntax");
  ask(fixture, "POST", NULL, "{\"n\":2,}");
  client_expect_error(client, 400, "syntax");
  ask(fixture, "POST", NULL, "{\"n\":2,\"n\":3}");
  client_expect_error(client, 422, "duplicate");
  ask(fixture, "POST", "[", "{\"n\":2}");
  client_expect_error(client, 400, "query");
  ask(fixture, "POST", "abs('x')", "{\"n\":2}");
  client_expect_error(client, 422, "evaluation");
  ask(fixture, "GET", NULL, NULL);
  client_expect(client, 200, "{\"n\":1}");
  assert_int_equal(client->reply.version, first);
}

static void if_match_is_held(void **state)
{
  struct fixture *fixture = *state;
  struct client *client = &fixture->client;
  struct request patch = {
      .method = "POST", .path = "/session/s", .query = "n", .body = "{\"n\":2}"};
  char first[32], second[32];

  assert_int_equal(ask(fixture, "PUT", NULL, "{\"n\":1}"), 201);
  snprintf(first, sizeof first, "\"%" PRIu64 "\"", client->reply.version);
  snprintf(second, sizeof second, "\"%" PRIu64 "\"", client->reply.version + 1);
  patch.if_match = second;
  assert_int_equal(client_ask(client, &patch), 412);
  patch.if_match = first;
  client_ask(client, &patch);
  client_expect(client, 200, "2");
  assert_int_equal(client_ask(client, &patch), 412);
  patch.method = "PUT";
  assert_int_equal(client_ask(client, &patch), 412);
  patch.method = "DELETE";
  patch.body = NULL;
  assert_int_equal(client_ask(client, &patch), 412);
  patch.if_match = second;
  assert_int_equal(client_ask(client, &patch), 204);
}

static void a_repeated_key_is_not_done_again(void **state)
{
  struct fixture *fixture = *state;
  struct client *client = &fixture->client;
  struct request patch = {
      .method = "POST", .path = "/session/s", .query = "n", .body = "{\"n\":2}", .key = "once"};
  char first[32];
  uint64_t version;

  assert_int_equal(ask(fixture, "PUT", NULL, "{\"n\":1}"), 201);
  version = client->reply.version;
  snprintf(first, sizeof first, "\"%" PRIu64 "\"", version);
  patch.if_match = first;
  client_ask(client, &patch);
  client_expect(client, 200, "2");
  assert_false(client->reply.replayed);
  assert_int_equal(ask(fixture, "POST", NULL, "{\"n\":3}"), 200);
  /* Its condition held when it was done. */
  client_ask(client, &patch);
  client_expect(client, 200, "3");
  assert_true(client->reply.replayed);
  assert_int_equal(client->reply.version, version + 1);
  /* Another process reads the key from the session. */
  server_kill(&fixture->server);
  server_restart(&fixture->server);
  client_ask(client, &patch);
  client_expect(client, 200, "3");
  assert_true(client->reply.replayed);
  ask(fixture, "GET", NULL, NULL);
  assert_int_equal(client->reply.version, version + 2);
}

/* 64 of them, so one that is repeated at once always is. */
static void the_last_keys_are_remembered(void **state)
{
  struct fixture *fixture = *state;
  struct client *client = &fixture->client;
  char key[66] = "", patch[32];
  struct request request = {
      .method = "POST", .path = "/session/s", .query = "n", .body = patch, .key = key};

  assert_int_equal(ask(fixture, "PUT", NULL, "{\"n\":0}"), 201);
  for (unsigned i = 1; i <= 64; i++) {
    snprintf(key, sizeof key, "key %u", i);
    snprintf(patch, sizeof patch, "{\"n\":%u}", i);
    assert_int_equal(client_ask(client, &request), 200);
    assert_false(client->reply.replayed);
  }
  for (unsigned i = 64; i >= 1; i--) {
    snprintf(key, sizeof key, "key %u", i);
    client_ask(client, &request);
    client_expect(client, 200, "64");
    assert_true(client->reply.replayed);
  }
  memset(key, 'k', 64);
  key[64] = '\0';
  assert_int_equal(client_ask(client, &request), 200);
  assert_false(client->reply.replayed);
  key[64] = 'k';
  key[65] = '\0';
  client_ask(client, &request);
  client_expect_error(client, 400, "header");
}

static void only_ids_are_names_of_sessions(void **state)
{
  struct fixture *fixture = *state;
  static const char *const wrong[] = {"/session/",     "/session/.",      "/session/..",
                                      "/session/.a",   "/session/a/b",    "/session/a%2Fb",
                                      "/session/a%00", "/session/%2E%2E", "/session/a%20b",
                                      "/session/%FF",  "/session/a*"};
  char longest[10 + 65] = "/session/";
  struct request put = {.method = "PUT", .body = "1"};

  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int status;

    put.path = wrong[i];
    status = client_ask(&fixture->client, &put);
    if (status != 404 && status != 400)
      fail_msg("%s: %d %s", wrong[i], status, fixture->client.reply.body);
  }
  memset(longest + 9, 'x', 64);
  put.path = longest;
  assert_int_equal(client_ask(&fixture->client, &put), 201);
  longest[9 + 64] = 'x';
  assert_true(client_ask(&fixture->client, &put) / 100 == 4);
  put.path = "/session/Az09._-";
  assert_int_equal(client_ask(&fixture->client, &put), 201);
}

/* With trees of malloc there is nothing to suspend. */
static void malloc_has_no_sessions(void **state)
{
  struct fixture *fixture = *state;
  struct server server;
  struct client client;
  struct request get = {.method = "GET", .path = "/session/s"};

  SERVER_START(&server, "--memory=malloc", fixture->option);
  client_open(&client, server.port);
  client_ask(&client, &get);
  client_expect_error(&client, 501, "unsupported");
  client_close(&client);
  server_stop(&server);
}

/* ---- two processes ---- */

/* Files that an update writes before it is done. */
static unsigned count_files(const char *directory)
{
  DIR *files = opendir(directory);
  unsigned count = 0;

  assert_non_null(files);
  for (struct dirent *file; (file = readdir(files)) != NULL;)
    count += strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0;
  closedir(files);
  return count;
}

static void updates_survive_killed_servers(void **state)
{
  struct fixture *fixture = *state;
  unsigned updates = 60, all = CLIENTS * updates, before;
  struct server *first = &fixture->server, second;
  struct updaters *updaters;
  uint16_t ports[3] = {0, 0, 0};

  SERVER_START(&second, fixture->option, "--threads=2");
  ports[0] = first->port;
  ports[1] = second.port;
  updaters = updaters_start(ports, CLIENTS, updates);
  for (unsigned i = 1; i < 6; i++) {
    struct server *victim = i % 2 ? first : &second;

    updaters_await(updaters, all * i / 6);
    server_kill(victim);
    updaters_await(updaters, all * i / 6 + all / 12);
    server_restart(victim);
  }
  updaters_finish(updaters);
  /* What the killed ones had begun to write does not pile up: one update, and there is
   * no more than after a session that nobody was killed over. */
  assert_int_equal(ask(fixture, "PUT", NULL, "1"), 201);
  before = count_files(fixture->directory);
  assert_true(before <= 8);
  server_stop(&second);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
  const struct CMUnitTest tests[] = {
      TEST(a_session_is_made_read_changed_and_deleted),
      TEST(a_refused_update_changes_nothing),
      TEST(if_match_is_held),
      TEST(a_repeated_key_is_not_done_again),
      TEST(the_last_keys_are_remembered),
      TEST(only_ids_are_names_of_sessions),
      TEST(malloc_has_no_sessions),
      TEST(updates_survive_killed_servers),
  };

  return helper_run(tests, NULL, NULL);
}
