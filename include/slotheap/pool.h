/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_pool: one reservation of virtual memory, cut into slots that heaps are
 * taken from and returned to.
 */
#ifndef SLOTHEAP_POOL_H
#define SLOTHEAP_POOL_H

#include <slotheap/base.h>
#include <slotheap/plan.h>

SLH_BEGIN_DECLS

/* The memory of many heaps. Thread-safe. */
typedef struct slh_pool slh_pool;

/*
 * Reserves a pool. Takes address space and bookkeeping only; memory follows
 * the heaps. `options` may be NULL for the defaults.
 * Errors: those of slh_pool_plan_new; SLH_E_NOMEM (the system refused the
 * reservation).
 */
SLH_API SLH_NODISCARD slh_status slh_pool_new(const slh_pool_options *options, slh_pool **out,
                                              slh_error *error);

/* Returns all memory to the system. NULL is ignored. Every heap must have
 * been released; otherwise the process stops with a message. */
SLH_API void slh_pool_free(slh_pool *pool);

/*
 * The same, with heaps that are not released: they are gone with it, and
 * their host data is not dropped. For a child after fork, whose parent goes on
 * with them, and for a process that ends. No other thread may be using the pool.
 */
SLH_API void slh_pool_abandon(slh_pool *pool);

/* ---- what stays in memory ----
 *
 * Free slots keep up to keep_resident_bytes each in memory, so that the next
 * stores find them warm. These calls give it back. Any thread. */

/*
 * Gives back what slots and evacuation spaces keep that were not used for
 * decay_ms: to be called every now and then; costs next to nothing unless half
 * of decay_ms is over since it last did something. A pool that is not used
 * keeps nothing after decay_ms and two calls. With the option decay_thread a
 * thread of the pool calls it; that thread blocks all signals, and does not
 * exist in a forked child.
 */
SLH_API void slh_pool_decay(slh_pool *pool);

/* Gives back at once what all free slots and evacuation spaces keep. */
SLH_API void slh_pool_trim(slh_pool *pool);

SLH_END_DECLS

#endif
