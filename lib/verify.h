/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Checks of heaps, and whether they are to be made. */
#ifndef SLOTHEAP_LIB_VERIFY_H
#define SLOTHEAP_LIB_VERIFY_H

#include <slotheap/inspect.h>

/* Whether collections of the heap are to be checked: in debug builds, and with
 * zeal. */
bool slhi_checks(const slh_heap *heap);

/* If so: what lies in [at, at + bytes) is poisoned. */
void slhi_poison(slh_heap *heap, uint64_t at, uint64_t bytes);

/* After each collection. If so: poisons what was freed, so that a stale reference is
 * found out, and verifies the heap; a heap that does not pass is SLH_E_CORRUPT, with the
 * reason on standard error. Otherwise nothing. */
slh_status slhi_check_collected(slh_heap *heap, const slh_roots *roots);

#endif
