/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

enum option_key {
  OPTION_BODY = 1000,
  OPTION_CONNECTIONS,
  OPTION_DEPTH,
  OPTION_HEAP,
  OPTION_STORES,
  OPTION_TIME,
  OPTION_TIMEOUT,
};

static const struct argp_option table[] = {
    {NULL, 0, NULL, 0, "Where it serves:", 1},
    {"listen", 'l', "ADDRESS", 0, "IPv4 or IPv6 address to listen on (default 127.0.0.1)", 0},
    {"port", 'p', "PORT", 0, "0: any that is free (default 8080)", 0},
    {"threads", 't', "N", 0, "Threads that serve (default: one a processor)", 0},
    {"max-connections", OPTION_CONNECTIONS, "N", 0,
     "Connections at a time; more wait to be accepted (default 1024)", 0},
    {"timeout", OPTION_TIMEOUT, "TIME", 0,
     "In which a request has to arrive, and in which requests are finished before the server "
     "ends: seconds, or with a suffix ms or s (default 10s)",
     0},

    {NULL, 0, NULL, 0, "Where documents are:", 2},
    {"memory", 'm', "KIND", 0,
     "slotheap: each request has a heap of a pool; malloc: a tree of malloc, freed node by node "
     "(default slotheap)",
     0},
    {"sessions", 's', "WHERE", 0,
     "Keep sessions in this directory, or in redis://HOST[:PORT[/DB]] (default: no sessions)", 0},

    {NULL, 0, NULL, 0, "What a request may use:", 3},
    {"body-limit", OPTION_BODY, "BYTES", 0, "Of its body (default 16M)", 0},
    {"heap-limit", OPTION_HEAP, "BYTES", 0, "Of objects (default 64M)", 0},
    {"depth-limit", OPTION_DEPTH, "N", 0,
     "Arrays and objects within one another, and brackets of a query (default 256)", 0},
    {"time-limit", OPTION_TIME, "TIME", 0,
     "Of work; waiting for the client does not count: milliseconds, or with a suffix ms or s "
     "(default 1000ms)",
     0},
    {"stores", OPTION_STORES, "N", 0, "Requests with a document at a time (default 1024)", 0},
    {0}};

static uint64_t parse_number(const struct argp_state *state, const char *option, const char *text,
                             char **end)
{
  uint64_t value;

  errno = 0;
  value = strtoull(text, end, 10);
  if (*text < '0' || *text > '9' || errno != 0)
    argp_failure(state, EXIT_FAILURE, 0, "--%s=%s: this does not begin with a number below 2^64",
                 option, text);
  return value;
}

static uint64_t parse_count(const struct argp_state *state, const char *option, const char *text,
                            uint64_t least, uint64_t most)
{
  char *end;
  uint64_t value = parse_number(state, option, text, &end);

  if (*end != '\0' || value < least || value > most)
    argp_failure(state, EXIT_FAILURE, 0, "--%s=%s: allowed are numbers from %llu to %llu", option,
                 text, (unsigned long long)least, (unsigned long long)most);
  return value;
}

static uint64_t parse_size(const struct argp_state *state, const char *option, const char *text)
{
  static const char suffixes[] = "KMG";
  const char *suffix;
  char *end;
  uint64_t value = parse_number(state, option, text, &end);

  suffix = *end ? strchr(suffixes, *end) : NULL;
  if (suffix)
    end++;
  if (*end != '\0' || value == 0 ||
      (suffix &&
       __builtin_mul_overflow(value, UINT64_C(1) << (10 * (suffix - suffixes + 1)), &value)))
    argp_failure(state, EXIT_FAILURE, 0,
                 "--%s=%s: allowed are numbers of bytes above 0, as 100, 64K, 16M or 1G", option,
                 text);
  return value;
}

/* `unit` is what a number without a suffix counts. */
static uint64_t parse_time(const struct argp_state *state, const char *option, const char *text,
                           uint64_t unit)
{
  char *end;
  uint64_t value = parse_number(state, option, text, &end);

  if (strcmp(end, "ms") == 0)
    unit = MILLISECOND;
  else if (strcmp(end, "s") == 0)
    unit = SECOND;
  else if (*end != '\0')
    value = 0;
  if (value == 0 || value > 86400 * SECOND / unit)
    argp_failure(state, EXIT_FAILURE, 0,
                 "--%s=%s: allowed are times above 0 and up to a day, as 500ms or 10s", option,
                 text);
  return value * unit;
}

static const struct engine_interface *parse_memory(const struct argp_state *state, const char *text)
{
  static const struct engine_interface *const kinds[] = {&engine_slotheap, &engine_malloc};

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(text, kinds[i]->name) == 0)
      return kinds[i];
  argp_failure(state, EXIT_FAILURE, 0, "--memory=%s: there are slotheap and malloc", text);
  return NULL;
}

static error_t parse_limit(int key, char *text, struct argp_state *state)
{
  struct host_options *options = state->input;

  switch (key) {
  case OPTION_BODY:
    options->body_bytes = parse_size(state, "body-limit", text);
    return 0;
  case OPTION_HEAP:
    options->engine.limits.heap_bytes = parse_size(state, "heap-limit", text);
    return 0;
  case OPTION_DEPTH:
    options->engine.limits.depth = (uint32_t)parse_count(state, "depth-limit", text, 1, 4096);
    return 0;
  case OPTION_TIME:
    options->engine.limits.nanoseconds = parse_time(state, "time-limit", text, MILLISECOND);
    return 0;
  case OPTION_STORES:
    options->engine.stores = (uint32_t)parse_count(state, "stores", text, 1, 1000000);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct host_options *options = state->input;

  switch (key) {
  case 'l':
    options->listen = text;
    return 0;
  case 'p':
    options->port = (uint16_t)parse_count(state, "port", text, 0, UINT16_MAX);
    return 0;
  case 't':
    options->threads = (uint32_t)parse_count(state, "threads", text, 1, 1024);
    return 0;
  case OPTION_CONNECTIONS:
    options->max_connections = (uint32_t)parse_count(state, "max-connections", text, 1, 1000000);
    return 0;
  case OPTION_TIMEOUT:
    options->timeout = parse_time(state, "timeout", text, SECOND);
    return 0;
  case 'm':
    options->memory = parse_memory(state, text);
    return 0;
  case 's':
    options->sessions = text;
    return 0;
  case ARGP_KEY_ARG:
    argp_failure(state, EXIT_FAILURE, 0, "'%s' is no option, and nothing else is taken", text);
    return 0;
  case ARGP_KEY_END:
    /* Connections are dealt out to the threads evenly. */
    if (options->max_connections < options->threads)
      argp_failure(state, EXIT_FAILURE, 0,
                   "--max-connections=%u is less than --threads=%u: each thread needs one",
                   options->max_connections, options->threads);
    return 0;
  default:
    return parse_limit(key, text, state);
  }
}

void options_parse(int argc, char **argv, struct host_options *options)
{
  static const struct argp argp = {
      .options = table,
      .parser = parse,
      .doc =
          "Answers queries about JSON documents over HTTP, and keeps documents in sessions. Each "
          "request has a heap of its own.\v"
          "Prints `listening on ADDRESS:PORT`, serves until SIGTERM or SIGINT, then finishes what "
          "has begun. doc/json-host.md has the requests."};
  long processors = sysconf(_SC_NPROCESSORS_ONLN);

  *options = (struct host_options){.memory = &engine_slotheap,
                                   .engine = {.limits = {.heap_bytes = 64 << 20,
                                                         .depth = 256,
                                                         .nanoseconds = 1000 * MILLISECOND},
                                              .stores = 1024},
                                   .body_bytes = 16 << 20,
                                   .timeout = 10 * SECOND,
                                   .max_connections = 1024,
                                   .threads = processors > 0 ? (uint32_t)processors : 1,
                                   .listen = "127.0.0.1",
                                   .port = 8080};
  argp_err_exit_status = 1;
  argp_parse(&argp, argc, argv, 0, NULL, options);
}
