/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Answers, and errors as JSON. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "http.h"
#include "metrics.h"
#include "http-text.h"

/* ---- failures ---- */

void request_problem(struct request *request, const struct problem *problem)
{
  if (request->failed)
    return;
  request->failed = true;
  request->failure.kind = (int)problem->kind;
  request->failure.at = problem->at;
  snprintf(request->failure.message, sizeof request->failure.message, "%s", problem->message);
}

void request_fail(struct request *request, enum failure_kind kind, const char *format, ...)
{
  va_list arguments;

  if (request->failed)
    return;
  request->failed = true;
  request->failure.kind = (int)kind;
  va_start(arguments, format);
  vsnprintf(request->failure.message, sizeof request->failure.message, format, arguments);
  va_end(arguments);
}

/* Without memory the answer is empty. */
static void write_failure(struct request *request)
{
  const struct failure *failure = &request->failure;
  struct bytes *text = &request->answer;
  bool ok;

  metrics_failure(failure->kind);
  request->status = failure_status(failure->kind);
  text->length = 0;
  ok = bytes_print(text, "{\"error\":{\"kind\":\"%s\",\"message\":", failure_name(failure->kind)) &&
       bytes_print_string(text, failure->message);
  if (ok && failure_has_place(failure->kind))
    ok = bytes_print(text, ",\"at\":%" PRIu64, failure->at);
  if (!ok || !bytes_print(text, "}}\n"))
    text->length = 0;
}

/* ---- answers ---- */

static const char *allowed_methods(enum route route)
{
  return route == ROUTE_QUERY     ? "POST"
         : route == ROUTE_SESSION ? "GET, HEAD, PUT, POST, DELETE"
                                  : "GET, HEAD";
}

static bool add_headers(struct host *host, const struct request *request,
                        struct MHD_Response *response)
{
  const char *type = request->route == ROUTE_METRICS && request->status == MHD_HTTP_OK
                         ? "text/plain; version=0.0.4"
                         : "application/json";
  bool ok = request->status == MHD_HTTP_NO_CONTENT ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES;
  char tag[32];

  if (request->version != 0) {
    snprintf(tag, sizeof tag, "\"%" PRIu64 "\"", request->version);
    ok = ok && MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag) == MHD_YES;
  }
  if (request->replayed)
    ok = ok && MHD_add_response_header(response, "Idempotent-Replay", "true") == MHD_YES;
  if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
    ok = ok && MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                       allowed_methods(request->route)) == MHD_YES;
  if (request->failed &&
      (request->failure.kind == PROBLEM_BUSY || request->failure.kind == FAILURE_SESSIONS))
    ok = ok && MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1") == MHD_YES;
  if (atomic_load(&host->stopping))
    ok = ok && MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
  return ok;
}

enum MHD_Result request_answer(struct host *host, struct request *request,
                               struct MHD_Connection *mhd)
{
  enum MHD_Result result = MHD_NO;
  struct MHD_Response *response;

  if (request->failed)
    write_failure(request);
  /* The bytes stay where they are until request_over. */
  response = MHD_create_response_from_buffer(request->answer.length, request->answer.at,
                                             MHD_RESPMEM_PERSISTENT);
  if (response && add_headers(host, request, response))
    result = MHD_queue_response(mhd, (unsigned)request->status, response);
  if (response)
    MHD_destroy_response(response);
  if (result == MHD_NO)
    request->status = 0;
  return result;
}

void request_answer_at_once(struct request *request, int socket)
{
  struct bytes whole = {0};

  write_failure(request);
  /* One packet, to a client that has been sent nothing yet: if it does not fit, that
   * client is lost anyway. */
  if (bytes_print(&whole,
                  "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                  "Connection: close\r\n\r\n%.*s",
                  request->status, MHD_get_reason_phrase_for((unsigned)request->status),
                  request->answer.length, (int)request->answer.length, request->answer.at) &&
      send(socket, whole.at, whole.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    request->status = 0;
  bytes_free(&whole);
}
