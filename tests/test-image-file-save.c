/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Saved files: the old one or the new one, whatever happens meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/image-bytes.h"
#include "tests/store.h"

#define MIB ((size_t)1 << 20)

struct place {
  struct store *store;
  char directory[64];
  char path[96];
};

static int setup(void **state)
{
  struct place *place = calloc(1, sizeof *place);

  assert_non_null(place);
  place->store = store_open(NULL);
  strcpy(place->directory, "/tmp/slotheap-save-XXXXXX");
  assert_non_null(mkdtemp(place->directory));
  (void)snprintf(place->path, sizeof place->path, "%s/image", place->directory);
  *state = place;
  return 0;
}

/* Files in the directory; removes them. */
static unsigned clear(const struct place *place)
{
  DIR *directory = opendir(place->directory);
  const struct dirent *entry;
  unsigned count = 0;
  char path[400];

  assert_non_null(directory);
  while ((entry = readdir(directory))) {
    if (entry->d_name[0] == '.')
      continue;
    (void)snprintf(path, sizeof path, "%s/%s", place->directory, entry->d_name);
    if (remove(path) == 0)
      count++;
  }
  closedir(directory);
  return count;
}

static int teardown(void **state)
{
  struct place *place = *state;

  (void)clear(place);
  assert_int_equal(rmdir(place->directory), 0);
  store_close(place->store);
  free(place);
  return 0;
}

/* An image whose objects are one array, of that many bytes with that value. */
static slh_image *make_image(struct store *store, size_t bytes, char value)
{
  slh_image_root root = {"array", SLH_NULL};
  slh_image_contents contents = {&root, 1, NULL, 0, NULL, 0};
  slh_image *image = NULL;

  root.ref = store_array(store, store->bytes, (uint32_t)bytes);
  memset(slh_heap_get_data(store->heap)->base + root.ref.bits + SLH_ARRAY_DATA_OFFSET, value,
         bytes);
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  slh_heap_reset(store->heap);
  return image;
}

/* The value of the image in that file, which is whole. */
static char load_value(const struct place *place, size_t bytes)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = NULL;
  slh_error error = {0};
  slh_heap *heap = NULL;
  const char *at;
  slh_ref ref;
  char value;

  if (slh_image_load(place->store->runtime, place->path, NULL, &image, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  options.runtime = place->store->runtime;
  options.image = image;
  assert_ok(slh_heap_acquire(place->store->pool, &options, &heap));
  assert_true(slh_image_find_root(image, "array", &ref));
  assert_int_equal(slh_array_length(heap, ref), bytes);
  at = slh_heap_get_data(heap)->base + ref.bits + SLH_ARRAY_DATA_OFFSET;
  value = *at;
  assert_memory_equal(at, at + 1, bytes - 1);
  slh_heap_release(heap);
  slh_image_free(image);
  return value;
}

/* ---- in peace ---- */

static void test_save(void **state)
{
  const struct place *place = *state;
  slh_image *image = make_image(place->store, 1000, 'a');
  struct image_bytes bytes = image_bytes_of(image);
  struct stat about;
  int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (int i = 0; i < 3; i++) {
    assert_ok(slh_image_save(image, place->path, NULL));
    assert_int_equal(load_value(place, 1000), 'a');
    assert_int_equal(stat(place->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(about.st_size, bytes.size);
    assert_int_equal(chmod(place->path, 0444), 0); /* of what is replaced it does not matter */
  }
  /* Without a directory in its name: that where the process is. */
  assert_int_equal(chdir(place->directory), 0);
  assert_ok(slh_image_save(image, "beside", NULL));
  assert_int_equal(access("beside", F_OK), 0);
  assert_int_equal(fchdir(here), 0);
  close(here);
  assert_int_equal(clear(place), 2);
  image_bytes_free(&bytes);
  slh_image_free(image);
}

/* ---- errors ---- */

static void expect_error(const slh_image *image, const char *path, int os_errno)
{
  slh_error error = {0};

  assert_status(slh_image_save(image, path, &error), SLH_E_SYSTEM);
  if (error.os_errno != os_errno)
    fail_msg("%s: %s", path, error.message);
}

static void test_errors(void **state)
{
  const struct place *place = *state;
  slh_image *image = make_image(place->store, 1000, 'b'),
            *old = make_image(place->store, 1000, 'a');
  char path[PATH_MAX + 100], long_name[300];

  assert_ok(slh_image_save(old, place->path, NULL));
  (void)snprintf(path, sizeof path, "%s/missing/image", place->directory);
  expect_error(image, path, ENOENT);
  (void)snprintf(path, sizeof path, "%s/x", place->path);
  expect_error(image, path, ENOTDIR);
  expect_error(image, "/proc/image", ENOENT); /* where nothing can be made */
  /* The temporary name is longer by 11. */
  memset(long_name, 'n', sizeof long_name);
  long_name[NAME_MAX - 10] = '\0';
  (void)snprintf(path, sizeof path, "%s/%s", place->directory, long_name);
  expect_error(image, path, ENAMETOOLONG);
  long_name[NAME_MAX - 11] = '\0';
  (void)snprintf(path, sizeof path, "%s/%s", place->directory, long_name);
  assert_ok(slh_image_save(image, path, NULL));
  assert_int_equal(unlink(path), 0);
  memset(path, '/', sizeof path);
  path[PATH_MAX] = '\0';
  expect_error(image, path, ENAMETOOLONG);
  /* What is there cannot be replaced. */
  (void)snprintf(path, sizeof path, "%s/directory", place->directory);
  assert_int_equal(mkdir(path, 0700), 0);
  expect_error(image, path, EISDIR);
  /* Nor would a device, a pipe or a socket be one any more. */
  (void)snprintf(path, sizeof path, "%s/pipe", place->directory);
  assert_int_equal(mkfifo(path, 0600), 0);
  expect_error(image, path, EEXIST);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(load_value(place, 1000), 'a');
  assert_int_equal(clear(place), 2); /* nothing was left behind */
  slh_image_free(image);
  slh_image_free(old);
}

/* Of a directory that nobody may write; root may. */
static void save_read_only(void *context)
{
  const struct place *place = context;
  slh_image *image = make_image(place->store, 1000, 'b');
  slh_error error = {0};

  REQUIRE_EQUAL(chmod(place->directory, 0755), 0);
  if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
    return;
  if (geteuid() != 65534)
    REQUIRE_EQUAL(chmod(place->directory, 0555), 0);
  REQUIRE_EQUAL(slh_image_save(image, place->path, &error), SLH_E_SYSTEM);
  REQUIRE_EQUAL(error.os_errno, EACCES);
  slh_image_free(image);
}

static void test_read_only(void **state)
{
  struct place *place = *state;
  slh_image *old = make_image(place->store, 1000, 'a');

  assert_ok(slh_image_save(old, place->path, NULL));
  assert_int_equal(helper_in_child(save_read_only, place), 0);
  assert_int_equal(chmod(place->directory, 0700), 0);
  assert_int_equal(load_value(place, 1000), 'a');
  assert_int_equal(clear(place), 1);
  slh_image_free(old);
}

static void save_too_large(void *context)
{
  struct place *place = context;
  slh_image *image = make_image(place->store, 5 * MIB, 'b');
  struct rlimit limit = {3 * MIB, 3 * MIB};
  slh_error error = {0};

  signal(SIGXFSZ, SIG_IGN);
  REQUIRE_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
  REQUIRE_EQUAL(slh_image_save(image, place->path, &error), SLH_E_SYSTEM);
  REQUIRE_EQUAL(error.os_errno, EFBIG);
  slh_image_free(image);
}

/* A file system of its own that is full. */
static void save_to_full(void *context)
{
  struct place *place = context;
  slh_image *old = make_image(place->store, 1000, 'a');
  slh_error error = {0};

  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", place->directory, "tmpfs", 0, "size=3m") != 0)
    _exit(77);
  REQUIRE_EQUAL(slh_image_save(old, place->path, NULL), SLH_OK);
  for (size_t mib = 4; mib <= 20; mib += 8) {
    slh_image *image = make_image(place->store, mib * MIB, 'b');

    REQUIRE_EQUAL(slh_image_save(image, place->path, &error), SLH_E_SYSTEM);
    REQUIRE_EQUAL(error.os_errno, ENOSPC);
    slh_image_free(image);
  }
  REQUIRE_EQUAL(load_value(place, 1000), 'a');
  REQUIRE_EQUAL(clear(place), 1);
  slh_image_free(old);
}

static void test_no_room(void **state)
{
  struct place *place = *state;
  slh_image *old = make_image(place->store, 1000, 'a');
  int status;

  assert_ok(slh_image_save(old, place->path, NULL));
  assert_int_equal(helper_in_child(save_too_large, place), 0);
  assert_int_equal(load_value(place, 1000), 'a');
  assert_int_equal(clear(place), 1);
  status = helper_in_child(save_to_full, place);
  if (status != 77 << 8) /* not for everyone */
    assert_int_equal(status, 0);
  slh_image_free(old);
}

/* ---- killed ---- */

/* Saves one after the other until it is killed; says when it begins. */
static _Noreturn void save_for_ever(const struct place *place, slh_image *const *images,
                                    int started)
{
  REQUIRE_EQUAL(write(started, "", 1), 1);
  for (unsigned i = 1;; i++)
    REQUIRE_EQUAL(slh_image_save(images[i % 2], place->path, NULL), SLH_OK);
}

/* What is left is one of the two, and what else is there is a temporary file. */
static void check_left(const struct place *place, size_t bytes)
{
  char value = load_value(place, bytes);
  DIR *directory = opendir(place->directory);
  const struct dirent *entry;
  unsigned others = 0;

  assert_true(value == 'a' || value == 'b');
  assert_non_null(directory);
  while ((entry = readdir(directory))) {
    size_t length = strlen(entry->d_name);

    if (entry->d_name[0] == '.' || strcmp(entry->d_name, "image") == 0)
      continue;
    others++;
    assert_int_equal(length, strlen("image.XXXXXX.tmp"));
    assert_string_equal(entry->d_name + length - 4, ".tmp");
    assert_memory_equal(entry->d_name, "image.", 6);
  }
  closedir(directory);
  assert_true(others <= 1);
}

static void kill_saves(const struct place *place, size_t bytes, uint64_t rounds)
{
  slh_image *images[] = {make_image(place->store, bytes, 'a'),
                         make_image(place->store, bytes, 'b')};
  uint64_t random = helper_seed();

  for (uint64_t i = 0; i < rounds; i++) {
    struct timespec while_ = {
        0, (long)helper_below(&random, helper_one_in(&random, 2) ? 500000 : 4000000)};
    int started[2], status;
    pid_t child;
    char byte;

    (void)clear(place);
    assert_ok(slh_image_save(images[0], place->path, NULL));
    assert_int_equal(pipe(started), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
      save_for_ever(place, images, started[1]);
    assert_int_equal(read(started[0], &byte, 1), 1);
    (void)nanosleep(&while_, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(started[0]);
    close(started[1]);
    check_left(place, bytes);
  }
  for (int i = 0; i < 2; i++)
    slh_image_free(images[i]);
}

static void test_killed_small(void **state)
{
  kill_saves(*state, 64 << 10, helper_rounds(160));
}

static void test_killed_large(void **state)
{
  kill_saves(*state, 2 * MIB, helper_rounds(40));
}

/* ---- two at once ---- */

struct saver {
  const struct place *place;
  const slh_image *image;
  uint64_t times;
};

static void *save_again_and_again(void *context)
{
  const struct saver *saver = context;

  for (uint64_t i = 0; i < saver->times; i++)
    REQUIRE_EQUAL(slh_image_save(saver->image, saver->place->path, NULL), SLH_OK);
  return NULL;
}

static void test_two_savers(void **state)
{
  const struct place *place = *state;
  uint64_t times = helper_rounds(25);
  slh_image *images[] = {make_image(place->store, 2 * MIB, 'a'),
                         make_image(place->store, 2 * MIB, 'b')};
  struct saver savers[2];
  pthread_t threads[2];

  assert_ok(slh_image_save(images[0], place->path, NULL));
  for (int i = 0; i < 2; i++) {
    savers[i] = (struct saver){place, images[i], times};
    assert_int_equal(pthread_create(&threads[i], NULL, save_again_and_again, &savers[i]), 0);
  }
  for (uint64_t i = 0; i < times; i++) {
    char value = load_value(place, 2 * MIB);

    assert_true(value == 'a' || value == 'b');
  }
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  (void)load_value(place, 2 * MIB);
  assert_int_equal(clear(place), 1);
  for (int i = 0; i < 2; i++)
    slh_image_free(images[i]);
}

#define PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      PLACE_TEST(test_save),       PLACE_TEST(test_errors),       PLACE_TEST(test_read_only),
      PLACE_TEST(test_no_room),    PLACE_TEST(test_killed_small), PLACE_TEST(test_killed_large),
      PLACE_TEST(test_two_savers),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, NULL, NULL);
}
