/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "metrics.h"
#include "http-text.h"

#define SHARDS 16

/* 0 stands for no answer, and the last for any that is not listed. */
static const int statuses[] = {0,   200, 201, 204, 400, 404, 405, 408, 409, 411,
                               412, 413, 414, 422, 431, 500, 501, 503, 599};
#define STATUSES (sizeof statuses / sizeof *statuses)

static const char *const routes[ROUTES] = {[ROUTE_OTHER] = "other",
                                           [ROUTE_QUERY] = "query",
                                           [ROUTE_SESSION] = "session",
                                           [ROUTE_HEALTHZ] = "healthz",
                                           [ROUTE_METRICS] = "metrics"};

static const char *const events[SESSION_EVENTS] = {[SESSION_READ] = "read",
                                                   [SESSION_UPDATED] = "updated",
                                                   [SESSION_REMOVED] = "removed",
                                                   [SESSION_CONFLICT] = "conflict",
                                                   [SESSION_REPLAYED] = "replayed"};

/* Upper bounds, in microseconds; one more for all that takes longer. */
static const uint32_t bounds[] = {50,    100,   250,   500,    1000,   2500,    5000,
                                  10000, 25000, 50000, 100000, 250000, 1000000, 5000000};
#define BUCKETS (sizeof bounds / sizeof *bounds + 1)

/* Threads share a shard only if there are many: counting costs no traffic between
 * processors. */
static struct shard {
  _Atomic uint64_t requests[ROUTES][STATUSES];
  _Atomic uint64_t latency[ROUTES][BUCKETS];
  _Atomic uint64_t nanoseconds[ROUTES];
  _Atomic uint64_t failures[FAILURES];
  _Atomic uint64_t sessions[SESSION_EVENTS];
} __attribute__((aligned(128))) shards[SHARDS];

static struct shard *shard(void)
{
  static atomic_uint threads;
  static _Thread_local struct shard *mine;

  if (!mine)
    mine = &shards[atomic_fetch_add(&threads, 1) % SHARDS];
  return mine;
}

static void add(_Atomic uint64_t *counter, uint64_t amount)
{
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void metrics_request(enum route route, int status, uint64_t nanoseconds)
{
  struct shard *mine = shard();
  size_t i = 0, bucket = 0;

  while (i < STATUSES - 1 && statuses[i] != status)
    i++;
  while (bucket < BUCKETS - 1 && nanoseconds > UINT64_C(1000) * bounds[bucket])
    bucket++;
  add(&mine->requests[route][i], 1);
  add(&mine->latency[route][bucket], 1);
  add(&mine->nanoseconds[route], nanoseconds);
}

void metrics_failure(int kind)
{
  add(&shard()->failures[kind], 1);
}

void metrics_session(enum session_event event)
{
  add(&shard()->sessions[event], 1);
}

/* ---- text ---- */

/* Of all shards; `offset` is that of the counter. */
static uint64_t sum(size_t offset)
{
  uint64_t all = 0;

  for (size_t i = 0; i < SHARDS; i++)
    all += atomic_load_explicit((_Atomic uint64_t *)((char *)&shards[i] + offset),
                                memory_order_relaxed);
  return all;
}

#define SUM(counter) sum((size_t)((char *)&shards[0].counter - (char *)&shards[0]))

static bool describe(struct bytes *out, const char *name, const char *type, const char *help)
{
  return bytes_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool write_requests(struct bytes *out)
{
  bool ok = describe(out, "json_host_requests_total", "counter",
                     "Requests by route and status; status 0: the client has had no answer.");

  for (size_t route = 0; route < ROUTES; route++)
    for (size_t i = 0; i < STATUSES; i++) {
      uint64_t count = SUM(requests[route][i]);

      if (count > 0)
        ok = ok &&
             bytes_print(out, "json_host_requests_total{route=\"%s\",status=\"%d\"} %" PRIu64 "\n",
                         routes[route], statuses[i], count);
    }
  return ok;
}

static bool write_latency(struct bytes *out, size_t route)
{
  static const char name[] = "json_host_request_seconds";
  uint64_t count = 0;
  bool ok = true;

  for (size_t i = 0; i < BUCKETS; i++) {
    char bound[24] = "+Inf";

    if (i < BUCKETS - 1)
      snprintf(bound, sizeof bound, "%g", bounds[i] / 1e6);
    count += SUM(latency[route][i]);
    ok = ok && bytes_print(out, "%s_bucket{route=\"%s\",le=\"%s\"} %" PRIu64 "\n", name,
                           routes[route], bound, count);
  }
  return ok && bytes_print(out, "%s_sum{route=\"%s\"} %.9f\n%s_count{route=\"%s\"} %" PRIu64 "\n",
                           name, routes[route], (double)SUM(nanoseconds[route]) / 1e9, name,
                           routes[route], count);
}

static bool write_failures(struct bytes *out)
{
  bool ok = describe(out, "json_host_problems_total", "counter", "Requests that failed, by kind.");

  for (int kind = PROBLEM_NONE + 1; kind < FAILURES; kind++)
    ok = ok && bytes_print(out, "json_host_problems_total{kind=\"%s\"} %" PRIu64 "\n",
                           failure_name(kind), SUM(failures[kind]));
  return ok;
}

static bool write_sessions(struct bytes *out)
{
  bool ok = describe(out, "json_host_sessions_total", "counter",
                     "What was done with sessions; conflict: an update that lost against another.");

  for (size_t event = 0; event < SESSION_EVENTS; event++)
    ok = ok && bytes_print(out, "json_host_sessions_total{event=\"%s\"} %" PRIu64 "\n",
                           events[event], SUM(sessions[event]));
  return ok;
}

static bool write_figure(struct bytes *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
  return describe(out, name, type, help) && bytes_print(out, "%s %" PRIu64 "\n", name, value);
}

static bool write_stores(struct host *host, struct bytes *out)
{
  struct engine_figures f = {0};

  host->options.memory->figures(host->engine, &f);
  return write_figure(out, "json_host_stores_taken_total", "counter", "Stores taken so far.",
                      f.stores_taken) &&
         write_figure(out, "json_host_stores_live", "gauge", "Stores in use.", f.stores_live) &&
         write_figure(out, "json_host_collections_total", "counter", "Garbage collections.",
                      f.collections) &&
         write_figure(out, "json_host_heap_bytes_total", "counter", "Bytes of objects written.",
                      f.heap_bytes) &&
         write_figure(out, "json_host_stores_resident_bytes", "gauge",
                      "Memory of stores in use and of idle ones.", f.resident_bytes);
}

/* Of the whole process; 0 if the system does not say. */
static uint64_t resident_bytes(void)
{
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");

  if (!file)
    return 0;
  if (fscanf(file, "%*u %lu", &pages) != 1)
    pages = 0;
  fclose(file);
  return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool metrics_write(struct host *host, struct bytes *out)
{
  bool ok =
      write_requests(out) && describe(out, "json_host_request_seconds", "histogram",
                                      "From the end of a request's head to the end of its answer.");

  for (size_t route = 0; route < ROUTES; route++)
    ok = ok && write_latency(out, route);
  return ok && write_failures(out) && write_sessions(out) && write_stores(host, out) &&
         write_figure(out, "process_resident_memory_bytes", "gauge", "Memory of the process.",
                      resident_bytes()) &&
         host->options.memory->metrics(host->engine, out);
}
