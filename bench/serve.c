/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench serve: how many stores of a workload a pool serves. */
#include "bench.h"
#include "clock.h"
#include "options.h"
#include "pin.h"
#include "server.h"
#include "syscalls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 5
#define QUICK_ROUNDS 3
#define SECONDS 10.0
#define QUICK_SECONDS 1.0
#define SECONDS_IN_ALL 12.0 /* for each of two workloads */
#define QUICK_SECONDS_IN_ALL 1.5
#define THREADS_MAX 1024
#define WARM_STORES 1000   /* of the traced child, before it is counted */
#define TRACED_STORES 2000 /* while it is counted */

static const struct workload *const workloads[] = {&workload_graph, &workload_json,
                                                   &workload_chain};
#define WORKLOADS (sizeof workloads / sizeof *workloads)

struct serve_options {
  struct settings settings;
  const char *workload; /* NULL: the default */
  uint64_t threads;     /* 0: the default */
  struct engine_options engine;
  double seconds;  /* 0: the default */
  uint64_t stores; /* 0: as many as the time allows */
};

/* ---- what is reported of a round ---- */

static double stores_per_s(const struct server_round *round)
{
  return (double)round->stores / round->seconds;
}

static double ns_p50(const struct server_round *round)
{
  return histogram_quantile(&round->latency, 0.5);
}

static double ns_p99(const struct server_round *round)
{
  return histogram_quantile(&round->latency, 0.99);
}

static double ns_p999(const struct server_round *round)
{
  return histogram_quantile(&round->latency, 0.999);
}

static double ns_max(const struct server_round *round)
{
  return (double)round->latency.max;
}

static double bytes_allocated_per_store(const struct server_round *round)
{
  return (double)round->sum.allocated_bytes / (double)round->stores;
}

static double bytes_reclaimed_per_store(const struct server_round *round)
{
  return (double)round->sum.reclaimed_bytes / (double)round->stores;
}

static double collections_per_store(const struct server_round *round)
{
  return (double)round->sum.collections / (double)round->stores;
}

static double faults_per_store(const struct server_round *round)
{
  return (double)round->faults / (double)round->stores;
}

typedef void cell_fn(struct table *table, double value);

/* In the order of the table. Those without `of_round` are no figures of a
 * round. */
static const struct metric {
  const char *name;
  double (*of_round)(const struct server_round *round);
  const char *heading;
  cell_fn *cell;
} metrics[] = {
    {"threads", NULL, "threads", table_number},
    {"stores_per_s", stores_per_s, "stores/s", table_number},
    {"ns_p50", ns_p50, "p50", table_nanoseconds},
    {"ns_p99", ns_p99, "p99", table_nanoseconds},
    {"ns_p999", ns_p999, "p99.9", table_nanoseconds},
    {"ns_max", ns_max, "max", table_nanoseconds},
    {"bytes_allocated_per_store", bytes_allocated_per_store, "allocated", table_bytes},
    {"bytes_reclaimed_per_store", bytes_reclaimed_per_store, "reclaimed", table_bytes},
    {"collections_per_store", collections_per_store, "collections", table_number},
    {"syscalls_per_store", NULL, "sys calls", table_number},
    {"faults_per_store", faults_per_store, "faults", table_number},
    {"resident_bytes_per_slot", NULL, "resident/slot", table_bytes},
};
#define METRICS (sizeof metrics / sizeof *metrics)

static void add(struct report *report, const struct serve_options *options, const char *metric,
                const double *samples, size_t count)
{
  report_add(report, "serve", options->engine.workload->name, "slotheap", metric, samples, count);
}

/* A figure that is taken once; NaN if it could not be. */
static void add_single(struct report *report, const struct serve_options *options,
                       const char *metric, double value)
{
  add(report, options, metric, &value, isnan(value) ? 0 : 1);
}

/* ---- system calls, counted in a child of one thread ---- */

struct traced {
  const struct engine_options *options;
  struct engine engine;
  void *thread;
};

/* What a thread of the server does for a store, the clock included. */
static bool serve_stores(struct traced *traced, unsigned count)
{
  const struct workload *workload = traced->options->workload;

  for (unsigned i = 0; i < count; i++) {
    struct workload_result result = {0, 0, 0};

    if (!workload->serve(traced->thread, traced->engine.pool, &result))
      return false;
    clock_ns();
  }
  return true;
}

static bool prepare_traced(void *context)
{
  struct traced *traced = context;

  pin_thread(0);
  if (!engine_open(&traced->engine, traced->options))
    return false;
  traced->thread = traced->options->workload->thread_open(traced->engine.shared, 0);
  return traced->thread != NULL && serve_stores(traced, WARM_STORES);
}

static bool run_traced(void *context)
{
  return serve_stores(context, TRACED_STORES);
}

static double syscalls_per_store(const struct engine_options *options)
{
  struct traced traced = {.options = options};
  uint64_t count;

  if (!syscalls_count(prepare_traced, run_traced, &traced, &count))
    return NAN;
  return (double)count / TRACED_STORES;
}

/* ---- the measurement ---- */

/* Serves without counting until slots and caches are warm, then the rounds. */
static bool run_rounds(struct server *server, const struct serve_options *options, size_t count,
                       struct server_round *rounds)
{
  const char *name = options->engine.workload->name;
  double seconds = options->seconds;
  uint64_t stores = (options->stores + count - 1) / count;
  char label[64];

  snprintf(label, sizeof label, "serve %s, warming up", name);
  if (!server_run(server, seconds * 0.1, stores, label, &rounds[0]))
    return false;
  for (size_t i = 0; i < count; i++) {
    snprintf(label, sizeof label, "serve %s, round %zu of %zu", name, i + 1, count);
    if (!server_run(server, seconds * 0.9 / (double)count, stores, label, &rounds[i]))
      return false;
  }
  return true;
}

static void add_rounds(struct report *report, const struct serve_options *options,
                       const struct server_round *rounds, size_t count, double syscalls,
                       double resident)
{
  for (size_t i = 0; i < METRICS; i++) {
    double samples[ROUNDS];

    for (size_t j = 0; j < count && metrics[i].of_round != NULL; j++)
      samples[j] = metrics[i].of_round(&rounds[j]);
    if (metrics[i].of_round != NULL)
      add(report, options, metrics[i].name, samples, count);
    else if (strcmp(metrics[i].name, "threads") == 0)
      add_single(report, options, metrics[i].name, options->engine.threads);
    else if (strcmp(metrics[i].name, "syscalls_per_store") == 0)
      add_single(report, options, metrics[i].name, syscalls);
    else
      add_single(report, options, metrics[i].name, resident);
  }
}

static bool measure_workload(struct report *report, const struct serve_options *options)
{
  static struct server_round rounds[ROUNDS];
  size_t count = options->settings.quick ? QUICK_ROUNDS : ROUNDS;
  /* While there is one thread: a fork keeps no other. */
  double syscalls = syscalls_per_store(&options->engine);
  struct server *server = server_open(&options->engine);
  bool good;

  if (server == NULL)
    return false;
  good = run_rounds(server, options, count, rounds);
  if (good)
    add_rounds(report, options, rounds, count, syscalls, engine_resident(server_engine(server)));
  server_close(server);
  return good;
}

/* NULL: there is no such workload. */
static const struct workload *find_workload(const char *name)
{
  for (size_t i = 0; i < WORKLOADS; i++)
    if (strcmp(workloads[i]->name, name) == 0)
      return workloads[i];
  return NULL;
}

static void fill_in(struct serve_options *options)
{
  bool quick = options->settings.quick;

  options->engine.workload =
      options->workload != NULL ? find_workload(options->workload) : &workload_graph;
  options->engine.threads = options->threads != 0 ? (unsigned)options->threads : pin_processors();
  options->engine.seed = options->settings.seed;
  if (options->seconds == 0)
    options->seconds = options->settings.all ? (quick ? QUICK_SECONDS_IN_ALL : SECONDS_IN_ALL)
                                             : (quick ? QUICK_SECONDS : SECONDS);
}

static bool measure(struct report *report, void *input)
{
  struct serve_options *options = input;
  bool good;

  fill_in(options);
  good = measure_workload(report, options);
  if (options->settings.all) {
    options->engine.workload = &workload_json;
    good &= measure_workload(report, options);
  }
  return good;
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *cases[WORKLOADS];
  size_t count = report_cases(report, "serve", cases, WORKLOADS);

  table_cell(table, "serve");
  for (size_t i = 0; i < METRICS; i++)
    table_cell(table, "%s", metrics[i].heading);
  table_end_row(table);
  for (size_t i = 0; i < count; i++) {
    table_cell(table, "%s", cases[i]);
    for (size_t j = 0; j < METRICS; j++)
      metrics[j].cell(table,
                      report_find(report, "serve", cases[i], "slotheap", metrics[j].name)->median);
    table_end_row(table);
  }
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"workload", OPTION_TEXT, offsetof(struct serve_options, workload),
     "graph: linked objects and garbage, one store in eight collects (default); json: parses and "
     "queries documents; chain: 1,000 linked objects",
     .argument = "NAME"},
    {"threads", OPTION_NUMBER, offsetof(struct serve_options, threads),
     "Threads (default: one for each processor)", .least = 1, .most = THREADS_MAX},
    {"seconds", OPTION_SECONDS, offsetof(struct serve_options, seconds),
     "How long in all, a tenth of it to warm up (default 10; 1 with --quick)", .most = 86400},
    {"stores", OPTION_NUMBER, offsetof(struct serve_options, stores),
     "Serve at least so many stores, instead of for a time", .least = 1, .most = UINT64_C(1) << 40},
    {"pool", OPTION_TEXT, offsetof(struct serve_options, engine.pool),
     "Of the pool, as 'slotheap options' lists them: slots=100,isolation=strict for example",
     .argument = "OPTIONS"},
    {"runtime", OPTION_TEXT, offsetof(struct serve_options, engine.runtime),
     "Likewise of the runtime: collector=generational for example", .argument = "OPTIONS"},
    OPTIONS_SETTINGS,
};

static void check(struct argp_state *state, void *input)
{
  struct serve_options *options = input;
  const struct engine_options *engine = &options->engine;
  slh_pool_options pool = SLH_POOL_OPTIONS_INIT;
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;
  slh_error error;

  fill_in(options);
  if (engine->workload == NULL)
    argp_error(state, "--workload is '%s'; it must be graph, json or chain", options->workload);
  if (slh_pool_options_parse(&pool, engine->pool, &error) != SLH_OK)
    argp_error(state, "--pool: %s", error.message);
  if (slh_runtime_options_parse(&runtime, engine->runtime, &error) != SLH_OK)
    argp_error(state, "--runtime: %s", error.message);
  if (pool.slots != 0 && pool.slots < engine->threads)
    argp_error(state,
               "--pool: slots is %llu; %u threads hold one each, so it must be at least that",
               (unsigned long long)pool.slots, engine->threads);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "stores a second of a workload, and their latencies",
    .doc = "Serves short-lived stores from one pool and prints how many a second, how long each "
           "took, and what it cost the system.",
    .options = option_rows,
    .bytes = sizeof(struct serve_options),
    .check = check,
    .measure = measure,
    .tabulate = tabulate,
};
