/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A request that names a session resumes its store, asks or updates, and if it updates,
 * suspends it to where sessions are kept. Nothing of a session stays in this process in
 * between, so any process may serve the next request.
 *
 * An update is tried on the version that is there; if another one is faster, again on
 * the version that that made, unless the client named a version by If-Match.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "metrics.h"
#include "http-text.h"

struct call {
  struct host *host;
  struct request *request;
  const char *query;
  size_t query_length;
  const char *if_match; /* NULL: any version */
  const char *key;      /* Idempotency-Key, or NULL */
  uint64_t deadline;
  struct store *store; /* the session's */
  uint64_t version;    /* of it; 0: there is no session */
};

static const struct engine_interface *memory_of(const struct call *call)
{
  return call->host->options.memory;
}

/* Says why; for functions that return whether they worked. */
static bool problem_is(struct call *call, const struct problem *problem)
{
  request_problem(call->request, problem);
  return false;
}

/* ---- headers ---- */

static bool is_key(const char *key)
{
  size_t length = strlen(key);

  for (size_t i = 0; i < length; i++)
    if (key[i] < 0x20 || key[i] > 0x7e)
      return false;
  return length >= 1 && length <= STORE_REQUEST_ID_MAX;
}

/* Whether If-Match lists this version: our tags have no blank and no comma. */
static bool lists_version(const char *list, uint64_t version)
{
  static const char separators[] = ", \t";
  char tag[32];
  size_t length;

  snprintf(tag, sizeof tag, "\"%" PRIu64 "\"", version);
  for (list += strspn(list, separators); *list; list += strspn(list, separators)) {
    length = strcspn(list, separators);
    if ((length == 1 && *list == '*') || (length == strlen(tag) && strncmp(list, tag, length) == 0))
      return true;
    list += length;
  }
  return false;
}

static bool read_headers(struct call *call, struct MHD_Connection *mhd)
{
  call->if_match = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_MATCH);
  call->key = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Idempotency-Key");
  if (call->key && !is_key(call->key))
    request_fail(call->request, FAILURE_HEADER,
                 "an Idempotency-Key has 1 to %d printable characters of ASCII",
                 STORE_REQUEST_ID_MAX);
  return !call->request->failed;
}

/* ---- what is kept ---- */

/* Only for what is not SESSIONS_OK, nor SESSIONS_OTHER. */
static bool storage_failed(struct call *call, enum sessions_status status,
                           const struct sessions_error *error)
{
  call->request->version = 0;
  if (status == SESSIONS_TIME)
    return problem_is(
        call, &(struct problem){.kind = PROBLEM_TIME,
                                .message = "other updates of sessions took all of the time"});
  request_fail(call->request, FAILURE_SESSIONS, "%s", error->message);
  return false;
}

static void release(struct call *call)
{
  if (call->store)
    memory_of(call)->release(call->store);
  call->store = NULL;
  call->version = 0;
}

static bool resume(struct call *call, const struct bytes *image, uint64_t version)
{
  const struct engine_interface *memory = memory_of(call);
  struct problem problem = {0};

  if (!memory->resume(call->host->engine, image->at, image->length, &call->store, &problem))
    return problem_is(call, &problem);
  call->version = version;
  if (memory->version(call->store) == version)
    return true;
  return problem_is(
      call, &(struct problem){.kind = PROBLEM_INTERNAL,
                              .message = "the session is damaged: its image has another version"});
}

/* Resumes the session, if there is one. */
static bool load(struct call *call)
{
  struct sessions *sessions = call->host->sessions;
  struct sessions_error error = {""};
  struct bytes image = {0};
  enum sessions_status status;
  uint64_t version = 0;
  bool ok;

  release(call);
  status = sessions->calls->load(sessions, call->request->id, &image, &version, &error);
  ok = status == SESSIONS_OK      ? resume(call, &image, version)
       : status == SESSIONS_OTHER ? true
                                  : storage_failed(call, status, &error);
  bytes_free(&image);
  return ok;
}

static bool check_version(struct call *call)
{
  bool create = call->request->method == METHOD_PUT;

  if (call->version == 0 && !create)
    request_fail(call->request, FAILURE_NOT_FOUND, "there is no session '%s'", call->request->id);
  else if (call->if_match && (call->version == 0 || !lists_version(call->if_match, call->version)))
    request_fail(call->request, FAILURE_PRECONDITION,
                 "the session is not of the version that If-Match asks for");
  call->request->version = call->version;
  return !call->request->failed;
}

/* ---- asking ---- */

static bool answer(struct call *call)
{
  const struct engine_interface *memory = memory_of(call);
  struct problem problem = {0};

  call->request->answer.length = 0;
  if (!memory->ask(call->store, call->query, call->query_length, &problem) ||
      !memory->write(call->store, &call->request->answer, &problem))
    return problem_is(call, &problem);
  call->request->status = MHD_HTTP_OK;
  return true;
}

static void ask(struct call *call)
{
  if (load(call) && check_version(call) && answer(call))
    metrics_session(SESSION_READ);
}

/* ---- updating ---- */

static bool write_version(struct call *call, uint64_t version)
{
  struct bytes *text = &call->request->answer;

  text->length = 0;
  return bytes_print(text, "{\"version\":%" PRIu64 "}\n", version) ||
         problem_is(call, &(struct problem){.kind = PROBLEM_BUSY, .message = "no memory"});
}

/* A session's first version is the time, so that one that is removed and made again
 * has no version twice: who updates the old one must not meet the new one. */
static uint64_t next_version(uint64_t version)
{
  struct timespec t = {0};

  if (version != 0)
    return version + 1;
  clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Whether the request was done before; then its answer is the session as it is now. */
static bool replay(struct call *call)
{
  struct request *request = call->request;
  uint64_t made;
  bool ok;

  if (!call->key || !call->store || !memory_of(call)->was_done(call->store, call->key, &made))
    return false;
  ok = request->method == METHOD_PUT ? write_version(call, made) : answer(call);
  if (ok) {
    request->status = MHD_HTTP_OK;
    request->version = made;
    request->replayed = true;
    metrics_session(SESSION_REPLAYED);
  }
  return true;
}

/* The session's store has the document of the request, and the version. */
static bool apply(struct call *call, uint64_t version)
{
  const struct engine_interface *memory = memory_of(call);
  const struct bytes *body = &call->request->body;
  struct problem problem = {0};
  bool fresh = !call->store;

  if ((fresh && !memory->acquire(call->host->engine, &call->store, &problem)) ||
      !memory->parse(call->store, body->length ? body->at : "", body->length, &problem) ||
      !memory->parse_end(call->store, &problem) ||
      (call->request->method == METHOD_POST && !memory->merge(call->store, &problem)) ||
      (call->key && !memory->set_done(call->store, call->key, version, &problem)))
    return problem_is(call, &problem);
  memory->set_version(call->store, version);
  return true;
}

/* True: it is over, one way or the other. False: another update was faster. */
static bool store(struct call *call, uint64_t version)
{
  struct sessions *sessions = call->host->sessions;
  struct sessions_error error = {""};
  struct problem problem = {0};
  struct bytes image = {0};
  enum sessions_status status;

  if (!memory_of(call)->suspend(call->store, &image, &problem)) {
    bytes_free(&image);
    return !problem_is(call, &problem);
  }
  status = sessions->calls->replace(sessions, call->request->id, call->version, version, &image,
                                    call->deadline, &error);
  bytes_free(&image);
  if (status == SESSIONS_OTHER)
    return false;
  if (status != SESSIONS_OK)
    return !storage_failed(call, status, &error);
  call->request->version = version;
  if (call->version == 0)
    call->request->status = MHD_HTTP_CREATED;
  metrics_session(SESSION_UPDATED);
  return true;
}

/* An update whose query fails is not made: the client would not know what it did. */
static bool attempt(struct call *call)
{
  uint64_t version;

  if (!load(call) || replay(call) || !check_version(call))
    return true;
  version = next_version(call->version);
  if (!apply(call, version) ||
      !(call->request->method == METHOD_PUT ? write_version(call, version) : answer(call)))
    return true;
  call->request->status = MHD_HTTP_OK;
  return store(call, version);
}

/* The more often it loses, the longer it stays away, up to some milliseconds. */
static void stand_back(unsigned lost)
{
  /* Random enough for two that met. */
  struct timespec t = {0, (long)(http_now() % 250000) * (long)(lost < 16 ? lost : 16)};

  nanosleep(&t, NULL);
}

static void update(struct call *call)
{
  for (unsigned lost = 1; !attempt(call); lost++) {
    metrics_session(SESSION_CONFLICT);
    if (http_now() >= call->deadline) {
      request_fail(call->request, FAILURE_CONFLICT,
                   "%u times another update was faster, and there is no more time", lost);
      return;
    }
    stand_back(lost);
  }
}

static void discard(struct call *call)
{
  struct sessions *sessions = call->host->sessions;
  struct sessions_error error = {""};
  enum sessions_status status = SESSIONS_OTHER;

  while (status == SESSIONS_OTHER && load(call) && check_version(call)) {
    status =
        sessions->calls->remove(sessions, call->request->id, call->version, call->deadline, &error);
    if (status == SESSIONS_OTHER && http_now() >= call->deadline)
      status = SESSIONS_TIME;
  }
  if (call->request->failed)
    return;
  if (status != SESSIONS_OK) {
    (void)storage_failed(call, status, &error);
    return;
  }
  call->request->version = 0;
  call->request->status = MHD_HTTP_NO_CONTENT;
  metrics_session(SESSION_REMOVED);
}

void session_handle(struct host *host, struct request *request, struct MHD_Connection *mhd)
{
  struct call call = {.host = host, .request = request};

  if (!host->sessions || host->options.memory == &engine_malloc) {
    request_problem(request,
                    &(struct problem){.kind = PROBLEM_UNSUPPORTED,
                                      .message = "this server keeps no sessions: that needs "
                                                 "--sessions and --memory=slotheap"});
    return;
  }
  call.query = request_query(mhd, &call.query_length);
  call.deadline = http_now() + host->options.engine.limits.nanoseconds;
  if (!read_headers(&call, mhd))
    return;
  if (request->method == METHOD_DELETE)
    discard(&call);
  else if (request->method == METHOD_PUT || request->body.length > 0)
    update(&call);
  else
    ask(&call);
  release(&call);
}
