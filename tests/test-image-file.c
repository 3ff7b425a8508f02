/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Heaps through files and back: the same, in other runtimes, kinds of pool, and
 * with other collectors. */
#include "tests/guest.h"
#include "tests/image-bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* What was made is given back, whatever the test. */
static int no_data(void **state)
{
  (void)state;
  assert_int_equal(guest_data(), 0);
  return 0;
}

static slh_image *read_image(slh_runtime *runtime, const struct image_bytes *bytes,
                             const slh_image_options *options)
{
  slh_image *image = NULL;
  slh_error error = {0};

  if (image_bytes_read(runtime, bytes->at, bytes->size, options, &image, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  return image;
}

/* ---- round trips ---- */

struct trip {
  uint64_t seed;
  slh_collector from, to;
  slh_pool_kind from_kind, to_kind;
  uint64_t order; /* of the second runtime's types */
  uint64_t steps;
};

static void compare_info(const slh_image *a, const slh_image *b, const struct trip *trip)
{
  slh_image_info first, second;

  slh_image_get_info(a, &first);
  slh_image_get_info(b, &second);
  assert_int_equal(first.kind, trip->from_kind);
  assert_int_equal(second.kind, trip->to_kind);
  assert_int_equal(first.bytes, second.bytes);
  assert_int_equal(first.objects, second.objects);
  assert_int_equal(first.types, second.types);
  assert_int_equal(first.roots, second.roots);
  assert_int_equal(first.weak, second.weak);
  assert_int_equal(first.ephemerons, second.ephemerons);
  assert_int_equal(first.entries, second.entries);
  assert_int_equal(first.externrefs, second.externrefs);
  assert_int_equal(first.functions, second.functions);
}

/* Both begin alike and take the same steps. `b` was begun from the image. */
static void go_on(struct guest *a, struct guest *b, uint64_t steps)
{
  b->random = a->random;
  guest_compare(a, b);
  guest_collect(b);
  guest_compare(a, b);
  guest_run(a, steps);
  guest_run(b, steps);
  guest_compare(a, b);
  guest_collect(b);
  guest_compare(a, b);
}

static void make_trip(const struct trip *trip)
{
  slh_image_options options = guest_image_options(trip->to_kind);
  slh_runtime *runtime = guest_runtime(trip->to, trip->order);
  slh_pool *pool = guest_pool(trip->to_kind);
  slh_image *image, *copy;
  struct image_bytes bytes;
  struct guest a;

  guest_open(&a, guest_runtime(trip->from, 0), guest_pool(trip->from_kind), trip->seed);
  if (!collectors_have(trip->to, COLLECTORS_HAVE_WEAK))
    guest_forgo_weak(&a);
  guest_run(&a, trip->steps);
  image = guest_freeze(&a);
  bytes = image_bytes_of(image);
  copy = read_image(runtime, &bytes, &options);
  compare_info(image, copy, trip);
  slh_image_free(image);
  image_bytes_free(&bytes);
  for (int resume = 0; resume < 2; resume++) {
    struct guest b = {.runtime = runtime, .pool = pool};

    assert_true(guest_find_types(runtime, b.types));
    guest_resume(&b, copy, resume);
    go_on(&a, &b, trip->steps / 2);
    guest_suspend(&b);
    if (resume == 0) { /* the image is of what was */
      slh_image_free(copy);
      image = guest_freeze(&a);
      bytes = image_bytes_of(image);
      copy = read_image(runtime, &bytes, &options);
      slh_image_free(image);
      image_bytes_free(&bytes);
    }
  }
  slh_image_free(copy);
  guest_close(&a);
  slh_pool_free(pool);
  slh_runtime_free(runtime);
}

static void test_round_trips(void **state)
{
  uint64_t random = helper_seed(), rounds = helper_rounds(240);

  (void)state;
  for (uint64_t i = 0; i < rounds; i++) {
    struct trip trip = {
        .seed = helper_random(&random),
        .from = collectors_nth(COLLECTORS_ALL, i),
        .to = collectors_nth(COLLECTORS_ALL, i / COLLECTORS),
        .from_kind = helper_one_in(&random, 2) ? SLH_POOL_DENSE : SLH_POOL_WIDE,
        .to_kind = helper_one_in(&random, 2) ? SLH_POOL_DENSE : SLH_POOL_WIDE,
        .order = helper_one_in(&random, 4) ? 0 : helper_random(&random),
        .steps = helper_below(&random, helper_one_in(&random, 8) ? 3000 : 300),
    };

    make_trip(&trip);
  }
}

/* ---- bytes ---- */

/* Nothing is lost, and nothing is added. */
static void test_same_bytes(void **state)
{
  uint64_t random = helper_seed();

  (void)state;
  for (uint64_t i = 0; i < helper_rounds(20); i++) {
    slh_image_options options = guest_image_options(i & 1 ? SLH_POOL_DENSE : SLH_POOL_WIDE);
    struct image_bytes bytes, again;
    slh_image *image, *copy;
    struct guest guest;

    guest_open(&guest, guest_runtime(SLH_COLLECTOR_COPYING, helper_random(&random)),
               guest_pool(options.kind), helper_random(&random));
    guest_run(&guest, helper_below(&random, 500));
    image = guest_freeze(&guest);
    bytes = image_bytes_of(image);
    copy = read_image(guest.runtime, &bytes, &options);
    again = image_bytes_of(copy);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.at, bytes.at, bytes.size);
    image_bytes_free(&again);
    image_bytes_free(&bytes);
    slh_image_free(copy);
    slh_image_free(image);
    guest_close(&guest);
  }
}

static slh_image *freeze_nothing(slh_heap *heap)
{
  slh_image_contents nothing = {NULL, 0, NULL, 0, NULL, 0};
  slh_image *image = NULL;

  assert_ok(slh_image_freeze(heap, &nothing, NULL, &image, NULL));
  return image;
}

static void test_empty(void **state)
{
  struct store *store = *state;
  slh_image *image = freeze_nothing(store->heap);
  struct image_bytes bytes = image_bytes_of(image);

  slh_image_free(image);
  assert_int_equal(bytes.size, 4096);
  for (int kind = 0; kind < 4; kind++) {
    slh_heap_options heap_options = SLH_HEAP_OPTIONS_INIT;
    slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
    slh_pool *pool = guest_pool((slh_pool_kind)(kind & 1));
    struct image_bytes again;
    slh_image_info info;
    slh_heap *heap = NULL;

    options.kind = (slh_pool_kind)(kind & 1);
    options.start = SLH_IMAGE_MAP;
    image = read_image(store->runtime, &bytes, &options);
    slh_image_get_info(image, &info);
    assert_int_equal(info.bytes + info.objects + info.types + info.roots + info.weak, 0);
    again = image_bytes_of(image);
    assert_int_equal(again.size, bytes.size);
    image_bytes_free(&again);
    slh_image_walk(image, NULL, NULL);
    heap_options.runtime = store->runtime;
    heap_options.image = image;
    heap_options.resume = kind & 2;
    assert_ok(slh_heap_acquire(pool, &heap_options, &heap));
    assert_ok(slh_heap_verify(heap, NULL, NULL));
    slh_heap_release(heap);
    slh_image_free(image);
    slh_pool_free(pool);
  }
  image_bytes_free(&bytes);
}

/* ---- what is behind ---- */

struct writing {
  int fd;
  struct image_bytes *bytes;
  size_t count;
};

static void *write_all(void *context)
{
  struct writing *writing = context;

  for (size_t i = 0; i < writing->count; i++)
    for (size_t done = 0; done < writing->bytes[i].size;) {
      ssize_t some = write(writing->fd, writing->bytes[i].at + done, writing->bytes[i].size - done);

      REQUIRE(some > 0);
      done += (size_t)some;
    }
  close(writing->fd);
  return NULL;
}

#define SEVERAL 3

static void test_several_in_a_pipe(void **state)
{
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  struct image_bytes bytes[SEVERAL];
  struct guest guests[SEVERAL];
  slh_runtime *runtime = guest_runtime(SLH_COLLECTOR_COPYING, 77);
  struct writing writing;
  pthread_t writer;
  slh_error error = {0};
  slh_image *image = NULL;
  int ends[2];

  (void)state;
  for (int i = 0; i < SEVERAL; i++) {
    guest_open(&guests[i], guest_runtime(SLH_COLLECTOR_COPYING, 0), guest_pool(SLH_POOL_WIDE),
               helper_seed() + (uint64_t)i);
    guest_run(&guests[i], 400);
    image = guest_freeze(&guests[i]);
    bytes[i] = image_bytes_of(image);
    slh_image_free(image);
  }
  assert_int_equal(pipe(ends), 0);
  writing = (struct writing){ends[1], bytes, SEVERAL};
  assert_int_equal(pthread_create(&writer, NULL, write_all, &writing), 0);
  for (int i = 0; i < SEVERAL; i++) {
    struct guest b = {.runtime = runtime, .pool = guest_pool(SLH_POOL_WIDE)};

    assert_ok(slh_image_read(runtime, ends[0], &options, &image, NULL));
    assert_true(guest_find_types(runtime, b.types));
    guest_resume(&b, image, true);
    guest_compare(&guests[i], &b);
    slh_image_free(image);
    guest_suspend(&b);
    slh_pool_free(b.pool);
  }
  assert_status(slh_image_read(runtime, ends[0], &options, &image, &error), SLH_E_CORRUPT);
  assert_string_equal(error.message, "the image file is truncated: 0 bytes of 96");
  assert_int_equal(pthread_join(writer, NULL), 0);
  close(ends[0]);
  for (int i = 0; i < SEVERAL; i++) {
    guest_close(&guests[i]);
    image_bytes_free(&bytes[i]);
  }
  slh_runtime_free(runtime);
}

/* A file's position is behind what was read, and reading begins there. */
static void test_several_in_a_file(void **state)
{
  struct store *store = *state;
  slh_image *image = freeze_nothing(store->heap), *copy = NULL;
  int fd = memfd_create("slotheap-test", MFD_CLOEXEC);
  slh_error error = {0};
  char path[64];

  assert_true(fd >= 0);
  assert_int_equal(write(fd, "lead", 4), 4);
  for (int i = 0; i < 2; i++)
    assert_ok(slh_image_write(image, fd, NULL));
  assert_int_equal(lseek(fd, 0, SEEK_CUR), 4 + 2 * 4096);
  assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
  for (int i = 1; i <= 2; i++) {
    assert_ok(slh_image_read(store->runtime, fd, NULL, &copy, NULL));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 4 + i * 4096);
    slh_image_free(copy);
  }
  /* Bytes behind the image: only slh_image_load minds, and gives nothing. */
  assert_int_equal(ftruncate(fd, 0), 0);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  assert_ok(slh_image_write(image, fd, NULL));
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  assert_ok(slh_image_load(store->runtime, path, NULL, &copy, NULL));
  slh_image_free(copy);
  assert_int_equal(write(fd, "", 1), 1);
  copy = (slh_image *)path;
  assert_status(slh_image_load(store->runtime, path, NULL, &copy, &error), SLH_E_CORRUPT);
  assert_ptr_equal(copy, path);
  assert_non_null(strstr(error.message, "there are bytes behind the image in /proc/self/fd/"));
  close(fd);
  slh_image_free(image);
}

static void test_max_bytes(void **state)
{
  struct store *store = *state;
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image *image = freeze_nothing(store->heap), *copy = NULL;
  struct image_bytes bytes = image_bytes_of(image);
  slh_error error = {0};

  options.max_bytes = bytes.size - 1;
  assert_status(image_bytes_read(store->runtime, bytes.at, bytes.size, &options, &copy, &error),
                SLH_E_TOO_LARGE);
  assert_string_equal(error.message,
                      "the image file has 4096 bytes, slh_image_options.max_bytes is 4095");
  assert_null(copy);
  options.max_bytes++;
  assert_ok(image_bytes_read(store->runtime, bytes.at, bytes.size, &options, &copy, &error));
  slh_image_free(copy);
  slh_image_free(image);
  image_bytes_free(&bytes);
}

static void test_load_errors(void **state)
{
  struct store *store = *state;
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;
  slh_image *image = NULL;
  slh_error error = {0};

  assert_status(slh_image_load(store->runtime, "/nonexistent/x", NULL, &image, &error),
                SLH_E_SYSTEM);
  assert_int_equal(error.os_errno, ENOENT);
  assert_non_null(strstr(error.message, "opening /nonexistent/x"));
  assert_status(slh_image_load(store->runtime, "/", NULL, &image, &error), SLH_E_SYSTEM);
  assert_int_equal(error.os_errno, EISDIR);
  assert_status(slh_image_read(store->runtime, -1, NULL, &image, &error), SLH_E_SYSTEM);
  assert_int_equal(error.os_errno, EBADF);
  options.struct_size = 1;
  assert_status(slh_image_load(store->runtime, "/dev/null", &options, &image, &error),
                SLH_E_INVALID);
  assert_status(slh_image_load(store->runtime, "/dev/null", NULL, &image, &error), SLH_E_CORRUPT);
  assert_string_equal(error.message, "the image file is truncated: 0 bytes of 96");
  assert_null(image);
}

/* Without xxHash there are no files, and all else goes on. */
static void test_refused(void **state)
{
  struct store *store = *state;
  slh_image *image = freeze_nothing(store->heap), *copy = NULL;
  slh_error error = {0};

  assert_status(slh_image_write(image, STDOUT_FILENO, &error), SLH_E_UNSUPPORTED);
  assert_string_equal(error.message, "slotheap was compiled without xxHash");
  assert_status(slh_image_read(store->runtime, STDIN_FILENO, NULL, &copy, &error),
                SLH_E_UNSUPPORTED);
  assert_string_equal(error.message, "slotheap was compiled without xxHash");
  slh_image_free(image);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

int main(void)
{
  const struct CMUnitTest refused[] = {STORE_TEST(test_refused)};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_round_trips, no_data),
      cmocka_unit_test_teardown(test_same_bytes, no_data),
      cmocka_unit_test_teardown(test_several_in_a_pipe, no_data),
      STORE_TEST(test_empty),
      STORE_TEST(test_several_in_a_file),
      STORE_TEST(test_max_bytes),
      STORE_TEST(test_load_errors),
  };

  helper_seed();
  if (!image_bytes_are_there())
    return helper_run(refused, NULL, NULL);
  return helper_run(tests, NULL, NULL);
}
