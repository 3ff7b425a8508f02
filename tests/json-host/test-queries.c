/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Queries as they come over HTTP: percent-encoded, left out, and such that do not
 * parse. Both memories answer the same. (What queries mean is tested in-process.)
 */
#include "tests/json-host/canary.h"
#include "tests/json-host/raw.h"
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <stdio.h>
#include <string.h>

struct served {
  struct server server;
  struct client client;
  struct canary canary;
};

static struct served both[2];

static int open_both(void **state)
{
  static const char *const memories[] = {"--memory=slotheap", "--memory=malloc"};

  for (unsigned i = 0; i < 2; i++) {
    SERVER_START(&both[i].server, memories[i], "--threads=2");
    client_open(&both[i].client, both[i].server.port);
    canary_start(&both[i].canary, both[i].server.port);
  }
  return 0;
}

static int close_both(void **state)
{
  for (unsigned i = 0; i < 2; i++) {
    canary_stop(&both[i].canary);
    client_close(&both[i].client);
    server_stop(&both[i].server);
  }
  return 0;
}

#define DOCUMENT                                                                                   \
  "{\"a\": {\"b\": [1, 2.5, \"x\", null, true]}, \"\xc3\xa9\": \"\xe2\x82\xac\", \"a b\": 7,"      \
  " \"c&d\": 8, \"e=f\": 9, \"g+h\": 10, \"l\": [{\"n\": 3}, {\"n\": 1}, {\"n\": 2}]}"

static void queries_are_answered(void **state)
{
  static const struct {
    const char *query, *answer;
  } good[] = {
      {"a.b", "[1,2.5,\"x\",null,true]"},
      {"a.b[1]", "2.5"},
      {"a.b[-1]", "true"},
      {"a.b[::-1]", "[true,\"x\",2.5,1]"},
      {"missing", "null"},
      {"\"\xc3\xa9\"", "\"\xe2\x82\xac\""},
      {"\"\\u00e9\"", "\"\xe2\x82\xac\""},
      {"\"a b\"", "7"},
      {"\"c&d\"", "8"},
      {"\"e=f\"", "9"},
      {"\"g+h\"", "10"},
      {"l[?n > `1`].n", "[3,2]"},
      {"sort_by(l, &n)[*].n", "[1,2,3]"},
      {"{x: a.b[0], y: length(l)}", "{\"x\":1,\"y\":3}"},
      {"l[].n | [0]", "3"},
      {"'100% #/?'", "\"100% #/?\""},
      {" a . b [ 0 ] ", "1"},
  };

  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    for (unsigned memory = 0; memory < 2; memory++) {
      client_query(&both[memory].client, good[i].query, DOCUMENT);
      client_expect(&both[memory].client, 200, good[i].answer);
    }
}

/* Without q the answer is the document. */
static void a_query_may_be_left_out(void **state)
{
  for (unsigned memory = 0; memory < 2; memory++) {
    client_query(&both[memory].client, NULL, "[ 1 , 2 ]");
    client_expect(&both[memory].client, 200, "[1,2]");
    client_query(&both[memory].client, "", "[1,2]");
    client_expect_error(&both[memory].client, 400, "query");
  }
}

static void queries_that_do_not_parse_are_refused(void **state)
{
  static const char *const bad[] = {
      "[",          "]",           "(",
      ")",          "{",           "}",
      ".",          "a.",          ".a",
      "a..b",       "a[",          "a[0",
      "a[0:1:2:3]", "a[x]",        "a[1.5]",
      "a[-]",       "a]",          "a b",
      "a,b",        "[a",          "[a,",
      "[a,]",       "{a}",         "{a:}",
      "{a:b,}",     "{:a}",        "f(",
      "f(a",        "f(a,",        "f(a,)",
      "f(,a)",      "a |",         "| a",
      "a ||",       "|| a",        "a &&",
      "&& a",       "a ==",        "== a",
      "a = b",      "!",           "a[?",
      "a[?]",       "a[?b",        "a[?b==]",
      "'a",         "\"a",         "`1",
      "`{`",        "`[1,]`",      "`01`",
      "\"\\x\"",    "\"\\ud800\"", "a#b",
      "a$",         "1",           "-1",
      "a.1",        "*a",          "a.*b",
      "[*",         "[*]a",        "@a",
      "@@",         "&a",          "a\x01",
      "\xff",       "'\xff'",      "\"\xc0\x80\"",
      "\xc3\xa9",   "a.[",         "a.{",
      "a.'b'",      "a.`1`",       "()",
      "{\"a\" 1}",  "a;b",         "a?b",
      "a~b",        "a[?b=c]",
  };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    long long at[2];

    for (unsigned memory = 0; memory < 2; memory++) {
      struct client *client = &both[memory].client;
      int status = client_query(client, bad[i], "{\"a\": [1]}");

      if (status != 400)
        fail_msg("%s: %d %s", bad[i], status, client->reply.body);
      at[memory] = client_check_error(client->reply.body, "query");
      if (at[memory] < 0 || at[memory] > (long long)strlen(bad[i]))
        fail_msg("%s: an error at byte %lld", bad[i], at[memory]);
    }
    assert_int_equal(at[0], at[1]);
  }
}

static void queries_without_an_answer_are_refused(void **state)
{
  static const char *const bad[] = {"abs('x')",         "length(`1`)", "sum(['x'])",
                                    "sort(['x', `1`])", "keys(`1`)",   "join(`1`, ['x'])"};

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    for (unsigned memory = 0; memory < 2; memory++) {
      client_query(&both[memory].client, bad[i], "{}");
      client_expect_error(&both[memory].client, 422, "evaluation");
    }
}

/* As it stands in the request line. */
static void expect_raw(const char *query, int status, const char *body)
{
  for (unsigned memory = 0; memory < 2; memory++) {
    struct raw raw;
    int got;

    raw_open(&raw, both[memory].server.port);
    raw_print(&raw, "POST /query%s HTTP/1.1\r\nHost: t\r\nContent-Length: 15\r\n\r\n%s", query,
              "{\"a\":1,\"b c\":2}");
    got = raw_reply(&raw);
    if (got != status || (body != NULL && strcmp(raw.body, body) != 0))
      fail_msg("%s: %d %s", query, got, raw.body);
    raw_close(&raw);
  }
}

static void encodings_of_the_query_are_read(void **state)
{
  expect_raw("?q=a", 200, "1");
  expect_raw("?q=%61", 200, "1");
  expect_raw("?q=%22b%20c%22", 200, "2");
  expect_raw("?q=%22b+c%22", 200, "2");
  expect_raw("?x=y&q=a", 200, "1");
  expect_raw("?x=y", 200, "{\"a\":1,\"b c\":2}");
  expect_raw("?", 200, "{\"a\":1,\"b c\":2}");
  expect_raw("?q", 400, NULL);
  expect_raw("?q=", 400, NULL);
  expect_raw("?q=a%00b", 400, NULL);
  expect_raw("?q=%FF", 400, NULL);
  expect_raw("?q=%C3", 400, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(queries_are_answered),
      cmocka_unit_test(a_query_may_be_left_out),
      cmocka_unit_test(queries_that_do_not_parse_are_refused),
      cmocka_unit_test(queries_without_an_answer_are_refused),
      cmocka_unit_test(encodings_of_the_query_are_read),
  };

  return helper_run(tests, open_both, close_both);
}
