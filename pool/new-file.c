/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/new-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/error.h"
#include "pool/host-memory.h"

slh_status slhi_new_file_open(const slh_allocator *allocator, const char *path,
                              struct new_file *out, slh_error *error)
{
  static const char suffix[] = ".XXXXXX.tmp";
  size_t length = strlen(path);
  struct stat about;
  char *name;
  int fd, failed;

  /* Renaming would put a file in the place of a device or a socket. */
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
    return slhi_error_errno(error, SLH_E_SYSTEM, S_ISDIR(about.st_mode) ? EISDIR : EEXIST,
                            "%s is no regular file", path);
  name = slhi_allocate(allocator, length + sizeof suffix);
  if (!name)
    return slhi_error(error, SLH_E_NOMEM, "no memory for the name of a file");
  memcpy(name, path, length);
  memcpy(name + length, suffix, sizeof suffix);
  fd = mkostemps(name, (int)strlen(".tmp"), O_CLOEXEC);
  if (fd < 0) {
    failed = errno;
    slhi_free(allocator, name);
    return slhi_error_errno(error, SLH_E_SYSTEM, failed, "making a file beside %s", path);
  }
  *out = (struct new_file){fd, name, path, allocator};
  return SLH_OK;
}

/* Makes the renaming last. Not every file system can. */
static int sync_directory(char *path)
{
  char *slash = strrchr(path, '/');
  int fd, failed = 0;

  if (slash)
    slash[slash == path] = '\0';
  fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  if (fsync(fd) != 0 && errno != EINVAL)
    failed = errno;
  (void)close(fd);
  return failed;
}

/* Puts it in its place. */
static slh_status place(struct new_file *file, slh_error *error)
{
  int fd = file->fd;

  if (fsync(fd) != 0)
    return slhi_error_errno(error, SLH_E_SYSTEM, errno, "synchronising %s", file->name);
  file->fd = -1;
  if (close(fd) != 0)
    return slhi_error_errno(error, SLH_E_SYSTEM, errno, "closing %s", file->name);
  if (rename(file->name, file->path) != 0)
    return slhi_error_errno(error, SLH_E_SYSTEM, errno, "renaming %s to %s", file->name,
                            file->path);
  return SLH_OK;
}

slh_status slhi_new_file_keep(struct new_file *file, slh_error *error)
{
  slh_status status = place(file, error);
  int failed;

  if (status != SLH_OK) {
    slhi_new_file_drop(file);
    return status;
  }
  failed = sync_directory(file->name);
  if (failed)
    status = slhi_error_errno(error, SLH_E_SYSTEM, failed, "synchronising the directory of %s",
                              file->path);
  slhi_free(file->allocator, file->name);
  return status;
}

void slhi_new_file_drop(struct new_file *file)
{
  if (file->fd >= 0)
    (void)close(file->fd);
  (void)unlink(file->name);
  slhi_free(file->allocator, file->name);
}
