/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* An engine whose stores are heaps. */
#ifndef JSON_HOST_MEMORY_SLOTHEAP_H
#define JSON_HOST_MEMORY_SLOTHEAP_H

#include "store.h"

struct engine {
  struct stores stores;
  uint64_t seed;
  uint32_t zeal;
  slh_runtime *runtime;
  slh_pool *pool;
  struct types types;
  slh_image *prelude;
  value yes, no, functions, keys; /* roots of the prelude, in every store that began from it */
};

/* A store whose heap begins with the prelude, or with a session that is resumed, or
 * without anything. */
bool memory_take(struct engine *engine, const slh_image *image, bool resume, struct store **out,
                 struct problem *problem);

/* The problem that a status of the library is; false. */
bool memory_fail(struct store *store, slh_status status);

#endif
