/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Two processes behind nginx. One is killed in the middle of a load and comes back,
 * again and again: clients see nothing of it.
 */
#include "tests/json-host/client.h"
#include "tests/json-host/server.h"
#include "tests/json-host/services.h"
#include "tests/helper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 8
#define KILLS 2

struct load {
  uint16_t port;
  atomic_bool stop;
  atomic_uint answers;
};

struct loader {
  struct load *load;
  unsigned number;
  pthread_t thread;
  struct client client;
  char wrong[256];
};

/* A document of its own for each request, so that an answer to another is noticed. */
static void *keep_asking(void *context)
{
  struct loader *loader = context;
  char document[64], expected[64];

  for (unsigned i = 0; !atomic_load(&loader->load->stop); i++) {
    int status;

    snprintf(document, sizeof document, "{\"who\": %u, \"which\": [%u]}", loader->number, i);
    snprintf(expected, sizeof expected, "[%u,%u]", loader->number, i);
    status = client_query(&loader->client, "[who, which[0]]", document);
    if (status != 200 || strcmp(loader->client.reply.body, expected) != 0) {
      snprintf(loader->wrong, sizeof loader->wrong, "%d %s in place of 200 %s", status,
               loader->client.reply.body ? loader->client.reply.body : "", expected);
      atomic_store(&loader->load->stop, true);
      break;
    }
    atomic_fetch_add(&loader->load->answers, 1);
  }
  return NULL;
}

/* Until so many more answers have come; false if one was wrong, or they do not come. */
static bool await_answers(struct load *load, unsigned more)
{
  unsigned until = atomic_load(&load->answers) + more;

  for (unsigned tries = 0; tries < PATIENCE_SECONDS * 1000; tries++) {
    if (atomic_load(&load->stop) || atomic_load(&load->answers) >= until)
      break;
    usleep(1000);
  }
  return atomic_load(&load->answers) >= until && !atomic_load(&load->stop);
}

/* Until nginx, which leaves a server alone for a second, has come back to it. */
static bool await_use(struct load *load, const struct server *server)
{
  static const char sample[] = "json_host_requests_total{route=\"query\",status=\"200\"}";
  struct client client;
  bool used = false;

  client_open(&client, server->port);
  for (unsigned tries = 0; !used && tries < PATIENCE_SECONDS * 100; tries++) {
    if (atomic_load(&load->stop))
      break;
    used = client_metric(&client, sample) > 0;
    usleep(10000);
  }
  client_close(&client);
  return used;
}

static void check_load(struct load *load, struct server *servers, void (*end)(struct server *))
{
  struct loader loaders[CLIENTS];
  bool answered = true;

  memset(loaders, 0, sizeof loaders);
  for (unsigned i = 0; i < CLIENTS; i++) {
    loaders[i].load = load;
    loaders[i].number = i;
    client_open(&loaders[i].client, load->port);
    assert_int_equal(pthread_create(&loaders[i].thread, NULL, keep_asking, &loaders[i]), 0);
  }
  for (unsigned i = 0; answered && i < KILLS; i++) {
    answered = await_answers(load, 500);
    end(&servers[i % 2]);
    answered = answered && await_answers(load, 500); /* from the other alone */
    server_restart(&servers[i % 2]);
    answered = answered && await_use(load, &servers[i % 2]);
  }
  atomic_store(&load->stop, true);
  for (unsigned i = 0; i < CLIENTS; i++) {
    assert_int_equal(pthread_join(loaders[i].thread, NULL), 0);
    client_close(&loaders[i].client);
    if (loaders[i].wrong[0] != '\0')
      fail_msg("client %u, after %u answers to all: %s", i, atomic_load(&load->answers),
               loaders[i].wrong);
  }
  assert_true(answered);
  printf("%u requests, %d servers ended under them, none failed\n", atomic_load(&load->answers),
         KILLS);
}

static void check_ends(void (*end)(struct server *))
{
  struct server servers[2];
  struct balancer balancer;
  struct load load = {0};

  SERVER_START(&servers[0], "--threads=2");
  SERVER_START(&servers[1], "--threads=2");
  balancer_start(&balancer, servers[0].port, servers[1].port);
  load.port = balancer.port;
  check_load(&load, servers, end);
  balancer_stop(&balancer);
  server_stop(&servers[0]);
  server_stop(&servers[1]);
}

static void a_killed_server_is_not_noticed(void **state)
{
  check_ends(server_kill);
}

static void a_stopped_server_is_not_noticed(void **state)
{
  check_ends(server_pause);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_killed_server_is_not_noticed),
      cmocka_unit_test(a_stopped_server_is_not_noticed),
  };

  child_need("nginx");
  return helper_run(tests, NULL, NULL);
}
