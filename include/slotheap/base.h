/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Statuses, errors and the few macros that every header needs. */
#ifndef SLOTHEAP_BASE_H
#define SLOTHEAP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The version of these headers. */
#define SLH_VERSION_MAJOR 0
#define SLH_VERSION_MINOR 1
#define SLH_VERSION_PATCH 0

#ifdef __cplusplus
#define SLH_BEGIN_DECLS extern "C" {
#define SLH_END_DECLS }
#define SLH_STATIC_ASSERT(condition, why) static_assert(condition, why)
#else
#define SLH_BEGIN_DECLS
#define SLH_END_DECLS
#define SLH_STATIC_ASSERT(condition, why) _Static_assert(condition, why)
#endif

#define SLH_API __attribute__((visibility("default")))
#define SLH_NODISCARD __attribute__((warn_unused_result))
#define SLH_LIKELY(x) __builtin_expect(!!(x), 1)
#define SLH_UNLIKELY(x) __builtin_expect(!!(x), 0)

SLH_BEGIN_DECLS

/* What a call came to. Values never change between versions. Where it is not SLH_OK, what
 * the call was to fill in is as it was, but for an slh_error, an slh_trap, and where the
 * call's comment says so. */
typedef enum slh_status {
  SLH_OK = 0,             /* done */
  SLH_E_INVALID = 1,      /* an argument or option is out of its range */
  SLH_E_NOMEM = 2,        /* the system has no memory or address space left */
  SLH_E_LIMIT = 3,        /* a limit of this store would be exceeded */
  SLH_E_FULL = 4,         /* every slot of the pool is taken */
  SLH_E_BUSY = 5,         /* every evacuation space is lent; try again later */
  SLH_E_COLLECT = 6,      /* no room: collect or grow the heap, then retry */
  SLH_E_TOO_LARGE = 7,    /* an object that no heap of this limit can hold */
  SLH_E_CORRUPT = 8,      /* the heap holds bytes the library did not write */
  SLH_E_BOUNDS = 9,       /* an index or range lies outside its object */
  SLH_E_TYPE = 10,        /* an object is not of the type the call needs */
  SLH_E_SYSTEM = 11,      /* a system call failed; see slh_error.os_errno */
  SLH_E_UNSUPPORTED = 12, /* this collector or system cannot do that */
  SLH_E_TRAP = 13,        /* an access left its heap and was stopped */
  SLH_E_HOST_LIMIT = 14,  /* the store's bookkeeping would exceed max_host_bytes */
  SLH_E_POOL_LIMIT = 15,  /* the heaps of the pool would exceed budget_bytes */
  SLH_E_REFUSED = 16      /* the store's growth callback said no */
} slh_status;

/* Why a call failed, in words. Caller-owned; plain data. */
typedef struct slh_error {
  slh_status status; /* what the call came to */
  int os_errno;      /* errno of the failed system call, or 0 */
  char message[240]; /* one sentence, no newline, always terminated */
} slh_error;

/*
 * Where the library's own bookkeeping (never guest bytes) is allocated.
 * Runtimes and pools take one each, and copy it; the context must outlive
 * them. Functions must be thread-safe and may return NULL. `release` gets only
 * what the same hook returned, never NULL.
 */
typedef struct slh_allocator {
  void *(*resize)(void *context, void *old, size_t bytes); /* old may be NULL */
  void (*release)(void *context, void *memory);            /* memory is not NULL */
  void *context;                                           /* passed to both */
} slh_allocator;

/* jemalloc, in an arena of its own, where the process has jemalloc and
 * slotheap was configured with it; else the C library's malloc. Any thread. */
SLH_API slh_allocator slh_default_allocator(void);

/* The name of a status ("SLH_E_FULL"), or "SLH_E_?" for an unknown value.
 * The string is static. Any thread. */
SLH_API const char *slh_status_name(slh_status status);

/* What a status means, in a few words ("every slot of the pool is taken").
 * The string is static. Any thread. */
SLH_API const char *slh_status_text(slh_status status);

/* The library's version as "MAJOR.MINOR.PATCH"; it can differ from the
 * SLH_VERSION_ macros that a host was compiled with. Static. Any thread. */
SLH_API const char *slh_version(void);

/* What this build of the library is, in one line for reports of bugs: version, system,
 * compiler, libraries, checks, sanitizers. Static. Any thread. */
SLH_API const char *slh_build_text(void);

/*
 * Told of misuse that the contract forbids before it stops the process: `call` is the
 * function that was called, `message` says what was wrong. Both are valid during the call.
 */
typedef void slh_misuse_fn(const char *call, const char *message, void *context);

/*
 * Sets what is told of misuse, in place of what was; NULL: nothing. What follows is as
 * without it: the message goes to standard error, and abort is called. To be called while no
 * other thread calls the library.
 *
 * The handler is called once in a process, on the thread of the misuse, inside that call:
 * locks of the library may be held, and heaps be in any state; after a fault that is a signal
 * handler. So it must not call the library, but for slh_version and slh_build_text, does best
 * with what is async-signal-safe (write, backtrace_symbols_fd), and must return: leaving by
 * longjmp or an exception is not allowed. Misuse within it, and broken invariants of a debug
 * build, stop at once; other threads that misuse the library meanwhile wait for the end.
 */
SLH_API void slh_set_misuse_handler(slh_misuse_fn *handler, void *context);

SLH_END_DECLS

#endif
