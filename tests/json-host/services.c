/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Starting Redis, and nginx with its configuration. */
#include "tests/json-host/services.h"
#include "tests/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Redis ---- */

static bool run_redis(struct redis *redis)
{
  char port[8];
  const char *const arguments[] = {
      "redis-server",   "--bind",      "127.0.0.1", "--port",       port,      "--dir",
      redis->directory, "--save",      "",          "--appendonly", "yes",     "--appendfsync",
      "always",         "--daemonize", "no",        "--loglevel",   "warning", "--logfile",
      "redis.log",      NULL};

  snprintf(port, sizeof port, "%d", redis->port);
  child_start(&redis->child, arguments);
  return child_listens(&redis->child, redis->port);
}

void redis_start(struct redis *redis)
{
  redis->directory = child_directory();
  redis->port = child_port();
  snprintf(redis->url, sizeof redis->url, "redis://127.0.0.1:%d/0", redis->port);
  if (!run_redis(redis))
    fail_msg("redis-server does not start");
}

void redis_kill(struct redis *redis)
{
  (void)child_end(&redis->child, SIGKILL);
}

void redis_restart(struct redis *redis)
{
  if (!run_redis(redis))
    fail_msg("redis-server does not start again on port %d", redis->port);
}

void redis_stop(struct redis *redis)
{
  assert_int_equal(child_end(&redis->child, SIGTERM), 0);
  free(redis->directory);
}

/* ---- nginx ---- */

/* Writes the configuration with what @NAME@ stands for. */
static void configure(const char *name, const char *const *values)
{
  char *template = child_source("examples/json-host/bench/nginx.conf");
  char *text = child_read_file(template);
  FILE *file = fopen(name, "w");
  char *next = text, *mark;

  assert_non_null(file);
  while ((mark = strchr(next, '@')) != NULL) {
    char *end = strchr(mark + 1, '@');
    const char *const *value = values;

    assert_non_null(end);
    *mark = *end = '\0';
    while (*value != NULL && strcmp(*value, mark + 1) != 0)
      value += 2;
    if (*value == NULL)
      fail_msg("%s: @%s@ is not known", template, mark + 1);
    fprintf(file, "%s%s", next, value[1]);
    next = end + 1;
  }
  fputs(next, file);
  assert_int_equal(fclose(file), 0);
  free(text);
  free(template);
}

static bool run_nginx(struct balancer *balancer, const char *directory, uint16_t first,
                      uint16_t second)
{
  char *configuration = child_path(directory, "nginx.conf");
  char listens[8], first_port[8], second_port[8];
  const char *const values[] = {"PORT", listens, "FIRST", first_port, "SECOND", second_port, NULL};
  const char *const arguments[] = {"nginx",       "-e",      "error.log",
                                   "-p",          directory, "-c",
                                   configuration, "-g",      "daemon off; master_process off;",
                                   NULL};
  bool runs;

  snprintf(listens, sizeof listens, "%d", balancer->port);
  snprintf(first_port, sizeof first_port, "%d", first);
  snprintf(second_port, sizeof second_port, "%d", second);
  configure(configuration, values);
  child_start(&balancer->child, arguments);
  runs = child_listens(&balancer->child, balancer->port);
  free(configuration);
  return runs;
}

void balancer_start(struct balancer *balancer, uint16_t first, uint16_t second)
{
  char *directory = child_directory();

  balancer->port = child_port();
  if (!run_nginx(balancer, directory, first, second))
    fail_msg("nginx does not start");
  free(directory);
}

void balancer_stop(struct balancer *balancer)
{
  assert_int_equal(child_end(&balancer->child, SIGTERM), 0);
}
