/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What the service does with JSON, whatever memory it does it in: a store takes a
 * document, answers queries about it, and is gone when the request ends.
 *
 * There are two engines behind this header, of the same sources, compiled twice
 * (value.h): one whose stores are heaps of slotheap, one whose stores are trees of
 * malloc, freed node by node. So what differs in a comparison is memory.
 *
 * An engine may be used from any thread; a store by one at a time.
 */
#ifndef JSON_HOST_ENGINE_H
#define JSON_HOST_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was wrong; problem_http_status says what a client gets for it. */
enum problem_kind {
  PROBLEM_NONE,
  PROBLEM_SYNTAX,      /* 400: no JSON (RFC 8259), or not UTF-8 */
  PROBLEM_QUERY,       /* 400: a query that does not parse */
  PROBLEM_TOO_LARGE,   /* 413: the store's memory limit */
  PROBLEM_DEPTH,       /* 422: nested too deeply */
  PROBLEM_DUPLICATE,   /* 422: a member twice in one object */
  PROBLEM_NUMBER,      /* 422: a number that cannot be held */
  PROBLEM_EVALUATION,  /* 422: a query that the document has no answer to: a function
                          given a value of another type, say */
  PROBLEM_TIME,        /* 503: out of time */
  PROBLEM_BUSY,        /* 503: every store is taken, or memory of the machine is */
  PROBLEM_UNSUPPORTED, /* 501: not with this memory */
  PROBLEM_INTERNAL     /* 500: a bug, or a damaged session */
};

struct problem {
  enum problem_kind kind;
  uint64_t at;       /* SYNTAX, DEPTH, DUPLICATE (where its object ends), NUMBER: byte of
                        the document; QUERY, EVALUATION: of the query; else 0 */
  char message[256]; /* a sentence, with what is allowed */
};

int problem_http_status(enum problem_kind kind);

/* "syntax", "query", "too_large", ...: for clients, and for counters. */
const char *problem_name(enum problem_kind kind);

/* What one store may use. None may be 0. */
struct limits {
  uint64_t heap_bytes;  /* of objects; from 4 KiB on. An answer has no more bytes, either */
  uint32_t depth;       /* arrays and objects within one another, brackets of a query; up to 4096 */
  uint64_t nanoseconds; /* of work, all calls on the store together; waiting for a
                           client's bytes does not count */
};

struct engine_options {
  struct limits limits;
  uint32_t stores; /* at a time */
  uint32_t zeal;   /* for tests: slh_runtime_options.zeal */
};

/* Figures of all stores so far. */
struct engine_figures {
  uint64_t stores_taken;
  uint64_t stores_live;
  uint64_t collections;
  uint64_t heap_bytes;     /* written by all stores */
  uint64_t resident_bytes; /* of live and of idle stores */
};

struct engine; /* one a process */
struct store;  /* one a request */

/* Bytes of an answer, or of an image; all zero is empty. */
struct bytes {
  char *at;
  size_t length;
  size_t capacity;
};

/* False: no memory; what there is stays. */
bool bytes_reserve(struct bytes *bytes, size_t more);
bool bytes_append(struct bytes *bytes, const void *from, size_t length);
void bytes_free(struct bytes *bytes);

/* The requests that a session has seen last, so that one which is repeated is not
 * done twice. Kept in the session's own heap. */
#define STORE_RECENT_MAX 64
#define STORE_REQUEST_ID_MAX 64 /* bytes */

/* All that the server calls. Every function that returns bool says what was wrong in
 * `*problem` if it returns false; the store can only be released then. */
struct engine_interface {
  const char *name; /* "slotheap", "malloc" */

  struct engine *(*engine_new)(const struct engine_options *options, struct problem *problem);
  void (*engine_free)(struct engine *engine);
  void (*figures)(struct engine *engine, struct engine_figures *out);
  /* The pool's own metrics in Prometheus text, appended; may do nothing. */
  bool (*metrics)(struct engine *engine, struct bytes *out);

  /* ---- a request ---- */

  bool (*acquire)(struct engine *engine, struct store **out, struct problem *problem);
  void (*release)(struct store *store);

  /* Takes the next bytes of a document as they arrive; then it ends. That document is
   * the answer until one asks. */
  bool (*parse)(struct store *store, const char *text, size_t length, struct problem *problem);
  bool (*parse_end)(struct store *store, struct problem *problem);

  /* Evaluates a query (doc/json-query.md) over the document: that is the answer, in
   * place of an earlier one; the document stays. */
  bool (*ask)(struct store *store, const char *query, size_t length, struct problem *problem);

  /* Appends the answer as JSON text. */
  bool (*write)(struct store *store, struct bytes *out, struct problem *problem);

  /* ---- sessions: documents that outlive a request ---- */

  /* The document is a JSON merge patch (RFC 7396) to the one before it: what was
   * parsed last is merged into it. */
  bool (*merge)(struct store *store, struct problem *problem);

  uint64_t (*version)(const struct store *store);
  void (*set_version)(struct store *store, uint64_t version);

  /* Whether a request with that id has been done, and the version it made. */
  bool (*was_done)(const struct store *store, const char *id, uint64_t *version);
  bool (*set_done)(struct store *store, const char *id, uint64_t version, struct problem *problem);

  /* The document with its version and recent requests, as an image; and a store that
   * has them again, in any process. */
  bool (*suspend)(struct store *store, struct bytes *image, struct problem *problem);
  bool (*resume)(struct engine *engine, const void *image, size_t length, struct store **out,
                 struct problem *problem);
};

extern const struct engine_interface engine_slotheap;
extern const struct engine_interface engine_malloc;

#endif
