/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The threads that update, and what of it was acknowledged. */
#include "tests/json-host/updaters.h"
#include "tests/json-host/client.h"
#include "tests/json-host/child.h"
#include "tests/helper.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "/session/counters"
#define TRIES_MAX 5000 /* of one update, 2 ms after each that failed */

struct updater {
  struct updaters *updaters;
  unsigned number;
  pthread_t thread;
  struct client client;
  unsigned port; /* its place in ports */
  unsigned attempt;
  char wrong[256]; /* what ended it */
};

struct updaters {
  const uint16_t *ports;
  unsigned clients, updates;
  atomic_bool ended; /* one went wrong: the others need not go on */
  atomic_uint acknowledged, failures, conflicts, replays;
  uint64_t first;         /* version of the session: later ones count on */
  atomic_uchar *versions; /* versions[v]: acknowledged as what made version first + v */
  struct updater each[];
};

static unsigned all_updates(const struct updaters *updaters)
{
  return updaters->clients * updaters->updates;
}

/* ---- one client ---- */

/* The first that does ends all. */
static bool went_wrong(struct updater *updater, unsigned update, const char *what)
{
  const struct reply *reply = &updater->client.reply;

  if (!atomic_exchange(&updater->updaters->ended, true))
    snprintf(updater->wrong, sizeof updater->wrong, "client %u, update %u: %s: %d %s",
             updater->number, update, what, reply->status, reply->body ? reply->body : "");
  return false;
}

/* Asks until an answer comes that says what has become of the request. */
static bool ask(struct updater *updater, struct request *request, unsigned update)
{
  for (int tries = 0; tries < TRIES_MAX && !atomic_load(&updater->updaters->ended); tries++) {
    int status = client_ask(&updater->client, request);

    if (status != 0 && status < 500 && status != 409)
      return true;
    /* None that is known, or busy, or in conflict with too many others. */
    atomic_fetch_add(&updater->updaters->failures, 1);
    if (updater->updaters->ports[++updater->port] == 0)
      updater->port = 0;
    updater->client.port = updater->updaters->ports[updater->port];
    usleep(2000);
  }
  return went_wrong(updater, update, "never answered");
}

/* Reads what the client needs for an update under If-Match. */
static bool read_shared(struct updater *updater, unsigned update, unsigned *shared, char *if_match,
                        size_t size)
{
  char query[64];
  struct request request = {.method = "GET", .path = PATH, .query = query};
  unsigned own;

  snprintf(query, sizeof query, "[shared, c%u]", updater->number);
  if (!ask(updater, &request, update))
    return false;
  if (updater->client.reply.status != 200 ||
      sscanf(updater->client.reply.body, "[%u,%u]", shared, &own) != 2)
    return went_wrong(updater, update, "the session is not there");
  if (own != update - 1)
    return went_wrong(updater, update,
                      own < update ? "an acknowledged update is lost"
                                   : "a refused update was done");
  snprintf(if_match, size, "\"%" PRIu64 "\"", updater->client.reply.version);
  return true;
}

/* Notes that the update made that version: no other did. */
static bool acknowledge(struct updater *updater, unsigned update)
{
  struct updaters *updaters = updater->updaters;
  const struct reply *reply = &updater->client.reply;
  uint64_t made = reply->version - updaters->first;
  char answer[16];

  snprintf(answer, sizeof answer, "%u", update);
  /* A repeated one is answered from the document of now, which has no later update of
   * this client's. */
  if (reply->status != 200 || strcmp(reply->body, answer) != 0)
    return went_wrong(updater, update, "another answer than its number");
  if (made < 1 || made > all_updates(updaters))
    return went_wrong(updater, update, "more versions than updates");
  if (atomic_exchange(&updaters->versions[made], 1) != 0)
    return went_wrong(updater, update, "two updates made one version");
  if (reply->replayed)
    atomic_fetch_add(&updaters->replays, 1);
  atomic_fetch_add(&updaters->acknowledged, 1);
  return true;
}

static bool do_update(struct updater *updater, unsigned update)
{
  bool shares = updater->number % 2 == 0;
  char key[64], query[16], patch[64], if_match[32];
  struct request request = {
      .method = "POST", .path = PATH, .query = query, .body = patch, .key = key};
  unsigned shared;

  snprintf(query, sizeof query, "c%u", updater->number);
  do {
    /* A request that was refused was not done: the next is another. */
    snprintf(key, sizeof key, "c%u-%u-%u", updater->number, update, updater->attempt++);
    snprintf(patch, sizeof patch, "{\"c%u\":%u}", updater->number, update);
    if (shares) {
      if (!read_shared(updater, update, &shared, if_match, sizeof if_match))
        return false;
      snprintf(patch, sizeof patch, "{\"c%u\":%u,\"shared\":%u}", updater->number, update,
               shared + 1);
      request.if_match = if_match;
    }
    if (!ask(updater, &request, update))
      return false;
    if (updater->client.reply.status == 412)
      atomic_fetch_add(&updater->updaters->conflicts, 1);
  } while (shares && updater->client.reply.status == 412);
  return acknowledge(updater, update);
}

static void *run(void *context)
{
  struct updater *updater = context;

  for (unsigned update = 1; update <= updater->updaters->updates; update++)
    if (!do_update(updater, update))
      break;
  return NULL;
}

/* ---- all ---- */

static void create_session(struct updaters *updaters)
{
  struct client client;
  char document[1024] = "{\"shared\":0";
  struct request request = {.method = "PUT", .path = PATH, .body = document};
  size_t length = strlen(document);

  for (unsigned i = 0; i < updaters->clients; i++)
    length += (size_t)snprintf(document + length, sizeof document - length, ",\"c%u\":0", i);
  snprintf(document + length, sizeof document - length, "}");
  client_open(&client, updaters->ports[0]);
  assert_int_equal(client_ask(&client, &request), 201);
  updaters->first = client.reply.version;
  client_close(&client);
}

struct updaters *updaters_start(const uint16_t *ports, unsigned clients, unsigned updates)
{
  struct updaters *updaters = calloc(1, sizeof *updaters + clients * sizeof(struct updater));

  assert_non_null(updaters);
  updaters->ports = ports;
  updaters->clients = clients;
  updaters->updates = updates;
  updaters->versions = calloc(all_updates(updaters) + 1, sizeof *updaters->versions);
  assert_non_null(updaters->versions);
  create_session(updaters);
  for (unsigned i = 0; i < clients; i++) {
    struct updater *updater = &updaters->each[i];

    updater->updaters = updaters;
    updater->number = i;
    client_open(&updater->client, ports[0]);
    assert_int_equal(pthread_create(&updater->thread, NULL, run, updater), 0);
  }
  return updaters;
}

void updaters_await(struct updaters *updaters, unsigned acknowledged)
{
  unsigned before = 0, quiet = 0;

  while (atomic_load(&updaters->acknowledged) < acknowledged) {
    unsigned now = atomic_load(&updaters->acknowledged);

    quiet = now == before ? quiet + 1 : 0;
    before = now;
    if (quiet == PATIENCE_SECONDS * 1000 || atomic_load(&updaters->ended))
      break; /* updaters_finish says why */
    usleep(1000);
  }
}

static void check_session(const struct updaters *updaters)
{
  struct client client;
  struct request request = {.method = "GET", .path = PATH};
  char expected[1024];
  size_t length;

  length = (size_t)snprintf(expected, sizeof expected, "{\"shared\":%u",
                            (updaters->clients + 1) / 2 * updaters->updates);
  for (unsigned i = 0; i < updaters->clients; i++)
    length += (size_t)snprintf(expected + length, sizeof expected - length, ",\"c%u\":%u", i,
                               updaters->updates);
  snprintf(expected + length, sizeof expected - length, "}");
  client_open(&client, updaters->ports[0]);
  client_ask(&client, &request);
  client_expect(&client, 200, expected);
  assert_int_equal(client.reply.version, updaters->first + all_updates(updaters));
  client_close(&client);
}

void updaters_finish(struct updaters *updaters)
{
  for (unsigned i = 0; i < updaters->clients; i++) {
    assert_int_equal(pthread_join(updaters->each[i].thread, NULL), 0);
    client_close(&updaters->each[i].client);
  }
  printf("%u updates: %u requests repeated, %u of them had been done, %u conflicts\n",
         all_updates(updaters), atomic_load(&updaters->failures), atomic_load(&updaters->replays),
         atomic_load(&updaters->conflicts));
  for (unsigned i = 0; i < updaters->clients; i++)
    if (updaters->each[i].wrong[0] != '\0')
      fail_msg("%s", updaters->each[i].wrong);
  assert_int_equal(atomic_load(&updaters->acknowledged), all_updates(updaters));
  check_session(updaters);
  free(updaters->versions);
  free(updaters);
}
