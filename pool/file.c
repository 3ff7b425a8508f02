/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

int slhi_file_open(const char *path, int *fd)
{
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  return *fd < 0 ? errno : 0;
}

void slhi_file_close(int fd)
{
  (void)close(fd);
}

size_t slhi_file_rest(int fd)
{
  struct stat about;
  off_t at;

  if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
    return SIZE_MAX;
  at = lseek(fd, 0, SEEK_CUR);
  return at < 0 || at > about.st_size ? 0 : (size_t)(about.st_size - at);
}

/* ---- in parallel ---- */

#ifdef HAVE_LIBURING

/* A ring costs as much as copying so many bytes. */
#define WORTH_A_RING ((size_t)1 << 20)

#define DEPTH 8
#define PIECE ((size_t)512 << 10)

/* Where a regular file stands, or -1: it is not one, or writes go to its end
 * whatever they say. */
static off_t position(int fd)
{
  struct stat about;

  if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || (fcntl(fd, F_GETFL) & O_APPEND) != 0)
    return -1;
  return lseek(fd, 0, SEEK_CUR);
}

/* One round of up to DEPTH pieces. Returns the bytes from `at` on that are done
 * without a gap: fewer than asked for at the end of the file, or if any failed. */
static size_t transfer_round(struct io_uring *ring, int fd, bool write, char *at, size_t bytes,
                             off_t offset)
{
  size_t sizes[DEPTH], done = 0;
  int results[DEPTH], submitted;
  unsigned count = 0;

  for (size_t next = 0; next < bytes && count < DEPTH; count++) {
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    size_t some = bytes - next < PIECE ? bytes - next : PIECE;

    if (write)
      io_uring_prep_write(entry, fd, at + next, (unsigned)some, (uint64_t)offset + next);
    else
      io_uring_prep_read(entry, fd, at + next, (unsigned)some, (uint64_t)offset + next);
    io_uring_sqe_set_data64(entry, count);
    sizes[count] = some;
    results[count] = -1;
    next += some;
  }
  submitted = io_uring_submit(ring);
  if (submitted < 0)
    return SIZE_MAX;
  for (int i = 0; i < submitted; i++) {
    struct io_uring_cqe *result;

    /* The kernel is still at work on the caller's memory: even if the system
     * refuses to wait, this has to. */
    while (io_uring_wait_cqe(ring, &result) != 0 && io_uring_peek_cqe(ring, &result) != 0)
      sched_yield();
    results[io_uring_cqe_get_data64(result)] = result->res;
    io_uring_cqe_seen(ring, result);
  }
  for (unsigned i = 0; i < count; i++) {
    done += results[i] > 0 ? (size_t)results[i] : 0;
    if (results[i] < 0 || (size_t)results[i] < sizes[i])
      break;
  }
  return done;
}

/* Moves the file's position behind what it has done. */
static size_t transfer(int fd, bool write, char *at, size_t bytes)
{
  off_t offset = bytes >= WORTH_A_RING ? position(fd) : -1;
  struct io_uring ring;
  size_t done = 0;

  if (offset < 0 || io_uring_queue_init(DEPTH, &ring, 0) != 0)
    return 0;
  while (done < bytes) {
    size_t some = bytes - done < DEPTH * PIECE ? bytes - done : DEPTH * PIECE;
    size_t got = transfer_round(&ring, fd, write, at + done, some, offset + (off_t)done);

    if (got == SIZE_MAX)
      break;
    done += got;
    if (got < some)
      break;
  }
  /* Waits for what is still under way. */
  io_uring_queue_exit(&ring);
  return lseek(fd, offset + (off_t)done, SEEK_SET) < 0 ? 0 : done;
}

#else

static size_t transfer(int fd, bool write, char *at, size_t bytes)
{
  (void)fd;
  (void)write;
  (void)at;
  (void)bytes;
  return 0;
}

#endif

/* ---- one after the other ---- */

int slhi_file_read(int fd, void *to, size_t bytes, size_t *done)
{
  size_t got = transfer(fd, false, to, bytes);

  while (got < bytes) {
    ssize_t some = read(fd, (char *)to + got, bytes - got);

    if (some < 0 && errno == EINTR)
      continue;
    if (some < 0)
      return errno;
    if (some == 0)
      break;
    got += (size_t)some;
  }
  *done = got;
  return 0;
}

int slhi_file_write(int fd, const void *from, size_t bytes)
{
  char *at = (char *)(uintptr_t)from;
  size_t put = transfer(fd, true, at, bytes);

  while (put < bytes) {
    ssize_t some = write(fd, at + put, bytes - put);

    if (some < 0 && errno == EINTR)
      continue;
    if (some <= 0)
      return some < 0 ? errno : EIO;
    put += (size_t)some;
  }
  return 0;
}
