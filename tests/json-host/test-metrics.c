/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * /metrics is Prometheus' text format, and its figures are what happened.
 */
#include "tests/json-host/client.h"
#include "tests/json-host/raw.h"
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
  struct server server;
  struct client client;
};

static int open_fixture(void **state)
{
  struct fixture *fixture = calloc(1, sizeof *fixture);
  char *directory = child_directory();
  char option[256];

  assert_non_null(fixture);
  *state = fixture;
  snprintf(option, sizeof option, "--sessions=%s", directory);
  free(directory);
  SERVER_START(&fixture->server, "--threads=2", option);
  client_open(&fixture->client, fixture->server.port);
  return 0;
}

static int close_fixture(void **state)
{
  struct fixture *fixture = *state;

  client_close(&fixture->client);
  server_stop(&fixture->server);
  free(fixture);
  return 0;
}

/* ---- the text ---- */

static size_t name_length(const char *text)
{
  size_t length = 0;

  while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == ':')
    length++;
  return length > 0 && isdigit((unsigned char)text[0]) ? 0 : length;
}

/* {name="value",...}: where it ends; NULL: it is no such thing. */
static const char *skip_labels(const char *text)
{
  do {
    size_t name = name_length(++text);

    if (name == 0 || text[name] != '=' || text[name + 1] != '"')
      return NULL;
    for (text += name + 2; *text != '"'; text++)
      if (*text == '\0' || (*text == '\\' && *++text == '\0'))
        return NULL;
    text++;
  } while (*text == ',');
  return *text == '}' ? text + 1 : NULL;
}

/* The metric of the "# TYPE" line before it. */
struct metric {
  char name[128];
  char type[16];
};

static bool is_of(const struct metric *metric, const char *name, size_t length)
{
  static const char *const parts[] = {"_bucket", "_sum", "_count"};
  size_t own = strlen(metric->name);

  if (own > length || strncmp(metric->name, name, own) != 0)
    return false;
  if (own == length)
    return strcmp(metric->type, "histogram") != 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strcmp(metric->type, "histogram") == 0 && length - own == strlen(parts[i]) &&
        strncmp(name + own, parts[i], length - own) == 0)
      return true;
  return false;
}

static void check_line(const char *line, struct metric *metric)
{
  size_t length = name_length(line);
  const char *next = line + length;
  char *end;

  if (strncmp(line, "# HELP ", 7) == 0)
    return;
  if (sscanf(line, "# TYPE %127s %15s", metric->name, metric->type) == 2) {
    assert_true(strcmp(metric->type, "counter") == 0 || strcmp(metric->type, "gauge") == 0 ||
                strcmp(metric->type, "histogram") == 0);
    return;
  }
  if (length == 0 || !is_of(metric, line, length))
    fail_msg("a sample that is not of %s: %s", metric->name, line);
  if (*next == '{')
    next = skip_labels(next);
  if (next == NULL || *next != ' ')
    fail_msg("no labels: %s", line);
  if (strtod(next, &end) < 0 || end == next + 1 || *end != '\0')
    fail_msg("no figure: %s", line);
}

static void the_format_is_prometheus(void **state)
{
  struct fixture *fixture = *state;
  struct request request = {.method = "GET", .path = "/metrics"};
  struct metric metric = {"", ""};
  char *line, *next;
  unsigned lines = 0;

  client_query(&fixture->client, NULL, "[");
  client_query(&fixture->client, NULL, "[]");
  assert_int_equal(client_ask(&fixture->client, &request), 200);
  assert_string_equal(fixture->client.reply.type, "text/plain; version=0.0.4");
  next = fixture->client.reply.body;
  assert_int_equal(next[strlen(next) - 1], '\n');
  while ((line = strsep(&next, "\n")) != NULL && next != NULL) {
    check_line(line, &metric);
    lines++;
  }
  assert_true(lines > 50);
}

/* ---- the figures ---- */

static void expect_metric(struct fixture *fixture, const char *sample, double value)
{
  /* A request is counted after its answer was sent. */
  client_await_metric(&fixture->client, sample, value);
}

static void requests_are_counted_by_route_and_status(void **state)
{
  struct fixture *fixture = *state;
  struct request put = {.method = "PUT", .path = "/session/s", .body = "{}"};
  struct request get = {.method = "GET", .path = "/session/s"};
  struct request nowhere = {.method = "GET", .path = "/nowhere"};

  for (unsigned i = 0; i < 7; i++)
    client_query(&fixture->client, "a", "{\"a\":1}");
  for (unsigned i = 0; i < 3; i++)
    client_query(&fixture->client, "a", "{\"a\":1");
  for (unsigned i = 0; i < 2; i++)
    client_query(&fixture->client, "a[", "1");
  client_query(&fixture->client, "a", "{\"a\":1,\"a\":2}");
  client_ask(&fixture->client, &put);
  client_ask(&fixture->client, &get);
  client_ask(&fixture->client, &get);
  client_ask(&fixture->client, &nowhere);
  expect_metric(fixture, "json_host_requests_total{route=\"query\",status=\"200\"}", 7);
  expect_metric(fixture, "json_host_requests_total{route=\"query\",status=\"400\"}", 5);
  expect_metric(fixture, "json_host_requests_total{route=\"query\",status=\"422\"}", 1);
  expect_metric(fixture, "json_host_requests_total{route=\"session\",status=\"201\"}", 1);
  expect_metric(fixture, "json_host_requests_total{route=\"session\",status=\"200\"}", 2);
  expect_metric(fixture, "json_host_requests_total{route=\"other\",status=\"404\"}", 1);
  expect_metric(fixture, "json_host_problems_total{kind=\"syntax\"}", 3);
  expect_metric(fixture, "json_host_problems_total{kind=\"query\"}", 2);
  expect_metric(fixture, "json_host_problems_total{kind=\"duplicate\"}", 1);
  expect_metric(fixture, "json_host_problems_total{kind=\"not_found\"}", 1);
  expect_metric(fixture, "json_host_sessions_total{event=\"updated\"}", 1);
  expect_metric(fixture, "json_host_sessions_total{event=\"read\"}", 2);
  expect_metric(fixture, "json_host_stores_live", 0);
  assert_true(client_metric(&fixture->client, "json_host_stores_taken_total") >= 13);
}

/* A client that goes in the middle has no status, but is counted. */
static void requests_without_an_answer_are_counted(void **state)
{
  struct fixture *fixture = *state;

  for (unsigned i = 0; i < 4; i++) {
    struct raw raw;

    raw_open(&raw, fixture->server.port);
    raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n[");
    expect_metric(fixture, "json_host_stores_live", 1);
    raw_abort(&raw);
    expect_metric(fixture, "json_host_stores_live", 0);
  }
  expect_metric(fixture, "json_host_requests_total{route=\"query\",status=\"0\"}", 4);
}

/* What is wrong is said when all has come, but the store does not wait for that. */
static void refused_documents_hold_no_store(void **state)
{
  struct fixture *fixture = *state;
  double taken = client_metric(&fixture->client, "json_host_stores_taken_total");
  struct raw raw;

  raw_open(&raw, fixture->server.port);
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n]");
  expect_metric(fixture, "json_host_stores_taken_total", taken + 1);
  expect_metric(fixture, "json_host_stores_live", 0);
  raw_print(&raw, "1234");
  assert_int_equal(raw_reply(&raw), 400);
  client_check_error(raw.body, "syntax");
  raw_close(&raw);
}

/* Each bucket has what the one before it has; the last has all. */
static void the_histogram_adds_up(void **state)
{
  struct fixture *fixture = *state;
  const char *line;
  double before = 0;
  unsigned buckets = 0;

  for (unsigned i = 0; i < 25; i++)
    client_query(&fixture->client, "a", "{\"a\":1}");
  expect_metric(fixture, "json_host_request_seconds_count{route=\"query\"}", 25);
  expect_metric(fixture, "json_host_request_seconds_bucket{route=\"query\",le=\"+Inf\"}", 25);
  assert_true(client_metric(&fixture->client, "json_host_request_seconds_sum{route=\"query\"}") >
              0);
  line = fixture->client.reply.body;
  while ((line = strstr(line, "json_host_request_seconds_bucket{route=\"query\",le=")) != NULL) {
    double count;

    assert_int_equal(sscanf(line, "%*s %lf", &count), 1);
    assert_true(count >= before);
    before = count;
    buckets++;
    line++;
  }
  assert_true(buckets > 5);
  assert_true(before == 25);
}

static void memory_is_told(void **state)
{
  struct fixture *fixture = *state;
  double written = client_metric(&fixture->client, "json_host_heap_bytes_total");

  client_query(&fixture->client, "length(@)", "[1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5]");
  client_expect(&fixture->client, 200, "8");
  assert_true(client_metric(&fixture->client, "json_host_heap_bytes_total") >= written + 64);
  assert_true(client_metric(&fixture->client, "process_resident_memory_bytes") > 1 << 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
  const struct CMUnitTest tests[] = {
      TEST(the_format_is_prometheus),
      TEST(requests_are_counted_by_route_and_status),
      TEST(requests_without_an_answer_are_counted),
      TEST(refused_documents_hold_no_store),
      TEST(the_histogram_adds_up),
      TEST(memory_is_told),
  };

  return helper_run(tests, NULL, NULL);
}
