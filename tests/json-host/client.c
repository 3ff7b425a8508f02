/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Requests and answers, by libcurl. */
#include "tests/json-host/client.h"
#include "tests/json-host/child.h"
#include "tests/helper.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void client_open(struct client *client, uint16_t port)
{
  static bool ready;

  if (!ready)
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), 0);
  ready = true;
  memset(client, 0, sizeof *client);
  client->curl = curl_easy_init();
  client->port = port;
  assert_non_null(client->curl);
}

void client_close(struct client *client)
{
  curl_easy_cleanup(client->curl);
  free(client->reply.body);
  memset(client, 0, sizeof *client);
}

/* ---- asking ---- */

static size_t take_body(char *bytes, size_t one, size_t length, void *context)
{
  struct reply *reply = context;
  char *body = realloc(reply->body, reply->length + length + 1);

  if (body == NULL)
    return 0;
  memcpy(body + reply->length, bytes, length);
  reply->body = body;
  reply->length += length;
  body[reply->length] = '\0';
  return length;
}

static const char *header_of(CURL *curl, const char *name)
{
  struct curl_header *header;

  return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value
                                                                                 : "";
}

static void read_reply(CURL *curl, struct reply *reply)
{
  long status = 0;

  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply->status = (int)status;
  if (sscanf(header_of(curl, "ETag"), "\"%" SCNu64 "\"", &reply->version) != 1)
    reply->version = 0;
  reply->replayed = strcmp(header_of(curl, "Idempotent-Replay"), "true") == 0;
  snprintf(reply->type, sizeof reply->type, "%s", header_of(curl, "Content-Type"));
  snprintf(reply->allow, sizeof reply->allow, "%s", header_of(curl, "Allow"));
}

static struct curl_slist *headers_of(const struct request *request)
{
  struct curl_slist *headers = NULL;
  char line[256];

  /* No waiting for "100 Continue". */
  headers = curl_slist_append(headers, "Expect:");
  headers = curl_slist_append(headers, "Content-Type: application/json");
  if (request->chunked)
    headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
  if (request->if_match != NULL) {
    snprintf(line, sizeof line, "If-Match: %s", request->if_match);
    headers = curl_slist_append(headers, line);
  }
  if (request->key != NULL) {
    snprintf(line, sizeof line, "Idempotency-Key: %s", request->key);
    headers = curl_slist_append(headers, line);
  }
  return headers;
}

static char *url_of(const struct client *client, const struct request *request)
{
  char *query = NULL, *url = NULL;
  int length;

  if (request->query != NULL)
    query = curl_easy_escape(client->curl, request->query, (int)strlen(request->query));
  length = asprintf(&url, "http://127.0.0.1:%d%s%s%s", client->port, request->path,
                    query ? "?q=" : "", query ? query : "");
  curl_free(query);
  return length < 0 ? NULL : url;
}

int client_ask(struct client *client, const struct request *request)
{
  CURL *curl = client->curl;
  struct curl_slist *headers = headers_of(request);
  char *url = url_of(client, request);
  CURLcode result;

  free(client->reply.body);
  memset(&client->reply, 0, sizeof client->reply);
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PATIENCE_SECONDS);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &client->reply);
  if (request->body != NULL) {
    size_t length = request->length ? request->length : strlen(request->body);

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
  }
  if (strcmp(request->method, "HEAD") == 0)
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
  result = url == NULL ? CURLE_OUT_OF_MEMORY : curl_easy_perform(curl);
  if (result == CURLE_OK)
    read_reply(curl, &client->reply);
  curl_slist_free_all(headers);
  free(url);
  return client->reply.status;
}

int client_query(struct client *client, const char *query, const char *document)
{
  struct request request = {.method = "POST", .path = "/query", .query = query, .body = document};

  return client_ask(client, &request);
}

/* ---- expecting ---- */

void client_expect(const struct client *client, int status, const char *body)
{
  const struct reply *reply = &client->reply;
  const char *got = reply->body ? reply->body : "";

  if (reply->status != status || strcmp(got, body) != 0)
    fail_msg("answered %d \"%s\" in place of %d \"%s\"", reply->status, got, status, body);
  assert_string_equal(reply->type, "application/json");
}

void client_expect_error(const struct client *client, int status, const char *kind)
{
  const struct reply *reply = &client->reply;

  if (reply->status != status)
    fail_msg("answered %d \"%s\" in place of %d and an error of kind %s", reply->status,
             reply->body ? reply->body : "", status, kind);
  assert_string_equal(reply->type, "application/json");
  (void)client_check_error(reply->body ? reply->body : "", kind);
}

long long client_check_error(const char *body, const char *kind)
{
  char got[32] = "";
  int start = 0, length = 0;
  long long at = -1;

  if (sscanf(body, "{\"error\":{\"kind\":\"%31[a-z_]\",\"message\":\"%n", got, &start) != 1 ||
      start == 0)
    fail_msg("no error as errors are written: %s", body);
  if (strcmp(got, kind) != 0)
    fail_msg("an error of kind %s in place of %s: %s", got, kind, body);
  /* The message: a sentence, so more than a word. */
  for (length = start; body[length] != '\0' && body[length] != '"'; length++)
    length += body[length] == '\\';
  assert_true(length - start > 10);
  if (strcmp(body + length, "\"}}\n") == 0)
    return -1;
  start = 0;
  if (sscanf(body + length, "\",\"at\":%lld}}%n", &at, &start) != 1 || start == 0 || at < 0 ||
      strcmp(body + length + start, "\n") != 0)
    fail_msg("no error as errors are written: %s", body);
  return at;
}

/* ---- metrics ---- */

double client_metric(struct client *client, const char *sample)
{
  struct request request = {.method = "GET", .path = "/metrics"};
  const char *line;
  size_t length = strlen(sample);

  assert_int_equal(client_ask(client, &request), 200);
  for (line = client->reply.body; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, sample, length) == 0 && line[length] == ' ')
      return strtod(line + length, NULL);
  }
  return 0; /* not counted yet */
}

void client_await_metric(struct client *client, const char *sample, double value)
{
  for (int tries = 0; client_metric(client, sample) != value; tries++) {
    if (tries == PATIENCE_SECONDS * 200)
      fail_msg("%s is not %g after %d s", sample, value, PATIENCE_SECONDS);
    usleep(5000);
  }
}
