/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The threads of a server, and their rounds. */
#define _GNU_SOURCE 1
#include "server.h"
#include "clock.h"
#include "memory.h"
#include "pin.h"
#include "progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* How often the progress bar moves. */
#define POLL_NS 50000000

struct thread {
  struct server *server;
  unsigned number;
  pthread_t handle;
  void *state; /* the workload's */

  /* Of the last round. */
  uint64_t start_ns;
  uint64_t end_ns;
  uint64_t faults;
  struct workload_result sum;
  struct histogram latency;

  /* Read by the progress bar; on a line of its own. */
  _Alignas(64) _Atomic uint64_t done;
} __attribute__((aligned(64)));

struct server {
  struct engine engine;
  unsigned thread_count;
  struct thread *threads;

  pthread_barrier_t begin; /* all threads and the one that calls server_run */
  pthread_barrier_t end;
  bool quit;

  /* Of the round: both limits count, whichever comes first. */
  uint64_t round_ns;
  uint64_t round_stores; /* of one thread */
  atomic_uint running;
  atomic_bool failed;
};

/* ---- a thread ---- */

static uint64_t thread_faults(void)
{
  struct rusage usage;

  getrusage(RUSAGE_THREAD, &usage);
  return (uint64_t)(usage.ru_minflt + usage.ru_majflt);
}

/* One reading of the clock a store: its end is the next one's start. */
static void serve_round(struct thread *thread)
{
  struct server *server = thread->server;
  const struct workload *workload = server->engine.workload;
  uint64_t stores = 0;
  uint64_t before = thread->start_ns = clock_ns();
  uint64_t deadline = before + server->round_ns;

  while (before < deadline && stores < server->round_stores &&
         !atomic_load_explicit(&server->failed, memory_order_relaxed)) {
    struct workload_result result = {0, 0, 0};
    uint64_t now;

    if (!workload->serve(thread->state, server->engine.pool, &result))
      atomic_store(&server->failed, true);
    now = clock_ns();
    histogram_add(&thread->latency, now - before);
    before = now;
    thread->sum.allocated_bytes += result.allocated_bytes;
    thread->sum.reclaimed_bytes += result.reclaimed_bytes;
    thread->sum.collections += result.collections;
    atomic_store_explicit(&thread->done, ++stores, memory_order_relaxed);
  }
  thread->end_ns = before;
}

static void *thread_main(void *argument)
{
  struct thread *thread = argument;
  struct server *server = thread->server;

  pin_thread(thread->number);
  thread->state = server->engine.workload->thread_open(server->engine.shared, thread->number);
  if (thread->state == NULL)
    memory_exhausted();
  for (;;) {
    uint64_t faults;

    pthread_barrier_wait(&server->begin);
    if (server->quit)
      break;
    faults = thread_faults();
    serve_round(thread);
    thread->faults = thread_faults() - faults;
    atomic_fetch_sub(&server->running, 1);
    pthread_barrier_wait(&server->end);
  }
  server->engine.workload->thread_close(thread->state);
  return NULL;
}

/* ---- the server ---- */

struct server *server_open(const struct engine_options *options)
{
  struct server *server = memory_new(1, sizeof *server);
  size_t bytes = options->threads * sizeof *server->threads;

  if (!engine_open(&server->engine, options)) {
    free(server);
    return NULL;
  }
  server->thread_count = options->threads;
  server->threads = aligned_alloc(_Alignof(struct thread), bytes);
  if (server->threads == NULL)
    memory_exhausted();
  memset(server->threads, 0, bytes);
  pthread_barrier_init(&server->begin, NULL, options->threads + 1);
  pthread_barrier_init(&server->end, NULL, options->threads + 1);
  pin_processors(); /* asked before any thread is bound */
  for (unsigned i = 0; i < options->threads; i++) {
    server->threads[i].server = server;
    server->threads[i].number = i;
    if (pthread_create(&server->threads[i].handle, NULL, thread_main, &server->threads[i]) != 0) {
      fprintf(stderr, "slotheap-bench: cannot start thread %u of %u\n", i + 1, options->threads);
      exit(EXIT_FAILURE); /* those that run cannot get past the barrier */
    }
  }
  return server;
}

void server_close(struct server *server)
{
  server->quit = true;
  pthread_barrier_wait(&server->begin);
  for (unsigned i = 0; i < server->thread_count; i++)
    pthread_join(server->threads[i].handle, NULL);
  pthread_barrier_destroy(&server->begin);
  pthread_barrier_destroy(&server->end);
  engine_close(&server->engine);
  free(server->threads);
  free(server);
}

const struct engine *server_engine(const struct server *server)
{
  return &server->engine;
}

static void prepare_round(struct server *server, double seconds, uint64_t stores)
{
  server->round_ns = stores == 0 ? (uint64_t)(seconds * 1e9) : UINT64_MAX / 2;
  server->round_stores =
      stores == 0 ? UINT64_MAX : (stores + server->thread_count - 1) / server->thread_count;
  atomic_store(&server->running, server->thread_count);
  for (unsigned i = 0; i < server->thread_count; i++) {
    struct thread *thread = &server->threads[i];

    memset(&thread->sum, 0, sizeof thread->sum);
    histogram_clear(&thread->latency);
    atomic_store(&thread->done, 0);
  }
}

/* Moves the progress bar until all threads have ended the round. */
static void watch(struct server *server, const char *label)
{
  static const struct timespec pause = {0, POLL_NS};
  uint64_t start = clock_ns();

  while (atomic_load(&server->running) > 0) {
    uint64_t least = UINT64_MAX;
    double by_stores, by_time;

    nanosleep(&pause, NULL);
    for (unsigned i = 0; i < server->thread_count; i++) {
      uint64_t done = atomic_load_explicit(&server->threads[i].done, memory_order_relaxed);

      least = done < least ? done : least;
    }
    by_stores = (double)least / (double)server->round_stores;
    by_time = (double)(clock_ns() - start) / (double)server->round_ns;
    progress_show(label, by_stores > by_time ? by_stores : by_time);
  }
  progress_clear();
}

static void collect_round(const struct server *server, struct server_round *out)
{
  uint64_t start = UINT64_MAX, end = 0;

  memset(out, 0, sizeof *out);
  for (unsigned i = 0; i < server->thread_count; i++) {
    const struct thread *thread = &server->threads[i];

    start = thread->start_ns < start ? thread->start_ns : start;
    end = thread->end_ns > end ? thread->end_ns : end;
    out->stores += thread->latency.total;
    out->faults += thread->faults;
    out->sum.allocated_bytes += thread->sum.allocated_bytes;
    out->sum.reclaimed_bytes += thread->sum.reclaimed_bytes;
    out->sum.collections += thread->sum.collections;
    histogram_merge(&out->latency, &thread->latency);
  }
  out->seconds = (double)(end - start) / 1e9;
}

bool server_run(struct server *server, double seconds, uint64_t stores, const char *label,
                struct server_round *out)
{
  prepare_round(server, seconds, stores);
  pthread_barrier_wait(&server->begin);
  watch(server, label);
  pthread_barrier_wait(&server->end);
  collect_round(server, out);
  return !atomic_load(&server->failed);
}
