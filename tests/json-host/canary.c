/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The thread that asks. */
#include "tests/json-host/canary.h"
#include "tests/helper.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUERY "people[?age > `40`].{who: name, from: home.city}"
#define DOCUMENT                                                                                   \
  "{\"people\": ["                                                                                 \
  "{\"name\": \"Ada\", \"age\": 36, \"home\": {\"city\": \"London\"}},"                            \
  "{\"name\": \"Grace\", \"age\": 85, \"home\": {\"city\": \"New York\"}},"                        \
  "{\"name\": \"Emmy\", \"age\": 53, \"home\": {\"city\": \"Erlangen \\u2192 G\\u00f6ttingen\"}}"  \
  "]}"
#define ANSWER                                                                                     \
  "[{\"who\":\"Grace\",\"from\":\"New York\"},"                                                    \
  "{\"who\":\"Emmy\",\"from\":\"Erlangen \xe2\x86\x92 G\xc3\xb6ttingen\"}]"

static void *sing(void *context)
{
  struct canary *canary = context;
  const struct reply *reply = &canary->client.reply;

  while (!atomic_load(&canary->stop)) {
    int status = client_query(&canary->client, QUERY, DOCUMENT);

    if (status != 200 || strcmp(reply->body, ANSWER) != 0) {
      snprintf(canary->wrong, sizeof canary->wrong, "answer %lu was %d %s",
               atomic_load(&canary->answers), status, reply->body ? reply->body : "");
      break;
    }
    atomic_fetch_add(&canary->answers, 1);
    usleep(1000);
  }
  atomic_store(&canary->stop, true);
  return NULL;
}

void canary_start(struct canary *canary, uint16_t port)
{
  memset(canary, 0, sizeof *canary);
  client_open(&canary->client, port);
  assert_int_equal(pthread_create(&canary->thread, NULL, sing, canary), 0);
  /* So that it is there before anything else happens. */
  while (atomic_load(&canary->answers) == 0 && !atomic_load(&canary->stop))
    usleep(1000);
}

void canary_stop(struct canary *canary)
{
  atomic_store(&canary->stop, true);
  assert_int_equal(pthread_join(canary->thread, NULL), 0);
  client_close(&canary->client);
  if (canary->wrong[0] != '\0')
    fail_msg("the canary's %s", canary->wrong);
  assert_true(atomic_load(&canary->answers) > 0);
}
