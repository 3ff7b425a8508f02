/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The wrappers of system calls, and which of them are to fail. */
#include "tests/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/failing.h"

#include "pool/os.h"

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t bytes);
int __real_mprotect(void *address, size_t bytes, int protection);
int __real_madvise(void *address, size_t bytes, int advice);
int __real_mincore(void *address, size_t bytes, unsigned char *present);
long __real_syscall(long number, ...);
void *__real_mremap(void *address, size_t old, size_t bytes, int flags, ...);
int __real_memfd_create(const char *name, unsigned flags);
int __real_shm_open(const char *name, int flags, mode_t mode);
int __real_ftruncate(int file, off_t bytes);
int __real_posix_fallocate(int file, off_t from, off_t bytes);
int __real_fcntl(int file, int command, ...);
int __real_open(const char *path, int flags, ...);
int __real_mkostemps(char *name, int suffix, int flags);
ssize_t __real_read(int file, void *bytes, size_t count);
ssize_t __real_write(int file, const void *bytes, size_t count);
int __real_fsync(int file);
int __real_rename(const char *from, const char *to);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __wrap_munmap(void *address, size_t bytes);
int __wrap_mprotect(void *address, size_t bytes, int protection);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __wrap_mincore(void *address, size_t bytes, unsigned char *present);
long __wrap_syscall(long number, ...);
void *__wrap_mremap(void *address, size_t old, size_t bytes, int flags, ...);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_shm_open(const char *name, int flags, mode_t mode);
int __wrap_ftruncate(int file, off_t bytes);
int __wrap_posix_fallocate(int file, off_t from, off_t bytes);
int __wrap_fcntl(int file, int command, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_mkostemps(char *name, int suffix, int flags);
ssize_t __wrap_read(int file, void *bytes, size_t count);
ssize_t __wrap_write(int file, const void *bytes, size_t count);
int __wrap_fsync(int file);
int __wrap_rename(const char *from, const char *to);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

#define CALLS 21
_Static_assert(OS_ALL == (1 << CALLS) - 1, "a bit for each call");

static _Atomic uint64_t calls[CALLS]; /* by bit of OS_ALL */
static _Atomic int64_t mapped_bytes, mappings;

static unsigned failing; /* calls */
static int failing_errno;
static struct failing which_fail;

void faults_fail(unsigned which, uint64_t pass, uint64_t count, int error)
{
  failing_errno = error;
  failing_row(&which_fail, pass, count);
  failing = which;
}

void faults_fail_at_random(unsigned which, uint64_t one_in, uint64_t random)
{
  failing_at_random(&which_fail, one_in, random);
  failing = which;
}

uint64_t faults_failed(void)
{
  return atomic_load(&which_fail.failed);
}

void faults_pause(bool pause)
{
  atomic_store(&which_fail.paused, pause);
}

static uint64_t at_most; /* bytes of a process_madvise */

bool faults_reach_decommit(void)
{
  uint64_t before = faults_calls(OS_MADVISE);
  uint64_t page = slhi_os_page_size();
  void *memory;

  REQUIRE_EQUAL(slhi_os_map(page, &memory), 0);
  (void)slhi_os_decommit(memory, page);
  slhi_os_unmap(memory, page);
  return faults_calls(OS_MADVISE) > before;
}

void faults_shorten(uint64_t bytes)
{
  at_most = bytes;
}

uint64_t faults_end(void)
{
  failing = 0;
  return faults_failed();
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
  static const int errors[] = {ENOMEM, EAGAIN, EINTR, EPERM, EINVAL, ENOSYS, EBADF, EMFILE};
  uint64_t bits;

  atomic_fetch_add(&calls[__builtin_ctz(call)], 1);
  if (!(failing & call) || !failing_hit(&which_fail, &bits))
    return false;
  errno = which_fail.one_in ? errors[bits % (sizeof errors / sizeof *errors)] : failing_errno;
  return true;
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
  void *memory;

  if (fails(OS_MMAP))
    return MAP_FAILED;
  memory = __real_mmap(address, bytes, protection, flags, file, offset);
  /* A fixed one is in place of another. */
  if (memory != MAP_FAILED && !(flags & MAP_FIXED)) {
    atomic_fetch_add(&mapped_bytes, (int64_t)bytes);
    atomic_fetch_add(&mappings, 1);
  }
  return memory;
}

static void count_unmapped(size_t bytes)
{
  atomic_fetch_sub(&mapped_bytes, (int64_t)bytes);
  atomic_fetch_sub(&mappings, 1);
}

/* What was not unmapped but should be. */
static void *_Atomic kept[256];

static bool swap_kept(void *from, void *to)
{
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    void *expected = from;

    if (atomic_compare_exchange_strong(&kept[i], &expected, to))
      return true;
  }
  return false;
}

int __wrap_munmap(void *address, size_t bytes)
{
  bool again = swap_kept(address, NULL);
  int result = fails(OS_MUNMAP) ? -1 : __real_munmap(address, bytes);
  int error = errno;

  if (result != 0)
    REQUIRE(swap_kept(NULL, address));
  if (!again)
    count_unmapped(bytes);
  errno = error;
  return result;
}

/* Onto part of another mapping, which is gone then: the only way it is used. */
void *__wrap_mremap(void *address, size_t old, size_t bytes, int flags, ...)
{
  void *result, *target;
  va_list list;

  REQUIRE(old == bytes && (flags & MREMAP_FIXED) != 0);
  va_start(list, flags);
  target = va_arg(list, void *);
  va_end(list);
  if (fails(OS_MREMAP))
    return MAP_FAILED;
  result = __real_mremap(address, old, bytes, flags, target);
  if (result != MAP_FAILED)
    count_unmapped(bytes);
  return result;
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

int __wrap_memfd_create(const char *name, unsigned flags)
{
  return fails(OS_MEMFD) ? -1 : __real_memfd_create(name, flags);
}

int __wrap_shm_open(const char *name, int flags, mode_t mode)
{
  return fails(OS_MEMFD) ? -1 : __real_shm_open(name, flags, mode);
}

int __wrap_ftruncate(int file, off_t bytes)
{
  return fails(OS_FTRUNCATE) ? -1 : __real_ftruncate(file, bytes);
}

/* Says what went wrong instead of leaving it in errno. */
int __wrap_posix_fallocate(int file, off_t from, off_t bytes)
{
  return fails(OS_FTRUNCATE) ? errno : __real_posix_fallocate(file, from, bytes);
}

int __wrap_fcntl(int file, int command, ...)
{
  long argument;
  va_list list;

  va_start(list, command);
  argument = va_arg(list, long);
  va_end(list);
  return command == F_ADD_SEALS && fails(OS_SEAL) ? -1 : __real_fcntl(file, command, argument);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
  return fails(OS_THREAD) ? errno : __real_pthread_create(thread, attributes, start, argument);
}

/* ---- files ---- */

int __wrap_open(const char *path, int flags, ...)
{
  int mode;
  va_list list;

  va_start(list, flags);
  mode = va_arg(list, int);
  va_end(list);
  return fails(OS_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __wrap_mkostemps(char *name, int suffix, int flags)
{
  return fails(OS_OPEN) ? -1 : __real_mkostemps(name, suffix, flags);
}

ssize_t __wrap_read(int file, void *bytes, size_t count)
{
  return fails(OS_READ) ? -1 : __real_read(file, bytes, count);
}

ssize_t __wrap_write(int file, const void *bytes, size_t count)
{
  return fails(OS_WRITE) ? -1 : __real_write(file, bytes, count);
}

int __wrap_fsync(int file)
{
  return fails(OS_FSYNC) ? -1 : __real_fsync(file);
}

int __wrap_rename(const char *from, const char *to)
{
  return fails(OS_RENAME) ? -1 : __real_rename(from, to);
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
  if (number == SYS_membarrier && fails(OS_MEMBARRIER))
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
