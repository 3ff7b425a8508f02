/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/decommit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pool/assert.h"
#include "pool/error.h"
#include "pool/events.h"
#include "pool/os.h"

const char *const slhi_decommit_names[SLH_DECOMMIT_ENGINES + 1] = {
    [SLH_DECOMMIT_AUTO] = "auto",       [SLH_DECOMMIT_MEMSET] = "memset",
    [SLH_DECOMMIT_MADVISE] = "madvise", [SLH_DECOMMIT_BATCH] = "batch",
    [SLH_DECOMMIT_RUNS] = "runs",       [SLH_DECOMMIT_URING] = "uring",
};

const char *slh_decommit_name(slh_decommit engine)
{
  return (unsigned)engine < SLH_DECOMMIT_ENGINES ? slhi_decommit_names[engine] : "?";
}

bool slh_decommit_available(slh_decommit engine)
{
  switch (engine) {
  case SLH_DECOMMIT_AUTO:
  case SLH_DECOMMIT_MEMSET:
    return true;
  case SLH_DECOMMIT_MADVISE:
  case SLH_DECOMMIT_RUNS:
    return slhi_os_has(SLHI_OS_DECOMMIT);
  case SLH_DECOMMIT_BATCH:
    return slhi_os_has(SLHI_OS_DECOMMIT_MANY);
  case SLH_DECOMMIT_URING:
    return slhi_os_has(SLHI_OS_RING);
  default:
    return false;
  }
}

/* ---- now ---- */

static void count_bytes(struct decommit *decommit, slh_decommit engine, uint64_t bytes)
{
  atomic_fetch_add_explicit(&decommit->counts.bytes[engine], bytes, memory_order_relaxed);
  SLHI_EVENT(decommit, DECOMMIT, decommit->pool, NULL, engine, bytes, 0);
}

static void scrub(struct decommit *decommit, void *memory, uint64_t bytes)
{
  memset(memory, 0, bytes);
  count_bytes(decommit, SLH_DECOMMIT_MEMSET, bytes);
}

/* One madvise, which counts for `engine`. */
static void give_back(struct decommit *decommit, void *memory, uint64_t bytes, slh_decommit engine)
{
  if (slhi_os_decommit(memory, bytes)) {
    scrub(decommit, memory, bytes);
    atomic_fetch_add_explicit(&decommit->counts.failures, 1, memory_order_relaxed);
  } else {
    count_bytes(decommit, engine, bytes);
  }
}

/* Shell's sort with Ciura's gaps: batches are small, and qsort may allocate. */
static void sort(struct slhi_range *ranges, uint32_t count)
{
  static const uint32_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};

  for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
    uint32_t gap = gaps[g];

    for (uint32_t i = gap; i < count; i++) {
      struct slhi_range range = ranges[i];
      uint32_t at = i;

      for (; at >= gap && ranges[at - gap].start > range.start; at -= gap)
        ranges[at] = ranges[at - gap];
      ranges[at] = range;
    }
  }
}

/* Moves the next ranges into `out`, up to `room` of them; with `merge`
 * neighbours become one. Returns how many there are in `out`. */
static uint32_t next_runs(struct slhi_range **ranges, uint32_t *count, bool merge,
                          struct iovec *out, uint32_t room)
{
  uint32_t filled = 0;

  for (; *count > 0; ++*ranges, --*count) {
    const struct slhi_range *range = *ranges;
    struct iovec *last = filled ? &out[filled - 1] : NULL;

    if (merge && last && (char *)last->iov_base + last->iov_len == range->start)
      last->iov_len += range->bytes;
    else if (filled < room)
      out[filled++] = (struct iovec){range->start, range->bytes};
    else
      break;
  }
  return filled;
}

static uint64_t total(const struct iovec *runs, uint32_t count)
{
  uint64_t bytes = 0;

  for (uint32_t i = 0; i < count; i++)
    bytes += runs[i].iov_len;
  return bytes;
}

/* All by one call, or one by one what that leaves. */
static void give_back_many(struct decommit *decommit, struct iovec *runs, uint32_t count)
{
  uint64_t bytes = total(runs, count);

  if (slhi_os_decommit_many(runs, count))
    for (uint32_t i = 0; i < count; i++)
      if (runs[i].iov_len > 0) {
        bytes -= runs[i].iov_len;
        give_back(decommit, runs[i].iov_base, runs[i].iov_len, SLH_DECOMMIT_MADVISE);
      }
  count_bytes(decommit, SLH_DECOMMIT_BATCH, bytes);
}

/* What one call takes: 1 KiB of stack. */
#define RUNS_MAX 64

static void give_back_runs(struct decommit *decommit, struct slhi_range *ranges, uint32_t count,
                           bool merge, bool batch)
{
  struct iovec runs[RUNS_MAX];

  if (merge)
    sort(ranges, count);
  while (count > 0) {
    uint32_t some = next_runs(&ranges, &count, merge, runs, RUNS_MAX);

    /* For one run, madvise costs a little less. */
    if (batch && (some > 1 || !merge))
      give_back_many(decommit, runs, some);
    else
      for (uint32_t i = 0; i < some; i++)
        give_back(decommit, runs[i].iov_base, runs[i].iov_len, SLH_DECOMMIT_RUNS);
  }
}

void slhi_decommit_now(struct decommit *decommit, struct slhi_range *ranges, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    SLHI_ASSERT(ranges[i].bytes != 0);
  switch (decommit->engine) {
  case SLH_DECOMMIT_MEMSET:
    for (uint32_t i = 0; i < count; i++)
      scrub(decommit, ranges[i].start, ranges[i].bytes);
    return;
  case SLH_DECOMMIT_BATCH:
    give_back_runs(decommit, ranges, count, false, true);
    return;
  case SLH_DECOMMIT_RUNS:
    give_back_runs(decommit, ranges, count, true, false);
    return;
  case SLH_DECOMMIT_MADVISE:
    break;
  case SLH_DECOMMIT_AUTO:
  case SLH_DECOMMIT_URING: /* what it did not take */
    if (count > 1) {
      give_back_runs(decommit, ranges, count, true, decommit->batches);
      return;
    }
    break;
  }
  for (uint32_t i = 0; i < count; i++)
    give_back(decommit, ranges[i].start, ranges[i].bytes, SLH_DECOMMIT_MADVISE);
}

/* ---- in flight ---- */

static bool open_ring(struct decommit *decommit)
{
  if (slhi_os_ring_open(SLHI_DECOMMIT_DEPTH, &decommit->ring)) {
    decommit->ring = NULL;
    return false;
  }
  decommit->process = getpid();
  return true;
}

void slhi_decommit_after_fork(struct decommit *decommit)
{
  if (!decommit->ring)
    return;
  slhi_os_ring_close(decommit->ring);
  decommit->ring = NULL;
  decommit->orphans = decommit->busy;
}

/* A fork that nobody told of: entries of a child would act on the child's
 * pages, but report to its parent. */
static void check_process(struct decommit *decommit)
{
  if (decommit->ring && getpid() != decommit->process)
    slhi_decommit_after_fork(decommit);
}

static bool is_passing(int error)
{
  return error == EAGAIN || error == EBUSY || error == EINTR || error == ENOMEM;
}

bool slhi_decommit_start(struct decommit *decommit, const struct slhi_range *range)
{
  uint32_t entry;
  int failed;

  if (decommit->engine != SLH_DECOMMIT_URING || decommit->refused)
    return false;
  check_process(decommit);
  if (!decommit->ring && !open_ring(decommit)) {
    decommit->refused = true;
    return false;
  }
  if (decommit->busy == UINT64_MAX)
    return false;
  if (range->bytes > UINT32_MAX && !slhi_os_has(SLHI_OS_RING_WIDE))
    return false;
  /* First into the table: another thread may fork at any time. */
  entry = (uint32_t)__builtin_ctzll(~decommit->busy);
  decommit->table[entry] = *range;
  decommit->busy |= UINT64_C(1) << entry;
  failed = slhi_os_ring_start(decommit->ring, range->start, range->bytes, entry);
  if (failed) {
    decommit->busy &= ~(UINT64_C(1) << entry);
    decommit->refused = !is_passing(failed);
  }
  return !failed;
}

/* Frees an entry whose range is zero, or is made so here. */
static void *finish(struct decommit *decommit, uint32_t entry, bool zero)
{
  uint64_t bit = UINT64_C(1) << entry;
  struct slhi_range range = decommit->table[entry];

  if (zero)
    count_bytes(decommit, SLH_DECOMMIT_URING, range.bytes);
  else
    slhi_decommit_now(decommit, &range, 1);
  decommit->busy &= ~bit;
  decommit->orphans &= ~bit;
  return range.owner;
}

uint32_t slhi_decommit_reap(struct decommit *decommit, void **owners, uint32_t most, bool wait)
{
  uint32_t count = 0;

  if (decommit->busy == 0)
    return 0;
  check_process(decommit);
  for (; count < most && decommit->orphans != 0; count++)
    owners[count] = finish(decommit, (uint32_t)__builtin_ctzll(decommit->orphans), false);
  while (count < most && decommit->busy != decommit->orphans) {
    uint32_t entry;
    int result;

    if (slhi_os_ring_reap(decommit->ring, wait && count == 0, &entry, &result))
      break;
    SLHI_ASSERT(entry < SLHI_DECOMMIT_DEPTH && decommit->busy >> entry & 1);
    owners[count++] = finish(decommit, entry, result == 0);
  }
  return count;
}

/* ---- opening and closing ---- */

/* What takes the place of an engine that this system does not have. */
static slh_decommit instead_of(slh_decommit wish)
{
  if (!slh_decommit_available(SLH_DECOMMIT_MADVISE))
    return SLH_DECOMMIT_MEMSET;
  return wish == SLH_DECOMMIT_BATCH ? SLH_DECOMMIT_MADVISE : SLH_DECOMMIT_AUTO;
}

slh_status slhi_decommit_open(struct decommit *decommit, slh_decommit wish, slh_error *error)
{
  if ((unsigned)wish >= SLH_DECOMMIT_ENGINES)
    return slhi_error(error, SLH_E_INVALID, "decommit engine %u is none; there are 0 to %d",
                      (unsigned)wish, SLH_DECOMMIT_ENGINES - 1);
  memset(decommit, 0, sizeof *decommit);
  decommit->engine = wish;
  if (!slh_decommit_available(wish))
    decommit->engine = instead_of(wish);
  else if (wish == SLH_DECOMMIT_AUTO && !slh_decommit_available(SLH_DECOMMIT_MADVISE))
    decommit->engine = SLH_DECOMMIT_MEMSET;
  if (decommit->engine == SLH_DECOMMIT_URING && !open_ring(decommit))
    decommit->engine = instead_of(wish);
  if (decommit->engine == SLH_DECOMMIT_AUTO || decommit->engine == SLH_DECOMMIT_URING)
    decommit->batches = slh_decommit_available(SLH_DECOMMIT_BATCH);
  return SLH_OK;
}

void slhi_decommit_close(struct decommit *decommit)
{
  void *owners[SLHI_DECOMMIT_DEPTH];

  while (slhi_decommit_reap(decommit, owners, SLHI_DECOMMIT_DEPTH, true) > 0)
    continue;
  if (decommit->ring)
    slhi_os_ring_close(decommit->ring);
  decommit->ring = NULL;
}
