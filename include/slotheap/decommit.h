/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Ways to give the pages of released heaps back to the system. */
#ifndef SLOTHEAP_DECOMMIT_H
#define SLOTHEAP_DECOMMIT_H

#include <slotheap/base.h>

SLH_BEGIN_DECLS

/*
 * Whichever is chosen, the next store finds zeroes: what the system refuses
 * to take is scrubbed instead. They differ in what a release costs, and whom.
 * doc/residency.md has figures. Values never change between versions.
 */
typedef enum slh_decommit {
  /* The best there is for the number of ranges: MADVISE for one, BATCH for
   * several, of which neighbours are given back as one. */
  SLH_DECOMMIT_AUTO = 0,
  /* Nothing is given back: ranges are scrubbed, and stay in memory. */
  SLH_DECOMMIT_MEMSET = 1,
  /* One madvise a range. The only one that makes no other system call, of
   * all ways to give pages back. */
  SLH_DECOMMIT_MADVISE = 2,
  /* One process_madvise for many ranges. Linux 6.13 or later. */
  SLH_DECOMMIT_BATCH = 3,
  /* Ranges are sorted; one madvise for each run of neighbours. */
  SLH_DECOMMIT_RUNS = 4,
  /* By io_uring: a kernel thread of this process does it meanwhile. */
  SLH_DECOMMIT_URING = 5
} slh_decommit;

/* How many there are: all values are below it. */
#define SLH_DECOMMIT_ENGINES 6

/* "auto", "memset", "madvise", "batch", "runs", "uring"; "?" for an unknown
 * value. The string is static. Any thread. */
SLH_API const char *slh_decommit_name(slh_decommit engine);

/*
 * Whether this process can use it now. The first call tries the engine on a
 * few pages of its own, later ones remember. False for an unknown value, and
 * for BATCH and URING where the kernel, a seccomp filter, a limit, or how the
 * library was configured stands against it. A pool that is asked for an engine
 * it cannot have takes another: MADVISE for BATCH, AUTO for URING, and MEMSET for
 * each of them, AUTO too, where madvise cannot be had. Any thread.
 */
SLH_API bool slh_decommit_available(slh_decommit engine);

SLH_END_DECLS

#endif
