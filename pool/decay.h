/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The thread that calls slh_pool_decay for a pool. */
#ifndef SLOTHEAP_POOL_DECAY_H
#define SLOTHEAP_POOL_DECAY_H

#include <slotheap/pool.h>

/* SLH_E_NOMEM: the system has no thread left. */
slh_status slhi_decay_start(slh_pool *pool, slh_error *error);

/* Ends it, if there is one. */
void slhi_decay_stop(slh_pool *pool);

/* In a child after fork, where it does not exist. */
void slhi_decay_forget(slh_pool *pool);

#endif
