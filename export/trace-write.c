/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A trace as "Trace Event Format" has it. Collections are slices of their
 * thread ("X") as long as no thread has two under way at a time; those that are
 * interleaved so, or change threads, become nested pairs ("b", "e") of an id.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "export/json.h"
#include "export/trace.h"

/* Copied at a time: the library may be waiting for the lock. */
#define PART 256u

struct piece {
  struct record record;
  uint32_t next; /* of the same collection: number plus 1; 0: none */
};

/* A collection whose end has not been met. */
struct open {
  uint32_t first, last; /* pieces */
  bool apart;           /* no slice of its thread */
};

struct stores {
  const slh_pool *pool;
  uint64_t in_use;
};

struct writing {
  struct json json;
  uint64_t process;
  const struct pool_name *names;
  struct piece *pieces;
  uint32_t count;
  struct open *open;
  size_t open_count, open_capacity;
  struct stores *stores;
  size_t stores_count, stores_capacity;
  bool no_memory;
};

/* Room for one more. */
static bool reserve(void *array, size_t count, size_t *capacity, size_t each)
{
  void *old, *resized;

  if (count < *capacity)
    return true;
  memcpy(&old, array, sizeof old);
  resized = realloc(old, (2 * *capacity + 16) * each);
  if (!resized)
    return false;
  memcpy(array, &resized, sizeof resized);
  *capacity = 2 * *capacity + 16;
  return true;
}

/* ---- copying ---- */

/* What is noted meanwhile is not copied; if it overtakes, only what is newer is. */
static uint32_t copy_records(slh_trace *trace, struct piece *pieces, uint64_t *forgotten)
{
  uint64_t at = 0, end = UINT64_MAX;
  uint32_t count = 0;

  while (at < end) {
    uint64_t oldest;

    pthread_mutex_lock(&trace->lock);
    if (end == UINT64_MAX)
      end = trace->count;
    oldest = trace->count > trace->capacity ? trace->count - trace->capacity : 0;
    if (at < oldest) {
      at = oldest;
      count = 0;
    }
    for (uint32_t i = 0; i < PART && at < end; i++)
      pieces[count++] = (struct piece){trace->records[at++ % trace->capacity], 0};
    pthread_mutex_unlock(&trace->lock);
  }
  *forgotten = end - count;
  return count;
}

/* ---- events ---- */

static const char *name_of(const struct writing *w, const slh_pool *pool, char buffer[24])
{
  for (const struct pool_name *name = w->names; name; name = name->next) {
    if (name->pool == pool)
      return name->name;
  }
  snprintf(buffer, 24, "%p", (const void *)pool);
  return buffer;
}

/* Up to the arguments, of which the first are those that all have. */
static void begin_event(struct writing *w, const char *phase, const char *name,
                        const struct record *record)
{
  const slh_event *event = &record->event;
  struct json *json = &w->json;

  slhx_json_map(json);
  slhx_json_text_of(json, "ph", phase);
  slhx_json_text_of(json, "name", name);
  slhx_json_text_of(json, "cat", "slotheap");
  slhx_json_number_of(json, "pid", w->process);
  slhx_json_number_of(json, "tid", (uint64_t)record->thread);
  slhx_json_string(json, "ts");
  slhx_json_micros(json, event->time_ns);
}

static void begin_arguments(struct writing *w, const slh_event *event)
{
  char buffer[24];

  slhx_json_string(&w->json, "args");
  slhx_json_map(&w->json);
  slhx_json_text_of(&w->json, "pool", name_of(w, event->pool, buffer));
  if (event->heap) {
    slhx_json_string(&w->json, "heap");
    slhx_json_address(&w->json, event->heap);
  }
}

static void end_event(struct writing *w)
{
  slhx_json_end_map(&w->json); /* of the arguments */
  slhx_json_end_map(&w->json);
}

/* A counter of the event's pool, at its time. */
static void begin_counter(struct writing *w, const char *what, const struct record *record)
{
  char buffer[24], name[256];

  snprintf(name, sizeof name, "%s of %s", what, name_of(w, record->event.pool, buffer));
  begin_event(w, "C", name, record);
  slhx_json_string(&w->json, "args");
  slhx_json_map(&w->json);
}

static void write_instant(struct writing *w, const struct record *record)
{
  const slh_event *event = &record->event;
  struct json *json = &w->json;

  begin_event(w, "i", slh_event_name(event->kind), record);
  slhx_json_text_of(json, "s", "t");
  begin_arguments(w, event);
  switch (event->kind) {
  case SLH_EVENT_GROW:
    slhx_json_text_of(json, "status", slh_status_name(event->detail));
    slhx_json_number_of(json, "soft_limit", event->bytes);
    slhx_json_number_of(json, "before", event->total);
    break;
  case SLH_EVENT_EXHAUSTED:
    slhx_json_text_of(json, "status", slh_status_name(event->detail));
    slhx_json_number_of(json, "wanted", event->bytes);
    slhx_json_number_of(json, "limit", event->total);
    break;
  case SLH_EVENT_TRAP:
    slhx_json_text_of(json, "signal", event->detail == SIGBUS ? "SIGBUS" : "SIGSEGV");
    slhx_json_number_of(json, "offset", event->bytes);
    break;
  case SLH_EVENT_DECOMMIT:
    slhx_json_text_of(json, "engine", slh_decommit_name(event->detail));
    slhx_json_number_of(json, "bytes", event->bytes);
    break;
  default:
    slhx_json_number_of(json, "detail", event->detail);
    slhx_json_number_of(json, "bytes", event->bytes);
    slhx_json_number_of(json, "total", event->total);
  }
  end_event(w);
}

/* ---- stores ---- */

static struct stores *stores_of(struct writing *w, const slh_pool *pool)
{
  for (size_t i = 0; i < w->stores_count; i++) {
    if (w->stores[i].pool == pool)
      return &w->stores[i];
  }
  if (!reserve(&w->stores, w->stores_count, &w->stores_capacity, sizeof *w->stores)) {
    w->no_memory = true;
    return NULL;
  }
  w->stores[w->stores_count] = (struct stores){pool, 0};
  return &w->stores[w->stores_count++];
}

/* A store is a pair with its heap as the id. Those from before the trace began are
 * not known. */
static void write_store(struct writing *w, const struct record *record)
{
  const slh_event *event = &record->event;
  bool begins = event->kind == SLH_EVENT_ACQUIRE;
  struct stores *stores = stores_of(w, event->pool);

  if (!stores)
    return;
  stores->in_use += begins ? 1 : stores->in_use == 0 ? 0 : UINT64_MAX;
  begin_event(w, begins ? "b" : "e", "store", record);
  slhx_json_string(&w->json, "id");
  slhx_json_address(&w->json, event->heap);
  begin_arguments(w, event);
  slhx_json_number_of(&w->json, begins ? "tag" : "collections", event->detail);
  slhx_json_number_of(&w->json, begins ? "image" : "written", event->bytes);
  end_event(w);
  begin_counter(w, "stores", record);
  slhx_json_number_of(&w->json, "in use", stores->in_use);
  end_event(w);
}

/* ---- collections ---- */

/* A slice from one piece on until `end`. Its arguments are still open. */
static void begin_slice(struct writing *w, const struct open *c, const char *name,
                        const struct record *from, uint64_t end)
{
  begin_event(w, c->apart ? "b" : "X", name, from);
  if (c->apart) {
    slhx_json_number_of(&w->json, "id", c->first);
  } else {
    slhx_json_string(&w->json, "dur");
    slhx_json_micros(&w->json, end - from->event.time_ns);
  }
  begin_arguments(w, &from->event);
}

/* If it is a pair, its end; what is within comes before. */
static void end_slice(struct writing *w, const struct open *c, const char *name,
                      const struct record *from, uint64_t end)
{
  struct record at = *from;

  if (!c->apart)
    return;
  at.event.time_ns = end;
  begin_event(w, "e", name, &at);
  slhx_json_number_of(&w->json, "id", c->first);
  begin_arguments(w, &at.event);
  end_event(w);
}

/* `number` is that of a phase's piece. */
static uint32_t write_phase(struct writing *w, const struct open *c, uint32_t number, uint64_t end)
{
  const struct piece *piece = &w->pieces[number];
  const char *name = slh_phase_name(piece->record.event.detail);

  if (piece->next != 0)
    end = w->pieces[piece->next - 1].record.event.time_ns;
  begin_slice(w, c, name, &piece->record, end);
  slhx_json_number_of(&w->json, "moved", piece->record.event.bytes);
  end_event(w);
  end_slice(w, c, name, &piece->record, end);
  return piece->next;
}

/* `last` is its end, or NULL: that was not met until `end`. */
static void write_collection(struct writing *w, const struct open *c, const struct record *last,
                             uint64_t end)
{
  const struct record *from = &w->pieces[c->first].record;
  const char *name = from->event.detail == 1 ? "young collection" : "full collection";

  begin_slice(w, c, name, from, end);
  slhx_json_number_of(&w->json, "may_move", from->event.bytes);
  slhx_json_number_of(&w->json, "used", from->event.total);
  slhx_json_text_of(&w->json, "status", !last ? "unfinished" : slh_status_name(last->event.detail));
  if (last)
    slhx_json_number_of(&w->json, "survived", last->event.bytes);
  end_event(w);
  for (uint32_t next = w->pieces[c->first].next; next != 0;)
    next = write_phase(w, c, next - 1, end);
  end_slice(w, c, name, from, end);
  if (last && last->event.detail == SLH_OK) {
    begin_counter(w, "collected", last);
    slhx_json_number_of(&w->json, "survived", last->event.bytes);
    slhx_json_number_of(&w->json, "reclaimed", last->event.total - last->event.bytes);
    end_event(w);
  }
}

static struct open *open_of(struct writing *w, const slh_heap *heap)
{
  for (size_t i = 0; i < w->open_count; i++) {
    if (w->pieces[w->open[i].first].record.event.heap == heap)
      return &w->open[i];
  }
  return NULL;
}

static void close_open(struct writing *w, struct open *c)
{
  *c = w->open[--w->open_count];
}

static void begin_collection(struct writing *w, uint32_t number)
{
  const struct record *record = &w->pieces[number].record;
  struct open *c = open_of(w, record->event.heap);

  /* Its store was discarded. */
  if (c) {
    write_collection(w, c, NULL, record->event.time_ns);
    close_open(w, c);
  }
  if (!reserve(&w->open, w->open_count, &w->open_capacity, sizeof *w->open)) {
    w->no_memory = true;
    return;
  }
  c = &w->open[w->open_count++];
  *c = (struct open){number, number, false};
  for (size_t i = 0; i + 1 < w->open_count; i++) {
    if (w->pieces[w->open[i].first].record.thread == record->thread)
      w->open[i].apart = c->apart = true;
  }
}

static void go_on_with_collection(struct writing *w, uint32_t number)
{
  const struct record *record = &w->pieces[number].record;
  struct open *c = open_of(w, record->event.heap);

  if (!c)
    return; /* its beginning was forgotten */
  c->apart |= w->pieces[c->first].record.thread != record->thread;
  if (record->event.kind == SLH_EVENT_COLLECTION_END) {
    write_collection(w, c, record, record->event.time_ns);
    close_open(w, c);
  } else {
    w->pieces[c->last].next = number + 1;
    c->last = number;
  }
}

/* ---- the document ---- */

static void write_piece(struct writing *w, uint32_t number)
{
  const struct record *record = &w->pieces[number].record;

  switch (record->event.kind) {
  case SLH_EVENT_ACQUIRE:
  case SLH_EVENT_RELEASE:
    write_store(w, record);
    break;
  case SLH_EVENT_COLLECTION_BEGIN:
    begin_collection(w, number);
    break;
  case SLH_EVENT_COLLECTION_PHASE:
  case SLH_EVENT_COLLECTION_END:
    go_on_with_collection(w, number);
    break;
  default:
    write_instant(w, record);
  }
}

static void write_process(struct writing *w)
{
  slhx_json_map(&w->json);
  slhx_json_text_of(&w->json, "ph", "M");
  slhx_json_text_of(&w->json, "name", "process_name");
  slhx_json_number_of(&w->json, "pid", w->process);
  slhx_json_string(&w->json, "args");
  slhx_json_map(&w->json);
  slhx_json_text_of(&w->json, "name", program_invocation_short_name);
  slhx_json_end_map(&w->json);
  slhx_json_end_map(&w->json);
}

static slh_status write_document(struct writing *w, uint64_t forgotten, FILE *out)
{
  slh_status status = slhx_json_open(&w->json, out);

  if (status != SLH_OK)
    return status;
  slhx_json_map(&w->json);
  slhx_json_text_of(&w->json, "displayTimeUnit", "ns");
  slhx_json_string(&w->json, "otherData");
  slhx_json_map(&w->json);
  slhx_json_text_of(&w->json, "slotheap", slh_version());
  slhx_json_text_of(&w->json, "clock", "CLOCK_MONOTONIC");
  slhx_json_number_of(&w->json, "forgotten", forgotten);
  slhx_json_end_map(&w->json);
  slhx_json_string(&w->json, "traceEvents");
  slhx_json_array(&w->json);
  write_process(w);
  for (uint32_t i = 0; i < w->count; i++)
    write_piece(w, i);
  for (size_t i = 0; i < w->open_count; i++)
    write_collection(w, &w->open[i], NULL, w->pieces[w->count - 1].record.event.time_ns);
  slhx_json_end_array(&w->json);
  slhx_json_end_map(&w->json);
  status = slhx_json_close(&w->json);
  return w->no_memory ? SLH_E_NOMEM : status;
}

slh_status slh_trace_write(slh_trace *trace, FILE *out)
{
  struct writing w = {.process = (uint64_t)getpid()};
  uint64_t forgotten;
  slh_status status = SLH_E_NOMEM;

  w.pieces = malloc(trace->capacity * sizeof *w.pieces);
  if (w.pieces) {
    pthread_mutex_lock(&trace->lock);
    w.names = trace->names; /* from here on they do not change */
    pthread_mutex_unlock(&trace->lock);
    w.count = copy_records(trace, w.pieces, &forgotten);
    status = write_document(&w, forgotten, out);
  }
  free(w.pieces);
  free(w.open);
  free(w.stores);
  return status;
}
