/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Every limit of a request and of the server: at its edge, and over it. A request over
 * a limit is refused, and others are answered all the while.
 */
#include "tests/json-host/canary.h"
#include "tests/json-host/raw.h"
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const memories[] = {"--memory=slotheap", "--memory=malloc"};
#define EACH_MEMORY(memory)                                                                        \
  for (size_t memory = 0; memory < sizeof memories / sizeof *memories; memory++)

/* What most tests need. */
struct served {
  struct server server;
  struct client client;
  struct canary canary;
};

static void serve(struct served *served, const char *memory, const char *option)
{
  SERVER_START(&served->server, memory, "--threads=2", option);
  client_open(&served->client, served->server.port);
  canary_start(&served->canary, served->server.port);
}

static void end(struct served *served)
{
  canary_stop(&served->canary);
  client_close(&served->client);
  server_stop(&served->server);
}

/* ---- documents ---- */

/* `depth` times `open`, then `inside`, then `depth` times `close`. To be freed. */
static char *nest(const char *open, const char *inside, const char *close, size_t depth)
{
  size_t length = depth * (strlen(open) + strlen(close)) + strlen(inside);
  char *text = malloc(length + 1), *next = text;

  assert_non_null(text);
  for (size_t i = 0; i < depth; i++)
    next = stpcpy(next, open);
  next = stpcpy(next, inside);
  for (size_t i = 0; i < depth; i++)
    next = stpcpy(next, close);
  return text;
}

/* The answer's status. */
static int ask_nested(struct served *served, const char *open, const char *inside,
                      const char *close, size_t depth)
{
  char *text = nest(open, inside, close, depth);
  int status = client_query(&served->client, NULL, text);

  if (status == 200)
    client_expect(&served->client, 200, text);
  free(text);
  return status;
}

/* ---- nesting ---- */

static void nesting_is_limited(void **state)
{
  EACH_MEMORY(i)
  {
    struct served served;

    serve(&served, memories[i], "--depth-limit=8");
    assert_int_equal(ask_nested(&served, "[", "", "]", 8), 200);
    assert_int_equal(ask_nested(&served, "{\"a\":", "1", "}", 8), 200);
    assert_int_equal(ask_nested(&served, "[{\"a\":", "1", "}]", 4), 200);
    ask_nested(&served, "[", "", "]", 9);
    client_expect_error(&served.client, 422, "depth");
    ask_nested(&served, "{\"a\":", "1", "}", 9);
    client_expect_error(&served.client, 422, "depth");
    ask_nested(&served, "[{\"a\":", "[]", "}]", 4);
    client_expect_error(&served.client, 422, "depth");
    /* Side by side is not within one another. */
    client_query(&served.client, "length(@)", "[[],[],[],[],[],[],[],[],[],[],[],[]]");
    client_expect(&served.client, 200, "12");
    end(&served);
  }
}

static void hostile_nesting_is_refused(void **state)
{
  EACH_MEMORY(i)
  {
    struct served served;

    serve(&served, memories[i], "--body-limit=16M");
    ask_nested(&served, "[", "", "", 2000000);
    client_expect_error(&served.client, 422, "depth");
    ask_nested(&served, "{\"a\":", "", "", 1000000);
    client_expect_error(&served.client, 422, "depth");
    ask_nested(&served, "[{\"\":", "", "}]", 500000);
    client_expect_error(&served.client, 422, "depth");
    assert_int_equal(ask_nested(&served, "[", "", "]", 256), 200);
    end(&served);
  }
}

/* As deep as can be allowed: answered, and no stack runs out. */
static void the_deepest_document_is_answered(void **state)
{
  EACH_MEMORY(i)
  {
    struct served served;

    serve(&served, memories[i], "--depth-limit=4096");
    assert_int_equal(ask_nested(&served, "[", "1", "]", 4096), 200);
    assert_int_equal(ask_nested(&served, "{\"a\":", "1", "}", 4096), 200);
    assert_int_equal(ask_nested(&served, "[", "1", "]", 4097), 422);
    end(&served);
  }
}

static void nesting_of_queries_is_limited(void **state)
{
  EACH_MEMORY(i)
  {
    struct served served;
    char *query;

    serve(&served, memories[i], "--depth-limit=8");
    query = nest("(", "@", ")", 4);
    client_query(&served.client, query, "1");
    client_expect(&served.client, 200, "1");
    free(query);
    query = nest("(", "@", ")", 1000);
    assert_int_equal(client_query(&served.client, query, "1") / 100, 4);
    free(query);
    query = nest("[", "@", "]", 1000);
    assert_int_equal(client_query(&served.client, query, "1") / 100, 4);
    free(query);
    query = nest("!", "@", "", 7000);
    assert_int_equal(client_query(&served.client, query, "1") / 100, 4);
    free(query);
    end(&served);
  }
}

/* ---- sizes ---- */

static void bodies_are_limited(void **state)
{
  EACH_MEMORY(i)
  {
    struct served served;
    char *document = nest(" ", "7", "", 100000);
    struct request request = {.method = "POST", .path = "/query", .body = document};

    serve(&served, memories[i], "--body-limit=100001");
    client_ask(&served.client, &request);
    client_expect(&served.client, 200, "7");
    request.chunked = true;
    client_ask(&served.client, &request);
    client_expect(&served.client, 200, "7");
    free(document);
    request.body = document = nest(" ", "7", "", 100001);
    client_ask(&served.client, &request);
    client_expect_error(&served.client, 413, "body_too_large");
    request.chunked = false;
    client_ask(&served.client, &request);
    client_expect_error(&served.client, 413, "body_too_large");
    free(document);
    end(&served);
  }
}

/* A body that never ends is cut off, said in advance or not. */
static void endless_bodies_are_cut_off(void **state)
{
  struct served served;
  struct raw raw;
  char *rest = nest(" ", "", "", 65536);
  int sent = 0;

  serve(&served, memories[0], "--body-limit=1K");
  raw_open(&raw, served.server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000000000\r\n\r\n");
  assert_int_equal(raw_reply(&raw), 413);
  client_check_error(raw.body, "body_too_large");
  raw_close(&raw);
  raw_open(&raw, served.server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
  while (raw_print(&raw, "10000\r\n%s\r\n", rest))
    assert_true(sent++ < 10000);
  raw_close(&raw);
  free(rest);
  end(&served);
}

/* A list of `count` numbers that need an object each; to be freed. */
static char *numbers(size_t count)
{
  char *text = malloc(count * 20 + 3), *next = text;

  assert_non_null(text);
  for (size_t i = 0; i < count; i++)
    next += sprintf(next, "%c%zu.5", i ? ',' : '[', 1000000000 + i);
  strcpy(next, count ? "]" : "[]");
  return text;
}

static bool fits(struct served *served, size_t count)
{
  char *text = numbers(count);
  int status = client_query(&served->client, "length(@)", text);
  char expected[24];

  free(text);
  snprintf(expected, sizeof expected, "%zu", count);
  if (status == 200)
    client_expect(&served->client, 200, expected);
  else
    client_expect_error(&served->client, 413, "too_large");
  return status == 200;
}

/* The longest list that a store has room for. */
static size_t find_longest(const char *memory, const char *limit)
{
  struct served served;
  size_t low = 0, high = 100000;

  serve(&served, memory, limit);
  assert_true(fits(&served, low));
  assert_false(fits(&served, high));
  while (high - low > 1) {
    size_t middle = (low + high) / 2;

    if (fits(&served, middle))
      low = middle;
    else
      high = middle;
  }
  /* Refused ones leave nothing that counts against others. */
  for (unsigned i = 0; i < 20; i++) {
    assert_true(fits(&served, low));
    assert_false(fits(&served, high));
  }
  end(&served);
  return low;
}

/* Neither has less than 8 bytes for a number, or more than 100. */
static void memory_is_limited(void **state)
{
  EACH_MEMORY(i)
  {
    size_t longest = find_longest(memories[i], "--heap-limit=256K");
    size_t twice = find_longest(memories[i], "--heap-limit=512K");

    printf("%s: lists of up to %zu numbers in 256K, %zu in 512K\n", memories[i], longest, twice);
    assert_in_range(longest, (256 << 10) / 100, (256 << 10) / 8);
    assert_in_range(twice, longest * 3 / 2, longest * 3);
  }
}

/* Short queries that make much out of little. */
static void answers_are_limited(void **state)
{
  static const char *const queries[] = {
      "[@,@,@,@,@,@,@,@]|[@,@,@,@,@,@,@,@]|[@,@,@,@,@,@,@,@]|[@,@,@,@,@,@,@,@]|"
      "[@,@,@,@,@,@,@,@]|[@,@,@,@,@,@,@,@]|[@,@,@,@,@,@,@,@]|[@,@,@,@,@,@,@,@]",
      "[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|"
      "[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]|[@,@,@,@,@,@,@,@][]",
  };

  EACH_MEMORY(i)
  {
    struct served served;

    serve(&served, memories[i], "--heap-limit=1M");
    for (size_t query = 0; query < sizeof queries / sizeof *queries; query++) {
      int status = client_query(&served.client, queries[query], "[\"x\"]");

      if (status != 413 && status != 503)
        fail_msg("%s: answered %d, %zu bytes", queries[query], status, served.client.reply.length);
    }
    end(&served);
  }
}

/* ---- time ---- */

static void work_is_limited(void **state)
{
  EACH_MEMORY(i)
  {
    struct served served;
    char *text = numbers(100000);

    serve(&served, memories[i], "--time-limit=20ms");
    client_query(&served.client,
                 "[sort(@),reverse(sort(@)),sort(reverse(@)),map(&[@],sort(@)),sort(@),sort(@)]",
                 text);
    client_expect_error(&served.client, 503, "time");
    free(text);
    end(&served);
  }
}

/* ---- requests at a time ---- */

static const char head[] = "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n";

static void stores_are_limited(void **state)
{
  EACH_MEMORY(i)
  {
    struct server server;
    struct client client;
    struct raw raws[2];

    SERVER_START(&server, memories[i], "--stores=2", "--threads=2");
    client_open(&client, server.port);
    for (unsigned half = 0; half < 2; half++) {
      raw_open(&raws[half], server.port);
      raw_print(&raws[half], "%s[%u", head, half);
    }
    client_await_metric(&client, "json_host_stores_live", 2);
    client_query(&client, NULL, "[]");
    client_expect_error(&client, 503, "busy");
    for (unsigned half = 0; half < 2; half++) {
      raw_print(&raws[half], ",2]");
      assert_int_equal(raw_reply(&raws[half]), 200);
      assert_string_equal(raws[half].body, half ? "[1,2]" : "[0,2]");
      raw_close(&raws[half]);
    }
    client_query(&client, NULL, "[]");
    client_expect(&client, 200, "[]");
    client_close(&client);
    server_stop(&server);
  }
}

/* One more connection than there may be waits until another ends. */
static void connections_are_limited(void **state)
{
  struct server server;
  struct raw raws[5];

  SERVER_START(&server, "--max-connections=4", "--threads=1", "--timeout=60s");
  for (unsigned i = 0; i < 5; i++) {
    raw_open(&raws[i], server.port);
    raw_print(&raws[i], "%s[1,2]", head);
    if (i < 4)
      assert_int_equal(raw_reply(&raws[i]), 200);
  }
  for (unsigned i = 0; i < 4; i++) {
    struct pollfd fifth = {raws[4].fd, POLLIN, 0};

    raw_print(&raws[i], "%s[1,2]", head);
    assert_int_equal(raw_reply(&raws[i]), 200);
    assert_int_equal(poll(&fifth, 1, 0), 0);
  }
  raw_close(&raws[0]);
  assert_int_equal(raw_reply(&raws[4]), 200);
  for (unsigned i = 1; i < 5; i++)
    raw_close(&raws[i]);
  server_stop(&server);
}

/* ---- the command line ---- */

static void impossible_limits_are_refused(void **state)
{
  static const char *const wrong[] = {
      "--memory=heap",
      "--depth-limit=0",
      "--depth-limit=x",
      "--heap-limit=-1",
      "--heap-limit=1X",
      "--body-limit=",
      "--body-limit=99999999T",
      "--time-limit=0",
      "--time-limit=1h",
      "--stores=0",
      "--threads=0",
      "--max-connections=0",
      "--port=65536",
      "--port=http",
      "--listen=nowhere",
      "--listen=203.0.113.1",
      "--sessions=/no/such",
      "--sessions=ftp://x",
      "--unknown",
      "word",
  };

  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    server_expect_refusal((const char *const[]){wrong[i], NULL});
}

static void a_taken_port_is_refused(void **state)
{
  struct server server;
  char port[16];

  SERVER_START(&server, "--threads=1");
  snprintf(port, sizeof port, "--port=%d", server.port);
  server_expect_refusal((const char *const[]){port, NULL});
  server_stop(&server);
}

static void any_port(void **state)
{
  struct server server;
  struct raw raw;

  (void)state;
  SERVER_START(&server, "--threads=1", "--port=0");
  assert_int_not_equal(server.port, 0);
  raw_open(&raw, server.port);
  raw_close(&raw);
  server_stop(&server);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nesting_is_limited),
      cmocka_unit_test(hostile_nesting_is_refused),
      cmocka_unit_test(the_deepest_document_is_answered),
      cmocka_unit_test(nesting_of_queries_is_limited),
      cmocka_unit_test(bodies_are_limited),
      cmocka_unit_test(endless_bodies_are_cut_off),
      cmocka_unit_test(memory_is_limited),
      cmocka_unit_test(answers_are_limited),
      cmocka_unit_test(work_is_limited),
      cmocka_unit_test(stores_are_limited),
      cmocka_unit_test(connections_are_limited),
      cmocka_unit_test(impossible_limits_are_refused),
      cmocka_unit_test(a_taken_port_is_refused),
      cmocka_unit_test(any_port),
  };

  return helper_run(tests, NULL, NULL);
}
