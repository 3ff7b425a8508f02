/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sessions in a directory, which several processes of a machine may share. A session is
 * a file of its name: a head with the version, then the image. It is written beside and
 * renamed, so there is the old or the new one whenever a process or the machine dies.
 * Names that begin with a dot are this file's own: a lock, and what is being written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sessions.h"

#define TEMPORARY ".new-"
#define STALE_SECONDS 60 /* what is written so long has no writer any more */

static const char magic[8] = "jhsess1\n";

/* In the byte order of the machine: so are images. */
struct head {
  char magic[8];
  uint64_t version;
  uint64_t length; /* of the image */
};

struct directory {
  struct sessions sessions;
  int fd;
};

static enum sessions_status __attribute__((format(printf, 2, 3)))
down(struct sessions_error *error, const char *format, ...)
{
  char *message = error->message;
  va_list arguments;
  int cause = errno, length;

  va_start(arguments, format);
  length = vsnprintf(message, sizeof error->message, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length < sizeof error->message)
    snprintf(message + length, sizeof error->message - (size_t)length, ": %s", strerror(cause));
  return SESSIONS_DOWN;
}

/* ---- bytes ---- */

static bool write_all(int fd, const void *bytes, size_t length)
{
  const char *at = bytes;

  while (length > 0) {
    ssize_t written = write(fd, at, length);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    at += written;
    length -= (size_t)written;
  }
  return true;
}

/* All of it, or false; errno is EIO if there is less. */
static bool read_all(int fd, void *bytes, size_t length)
{
  char *at = bytes;

  while (length > 0) {
    ssize_t got = read(fd, at, length);

    if (got < 0 && errno == EINTR)
      continue;
    if (got == 0)
      errno = EIO;
    if (got <= 0)
      return false;
    at += got;
    length -= (size_t)got;
  }
  return true;
}

static bool read_head(int fd, struct head *head)
{
  if (!read_all(fd, head, sizeof *head))
    return false;
  if (memcmp(head->magic, magic, sizeof magic) == 0 && head->version != 0)
    return true;
  errno = EBADMSG;
  return false;
}

/* ---- loading ---- */

static bool read_image(int fd, const struct head *head, struct bytes *image)
{
  struct stat file;

  if (fstat(fd, &file) != 0)
    return false;
  if ((uint64_t)file.st_size != sizeof *head + head->length) {
    errno = EBADMSG;
    return false;
  }
  image->at = malloc(head->length ? head->length : 1);
  if (!image->at)
    return false;
  image->length = image->capacity = head->length;
  return read_all(fd, image->at, image->length);
}

static enum sessions_status load(struct sessions *sessions, const char *id, struct bytes *image,
                                 uint64_t *version, struct sessions_error *error)
{
  struct directory *directory = (struct directory *)sessions;
  struct head head;
  int fd = openat(directory->fd, id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0)
    return errno == ENOENT ? SESSIONS_OTHER : down(error, "the session cannot be opened");
  if (!read_head(fd, &head) || !read_image(fd, &head, image)) {
    (void)down(error, "the session cannot be read");
    close(fd);
    return SESSIONS_DOWN;
  }
  close(fd);
  *version = head.version;
  return SESSIONS_OK;
}

/* ---- updating ---- */

static uint64_t now(void)
{
  struct timespec t = {0};

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A lock is an open file's, so each caller opens it. It is held for a look and a rename,
 * not while anything is written, so one serves all sessions. -1: see `*status`. */
static int lock(struct directory *directory, uint64_t deadline, enum sessions_status *status,
                struct sessions_error *error)
{
  struct timespec pause = {0, 200 * 1000};
  int fd = openat(directory->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0) {
    *status = down(error, "the lock of the sessions cannot be opened");
    return -1;
  }
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK && now() < deadline) {
      nanosleep(&pause, NULL);
    } else if (errno != EINTR) {
      *status = errno == EWOULDBLOCK ? SESSIONS_TIME : down(error, "the sessions cannot be locked");
      close(fd);
      return -1;
    }
  }
  return fd;
}

/* SESSIONS_OK if the session has that version. It stays so under the lock. */
static enum sessions_status check(struct directory *directory, const char *id, uint64_t version,
                                  struct sessions_error *error)
{
  struct head head;
  bool ok;
  int fd = openat(directory->fd, id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0 && errno == ENOENT)
    return version == 0 ? SESSIONS_OK : SESSIONS_OTHER;
  if (fd < 0)
    return down(error, "the session cannot be opened");
  ok = read_head(fd, &head);
  if (!ok)
    (void)down(error, "the session cannot be read");
  close(fd);
  return !ok ? SESSIONS_DOWN : head.version == version ? SESSIONS_OK : SESSIONS_OTHER;
}

static enum sessions_status write_new(struct directory *directory, const char *name,
                                      uint64_t version, const struct bytes *image,
                                      struct sessions_error *error)
{
  struct head head = {.version = version, .length = image->length};
  enum sessions_status status = SESSIONS_OK;
  int fd = openat(directory->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd < 0)
    return down(error, "no file for the session can be made");
  memcpy(head.magic, magic, sizeof magic);
  if (!write_all(fd, &head, sizeof head) || !write_all(fd, image->at, image->length) ||
      fsync(fd) != 0)
    status = down(error, "the session cannot be written");
  if (close(fd) != 0 && status == SESSIONS_OK)
    status = down(error, "the session cannot be written");
  return status;
}

/* `name` is the file that takes the session's place; NULL: none does. */
static enum sessions_status put(struct directory *directory, const char *id, uint64_t old,
                                const char *name, uint64_t deadline, struct sessions_error *error)
{
  enum sessions_status status;
  int held = lock(directory, deadline, &status, error);

  if (held < 0)
    return status;
  status = check(directory, id, old, error);
  if (status == SESSIONS_OK && (name ? renameat(directory->fd, name, directory->fd, id)
                                     : unlinkat(directory->fd, id, 0)) != 0)
    status = down(error, "the session cannot be %s", name ? "put in its place" : "removed");
  close(held);
  if (status == SESSIONS_OK && fsync(directory->fd) != 0)
    status = down(error, "the directory of the sessions cannot be written");
  return status;
}

static enum sessions_status replace(struct sessions *sessions, const char *id, uint64_t old,
                                    uint64_t version, const struct bytes *image, uint64_t deadline,
                                    struct sessions_error *error)
{
  struct directory *directory = (struct directory *)sessions;
  enum sessions_status status;
  uint64_t number;
  char name[40];

  /* Not of the process's number: others that share the directory may have the same. */
  if (getrandom(&number, sizeof number, 0) != sizeof number)
    return down(error, "there are no random numbers");
  snprintf(name, sizeof name, TEMPORARY "%016llx", (unsigned long long)number);
  /* Who has lost already need not write. */
  status = check(directory, id, old, error);
  if (status != SESSIONS_OK)
    return status;
  status = write_new(directory, name, version, image, error);
  if (status == SESSIONS_OK)
    status = put(directory, id, old, name, deadline, error);
  if (status != SESSIONS_OK)
    (void)unlinkat(directory->fd, name, 0);
  return status;
}

static enum sessions_status discard(struct sessions *sessions, const char *id, uint64_t old,
                                    uint64_t deadline, struct sessions_error *error)
{
  return put((struct directory *)sessions, id, old, NULL, deadline, error);
}

/* ---- the directory ---- */

static void close_directory(struct sessions *sessions)
{
  struct directory *directory = (struct directory *)sessions;

  close(directory->fd);
  free(directory);
}

/* What processes left that were killed while they wrote. */
static void clear_stale(int fd)
{
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
  struct dirent *entry;
  struct stat file;

  if (!list) {
    if (copy >= 0)
      close(copy);
    return;
  }
  while ((entry = readdir(list)))
    if (strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0 &&
        fstatat(fd, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
        time(NULL) - file.st_mtime > STALE_SECONDS)
      (void)unlinkat(fd, entry->d_name, 0);
  closedir(list);
}

struct sessions *sessions_directory_open(const char *path, struct sessions_error *error)
{
  static const struct sessions_interface calls = {
      .close = close_directory, .load = load, .replace = replace, .remove = discard};
  struct directory *directory = calloc(1, sizeof *directory);
  int held;

  if (!directory) {
    (void)down(error, "--sessions=%s", path);
    return NULL;
  }
  directory->sessions.calls = &calls;
  directory->fd = -1;
  if (mkdir(path, 0700) == 0 || errno == EEXIST)
    directory->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory->fd < 0) {
    (void)down(error, "--sessions=%s cannot be made or opened as a directory", path);
    free(directory);
    return NULL;
  }
  /* Whether it can be written to is told now, not to the first client. */
  held = openat(directory->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (held < 0) {
    (void)down(error, "--sessions=%s cannot be written to", path);
    close_directory(&directory->sessions);
    return NULL;
  }
  close(held);
  clear_stale(directory->fd);
  return &directory->sessions;
}
