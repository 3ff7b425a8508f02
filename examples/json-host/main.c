/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* json-host: serves until it is told to end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define WATCH_MILLISECONDS 100

static bool host_open(struct host *host)
{
  struct sessions_error error = {""};
  struct problem problem = {0};

  host->engine = host->options.memory->engine_new(&host->options.engine, &problem);
  if (!host->engine) {
    fprintf(stderr, "json-host: %s\n", problem.message);
    return false;
  }
  if (!host->options.sessions)
    return true;
  host->sessions = sessions_open(host->options.sessions, &error);
  if (!host->sessions)
    fprintf(stderr, "json-host: %s\n", error.message);
  return host->sessions != NULL;
}

static void host_close(struct host *host)
{
  if (host->sessions)
    host->sessions->calls->close(host->sessions);
  if (host->engine)
    host->options.memory->engine_free(host->engine);
}

/* Until one of the signals comes, which are blocked in all threads. */
static void serve(struct server *server, const sigset_t *ends)
{
  struct timespec tick = {0, WATCH_MILLISECONDS * 1000 * 1000};

  while (sigtimedwait(ends, NULL, &tick) < 0 && (errno == EAGAIN || errno == EINTR))
    server_watch(server);
}

static bool run(struct host *host, const sigset_t *ends)
{
  struct server *server;
  char message[256];

  if (!host_open(host))
    return false;
  if (!server_start(host, &server, message, sizeof message)) {
    fprintf(stderr, "json-host: %s\n", message);
    return false;
  }
  printf("listening on %s\n", server_address(server));
  fflush(stdout);
  serve(server, ends);
  server_stop(server);
  return true;
}

int main(int argc, char **argv)
{
  struct host host = {0};
  sigset_t ends;
  bool ok;

  options_parse(argc, argv, &host.options);
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  if (pthread_sigmask(SIG_BLOCK, &ends, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    fprintf(stderr, "json-host: signals cannot be set: %s\n", strerror(errno));
    return EXIT_FAILURE;
  }
  ok = run(&host, &ends);
  host_close(&host);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
