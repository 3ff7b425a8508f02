/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* One script's run, in a store of its own. */
#include "host.h"

#include <inttypes.h>
#include <stdarg.h>

/* ---- what a script costs, and how it fails ---- */

slh_status calc_fail(struct session *s, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(s->message, sizeof s->message, format, arguments);
  va_end(arguments);
  return SLH_E_INVALID;
}

slh_status calc_spend(struct session *s, uint64_t steps)
{
  if (steps > s->steps) {
    s->steps = 0;
    return calc_fail(s, "out of steps");
  }
  s->steps -= steps;
  return SLH_OK;
}

/* Memory is paid for with steps, so a script that may do little gets little
 * memory, too. A refusal is final: if the trickle that is asked for next were
 * granted, the store would collect at each allocation. */
static bool may_grow(void *host, slh_heap *heap, const slh_growth *growth)
{
  struct session *s = host;
  uint64_t price = 1 + (growth->to - growth->from) / CALC_BYTES_A_STEP;

  (void)heap;
  if (price > s->steps) {
    s->steps = 0;
    return false;
  }
  s->steps -= price;
  return true;
}

/* A script has no roots but those in frames. This is where the host learns
 * that a collection begins, and makes the script pay for it: one that keeps
 * its heap nearly full has a collection every few objects. */
static void pay_for_collection(void *host, slh_heap *heap, slh_roots *roots)
{
  struct session *s = host;
  uint64_t price = (slh_heap_end(heap) - slh_heap_first(heap)) / CALC_BYTES_A_STEP;

  (void)roots;
  s->steps -= price < s->steps ? price : s->steps;
}

static void report(struct host *host, const char *path, const struct session *s, slh_status status,
                   const slh_trap *trap)
{
  fflush(stdout);
  if (status == SLH_OK)
    return;
  host->failed = true;
  fprintf(stderr, "%s:%d: ", path, s->line);
  switch (status) {
  case SLH_E_INVALID:
    fprintf(stderr, "%s\n", s->message);
    break;
  case SLH_E_LIMIT:
  case SLH_E_TOO_LARGE:
    fprintf(stderr, "out of memory, more than %" PRIu64 " bytes\n", host->limits.heap_bytes);
    break;
  case SLH_E_HOST_LIMIT:
    fprintf(stderr, "out of host memory, more than %" PRIu64 " bytes\n", host->limits.host_bytes);
    break;
  case SLH_E_REFUSED:
    fprintf(stderr, "out of memory, no steps are left to pay for more\n");
    break;
  case SLH_E_TRAP:
    fprintf(stderr, "trap: access at heap offset %#" PRIx64 "\n", trap->offset);
    break;
  default:
    fprintf(stderr, "%s\n", slh_status_text(status));
    break;
  }
}

/* ---- its run ---- */

struct run {
  struct session *session;
  slh_status status;
};

/* All that touches the heap; a trap can leave it at any access. */
static void run_protected(void *argument)
{
  struct run *run = argument;
  slh_ref program, env, value;

  run->status = calc_parse(run->session, &program, &env);
  if (run->status == SLH_OK)
    run->status = calc_eval(run->session, program, env, &value);
}

void calc_run(struct host *host, const char *path, struct session *s)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct run run = {s, SLH_OK};
  slh_trap trap;
  slh_status status;

  options.runtime = host->runtime;
  options.max_bytes = host->limits.heap_bytes;
  options.initial_bytes = 64 * 1024; /* most scripts are small */
  options.max_host_bytes = host->limits.host_bytes;
  options.enumerate_roots = pay_for_collection;
  options.grow = may_grow;
  options.host = s;
  status = slh_heap_acquire(host->pool, &options, &s->heap);
  if (status == SLH_OK) {
    status = slh_heap_protect(s->heap, run_protected, &run, &trap);
    if (status == SLH_OK)
      status = run.status;
    /* Frames that a trap left open end here, and open files are closed. */
    slh_heap_release(s->heap);
  }
  report(host, path, s, status, &trap);
}
