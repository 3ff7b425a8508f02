/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef SLOTHEAP_POOL_TRAP_H
#define SLOTHEAP_POOL_TRAP_H

#include <slotheap/trap.h>

#include "pool/slot.h"

/* Called for each protected call that a trap ends, the innermost first, with
 * what the call was given to remember. */
typedef void slhi_left_fn(struct slot *slot, const uint64_t memo[3]);

/* slh_heap_protect for a slot. */
slh_status slhi_slot_protect(struct slot *slot, slh_protected_fn *call, void *argument,
                             slhi_left_fn *left, const uint64_t memo[3], slh_trap *trap);

#endif
