/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Stores that are suspended, and go on in other processes. Each is compared with one
 * that ran the same program without ever stopping. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest.h"
#include "tests/image-bytes.h"
#include "tests/model.h"

/* What a process needs to know; the rest is in the image. */
struct leg {
  uint64_t seed;   /* of the program, which has weak references if it is odd */
  uint64_t random; /* of the guest, where it stands */
  uint64_t before; /* steps that it has taken */
  uint64_t steps;  /* that it is to take */
  uint32_t number; /* which process it is: what collector and kind of pool it has */
};

/* Takes the guest out of `from` (or begins it, if that is -1), goes on, puts it
 * into `to`. */
static void run_leg(struct leg *leg, int from, int to)
{
  unsigned needed = leg->seed % 2 ? COLLECTORS_HAVE_WEAK : COLLECTORS_ALL;
  slh_pool_kind kind = (slh_pool_kind)(leg->number / collectors_count(needed) % 2);
  slh_image_options options = guest_image_options(kind);
  slh_runtime *runtime = guest_runtime(collectors_nth(needed, leg->number), leg->number);
  struct guest guest = {.runtime = runtime, .pool = guest_pool(kind), .random = leg->random}, twin;
  slh_image *image = NULL;

  guest_open(&twin, guest_runtime(SLH_COLLECTOR_COPYING, 0), guest_pool(SLH_POOL_WIDE), leg->seed);
  if (needed == COLLECTORS_ALL)
    guest_forgo_weak(&twin);
  guest_run(&twin, leg->before);
  if (from < 0) {
    guest_open(&guest, runtime, guest.pool, leg->seed);
    if (needed == COLLECTORS_ALL)
      guest_forgo_weak(&guest);
  } else {
    assert_ok(slh_image_read(runtime, from, &options, &image, NULL));
    assert_true(guest_find_types(runtime, guest.types));
    guest_resume(&guest, image, true);
    slh_image_free(image);
  }
  guest_compare(&twin, &guest);
  guest_run(&twin, leg->steps);
  guest_run(&guest, leg->steps);
  assert_int_equal(guest.random, twin.random);
  guest_compare(&twin, &guest);
  guest_collect(&guest);
  guest_compare(&twin, &guest);
  image = guest_freeze(&guest);
  leg->random = guest.random;
  leg->before += leg->steps;
  guest_close(&twin);
  guest_suspend(&guest);
  assert_ok(slh_image_write(image, to, NULL));
  slh_image_free(image);
  slh_pool_free(guest.pool);
  slh_runtime_free(guest.runtime);
  assert_int_equal(guest_data(), 0);
}

/* ---- the program itself, executed again ---- */

#define SELF "/proc/self/exe"

/* In a child that is this program: reads its standard input, writes its standard
 * output. What fails there is cmocka's assert outside of a test: it exits. */
static int run_as_leg(char **arguments)
{
  struct leg leg = {
      .seed = strtoull(arguments[0], NULL, 16),
      .random = strtoull(arguments[1], NULL, 16),
      .before = strtoull(arguments[2], NULL, 10),
      .steps = strtoull(arguments[3], NULL, 10),
      .number = (uint32_t)strtoul(arguments[4], NULL, 10),
  };

  run_leg(&leg, STDIN_FILENO, STDOUT_FILENO);
  fprintf(stderr, "%016llx", (unsigned long long)leg.random);
  return 0;
}

static pid_t execute(const struct leg *leg, int in, int out, int say)
{
  char words[5][24];
  pid_t child = fork();

  assert_true(child >= 0);
  if (child != 0)
    return child;
  (void)snprintf(words[0], sizeof words[0], "%llx", (unsigned long long)leg->seed);
  (void)snprintf(words[1], sizeof words[1], "%llx", (unsigned long long)leg->random);
  (void)snprintf(words[2], sizeof words[2], "%llu", (unsigned long long)leg->before);
  (void)snprintf(words[3], sizeof words[3], "%llu", (unsigned long long)leg->steps);
  (void)snprintf(words[4], sizeof words[4], "%u", (unsigned)leg->number);
  if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(say, STDERR_FILENO) < 0)
    _exit(1);
  execl(SELF, SELF, "--leg", words[0], words[1], words[2], words[3], words[4], (char *)NULL);
  _exit(1);
}

/* Where the guest stands, out of what the child says; it says more if it fails. */
static void listen_to(struct leg *leg, int said, pid_t child)
{
  char text[2048];
  size_t length = 0;
  ssize_t some;
  int status;

  while ((some = read(said, text + length, sizeof text - 1 - length)) > 0)
    length += (size_t)some;
  text[length] = '\0';
  close(said);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (status != 0 || length < 16)
    fail_msg("leg %u: status %#x: %s", (unsigned)leg->number, (unsigned)status, text);
  leg->random = strtoull(text + length - 16, NULL, 16);
  leg->before += leg->steps;
}

static int new_file(void)
{
  int fd = memfd_create("slotheap-test", MFD_CLOEXEC);

  assert_true(fd >= 0);
  return fd;
}

/* Back and forth between this process and new ones, by way of files. */
static void test_executed(void **state)
{
  uint64_t random = helper_seed(), rounds = helper_rounds(4);

  (void)state;
  for (uint64_t i = 0; i < rounds; i++) {
    struct leg leg = {.seed = helper_random(&random), .number = (uint32_t)(i * 7)};
    int from = -1, to;

    leg.random = leg.seed;
    for (int j = 0; j < 8; j++, leg.number++) {
      leg.steps = helper_below(&random, 700);
      to = new_file();
      if (j % 2 == 0) {
        run_leg(&leg, from, to);
      } else {
        int ends[2];
        pid_t child;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        child = execute(&leg, from, to, ends[1]);
        close(ends[1]);
        listen_to(&leg, ends[0], child);
      }
      if (from >= 0)
        close(from);
      from = to;
      assert_int_equal(lseek(from, 0, SEEK_SET), 0);
    }
    close(from);
  }
}

/* Two processes that were there from the beginning pass it to one another through a
 * socket, with where it stands before it. */
static void pass(int fd, struct leg leg, uint64_t turns, bool begins)
{
  for (uint64_t i = 0; i < turns; i++) {
    if (!begins || i > 0) {
      uint64_t steps = leg.steps;
      uint32_t number = leg.number;

      REQUIRE_EQUAL(recv(fd, &leg, sizeof leg, MSG_WAITALL), sizeof leg);
      leg.steps = steps;
      leg.number = number;
    }
    {
      int file = new_file();
      struct leg next = leg;
      char *bytes;
      off_t size;

      run_leg(&next, begins && i == 0 ? -1 : fd, file);
      next.steps = 0;
      size = lseek(file, 0, SEEK_CUR);
      bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file, 0);
      REQUIRE(bytes != MAP_FAILED);
      REQUIRE_EQUAL(send(fd, &next, sizeof next, 0), sizeof next);
      for (off_t done = 0; done < size;) {
        ssize_t some = send(fd, bytes + done, (size_t)(size - done), 0);

        REQUIRE(some > 0);
        done += some;
      }
      munmap(bytes, (size_t)size);
      close(file);
    }
    leg.number += 2;
  }
}

static void test_socket(void **state)
{
  uint64_t random = helper_seed(), turns = helper_rounds(8);
  struct leg leg = {.steps = 200};
  int ends[2], status;
  char rest[4096];
  pid_t child;

  (void)state;
  leg.random = leg.seed = helper_random(&random);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    close(ends[0]);
    leg.number = 1;
    leg.steps = 150;
    pass(ends[1], leg, turns, false);
    _exit(0);
  }
  close(ends[1]);
  pass(ends[0], leg, turns, true);
  while (recv(ends[0], rest, sizeof rest, 0) > 0)
    ;
  close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* ---- against a model on the host's side ---- */

/* Images have functions, models any number. */
static void forget_functions(struct model *model)
{
  for (size_t i = 0; i < model->node_count; i++) {
    struct model_node *node = model->nodes[i];
    slh_value none = {SLH_FUNCREF, {0}};

    for (uint32_t j = 0; j < node->count; j++) {
      if (node->cells[j].value.storage != SLH_FUNCREF)
        continue;
      node->cells[j].value = none;
      assert_ok(slh_struct_set(model->store->heap, node->at, j, &none));
    }
  }
}

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct store *store = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, store->roots, STORE_ROOTS, "store");
}

/* The store's heap ends, and another one goes on from the file. */
static void put_away(struct store *store)
{
  slh_image_root roots[STORE_ROOTS];
  slh_image_contents contents = {roots, STORE_ROOTS, NULL, 0, NULL, 0};
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_image *image = NULL, *copy = NULL;
  int fd = new_file();

  for (int i = 0; i < STORE_ROOTS; i++)
    roots[i] = (slh_image_root){NULL, store->roots[i]};
  assert_ok(slh_image_freeze(store->heap, &contents, NULL, &image, NULL));
  assert_ok(slh_image_write(image, fd, NULL));
  slh_image_free(image);
  slh_heap_release(store->heap);
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  assert_ok(slh_image_read(store->runtime, fd, NULL, &copy, NULL));
  close(fd);
  options.runtime = store->runtime;
  options.max_bytes = MODEL_HEAP_BYTES;
  options.initial_bytes = 32 << 10;
  options.enumerate_roots = list_roots;
  options.host = store;
  options.image = copy;
  options.resume = true;
  assert_ok(slh_heap_acquire(store->pool, &options, &store->heap));
  for (size_t i = 0; i < STORE_ROOTS; i++)
    store->roots[i] = slh_image_root_at(copy, i, NULL);
  slh_image_free(copy);
}

static void test_model(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < collectors_count(COLLECTORS_TRACE); i++) {
    struct store_options options = {collectors_nth(COLLECTORS_TRACE, i), NULL, MODEL_HEAP_BYTES,
                                    32 << 10};
    struct store *store = store_open(&options);
    struct model *model = model_open(store, helper_seed() + i, NULL, 0);
    uint64_t steps = helper_rounds(20000);

    for (uint64_t j = 0; j < steps; j++) {
      switch (helper_below(&model->random, 4)) {
      case 0:
        model_allocate_new(model);
        break;
      case 1:
        model_link(model);
        break;
      case 2:
        model_write(model);
        break;
      default:
        model_set_root(model);
      }
      if (!helper_one_in(&model->random, 200))
        continue;
      assert_ok(slh_heap_collect(store->heap, NULL));
      model_compare(model);
      forget_functions(model);
      put_away(store);
      model_compare(model);
    }
    model_close(model);
    store_close(store);
  }
}

/* ---- what cannot be suspended ---- */

static void test_finalizers(void **state)
{
  struct store *store = *state;
  slh_image_root root = {"node", store_node(store, SLH_NULL, SLH_NULL, 1)};
  slh_image_contents contents = {&root, 1, NULL, 0, NULL, 0};
  slh_image *image = NULL;
  slh_error error = {0};

  assert_ok(slh_finalizer_add(store->heap, root.ref, NULL));
  assert_status(slh_image_freeze(store->heap, &contents, NULL, &image, &error), SLH_E_UNSUPPORTED);
  assert_non_null(strstr(error.message, "1 objects have finalizers"));
  assert_null(image);
  store->roots[0] = root.ref;
  store_collect(store);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_executed),
      cmocka_unit_test(test_socket),
      cmocka_unit_test(test_model),
      cmocka_unit_test_setup_teardown(test_finalizers, store_setup, store_teardown),
  };

  if (argc == 7 && strcmp(argv[1], "--leg") == 0)
    return run_as_leg(argv + 2);
  helper_seed();
  if (!image_bytes_are_there())
    return IMAGE_BYTES_SKIP;
  return helper_run(tests, NULL, NULL);
}
