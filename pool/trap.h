/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Protected calls of a slot, and what a fault in one puts back. */
#ifndef SLOTHEAP_POOL_TRAP_H
#define SLOTHEAP_POOL_TRAP_H

#include <slotheap/trap.h>

#include "pool/slot.h"

/* What the owner of a slot had open when a protected call began (lib/protect.c). */
struct opened {
  uint64_t frame;      /* stamp of the innermost frame, or 0 */
  uint64_t last_stamp; /* that was given */
  uint32_t locals;     /* a count: local roots */
};

/* Called for each protected call that a trap ends, the innermost first, with
 * what the call was given to remember. */
typedef void slhi_left_fn(struct slot *slot, const struct opened *before);

/* slh_heap_protect for a slot. */
slh_status slhi_slot_protect(struct slot *slot, slh_protected_fn *call, void *argument,
                             slhi_left_fn *left, const struct opened *before, slh_trap *trap);

#endif
