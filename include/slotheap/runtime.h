/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_runtime: the collector and the types that heaps are made with.
 *
 * A process makes one runtime (or a few), registers its types once, and
 * shares it among all its heaps. It must outlive every heap that uses it.
 */
#ifndef SLOTHEAP_RUNTIME_H
#define SLOTHEAP_RUNTIME_H

#include <slotheap/base.h>
#include <slotheap/policy.h>

SLH_BEGIN_DECLS

/* A collector, and types. Thread-safe. */
typedef struct slh_runtime slh_runtime;

/* How the heaps of a runtime are collected. */
typedef enum slh_collector {
  SLH_COLLECTOR_COPYING = 0, /* moves what is reachable, forgets the rest */
  SLH_COLLECTOR_NULL = 1,    /* never collects: for stores that end soon */
  /* As copying, but most collections look at what was allocated since the last
   * one only: for stores that live long. Needs the barriers of slh_set_ref. */
  SLH_COLLECTOR_GENERATIONAL = 2,
  /* Deferred reference counting: objects never move, and what is dropped goes at once,
   * with the host data behind it: for stores that hold resources of the host. Needs all
   * of barrier.h. Cycles stay until the store ends; there are no weak references. Takes 4
   * bytes of host memory for each 8 bytes of heap that was counted or collected, which
   * do not count against max_host_bytes: the heap's own limit bounds them. */
  SLH_COLLECTOR_DRC = 3
} slh_collector;

/* Options of a runtime. Zero in a field means its default. */
typedef struct slh_runtime_options {
  size_t struct_size;             /* sizeof(slh_runtime_options), set by the initialiser */
  slh_collector collector;        /* of all its heaps */
  const slh_allocator *allocator; /* NULL: slh_default_allocator() */
  /* For tests of hosts: at every allocation with this number, slh_new_*
   * collects and slh_alloc_* returns SLH_E_COLLECT, so that a root that was
   * forgotten is found out; what was freed is poisoned, and the heap verified.
   * All allocation leaves its inline path. Up to SLH_ZEAL_MAX. 0: as configured,
   * normally SLH_ZEAL_NEVER. */
  uint32_t zeal;
  const slh_policy *policy; /* copied. NULL: slh_default_policy() */
} slh_runtime_options;

/* Values of `zeal`: never, and the largest number there can be. */
#define SLH_ZEAL_NEVER UINT32_MAX
#define SLH_ZEAL_MAX 65534u

/* All defaults. */
#define SLH_RUNTIME_OPTIONS_INIT                                                                   \
  {                                                                                                \
    sizeof(slh_runtime_options), SLH_COLLECTOR_COPYING, NULL, 0, NULL                              \
  }

/*
 * Makes a runtime. `options` may be NULL for the defaults.
 * Errors: SLH_E_INVALID (an option is unknown), SLH_E_NOMEM.
 */
SLH_API SLH_NODISCARD slh_status slh_runtime_new(const slh_runtime_options *options,
                                                 slh_runtime **out, slh_error *error);

/* Frees a runtime and its types. NULL is ignored. If a heap or an image still uses
 * it, the process stops with a message. */
SLH_API void slh_runtime_free(slh_runtime *runtime);

SLH_END_DECLS

#endif
