/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* calc: runs scripts one after the other. Whatever one does, the next one runs
 * as if it were the first. */
#include "host.h"

#include <argp.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- scripts ---- */

/* The whole text, or NULL. */
static char *read_text(const char *path)
{
  FILE *file = fopen(path, "r");
  char *text = NULL;
  size_t size = 0;

  if (!file)
    return NULL;
  if (getdelim(&text, &size, '\0', file) < 0) {
    free(text);
    text = ferror(file) ? NULL : strdup("");
  }
  fclose(file);
  return text;
}

static void run_script(struct host *host, const char *path)
{
  struct session session = {.types = &host->types, .steps = host->limits.steps, .line = 1};
  char *text = read_text(path);
  char *copy = strdup(path);

  session.text = text;
  session.folder = copy ? open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (text && session.folder >= 0) {
    calc_run(host, path, &session);
  } else {
    fprintf(stderr, "%s: cannot be read\n", path);
    host->failed = true;
  }
  if (session.folder >= 0)
    close(session.folder);
  free(copy);
  free(text);
}

/* ---- the host ---- */

static void require(const char *what, slh_status status, const slh_error *error)
{
  if (status == SLH_OK)
    return;
  fprintf(stderr, "calc: %s: %s\n", what, error->message);
  exit(EXIT_FAILURE);
}

static void host_open(struct host *host)
{
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;
  slh_error error;

  options.slots = 1; /* one script at a time */
  options.max_collections = 1;
  options.isolation = SLH_ISOLATION_STRICT; /* scripts may be hostile */
  require("runtime", slh_runtime_new(NULL, &host->runtime, &error), &error);
  require("types", calc_register(host->runtime, &host->types, &error), &error);
  require("pool", slh_pool_new(&options, &host->pool, &error), &error);
  require("traps", slh_traps_enable(&error), &error);
}

static void host_close(struct host *host)
{
  slh_traps_disable();
  slh_pool_free(host->pool);
  slh_runtime_free(host->runtime);
}

/* ---- arguments ---- */

static uint64_t parse_number(struct argp_state *state, const char *text)
{
  char *end;
  unsigned long long number = strtoull(text, &end, 10);
  unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

  if (end == text || *text == '-' || end[shift != 0] != '\0' || number == 0 ||
      number > UINT64_C(1) << 33)
    argp_error(state, "'%s' is not a number above 0, as 100, 64K or 16M", text);
  return (uint64_t)number << shift;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct host *host = state->input;

  switch (key) {
  case 'm':
    host->limits.heap_bytes = parse_number(state, text);
    return 0;
  case 'o':
    host->limits.host_bytes = parse_number(state, text);
    return 0;
  case 's':
    host->limits.steps = parse_number(state, text);
    return 0;
  case ARGP_KEY_NO_ARGS:
    argp_usage(state);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option argp_options[] = {
    {"max-heap", 'm', "BYTES", 0, "Heap of a script (default 16M)", 0},
    {"max-host", 'o', "BYTES", 0, "Bookkeeping outside of its heap (default 1M)", 0},
    {"steps", 's', "NUMBER", 0, "Steps it may take (default 10000000)", 0},
    {0}};

int main(int argc, char **argv)
{
  static const struct argp argp = {
      .options = argp_options,
      .parser = parse,
      .args_doc = "SCRIPT...",
      .doc = "Runs scripts, each in a store of its own. Exits with 1 if one of them failed."};
  struct host host = {.limits = {.heap_bytes = 16 << 20, .host_bytes = 1 << 20, .steps = 10000000}};
  int first;

  argp_parse(&argp, argc, argv, 0, &first, &host);
  host_open(&host);
  for (int i = first; i < argc; i++)
    run_script(&host, argv[i]);
  host_close(&host);
  return host.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
