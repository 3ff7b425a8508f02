/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/os.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* User addresses with four-level page tables, on x86-64; other 64-bit ports
 * of Linux have at least as many by default, or fail the reservation. */
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

uint64_t slhi_os_mapping_limit(void)
{
  unsigned long long limit;
  FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
  int read;

  if (!file)
    return UINT64_MAX;
  read = fscanf(file, "%llu", &limit);
  fclose(file);
  return read == 1 ? limit : UINT64_MAX;
}

static int map(size_t bytes, int protection, int flags, void **out)
{
  void *memory = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

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
  /* Fails only for a range that is no mapping of ours, or where unmapping
   * would split a mapping and exceed the limit of them: neither is so for
   * whole reservations. */
  (void)munmap(memory, bytes);
}

int slhi_os_commit(void *memory, size_t bytes)
{
  return mprotect(memory, bytes, PROT_READ | PROT_WRITE) ? errno : 0;
}

int slhi_os_decommit(void *memory, size_t bytes)
{
  int tries = 8;

  while (madvise(memory, bytes, MADV_DONTNEED)) {
    if (errno != EINTR || --tries == 0)
      return errno;
  }
  return 0;
}

int slhi_os_resident(void *memory, size_t bytes, uint64_t *out)
{
  enum {
    PAGES = 4096
  };
  unsigned char present[PAGES];
  size_t page = (size_t)slhi_os_page_size();
  char *at = memory;
  uint64_t resident = 0;

  while (bytes > 0) {
    size_t some = bytes < PAGES * page ? bytes : PAGES * page;

    if (mincore(at, some, present))
      return errno;
    for (size_t i = 0; i < some / page; i++)
      resident += (present[i] & 1) ? page : 0;
    at += some;
    bytes -= some;
  }
  *out = resident;
  return 0;
}
