/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * From options to layout: slh_pool_plan_new of <slotheap/pool.h>, a pure
 * function once the host's limits are known.
 *
 *   lead   slot 0: 4 GiB         guard   slot 1                 guard
 *  |....|#######...............|.......|####...................|.......|
 *       ^                                ^
 *   ^   accessible, grows ->             accessible
 *   base of slot 0 = 4 KiB before its first accessible byte
 *
 * The stride is 4 GiB + guard, so base + any 32-bit reference + any offset
 * below the guard size ends before the next slot's first accessible byte.
 */
#ifndef SLOTHEAP_POOL_PLAN_H
#define SLOTHEAP_POOL_PLAN_H

#include <slotheap/pool.h>

#include "pool/math.h"

/* What 32 bits reach: the reservation of a wide slot. */
#define SLHI_WIDE_BYTES (UINT64_C(1) << 32)

/* Largest heap on any host: with SLH_WIDE_FIRST before it, and rounded to the
 * largest page, its end is still a 32-bit offset. */
#define SLHI_MAX_HEAP_BYTES (SLHI_WIDE_BYTES - 65536)

/* Mappings that the rest of the process may need. */
#define SLHI_SPARE_MAPPINGS 512

#endif
