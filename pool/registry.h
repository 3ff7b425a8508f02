/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Every pool of the process, for code that has nothing but an address: a
 * signal handler. Readers are wait-free and may interrupt anything; who
 * removes a pool waits for the readers that have found it.
 */
#ifndef SLOTHEAP_POOL_REGISTRY_H
#define SLOTHEAP_POOL_REGISTRY_H

#include "pool/pool.h"

/* Makes a pool known. SLH_E_NOMEM. */
slh_status slhi_registry_add(slh_pool *pool);

/* Forgets a pool; when it returns, no reader has it. */
void slhi_registry_remove(slh_pool *pool);

/* Stops with a message that names `call` unless the pool is known: one that was freed, or
 * never made. It is not looked into, for its memory goes with it. */
void slhi_check_pool(const slh_pool *pool, const char *call);

struct registry_entry;

/* A slot that was found, held until slhi_registry_done. */
struct registry_hit {
  slh_pool *pool;
  struct slot *slot;   /* of the heap */
  struct slot *memory; /* the same, or a larger one that it borrowed */
  struct registry_entry *entry;
};

/* The slot that `address` belongs to. True: its pool cannot go away until
 * slhi_registry_done. */
bool slhi_registry_find(const void *address, struct registry_hit *out);
void slhi_registry_done(const struct registry_hit *hit);

/* In a child after fork: readers of other threads are gone. */
void slhi_registry_after_fork(void);

/* Calls `visit` for each pool until one returns false; returns whether all
 * were visited. Pools made or freed meanwhile may or may not be among them. */
bool slhi_registry_visit(bool (*visit)(void *context, slh_pool *pool), void *context);

#endif
