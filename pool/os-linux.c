/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The port to Linux, but for what os-mmap.c and os-uring.c have. */
#include "pool/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of a call that a signal interrupts. */
#define TRIES 8

/* From Linux's <asm-generic/mman-common.h> and <linux/fcntl.h>: newer than the
 * headers that this may be compiled with. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

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

static int advise(void *memory, size_t bytes, int advice)
{
  int tries = TRIES;

  while (madvise(memory, bytes, advice)) {
    if ((errno != EINTR && errno != EAGAIN) || --tries == 0)
      return errno;
  }
  return 0;
}

int slhi_os_decommit(void *memory, size_t bytes)
{
  return advise(memory, bytes, MADV_DONTNEED);
}

int slhi_os_populate(void *memory, size_t bytes)
{
  return advise(memory, bytes, MADV_POPULATE_WRITE);
}

int slhi_os_huge(void *memory, size_t bytes, bool yes)
{
  return advise(memory, bytes, yes ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

int slhi_os_guard(void *memory, size_t bytes)
{
  return advise(memory, bytes, MADV_GUARD_INSTALL);
}

int slhi_os_unguard(void *memory, size_t bytes)
{
  return advise(memory, bytes, MADV_GUARD_REMOVE);
}

/* ---- several ranges ---- */

static ssize_t advise_process(int file, const struct iovec *ranges, size_t count)
{
  return syscall(SYS_process_madvise, file, ranges, count, MADV_DONTNEED, 0u);
}

/* Says "this process" by the number that kernels since 6.14 know, else by a
 * descriptor that is not kept: a host may close what it does not know, and a
 * forked child would act on its parent. */
static ssize_t advise_self(const struct iovec *ranges, size_t count)
{
  static atomic_bool has_no_number;
  ssize_t done;
  int file;

  if (!atomic_load_explicit(&has_no_number, memory_order_relaxed)) {
    done = advise_process(PIDFD_SELF, ranges, count);
    if (done >= 0 || errno != EBADF)
      return done;
    atomic_store_explicit(&has_no_number, true, memory_order_relaxed);
  }
  file = (int)syscall(SYS_pidfd_open, getpid(), 0u);
  if (file < 0)
    return -1;
  done = advise_process(file, ranges, count);
  if (done >= 0) {
    close(file);
  } else {
    int error = errno;

    close(file);
    errno = error;
  }
  return done;
}

/* Takes `done` bytes off the front; returns how many ranges are done whole. */
static uint32_t advance(struct iovec *ranges, uint32_t count, size_t done)
{
  uint32_t i = 0;

  for (; i < count && done >= ranges[i].iov_len; i++) {
    done -= ranges[i].iov_len;
    ranges[i].iov_len = 0;
  }
  if (i < count) {
    ranges[i].iov_base = (char *)ranges[i].iov_base + done;
    ranges[i].iov_len -= done;
  }
  return i;
}

int slhi_os_decommit_many(struct iovec *ranges, uint32_t count)
{
  int tries = TRIES;

  while (count > 0) {
    uint32_t some = count < IOV_MAX ? count : IOV_MAX;
    ssize_t done = advise_self(ranges, some);
    uint32_t whole;

    /* 0 would be a kernel that says yes and does nothing. */
    if (done <= 0) {
      if (done == 0)
        return EINVAL;
      if ((errno != EINTR && errno != EAGAIN) || --tries == 0)
        return errno;
      continue;
    }
    whole = advance(ranges, some, (size_t)done);
    ranges += whole;
    count -= whole;
    tries = TRIES;
  }
  return 0;
}

/* ---- sealed memory ---- */

int slhi_os_template_open(size_t bytes, int *fd, void **memory)
{
  int file = memfd_create("slotheap-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int failed;

  if (file < 0)
    return errno;
  if (ftruncate(file, (off_t)bytes) == 0) {
    *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (*memory != MAP_FAILED) {
      /* A child that had it, too, would keep it from being sealed. */
      (void)madvise(*memory, bytes, MADV_DONTFORK);
      *fd = file;
      return 0;
    }
  }
  failed = errno;
  close(file);
  return failed;
}

int slhi_os_template_seal(int fd, size_t bytes, size_t kept, void **memory, bool *sealed)
{
  /* Sealing against writes needs that nothing can. */
  slhi_os_unmap(*memory, bytes);
  *sealed = ftruncate(fd, (off_t)kept) == 0 &&
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
  /* Private: kernels before 6.7 refuse a shared one of what is sealed. */
  *memory = mmap(NULL, kept, PROT_READ, MAP_PRIVATE, fd, 0);
  return *memory == MAP_FAILED ? errno : 0;
}

/* Maps elsewhere first: a mapping made in place leaves a hole if it fails half
 * way. Moving it fails, if at all, before anything is unmapped. */
static int replace(void *memory, size_t bytes, int flags, int fd)
{
  void *mapping =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | flags, fd, 0);
  int failed;

  if (mapping == MAP_FAILED)
    return errno;
  if (mremap(mapping, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, memory) != MAP_FAILED)
    return 0;
  failed = errno;
  slhi_os_unmap(mapping, bytes);
  return failed;
}

int slhi_os_map_template(void *memory, size_t bytes, int fd)
{
  return replace(memory, bytes, 0, fd);
}

int slhi_os_renew_template(void *memory, size_t bytes)
{
  return advise(memory, bytes, MADV_DONTNEED);
}

int slhi_os_unmap_template(void *memory, size_t bytes)
{
  return replace(memory, bytes, MAP_ANONYMOUS, -1);
}

/* ---- counting ---- */

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

/* ---- threads ---- */

/* From <linux/membarrier.h>. */
#define MEMBARRIER_EXPEDITED (1 << 3)
#define MEMBARRIER_REGISTER_EXPEDITED (1 << 4)

/* Sanitizers do not know what a fence on behalf of another thread does. */
#if defined(__SANITIZE_THREAD__)
#define HAS_FENCE false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_FENCE false
#endif
#endif
#ifndef HAS_FENCE
#define HAS_FENCE true
#endif

bool slhi_os_fence_open(void)
{
  return HAS_FENCE && syscall(SYS_membarrier, MEMBARRIER_REGISTER_EXPEDITED, 0, 0) == 0 &&
         syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0) == 0;
}

void slhi_os_fence(void)
{
  const struct timespec while_ = {0, 1000000};

  /* Can only fail under a filter that was installed since. Then time must do:
   * no processor holds a store back for a millisecond. */
  if (syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0) != 0)
    nanosleep(&while_, NULL);
}
