/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The port to systems of which nothing is known but that they are POSIX (2017) and have
 * MAP_ANON, in place of os-linux.c. Pages go back by mapping fresh ones over them. What
 * POSIX has no call for is refused, and the library does without.
 */
#include "pool/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/os-flags.h"

uint64_t slhi_os_mapping_limit(void)
{
  return UINT64_MAX;
}

/* ---- mapping over what is there ---- */

/* POSIX lets a mapping that fails take away what was there. Another thread's mapping could
 * come to lie in such a hole, in the middle of a slot: there is no going on. */
static void check_hole(void *memory, size_t bytes)
{
  if (msync(memory, bytes, MS_ASYNC) == 0 || errno != ENOMEM)
    return;
  fprintf(stderr, "slotheap: the system took %zu bytes away that it could not replace\n", bytes);
  abort();
}

static int replace(void *memory, size_t bytes, int flags, int fd)
{
  int failed;

  if (mmap(memory, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | flags, fd, 0) !=
      MAP_FAILED)
    return 0;
  failed = errno;
  check_hole(memory, bytes);
  return failed;
}

int slhi_os_decommit(void *memory, size_t bytes)
{
  return replace(memory, bytes, MAP_ANON | MAP_NORESERVE, -1);
}

int slhi_os_map_template(void *memory, size_t bytes, int fd)
{
  return replace(memory, bytes, 0, fd);
}

int slhi_os_unmap_template(void *memory, size_t bytes)
{
  return replace(memory, bytes, MAP_ANON | MAP_NORESERVE, -1);
}

/* ---- sealed memory ---- */

/* A shared memory object whose name is gone. */
static int open_nameless(void)
{
  static _Atomic unsigned last;
  char name[64];
  int fd;

  do {
    snprintf(name, sizeof name, "/slotheap-%ld-%u", (long)getpid(), atomic_fetch_add(&last, 1));
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  } while (fd < 0 && errno == EEXIST);
  if (fd >= 0)
    (void)shm_unlink(name);
  return fd;
}

/* It is written in memory of this process alone, so that no child can change it. */
int slhi_os_template_open(size_t bytes, int *fd, void **memory)
{
  int failed;

  *fd = open_nameless();
  if (*fd < 0)
    return errno;
  failed = ftruncate(*fd, (off_t)bytes) == 0 ? slhi_os_map(bytes, memory) : errno;
  if (failed)
    slhi_os_template_close(*fd);
  return failed;
}

static int write_template(int fd, const void *from, size_t bytes)
{
  void *shared;

  /* Without room for it a write would be a signal. Not every file system can tell. */
  int failed = ftruncate(fd, (off_t)bytes) == 0 ? posix_fallocate(fd, 0, (off_t)bytes) : errno;

  if (failed != 0 && failed != EINVAL && failed != EOPNOTSUPP && failed != ENODEV)
    return failed;
  shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED)
    return errno;
  memcpy(shared, from, bytes);
  slhi_os_unmap(shared, bytes);
  return 0;
}

/* What was written is not to be shared, then. */
static int keep_private(void *memory, size_t bytes, size_t kept)
{
  int failed = slhi_os_protect_writes(memory, kept);

  if (failed)
    slhi_os_unmap(memory, bytes);
  else if (kept < bytes)
    slhi_os_unmap((char *)memory + kept, bytes - kept);
  return failed;
}

/* Nothing in the process has it mapped for writing any more, or will. */
int slhi_os_template_seal(int fd, size_t bytes, size_t kept, void **memory, bool *sealed)
{
  *sealed = write_template(fd, *memory, kept) == 0;
  if (!*sealed)
    return keep_private(*memory, bytes, kept);
  slhi_os_unmap(*memory, bytes);
  *memory = mmap(NULL, kept, PROT_READ, MAP_PRIVATE, fd, 0);
  return *memory == MAP_FAILED ? errno : 0;
}

/* ---- what POSIX has not ---- */

int slhi_os_decommit_many(struct iovec *ranges, uint32_t count)
{
  (void)ranges;
  (void)count;
  return ENOSYS;
}

int slhi_os_renew_template(void *memory, size_t bytes)
{
  (void)memory;
  (void)bytes;
  return ENOSYS;
}

int slhi_os_resident(void *memory, size_t bytes, uint64_t *out)
{
  (void)memory;
  (void)bytes;
  (void)out;
  return ENOSYS;
}

int slhi_os_populate(void *memory, size_t bytes)
{
  (void)memory;
  (void)bytes;
  return ENOSYS;
}

int slhi_os_huge(void *memory, size_t bytes, bool yes)
{
  (void)memory;
  (void)bytes;
  (void)yes;
  return EINVAL;
}

int slhi_os_guard(void *memory, size_t bytes)
{
  (void)memory;
  (void)bytes;
  return EINVAL;
}

int slhi_os_unguard(void *memory, size_t bytes)
{
  (void)memory;
  (void)bytes;
  return EINVAL;
}

bool slhi_os_fence_open(void)
{
  return false;
}

/* Nobody may ask for it: there was none to be readied. */
void slhi_os_fence(void)
{
  abort();
}
