/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "export/trace.h"

#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_EVENTS 65536u

static void listen(void *context, const slh_event *event)
{
  slh_trace *trace = context;
  struct record record = {*event, gettid()};

  if (!trace->stores && (event->kind == SLH_EVENT_ACQUIRE || event->kind == SLH_EVENT_RELEASE ||
                         event->kind == SLH_EVENT_RESET))
    return;
  pthread_mutex_lock(&trace->lock);
  trace->records[trace->count++ % trace->capacity] = record;
  pthread_mutex_unlock(&trace->lock);
}

slh_status slh_trace_new(const slh_trace_options *options, slh_trace **out)
{
  slh_trace_options given = SLH_TRACE_OPTIONS_INIT;
  slh_trace *trace;

  if (options && options->struct_size != sizeof *options)
    return SLH_E_INVALID;
  if (options)
    given = *options;
  if (given.max_events == 0)
    given.max_events = DEFAULT_EVENTS;
  trace = calloc(1, sizeof *trace + (size_t)given.max_events * sizeof trace->records[0]);
  if (!trace)
    return SLH_E_NOMEM;
  trace->listener = (slh_listener){listen, trace};
  trace->stores = given.stores;
  trace->capacity = given.max_events;
  pthread_mutex_init(&trace->lock, NULL);
  *out = trace;
  return SLH_OK;
}

void slh_trace_free(slh_trace *trace)
{
  if (!trace)
    return;
  while (trace->names) {
    struct pool_name *name = trace->names;

    trace->names = name->next;
    free(name);
  }
  pthread_mutex_destroy(&trace->lock);
  free(trace);
}

const slh_listener *slh_trace_listener(slh_trace *trace)
{
  return &trace->listener;
}

slh_status slh_trace_name_pool(slh_trace *trace, const slh_pool *pool, const char *name)
{
  size_t bytes = strlen(name) + 1;
  struct pool_name *entry = malloc(sizeof *entry + bytes);

  if (!entry)
    return SLH_E_NOMEM;
  entry->pool = pool;
  memcpy(entry->name, name, bytes);
  pthread_mutex_lock(&trace->lock);
  entry->next = trace->names; /* in front of an older name */
  trace->names = entry;
  pthread_mutex_unlock(&trace->lock);
  return SLH_OK;
}

uint64_t slh_trace_forgotten(slh_trace *trace)
{
  uint64_t count;

  pthread_mutex_lock(&trace->lock);
  count = trace->count;
  pthread_mutex_unlock(&trace->lock);
  return count > trace->capacity ? count - trace->capacity : 0;
}
