/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "tests/faults.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t bytes);
int __real_mprotect(void *address, size_t bytes, int protection);
int __real_madvise(void *address, size_t bytes, int advice);
int __real_mincore(void *address, size_t bytes, unsigned char *present);
long __real_syscall(long number, ...);

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __wrap_munmap(void *address, size_t bytes);
int __wrap_mprotect(void *address, size_t bytes, int protection);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __wrap_mincore(void *address, size_t bytes, unsigned char *present);
long __wrap_syscall(long number, ...);

#define CALLS 10
_Static_assert(OS_ALL == (1 << CALLS) - 1, "a bit for each call");

static _Atomic uint64_t calls[CALLS]; /* by bit of OS_ALL */
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

static uint64_t at_most; /* bytes of a process_madvise */

void faults_shorten(uint64_t bytes)
{
  at_most = bytes;
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

  for (unsigned i = 0; i < CALLS; i++)
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

/* ---- calls that the C library has no function for ---- */

static long advise_some(const long *arguments)
{
  const struct iovec *ranges = (const struct iovec *)arguments[1];
  struct iovec some[64];
  uint64_t left = at_most;
  size_t count = 0;

  if (at_most == 0)
    return __real_syscall(SYS_process_madvise, arguments[0], arguments[1], arguments[2],
                          arguments[3], arguments[4]);
  for (; left > 0 && count < 64 && count < (size_t)arguments[2]; count++) {
    some[count] = ranges[count];
    if (some[count].iov_len > left)
      some[count].iov_len = left;
    left -= some[count].iov_len;
  }
  return __real_syscall(SYS_process_madvise, arguments[0], some, count, arguments[3], arguments[4]);
}

long __wrap_syscall(long number, ...)
{
  long arguments[5];
  va_list list;

  va_start(list, number);
  for (int i = 0; i < 5; i++)
    arguments[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_process_madvise && fails(OS_PROCESS_MADVISE))
    return errno ? -1 : 0;
  if (number == SYS_process_madvise)
    return advise_some(arguments);
  if (number == SYS_pidfd_open && fails(OS_PIDFD_OPEN))
    return -1;
  return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                        arguments[4]);
}

/* ---- liburing, whose calls return what others leave in errno ---- */

#ifdef HAVE_LIBURING
struct io_uring;
struct io_uring_cqe;

int __real_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __real_io_uring_submit(struct io_uring *ring);
int __real___io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **event, unsigned submit,
                              unsigned wait, sigset_t *signals);

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int __wrap_io_uring_submit(struct io_uring *ring);
int __wrap___io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **event, unsigned submit,
                              unsigned wait, sigset_t *signals);

int __wrap_io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
  return fails(OS_RING_OPEN) ? -errno : __real_io_uring_queue_init(entries, ring, flags);
}

int __wrap_io_uring_submit(struct io_uring *ring)
{
  return fails(OS_RING_SUBMIT) ? -errno : __real_io_uring_submit(ring);
}

int __wrap___io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **event, unsigned submit,
                              unsigned wait, sigset_t *signals)
{
  if (wait > 0 && fails(OS_RING_WAIT))
    return -errno;
  return __real___io_uring_get_cqe(ring, event, submit, wait, signals);
}
#endif
