/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A request as it arrives. What is wrong with it is remembered, and said when all of it
 * is there: the rest of its body is read and dropped, so that the client, which may not
 * read before it has written, gets to see the answer, and the connection can be used on.
 * Only what goes on for too long after that is answered at once, and cut off.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"
#include "metrics.h"
#include "http-text.h"

#define URI_MAX 8192
#define HEAD_MAX 12288        /* so that what is longer fits in a connection's memory, mostly */
#define DRAIN_BYTES (1 << 20) /* beyond the limit of bodies */
#define KEPT_BYTES (64 << 10) /* of an answer's memory, from one request to the next */

/* ---- the head ---- */

static enum method method_of(const char *name)
{
  static const struct {
    const char *name;
    enum method method;
  } methods[] = {{"GET", METHOD_GET},
                 {"HEAD", METHOD_GET},
                 {"POST", METHOD_POST},
                 {"PUT", METHOD_PUT},
                 {"DELETE", METHOD_DELETE}};

  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    if (strcmp(name, methods[i].name) == 0)
      return methods[i].method;
  return METHOD_OTHER;
}

static bool is_session_id(const char *id)
{
  size_t length = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

  return length >= 1 && length <= SESSION_ID_MAX && id[length] == '\0' && *id != '.';
}

static void find_route(struct request *request, const char *path)
{
  static const char sessions[] = "/session/";

  if (strcmp(path, "/query") == 0) {
    request->route = ROUTE_QUERY;
  } else if (strcmp(path, "/healthz") == 0) {
    request->route = ROUTE_HEALTHZ;
  } else if (strcmp(path, "/metrics") == 0) {
    request->route = ROUTE_METRICS;
  } else if (strncmp(path, sessions, strlen(sessions)) == 0) {
    const char *id = path + strlen(sessions);

    request->route = ROUTE_SESSION;
    if (is_session_id(id))
      strcpy(request->id, id);
    else
      request_fail(request, FAILURE_SESSION_ID,
                   "a session's name is 1 to %d of A-Z, a-z, 0-9, '.', '_' and '-', and does not "
                   "begin with '.'",
                   SESSION_ID_MAX);
  } else {
    request_fail(request, FAILURE_NOT_FOUND,
                 "there are /query, /session/ID, /healthz and /metrics");
  }
}

static void check_method(struct request *request, const char *name)
{
  bool allowed = request->route == ROUTE_QUERY     ? request->method == METHOD_POST
                 : request->route == ROUTE_SESSION ? request->method != METHOD_OTHER
                 : request->route == ROUTE_OTHER   ? true
                                                   : request->method == METHOD_GET;

  if (!allowed)
    request_fail(request, FAILURE_METHOD,
                 "%.32s is not for this resource; the header Allow says "
                 "what is",
                 name);
}

/* Where a body ends has to be said once: a proxy in front of us might see another end. */
static enum MHD_Result count_length(void *count, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
  if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
      strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
    ++*(unsigned *)count;
  return MHD_YES;
}

/* False: what comes is not to be read, since nobody knows where it ends, or it ends too
 * far away. */
static bool check_length(struct host *host, struct request *request, struct MHD_Connection *mhd)
{
  uint64_t most = host->options.body_bytes, declared = 0;
  const char *length;
  unsigned count = 0;

  (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, count_length, &count);
  if (count > 1)
    request_fail(request, FAILURE_HEADER,
                 "a request has one Content-Length, or one Transfer-Encoding");
  if (count == 0 && (request->method == METHOD_POST || request->method == METHOD_PUT))
    request_fail(request, FAILURE_LENGTH,
                 "a body is needed: say its Content-Length, or send it in chunks");
  length = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  if (length)
    declared = strtoull(length, NULL, 10);
  if (declared > most)
    request_fail(request, FAILURE_BODY, "the body has %llu bytes; allowed are %llu",
                 (unsigned long long)declared, (unsigned long long)most);
  return count <= 1 && (declared <= most || declared - most <= DRAIN_BYTES);
}

static void check_head(struct request *request, struct MHD_Connection *mhd, const char *version)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

  if (info && info->header_size > HEAD_MAX)
    request_fail(request, FAILURE_HEADERS, "the request's head has %zu bytes; allowed are %d",
                 info->header_size, HEAD_MAX);
  if (strcmp(version, MHD_HTTP_VERSION_1_1) == 0 &&
      !MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST))
    request_fail(request, FAILURE_HEADER, "a request of HTTP/1.1 has a header Host");
}

/* True: the library is to read what comes. */
static bool begin(struct host *host, struct request *request, struct MHD_Connection *mhd,
                  const char *path, const char *method, const char *version)
{
  bool readable;

  request->method = method_of(method);
  check_head(request, mhd, version);
  find_route(request, path);
  check_method(request, method);
  readable = check_length(host, request, mhd);
  if (!request->failed)
    return true;
  /* Who asks before sending is not made to send. */
  return readable && !MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);
}

const char *request_query(struct MHD_Connection *mhd, size_t *length)
{
  const char *query = NULL;

  if (MHD_lookup_connection_value_n(mhd, MHD_GET_ARGUMENT_KIND, "q", 1, &query, length) == MHD_NO) {
    *length = 1;
    return "@";
  }
  return query ? query : "";
}

/* ---- the body ---- */

static void give_back(struct request *request, const struct engine_interface *memory)
{
  if (request->store)
    memory->release(request->store);
  request->store = NULL;
}

static void take_document(struct host *host, struct request *request, const char *bytes,
                          size_t length)
{
  const struct engine_interface *memory = host->options.memory;
  struct problem problem = {0};

  if ((!request->store && !memory->acquire(host->engine, &request->store, &problem)) ||
      !memory->parse(request->store, bytes, length, &problem))
    request_problem(request, &problem);
}

static void keep_body(struct request *request, const char *bytes, size_t length)
{
  if (!bytes_append(&request->body, bytes, length))
    request_problem(request, &(struct problem){.kind = PROBLEM_BUSY, .message = "no memory"});
}

/* False: no more of it. */
static bool take_body(struct host *host, struct request *request, const char *bytes, size_t length)
{
  uint64_t most = host->options.body_bytes;

  request->received += length;
  if (request->received > most)
    request_fail(request, FAILURE_BODY, "the body has more than the %llu bytes that are allowed",
                 (unsigned long long)most);
  if (!request->failed && request->route == ROUTE_QUERY)
    take_document(host, request, bytes, length);
  else if (!request->failed && request->route == ROUTE_SESSION)
    keep_body(request, bytes, length);
  if (request->failed)
    give_back(request, host->options.memory);
  return request->received <= most || request->received - most <= DRAIN_BYTES;
}

/* ---- the answer ---- */

static void answer_query(struct host *host, struct request *request, struct MHD_Connection *mhd)
{
  const struct engine_interface *memory = host->options.memory;
  struct problem problem = {0};
  const char *query;
  size_t length;

  if (!request->store)
    take_document(host, request, "", 0);
  if (request->failed)
    return;
  query = request_query(mhd, &length);
  if (memory->parse_end(request->store, &problem) &&
      memory->ask(request->store, query, length, &problem) &&
      memory->write(request->store, &request->answer, &problem))
    request->status = MHD_HTTP_OK;
  else
    request_problem(request, &problem);
}

static void answer_health(struct host *host, struct request *request)
{
  bool stopping = atomic_load(&host->stopping);

  request->status = stopping ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
  if (!bytes_print(&request->answer, "{\"status\":\"%s\"}\n", stopping ? "stopping" : "ok"))
    request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
}

static void finish(struct host *host, struct request *request, struct MHD_Connection *mhd)
{
  if (request->failed)
    return;
  switch (request->route) {
  case ROUTE_QUERY:
    answer_query(host, request, mhd);
    break;
  case ROUTE_SESSION:
    session_handle(host, request, mhd);
    break;
  case ROUTE_HEALTHZ:
    answer_health(host, request);
    break;
  default:
    request->status = MHD_HTTP_OK;
    if (!metrics_write(host, &request->answer))
      request_problem(request, &(struct problem){.kind = PROBLEM_BUSY, .message = "no memory"});
  }
  /* A client that reads slowly has bytes that wait, but no store. */
  give_back(request, host->options.memory);
}

/* ---- the library's calls ---- */

void request_seen(struct connection *connection, const char *uri)
{
  struct request *request = &connection->request;
  size_t length = strlen(uri);
  const char *zero = strstr(uri, "%00");

  if (length > URI_MAX)
    request_fail(request, FAILURE_URI, "the URI has %zu bytes; allowed are %d", length, URI_MAX);
  /* The library decodes the path, which would end there. */
  if (zero && zero < uri + strcspn(uri, "?"))
    request_fail(request, FAILURE_NOT_FOUND, "no path has a zero byte");
  (void)connection_enter(connection, PHASE_IDLE, PHASE_ARRIVING);
}

enum MHD_Result request_handle(struct host *host, struct connection *connection,
                               struct MHD_Connection *mhd, const char *path, const char *method,
                               const char *version, const char *bytes, size_t *length)
{
  struct request *request = &connection->request;
  size_t count = *length;

  *length = 0;
  if (!connection->seen) {
    connection->seen = true;
    request->began = http_now();
    if (begin(host, request, mhd, path, method, version))
      return MHD_YES;
  } else if (count > 0) {
    if (take_body(host, request, bytes, count))
      return MHD_YES;
    if (connection_enter(connection, PHASE_ARRIVING, PHASE_ANSWERING))
      request_answer_at_once(request, connection->socket);
    return MHD_NO;
  }
  if (!connection_enter(connection, PHASE_ARRIVING, PHASE_ANSWERING))
    return MHD_NO;
  finish(host, request, mhd);
  return request_answer(host, request, mhd);
}

void request_over(struct host *host, struct connection *connection)
{
  struct request *request = &connection->request;
  struct bytes kept = request->answer;

  give_back(request, host->options.memory);
  bytes_free(&request->body);
  if (atomic_load(&connection->late))
    request->status = MHD_HTTP_REQUEST_TIMEOUT;
  if (connection->seen)
    metrics_request(request->route, request->status, http_now() - request->began);
  connection->seen = false;
  if (kept.capacity > KEPT_BYTES)
    bytes_free(&kept);
  *request = (struct request){.answer = {.at = kept.at, .capacity = kept.capacity}};
  (void)connection_enter(connection, PHASE_ANSWERING, PHASE_IDLE);
}
