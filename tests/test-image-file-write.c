/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images written to, and read from, all kinds of descriptors: the same bytes, or an
 * error that says why not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/image-bytes.h"
#include "tests/store.h"

#define MIB ((size_t)1 << 20)

/* An image of that many bytes of objects, all random: large ones go through a ring. */
static slh_image *make_image(struct store *store, size_t bytes)
{
  slh_image_root root = {"array", SLH_NULL};
  slh_image_contents contents = {&root, 1, NULL, 0, NULL, 0};
  slh_image *image = NULL;
  uint64_t random = helper_seed();
  char *at;

  root.ref = store_array(store, store->bytes, (uint32_t)bytes - 8);
  at = slh_heap_get_data(store->heap)->base + root.ref.bits + SLH_ARRAY_DATA_OFFSET;
  for (size_t i = 0; i + 16 <= bytes; i += 8) {
    uint64_t word = helper_random(&random);

    memcpy(at + i, &word, sizeof word);
  }
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  return image;
}

/* ---- what reads at the other end ---- */

struct reader {
  int fd;
  size_t most;      /* at a time */
  useconds_t pause; /* between two */
  struct image_bytes bytes;
  pthread_t thread;
};

static void *read_all(void *context)
{
  struct reader *reader = context;
  size_t room = 0;
  ssize_t some;

  do {
    if (room < reader->bytes.size + reader->most) {
      room = 2 * room + reader->most;
      reader->bytes.at = realloc(reader->bytes.at, room);
      REQUIRE(reader->bytes.at);
    }
    some = read(reader->fd, reader->bytes.at + reader->bytes.size, reader->most);
    REQUIRE(some >= 0 || errno == EINTR);
    reader->bytes.size += some > 0 ? (size_t)some : 0;
    if (reader->pause)
      usleep(reader->pause);
  } while (some != 0);
  close(reader->fd);
  return NULL;
}

/* What comes out of a pipe or socket, whose other end is `fd`. */
static struct image_bytes write_through(const slh_image *image, int reading, int fd, size_t most,
                                        useconds_t pause)
{
  struct reader reader = {reading, most, pause, {NULL, 0}, 0};

  assert_int_equal(pthread_create(&reader.thread, NULL, read_all, &reader), 0);
  assert_ok(slh_image_write(image, fd, NULL));
  close(fd);
  assert_int_equal(pthread_join(reader.thread, NULL), 0);
  return reader.bytes;
}

static struct image_bytes through_pipe(const slh_image *image)
{
  int ends[2];

  assert_int_equal(pipe(ends), 0);
  return write_through(image, ends[0], ends[1], MIB, 0);
}

static void expect_same(const struct image_bytes *a, const struct image_bytes *b)
{
  assert_int_equal(a->size, b->size);
  assert_memory_equal(a->at, b->at, a->size);
}

static void expect_readable(struct store *store, int fd, const struct image_bytes *bytes)
{
  slh_image *image = NULL;
  struct image_bytes again;
  slh_error error = {0};

  if (slh_image_read(store->runtime, fd, NULL, &image, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  again = through_pipe(image);
  expect_same(&again, bytes);
  image_bytes_free(&again);
  slh_image_free(image);
}

/* ---- with a ring and without ---- */

static void test_same_bytes(void **state)
{
  struct store *store = *state;
  static const size_t sizes[] = {
      64,      4096,         MIB - 8,           MIB,         MIB + 8,    4 * MIB - 8,
      4 * MIB, 4 * MIB + 16, 4 * MIB + MIB / 2, 5 * MIB + 8, 8 * MIB + 8};

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    slh_image *image = make_image(store, sizes[i]);
    struct image_bytes piped = through_pipe(image), filed = image_bytes_of(image);
    int fd = image_bytes_file(filed.at, filed.size);

    expect_same(&piped, &filed);
    expect_readable(store, fd, &piped);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), filed.size);
    close(fd);
    image_bytes_free(&piped);
    image_bytes_free(&filed);
    slh_image_free(image);
    slh_heap_reset(store->heap);
  }
}

struct refusal {
  struct store *store;
  const slh_image *image;
  const struct image_bytes *bytes;
  int number, error;
};

static void refuse(const struct refusal *refusal)
{
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refusal->number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)refusal->error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};

  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    _exit(77);
}

static void write_refused(void *context)
{
  const struct refusal *refusal = context;
  int fd = memfd_create("slotheap-test", MFD_CLOEXEC);
  slh_image *image = NULL;
  char *at;

  refuse(refusal);
  REQUIRE_EQUAL(slh_image_write(refusal->image, fd, NULL), SLH_OK);
  REQUIRE_EQUAL(lseek(fd, 0, SEEK_CUR), refusal->bytes->size);
  at = mmap(NULL, refusal->bytes->size, PROT_READ, MAP_SHARED, fd, 0);
  REQUIRE(at != MAP_FAILED && memcmp(at, refusal->bytes->at, refusal->bytes->size) == 0);
  REQUIRE_EQUAL(lseek(fd, 0, SEEK_SET), 0);
  REQUIRE_EQUAL(slh_image_read(refusal->store->runtime, fd, NULL, &image, NULL), SLH_OK);
  slh_image_free(image);
}

static void test_without_ring(void **state)
{
  static const struct refusal refusals[] = {
      {.number = SYS_io_uring_setup, .error = ENOSYS},
      {.number = SYS_io_uring_setup, .error = EPERM},
      {.number = SYS_io_uring_enter, .error = EPERM},
      {.number = SYS_io_uring_enter, .error = ENOSYS},
  };
  struct store *store = *state;
  slh_image *image = make_image(store, 9 * MIB + 24);
  struct image_bytes bytes = through_pipe(image);

  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    struct refusal refusal = refusals[i];
    int status;

    refusal.store = store;
    refusal.image = image;
    refusal.bytes = &bytes;
    status = helper_in_child(write_refused, &refusal);
    if (status != 77 << 8) /* a kernel without filters */
      assert_int_equal(status, 0);
  }
  image_bytes_free(&bytes);
  slh_image_free(image);
}

/* ---- where it goes ---- */

#define LEAD 1000
#define TRAIL 500

static void write_into_middle(struct store *store, size_t size, bool append)
{
  slh_image *image = make_image(store, size);
  struct image_bytes bytes = through_pipe(image);
  int fd = memfd_create("slotheap-test", MFD_CLOEXEC);
  size_t at = append ? LEAD + bytes.size + TRAIL : LEAD,
         all = at + bytes.size + (append ? 0 : TRAIL);
  char *before = malloc(all), *after = malloc(all);

  assert_non_null(before);
  assert_non_null(after);
  memset(before, 0x5a, all);
  assert_int_equal(write(fd, before, LEAD + bytes.size + TRAIL), LEAD + bytes.size + TRAIL);
  assert_int_equal(lseek(fd, LEAD, SEEK_SET), LEAD);
  assert_int_equal(fcntl(fd, F_SETFL, append ? O_APPEND : 0), 0);
  assert_ok(slh_image_write(image, fd, NULL));
  assert_int_equal(lseek(fd, 0, SEEK_CUR), at + bytes.size);
  assert_int_equal(lseek(fd, 0, SEEK_END), all);
  memcpy(before + at, bytes.at, bytes.size);
  assert_int_equal(pread(fd, after, all, 0), all);
  assert_memory_equal(before, after, all);
  assert_int_equal(lseek(fd, (off_t)at, SEEK_SET), at);
  expect_readable(store, fd, &bytes);
  assert_int_equal(lseek(fd, 0, SEEK_CUR), at + bytes.size);
  free(before);
  free(after);
  close(fd);
  image_bytes_free(&bytes);
  slh_image_free(image);
  slh_heap_reset(store->heap);
}

static void test_into_files(void **state)
{
  for (int i = 0; i < 4; i++)
    write_into_middle(*state, i & 1 ? 64 : 3 * MIB + 8, i & 2);
}

static void test_sockets(void **state)
{
  struct store *store = *state;
  slh_image *image = make_image(store, 2 * MIB);
  struct image_bytes bytes = through_pipe(image), got;
  int ends[2], fd;

  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  got = write_through(image, ends[0], ends[1], 9973, 10);
  expect_same(&got, &bytes);
  fd = image_bytes_file(got.at, got.size);
  expect_readable(store, fd, &bytes);
  close(fd);
  image_bytes_free(&got);
  image_bytes_free(&bytes);
  slh_image_free(image);
}

/* ---- signals ---- */

static void on_alarm(int number)
{
  (void)number;
}

struct slow {
  int fd;
  const struct image_bytes *bytes;
};

/* The reader has to wait, and gets the signals. */
static void *write_slowly(void *context)
{
  const struct slow *slow = context;
  sigset_t alarms;

  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  REQUIRE_EQUAL(pthread_sigmask(SIG_BLOCK, &alarms, NULL), 0);
  for (size_t done = 0; done < slow->bytes->size;) {
    size_t most = slow->bytes->size - done < 65536 ? slow->bytes->size - done : 65536;
    ssize_t some = write(slow->fd, slow->bytes->at + done, most);

    REQUIRE(some > 0);
    done += (size_t)some;
    usleep(300);
  }
  close(slow->fd);
  return NULL;
}

static void read_slowly(struct store *store, const struct image_bytes *bytes)
{
  struct slow slow = {.bytes = bytes};
  pthread_t writer;
  int ends[2];

  assert_int_equal(pipe(ends), 0);
  slow.fd = ends[1];
  assert_int_equal(pthread_create(&writer, NULL, write_slowly, &slow), 0);
  expect_readable(store, ends[0], bytes);
  assert_int_equal(pthread_join(writer, NULL), 0);
  close(ends[0]);
}

/* All calls that can be interrupted are, again and again. */
static void test_interrupted(void **state)
{
  struct store *store = *state;
  slh_image *image = make_image(store, 6 * MIB);
  struct image_bytes bytes = through_pipe(image), got;
  struct sigaction action = {.sa_handler = on_alarm}, before;
  struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
  int ends[2], fd;

  assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
  assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
  for (uint64_t i = 0; i < helper_rounds(4); i++) {
    assert_int_equal(pipe(ends), 0);
    got = write_through(image, ends[0], ends[1], 65536, 1);
    expect_same(&got, &bytes);
    image_bytes_free(&got);
    read_slowly(store, &bytes);
    fd = memfd_create("slotheap-test", MFD_CLOEXEC);
    assert_ok(slh_image_write(image, fd, NULL));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    expect_readable(store, fd, &bytes);
    close(fd);
  }
  assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
  assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
  image_bytes_free(&bytes);
  slh_image_free(image);
}

/* ---- errors ---- */

static void expect_error(const slh_image *image, int fd, int os_errno)
{
  slh_error error = {0};

  assert_status(slh_image_write(image, fd, &error), SLH_E_SYSTEM);
  assert_int_equal(error.os_errno, os_errno);
  assert_ptr_equal(strstr(error.message, "writing an image: "), error.message);
}

static void exceed_limit(void *context)
{
  const slh_image *image = context;
  struct rlimit limit = {2 * MIB + 100, 2 * MIB + 100};
  int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  slh_error error = {0};

  signal(SIGXFSZ, SIG_IGN);
  if (fd < 0)
    fd = memfd_create("slotheap-test", MFD_CLOEXEC);
  REQUIRE_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
  REQUIRE_EQUAL(slh_image_write(image, fd, &error), SLH_E_SYSTEM);
  REQUIRE_EQUAL(error.os_errno, EFBIG);
  REQUIRE(lseek(fd, 0, SEEK_END) <= (off_t)limit.rlim_cur);
}

static void test_errors(void **state)
{
  struct store *store = *state;
  slh_image *small = make_image(store, 64), *large = make_image(store, 5 * MIB);
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC), ends[2], fd;

  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < 2; i++) {
    const slh_image *image = i ? large : small;

    if (full >= 0)
      expect_error(image, full, ENOSPC);
    expect_error(image, -1, EBADF);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    expect_error(image, fd, EBADF);
    close(fd);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    expect_error(image, ends[1], EPIPE);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[0]);
    expect_error(image, ends[1], EPIPE);
    close(ends[1]);
    /* A file that cannot grow: what fits is written, the rest is not. */
    fd = memfd_create("slotheap-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, i ? (off_t)(3 * MIB) : 4096), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    expect_error(image, fd, EPERM);
    close(fd);
  }
  assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
  expect_error(large, ends[1], EAGAIN);
  close(ends[0]);
  close(ends[1]);
  assert_int_equal(helper_in_child(exceed_limit, large), 0);
  if (full >= 0)
    close(full);
  signal(SIGPIPE, SIG_DFL);
  slh_image_free(small);
  slh_image_free(large);
}

/* A large file ends early, while a ring reads it. */
static void *shorten(void *context)
{
  int fd = *(int *)context;

  usleep(200);
  REQUIRE_EQUAL(ftruncate(fd, (off_t)(2 * MIB + 12345)), 0);
  return NULL;
}

static void test_shortened(void **state)
{
  struct store *store = *state;
  slh_image *image = make_image(store, 6 * MIB), *copy;
  struct image_bytes bytes = image_bytes_of(image);

  for (uint64_t i = 0; i < helper_rounds(20); i++) {
    int fd = image_bytes_file(bytes.at, bytes.size);
    slh_error error = {0};
    slh_status status;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, shorten, &fd), 0);
    usleep((useconds_t)(i * 40));
    copy = NULL;
    status = slh_image_read(store->runtime, fd, NULL, &copy, &error);
    assert_int_equal(pthread_join(thread, NULL), 0);
    slh_image_free(copy);
    if (status != SLH_OK) {
      assert_status(status, SLH_E_CORRUPT);
      assert_true(strstr(error.message, "truncated") || strstr(error.message, "checksum"));
    }
    close(fd);
  }
  image_bytes_free(&bytes);
  slh_image_free(image);
}

/* ---- several at a time ---- */

static const slh_image *written;

static void *write_it(void *context)
{
  *(struct image_bytes *)context = image_bytes_of(written);
  return NULL;
}

static void test_threads(void **state)
{
  struct store *store = *state;
  slh_image *image = make_image(store, 3 * MIB);
  struct image_bytes bytes = through_pipe(image);
  struct image_bytes others[4];
  pthread_t threads[4];

  written = image;
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, write_it, &others[i]), 0);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    expect_same(&others[i], &bytes);
    image_bytes_free(&others[i]);
  }
  image_bytes_free(&bytes);
  slh_image_free(image);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      STORE_TEST(test_same_bytes), STORE_TEST(test_without_ring), STORE_TEST(test_into_files),
      STORE_TEST(test_sockets),    STORE_TEST(test_interrupted),  STORE_TEST(test_errors),
      STORE_TEST(test_shortened),  STORE_TEST(test_threads),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, NULL, NULL);
}
