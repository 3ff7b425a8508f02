/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What is JSON and what is not, by the list in rfc8259.txt, with both memories, in
 * one piece and in pieces of a byte.
 */
#include "tests/json-host/client.h"
#include "tests/json-host/raw.h"
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rule {
  unsigned line;
  enum {
    ACCEPT,
    REJECT,
    LIMIT
  } verdict;
  char *text; /* decoded */
  size_t length;
  char *answer; /* ends with 0 */
};

struct list {
  struct rule *rules;
  size_t count;
};

/* ---- the list ---- */

/* Decodes %HH in place. Returns the length. */
static size_t decode(char *text)
{
  char *to = text;

  for (const char *from = text; *from != '\0';) {
    unsigned byte;

    if (*from == '%' && isxdigit((unsigned char)from[1]) && sscanf(from + 1, "%2x", &byte) == 1) {
      *to++ = (char)byte;
      from += 3;
    } else {
      *to++ = *from++;
    }
  }
  *to = '\0';
  return (size_t)(to - text);
}

static void add_rule(struct list *list, unsigned number, char *line)
{
  static const char *const verdicts[] = {"accept", "reject", "limit"};
  struct rule *rule;
  char word[8], *answer;
  int start = 0;

  list->rules = realloc(list->rules, (list->count + 1) * sizeof *list->rules);
  assert_non_null(list->rules);
  rule = &list->rules[list->count++];
  if (sscanf(line, "%7s %*[0-9.]%n", word, &start) != 1 || start == 0 || line[start++] != ' ')
    fail_msg("rfc8259.txt:%u: neither a rule nor a comment", number);
  rule->line = number;
  rule->verdict = ACCEPT;
  while (strcmp(word, verdicts[rule->verdict]) != 0)
    if (++rule->verdict > LIMIT)
      fail_msg("rfc8259.txt:%u: not accept, reject or limit", number);
  answer = strstr(line + start, " => ");
  if (answer != NULL)
    *answer = '\0';
  rule->text = strdup(line + start);
  rule->answer = strdup(answer ? answer + strlen(" => ") : line + start);
  assert_true(rule->text != NULL && rule->answer != NULL);
  rule->length = decode(rule->text);
  decode(rule->answer);
}

static int read_list(void **state)
{
  char *name = child_source("tests/json-host/rfc8259.txt");
  char *text = child_read_file(name), *line, *next = text;
  struct list *list = calloc(1, sizeof *list);
  unsigned number = 0;

  assert_non_null(list);
  while (number++, (line = strsep(&next, "\n")) != NULL)
    if (*line != '\0' && *line != '#')
      add_rule(list, number, line);
  free(text);
  free(name);
  *state = list;
  return 0;
}

static int free_list(void **state)
{
  struct list *list = *state;

  for (size_t i = 0; i < list->count; i++) {
    free(list->rules[i].text);
    free(list->rules[i].answer);
  }
  free(list->rules);
  free(list);
  return 0;
}

/* ---- the server's opinion ---- */

/* Where the error is; -1: none. */
static long long check(const struct rule *rule, int status, const char *body)
{
  static const int statuses[] = {[ACCEPT] = 200, [REJECT] = 400, [LIMIT] = 422};
  long long at;

  if (status != statuses[rule->verdict])
    fail_msg("rfc8259.txt:%u: %d %s", rule->line, status, body);
  if (rule->verdict == ACCEPT) {
    if (strcmp(body, rule->answer) != 0)
      fail_msg("rfc8259.txt:%u: answered %s, not %s", rule->line, body, rule->answer);
    return -1;
  }
  at = client_check_error(body, rule->verdict == REJECT         ? "syntax"
                                : strstr(body, "\"duplicate\"") ? "duplicate"
                                                                : "number");
  if (at < 0 || at > (long long)rule->length)
    fail_msg("rfc8259.txt:%u: an error at byte %lld: %s", rule->line, at, body);
  return at;
}

static long long ask_at_once(struct client *client, const struct rule *rule)
{
  struct request request = {
      .method = "POST", .path = "/query", .body = rule->text, .length = rule->length};
  int status = client_ask(client, &request);

  return check(rule, status, client->reply.body ? client->reply.body : "");
}

/* Each byte a chunk (RFC 9112, 7.1), so that each comes to the parser by itself. */
static long long ask_by_bytes(uint16_t port, const struct rule *rule)
{
  struct raw raw;
  char *chunks = malloc(rule->length * 6 + 6), *end = chunks;
  int status;
  long long at;

  assert_non_null(chunks);
  for (size_t i = 0; i < rule->length; i++) {
    memcpy(end, "1\r\n?\r\n", 6);
    end[3] = rule->text[i];
    end += 6;
  }
  memcpy(end, "0\r\n\r\n", 5);
  raw_open(&raw, port);
  /* The server may have refused before all is sent. */
  raw_print(&raw, "POST /query HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  raw_send(&raw, chunks, (size_t)(end + 5 - chunks));
  status = raw_reply(&raw);
  at = check(rule, status, raw.body ? raw.body : "");
  raw_close(&raw);
  free(chunks);
  return at;
}

static void check_list(const struct list *list, const char *memory)
{
  struct server server;
  struct client client;

  SERVER_START(&server, memory);
  client_open(&client, server.port);
  for (size_t i = 0; i < list->count; i++) {
    const struct rule *rule = &list->rules[i];
    long long at = ask_at_once(&client, rule), by_bytes = ask_by_bytes(server.port, rule);

    if (at != by_bytes)
      fail_msg("rfc8259.txt:%u: an error at %lld, but at %lld if it comes byte by byte", rule->line,
               at, by_bytes);
  }
  client_close(&client);
  server_stop(&server);
}

static void rules_hold_in_heaps(void **state)
{
  check_list(*state, "--memory=slotheap");
}

static void rules_hold_in_malloc(void **state)
{
  check_list(*state, "--memory=malloc");
}

/* A request without a body has no text, so none that is JSON. */
static void an_empty_text_is_rejected(void **state)
{
  static const char *const memories[] = {"--memory=slotheap", "--memory=malloc"};

  for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
    struct server server;
    struct raw raw;

    SERVER_START(&server, memories[i]);
    raw_open(&raw, server.port);
    raw_print(&raw, "POST /query HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(raw_reply(&raw), 400);
    assert_int_equal(client_check_error(raw.body, "syntax"), 0);
    raw_close(&raw);
    raw_open(&raw, server.port);
    raw_print(&raw, "POST /query HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "0\r\n\r\n");
    assert_int_equal(raw_reply(&raw), 400);
    assert_int_equal(client_check_error(raw.body, "syntax"), 0);
    raw_close(&raw);
    server_stop(&server);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rules_hold_in_heaps),
      cmocka_unit_test(rules_hold_in_malloc),
      cmocka_unit_test(an_empty_text_is_rejected),
  };

  return helper_run(tests, read_list, free_list);
}
