/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Starting json-host, and what it is told on its command line. */
#include "tests/json-host/server.h"
#include "tests/helper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void run(struct child *child, const char *const *options, uint16_t port)
{
  const char *program = getenv("JSON_HOST");
  const char *arguments[SERVER_OPTIONS_MAX + 3];
  char port_option[16];
  size_t count = 0;

  snprintf(port_option, sizeof port_option, "--port=%d", port);
  arguments[count++] = program ? program : "examples/json-host/json-host";
  arguments[count++] = port_option;
  for (; *options != NULL; options++) {
    assert_true(count < SERVER_OPTIONS_MAX + 2);
    arguments[count++] = *options;
  }
  arguments[count] = NULL;
  child_start(child, arguments);
}

static void run_and_listen(struct server *server)
{
  char line[128];
  int length = 0;

  run(&server->child, (const char *const *)server->options, server->port);
  child_read_line(&server->child, line, sizeof line);
  if (sscanf(line, "listening on 127.0.0.1:%hu%n", &server->port, &length) != 1 ||
      line[length] != '\0')
    fail_msg("the server prints \"%s\" in place of where it listens", line);
}

void server_start(struct server *server, const char *const *options)
{
  size_t count = 0;

  for (; options[count] != NULL; count++) {
    assert_true(count + 1 < SERVER_OPTIONS_MAX);
    server->options[count] = strdup(options[count]);
    assert_non_null(server->options[count]);
  }
  server->options[count] = NULL;
  server->port = child_port();
  run_and_listen(server);
}

static void forget_options(struct server *server)
{
  for (size_t i = 0; server->options[i] != NULL; i++)
    free(server->options[i]);
  server->options[0] = NULL;
}

static void check_end(int status)
{
  if (status != 0)
    fail_msg("the server ended with wait status %#x after SIGTERM", status);
}

void server_stop(struct server *server)
{
  server_pause(server);
  forget_options(server);
}

void server_await_end(struct server *server)
{
  check_end(child_wait(&server->child));
  forget_options(server);
}

void server_pause(struct server *server)
{
  check_end(child_end(&server->child, SIGTERM));
}

void server_kill(struct server *server)
{
  int status = child_end(&server->child, SIGKILL);

  if (!WIFSIGNALED(status))
    fail_msg("the server had ended before it was killed, with wait status %#x", status);
}

void server_restart(struct server *server)
{
  run_and_listen(server);
}

void server_expect_refusal(const char *const *options)
{
  struct child child;
  int status;

  run(&child, options, 0);
  status = child_wait(&child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
    fail_msg("the server takes \"%s\": wait status %#x", options[0], status);
}
