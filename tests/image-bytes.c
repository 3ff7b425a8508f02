/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Image files read from and written to memory, and checksums made right again. */
#include "tests/image-bytes.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/store.h"

#ifdef HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

bool image_bytes_are_there(void)
{
#ifdef HAVE_XXHASH
  return true;
#else
  return false;
#endif
}

int image_bytes_file(const char *at, size_t size)
{
  int fd = memfd_create("slotheap-test", MFD_CLOEXEC);

  assert_true(fd >= 0);
  for (size_t done = 0; done < size;) {
    ssize_t some = write(fd, at + done, size - done);

    assert_true(some > 0);
    done += (size_t)some;
  }
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  return fd;
}

struct image_bytes image_bytes_of(const slh_image *image)
{
  int fd = memfd_create("slotheap-test", MFD_CLOEXEC);
  struct image_bytes bytes = {NULL, 0};
  slh_error error = {0};
  struct stat about;

  assert_true(fd >= 0);
  if (slh_image_write(image, fd, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  assert_int_equal(fstat(fd, &about), 0);
  bytes.size = (size_t)about.st_size;
  bytes.at = malloc(bytes.size);
  assert_non_null(bytes.at);
  assert_int_equal(pread(fd, bytes.at, bytes.size, 0), bytes.size);
  assert_int_equal(lseek(fd, 0, SEEK_CUR), bytes.size);
  close(fd);
  return bytes;
}

struct image_bytes image_bytes_copy(const struct image_bytes *bytes)
{
  struct image_bytes copy = {malloc(bytes->size), bytes->size};

  assert_non_null(copy.at);
  memcpy(copy.at, bytes->at, bytes->size);
  return copy;
}

void image_bytes_free(struct image_bytes *bytes)
{
  free(bytes->at);
  *bytes = (struct image_bytes){NULL, 0};
}

slh_status image_bytes_read(slh_runtime *runtime, const char *at, size_t size,
                            const slh_image_options *options, slh_image **out, slh_error *error)
{
  int fd = image_bytes_file(at, size);
  slh_status status = slh_image_read(runtime, fd, options, out, error);

  close(fd);
  return status;
}

void image_bytes_repair(struct image_bytes *bytes)
{
#ifdef HAVE_XXHASH
  if (bytes->size >= 24)
    image_bytes_put_u64(bytes, 16, XXH3_64bits(bytes->at + 24, bytes->size - 24));
#else
  (void)bytes;
#endif
}

uint32_t image_bytes_u32(const struct image_bytes *bytes, size_t at)
{
  uint32_t value;

  assert_true(at + sizeof value <= bytes->size);
  memcpy(&value, bytes->at + at, sizeof value);
  return value;
}

uint64_t image_bytes_u64(const struct image_bytes *bytes, size_t at)
{
  uint64_t value;

  assert_true(at + sizeof value <= bytes->size);
  memcpy(&value, bytes->at + at, sizeof value);
  return value;
}

void image_bytes_put_u32(struct image_bytes *bytes, size_t at, uint32_t value)
{
  assert_true(at + sizeof value <= bytes->size);
  memcpy(bytes->at + at, &value, sizeof value);
}

void image_bytes_put_u64(struct image_bytes *bytes, size_t at, uint64_t value)
{
  assert_true(at + sizeof value <= bytes->size);
  memcpy(bytes->at + at, &value, sizeof value);
}
