/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * How pages go back to the system: the engines of <slotheap/decommit.h>
 * behind one interface. There is one struct decommit a slab.
 *
 * Calls need the slab's lock, except where they say otherwise. None of them
 * allocates but slhi_decommit_open, and the first start in a forked child,
 * which make a ring.
 */
#ifndef SLOTHEAP_POOL_DECOMMIT_H
#define SLOTHEAP_POOL_DECOMMIT_H

#include <slotheap/decommit.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Page-aligned, not empty, all of it committed. */
struct slhi_range {
  char *start;
  uint64_t bytes;
  void *owner; /* the caller's; comes back from slhi_decommit_reap */
};

/* Any thread may read these. */
struct decommit_counts {
  _Atomic uint64_t bytes[SLH_DECOMMIT_ENGINES]; /* by who did it in the end; never AUTO */
  _Atomic uint64_t failures;                    /* ranges that the system did not take: scrubbed */
};

/* Ranges that can be in flight at a time: bits of a word. */
#define SLHI_DECOMMIT_DEPTH 64

struct slhi_os_ring;

/* Their names, by number; NULL is the last. */
extern const char *const slhi_decommit_names[SLH_DECOMMIT_ENGINES + 1];

struct decommit {
  const struct slh_pool *pool; /* for events */
  slh_decommit engine;         /* in use; never changes */
  bool batches;                /* AUTO, URING: the system has BATCH */
  struct decommit_counts counts;

  /* Of URING alone. The table is in ordinary memory: a forked child has it,
   * while what is in flight works on its parent's pages only. */
  struct slhi_os_ring *ring; /* NULL: made at the next start */
  pid_t process;             /* that made the ring */
  bool refused;              /* the system lets nothing more be started */
  uint64_t busy;             /* a bit for each entry of the table in use */
  uint64_t orphans;          /* of these: in flight in the parent, so not here */
  struct slhi_range table[SLHI_DECOMMIT_DEPTH];
};

/*
 * `wish`, or what the system has in its place; see engine. SLH_E_INVALID: there is
 * no such engine.
 */
slh_status slhi_decommit_open(struct decommit *decommit, slh_decommit wish, slh_error *error);

/* Waits for what is in flight; its owners are not told. */
void slhi_decommit_close(struct decommit *decommit);

/*
 * When it returns, every byte of every range reads as zero, whatever the
 * system says. May reorder `ranges`. Any thread, without the lock.
 */
void slhi_decommit_now(struct decommit *decommit, struct slhi_range *ranges, uint32_t count);

/*
 * Takes the range off this thread. It must not be touched until its owner
 * comes back from slhi_decommit_reap. False: not taken (another engine, all entries
 * in use, refused by the system).
 */
bool slhi_decommit_start(struct decommit *decommit, const struct slhi_range *range);

/*
 * The owners of up to `most` ranges that have become zero since; what the
 * system refused has been repaired. `wait`: for at least one, if any is in flight.
 */
uint32_t slhi_decommit_reap(struct decommit *decommit, void **owners, uint32_t most, bool wait);

/* Started and not reaped. */
static inline uint32_t slhi_decommit_in_flight(const struct decommit *decommit)
{
  return (uint32_t)__builtin_popcountll(decommit->busy);
}

/*
 * In a child, after a fork: lets go of the parent's ring without disturbing
 * it. Ranges that were in flight are zeroed here when they are reaped. Calls
 * that find themselves in another process than the last do the same.
 */
void slhi_decommit_after_fork(struct decommit *decommit);

#endif
