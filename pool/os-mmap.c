/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The part of the port that all systems with mmap have in common. */
#include "pool/os.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pool/os-flags.h"

/* User addresses with four-level page tables, on x86-64; other 64-bit systems
 * have at least as many by default, or fail the reservation. */
#define ADDRESS_BITS 47

uint64_t slhi_os_page_size(void)
{
  return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t slhi_os_address_space(void)
{
  uint64_t space = UINT64_C(1) << ADDRESS_BITS;
  struct rlimit limit;

  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < space)
    space = limit.rlim_cur;
  return space;
}

/*
 * What could not be unmapped. To some kernels neighbours are one mapping where they
 * can be, whoever made them; to unmap what lies in the middle makes one more,
 * and is refused where there are too many (Linux: vm.max_map_count).
 */
static struct leftover {
  enum leftover_state {
    LEFTOVER_NONE,
    LEFTOVER_BUSY, /* in somebody's hands */
    LEFTOVER_THERE
  } _Atomic state;
  void *memory;
  size_t bytes;
} leftovers[64];

static _Atomic int leftover_count;

static bool claim(struct leftover *leftover, enum leftover_state state)
{
  return atomic_compare_exchange_strong(&leftover->state, &state, LEFTOVER_BUSY);
}

/* For later. Beyond what there is room for the addresses are lost, but no memory. */
static void leave(void *memory, size_t bytes)
{
  (void)slhi_os_decommit(memory, bytes);
  (void)slhi_os_protect_none(memory, bytes);
  for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++) {
    if (claim(&leftovers[i], LEFTOVER_NONE)) {
      leftovers[i].memory = memory;
      leftovers[i].bytes = bytes;
      atomic_store(&leftovers[i].state, LEFTOVER_THERE);
      atomic_fetch_add(&leftover_count, 1);
      return;
    }
  }
}

static void try_leftovers(void)
{
  bool done = atomic_load_explicit(&leftover_count, memory_order_relaxed) != 0;

  for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers && done; i++) {
    if (!claim(&leftovers[i], LEFTOVER_THERE))
      continue;
    done = munmap(leftovers[i].memory, leftovers[i].bytes) == 0;
    atomic_fetch_sub(&leftover_count, done);
    atomic_store(&leftovers[i].state, done ? LEFTOVER_NONE : LEFTOVER_THERE);
  }
}

static int map(size_t bytes, int protection, int flags, void **out)
{
  void *memory;

  try_leftovers();
  memory = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANON | flags, -1, 0);
  if (memory == MAP_FAILED)
    return errno;
  *out = memory;
  return 0;
}

int slhi_os_reserve(size_t bytes, void **out)
{
  return map(bytes, PROT_NONE, MAP_NORESERVE, out);
}

int slhi_os_map(size_t bytes, void **out)
{
  return map(bytes, PROT_READ | PROT_WRITE, MAP_NORESERVE, out);
}

void slhi_os_unmap(void *memory, size_t bytes)
{
  if (munmap(memory, bytes) != 0)
    leave(memory, bytes);
  else
    try_leftovers();
}

int slhi_os_commit(void *memory, size_t bytes)
{
  return mprotect(memory, bytes, PROT_READ | PROT_WRITE) ? errno : 0;
}

int slhi_os_protect_none(void *memory, size_t bytes)
{
  return mprotect(memory, bytes, PROT_NONE) ? errno : 0;
}

int slhi_os_protect_writes(void *memory, size_t bytes)
{
  return mprotect(memory, bytes, PROT_READ) ? errno : 0;
}

void slhi_os_template_close(int fd)
{
  (void)close(fd);
}
