/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Events: what happens to heaps and pools, as it happens. A process has one
 * listener, or none; and where slotheap was configured with <sys/sdt.h>, each event
 * is also a probe of provider "slotheap" for perf, bpftrace and others, with the
 * event's pool, heap, detail, bytes and total as arguments (doc/tracing.md).
 * With nobody listening an event costs one comparison, and where it is a probe, with
 * nobody attached, another.
 */
#ifndef SLOTHEAP_EVENTS_H
#define SLOTHEAP_EVENTS_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/pool.h>

SLH_BEGIN_DECLS

/*
 * What has happened, and what the members of slh_event are then:
 *
 *                                detail                       bytes            total
 */
typedef enum slh_event_kind {
  SLH_EVENT_ACQUIRE = 0,          /* the host's tag            of its image     0 */
  SLH_EVENT_RELEASE = 1,          /* collections it had        written          allocated */
  SLH_EVENT_RESET = 2,            /* collections it had        written          allocated */
  SLH_EVENT_GROW = 3,             /* an slh_status             soft limit now   before */
  SLH_EVENT_COLLECTION_BEGIN = 4, /* 1: a young one            may move         used */
  SLH_EVENT_COLLECTION_PHASE = 5, /* phase that begins, see    moved so far     used before
                                     slh_phase_name */
  SLH_EVENT_COLLECTION_END = 6,   /* an slh_status; SLH_E_BUSY survived         used before
                                     if release gave it up;
                                     none if slh_heap_discard did */
  SLH_EVENT_TRAP = 7,             /* the signal                offset           0 */
  SLH_EVENT_DECOMMIT = 8,         /* an slh_decommit           given back       0 */
  SLH_EVENT_EXHAUSTED = 9         /* an slh_status             wanted           the limit;
                                     SLH_E_FULL: heaps; SLH_E_BUSY: evacuation spaces */
} slh_event_kind;

/* How many there are: all values are below it. */
#define SLH_EVENT_KINDS 10

/* Bytes, unless it says otherwise above. */
typedef struct slh_event {
  slh_event_kind kind;  /* what has happened */
  uint32_t detail;      /* see slh_event_kind */
  uint64_t time_ns;     /* of CLOCK_MONOTONIC */
  const slh_pool *pool; /* it happened in */
  const slh_heap *heap; /* or NULL: it is about the pool */
  uint64_t bytes;       /* see slh_event_kind */
  uint64_t total;       /* likewise */
} slh_event;

/*
 * Called on the thread that the event happens on, out of the call that makes it
 * happen; of several threads at a time. It must return, and must not call slotheap,
 * but for slh_heap_host, slh_heap_get_stats (not for SLH_EVENT_TRAP), the names
 * below and slh_heap_end. Never in a signal handler: a trap is told when the protected call
 * ends.
 */
typedef void slh_listen_fn(void *context, const slh_event *event);

/* Who is told. */
typedef struct slh_listener {
  slh_listen_fn *listen; /* called for each event */
  void *context;         /* passed to it */
} slh_listener;

/* From now on `listener` is told, or nobody if it is NULL. Any thread. The old
 * one may still be told of what has begun to happen; both must stay. */
SLH_API void slh_set_listener(const slh_listener *listener);

/* "acquire", "collection_begin" and so on; "?" for other numbers. Static. Any
 * thread. */
SLH_API const char *slh_event_name(slh_event_kind kind);

/* Of a phase of a collection: "roots", "scan" and so on; "?" for other numbers. Static. Any
 * thread. */
SLH_API const char *slh_phase_name(uint32_t phase);

SLH_END_DECLS

#endif
