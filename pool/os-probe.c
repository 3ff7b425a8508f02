/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What this system has, found out by doing it: some kernels, filters and
 * emulators refuse calls, and some accept them and do nothing. */
#include "pool/os.h"

#include <stdatomic.h>
#include <string.h>

enum {
  UNKNOWN,
  YES,
  NO
};

/* ---- each on memory that is all its own ---- */

static bool is_zero(const char *byte)
{
  return *(const volatile char *)byte == 0;
}

static bool try_decommit(char *memory, size_t page)
{
  *memory = 1;
  return slhi_os_decommit(memory, page) == 0 && is_zero(memory);
}

/* Two pages, and not the one between them. */
static bool try_decommit_many(char *memory, size_t page)
{
  struct iovec ranges[] = {{memory, page}, {memory + 2 * page, page}};

  memory[0] = memory[page] = memory[2 * page] = 1;
  return slhi_os_decommit_many(ranges, 2) == 0 && is_zero(memory) && is_zero(memory + 2 * page) &&
         !is_zero(memory + page);
}

static bool try_populate(char *memory, size_t page)
{
  return slhi_os_populate(memory, page) == 0;
}

/* What it says of one page that was touched. */
static bool try_resident(char *memory, size_t page)
{
  uint64_t bytes = 0;

  *memory = 1;
  return slhi_os_resident(memory, page, &bytes) == 0 && bytes == page;
}

static bool try_guard(char *memory, size_t page)
{
  return slhi_os_guard(memory, page) == 0 && slhi_os_unguard(memory, page) == 0;
}

static bool try_ring_on(char *memory, size_t bytes)
{
  struct slhi_os_ring *ring;
  uint32_t token = 0;
  int result = 1;
  bool done;

  if (slhi_os_ring_open(1, &ring))
    return false;
  memory[bytes - 1] = 1;
  done = slhi_os_ring_start(ring, memory, bytes, 7) == 0 &&
         slhi_os_ring_reap(ring, true, &token, &result) == 0;
  slhi_os_ring_close(ring);
  return done && token == 7 && result == 0 && is_zero(memory + bytes - 1);
}

static bool try_ring(char *memory, size_t page)
{
  return try_ring_on(memory, page);
}

#define WIDE (UINT64_C(1) << 32)

static bool try_ring_wide(char *memory, size_t page)
{
  return try_ring_on(memory, WIDE + page);
}

static const struct trial {
  bool (*run)(char *memory, size_t page);
  uint64_t pages;
  uint64_t bytes; /* besides the pages */
} trials[] = {
    [SLHI_OS_DECOMMIT] = {try_decommit, 1, 0},
    [SLHI_OS_DECOMMIT_MANY] = {try_decommit_many, 3, 0},
    [SLHI_OS_POPULATE] = {try_populate, 1, 0},
    [SLHI_OS_RESIDENT] = {try_resident, 1, 0},
    [SLHI_OS_GUARD] = {try_guard, 1, 0},
    [SLHI_OS_RING] = {try_ring, 1, 0},
    [SLHI_OS_RING_WIDE] = {try_ring_wide, 1, WIDE},
};
#define FEATURES (sizeof trials / sizeof *trials)

/* Two threads may find out at the same time; they find the same. */
bool slhi_os_has(enum slhi_os_feature feature)
{
  static _Atomic int found[FEATURES];
  const struct trial *trial = &trials[feature];
  int known = atomic_load_explicit(&found[feature], memory_order_relaxed);
  size_t page = (size_t)slhi_os_page_size();
  size_t bytes = trial->pages * page + trial->bytes;
  void *memory;

  if (known != UNKNOWN)
    return known == YES;
  if (slhi_os_map(bytes, &memory))
    return false; /* for now */
  known = trial->run(memory, page) ? YES : NO;
  slhi_os_unmap(memory, bytes);
  atomic_store_explicit(&found[feature], known, memory_order_relaxed);
  return known == YES;
}
