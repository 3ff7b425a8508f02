/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "tests/faults.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t bytes);
int __real_mprotect(void *address, size_t bytes, int protection);
int __real_madvise(void *address, size_t bytes, int advice);
int __real_mincore(void *address, size_t bytes, unsigned char *present);

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __wrap_munmap(void *address, size_t bytes);
int __wrap_mprotect(void *address, size_t bytes, int protection);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __wrap_mincore(void *address, size_t bytes, unsigned char *present);

static _Atomic uint64_t calls[5]; /* by bit of OS_ALL */
static _Atomic int64_t mapped_bytes, mappings;

static unsigned failing;
static int failing_errno;
static uint64_t failing_from, failing_to;
static _Atomic uint64_t seen; /* calls of `failing` since faults_fail */

void faults_fail(unsigned which, uint64_t pass, uint64_t count, int error)
{
  failing_errno = error;
  failing_from = pass;
  failing_to = count > UINT64_MAX - pass ? UINT64_MAX : pass + count;
  atomic_store(&seen, 0);
  failing = which;
}

uint64_t faults_end(void)
{
  uint64_t passed = atomic_load(&seen);
  uint64_t stop = passed < failing_to ? passed : failing_to;

  failing = 0;
  return stop > failing_from ? stop - failing_from : 0;
}

uint64_t faults_calls(unsigned which)
{
  uint64_t sum = 0;

  for (unsigned i = 0; i < 5; i++)
    sum += (which & 1u << i) ? atomic_load(&calls[i]) : 0;
  return sum;
}

int64_t faults_mapped_bytes(void)
{
  return atomic_load(&mapped_bytes);
}

int64_t faults_mappings(void)
{
  return atomic_load(&mappings);
}

/* Counts a call; true if it is to fail. */
static bool fails(unsigned call)
{
  uint64_t number;

  atomic_fetch_add(&calls[__builtin_ctz(call)], 1);
  if (!(failing & call))
    return false;
  number = atomic_fetch_add(&seen, 1);
  if (number < failing_from || number >= failing_to)
    return false;
  errno = failing_errno;
  return true;
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
  void *memory;

  if (fails(OS_MMAP))
    return MAP_FAILED;
  memory = __real_mmap(address, bytes, protection, flags, file, offset);
  if (memory != MAP_FAILED) {
    atomic_fetch_add(&mapped_bytes, (int64_t)bytes);
    atomic_fetch_add(&mappings, 1);
  }
  return memory;
}

int __wrap_munmap(void *address, size_t bytes)
{
  int result = __real_munmap(address, bytes);

  if (result == 0) {
    atomic_fetch_sub(&mapped_bytes, (int64_t)bytes);
    atomic_fetch_sub(&mappings, 1);
  }
  return fails(OS_MUNMAP) ? -1 : result;
}

int __wrap_mprotect(void *address, size_t bytes, int protection)
{
  return fails(OS_MPROTECT) ? -1 : __real_mprotect(address, bytes, protection);
}

int __wrap_madvise(void *address, size_t bytes, int advice)
{
  return fails(OS_MADVISE) ? -1 : __real_madvise(address, bytes, advice);
}

int __wrap_mincore(void *address, size_t bytes, unsigned char *present)
{
  return fails(OS_MINCORE) ? -1 : __real_mincore(address, bytes, present);
}
