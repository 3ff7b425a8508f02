/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Misuse is told to the host's handler, once, before it stops the process. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/store.h"

static char first_time[] = "told", second_time[] = "told again", done[] = "done";

static void tell(const char *call, const char *message, void *context)
{
  static int calls;

  fprintf(stderr, "%s %d: %s: %s\n", (const char *)context, ++calls, call, message);
}

static void misuse_again(const char *call, const char *message, void *context)
{
  tell(call, message, context);
  slh_traps_disable();
}

static void *release(void *context)
{
  slh_heap_release(((struct store *)context)->heap);
  return NULL;
}

/* Another thread's misuse meanwhile does not end the process before the handler is done. */
static void wait_for_other(const char *call, const char *message, void *context)
{
  static struct store *store;
  pthread_t other;

  if (store)
    tell(call, message, second_time);
  store = context;
  REQUIRE_EQUAL(pthread_create(&other, NULL, release, store), 0);
  usleep(20000);
  tell(call, message, done);
}

static void end_in_peace(const char *call, const char *message, void *context)
{
  (void)call;
  (void)message;
  (void)context;
  _exit(0);
}

static void release_twice(void *context)
{
  release(context);
  release(context);
}

static void told(void *context)
{
  slh_set_misuse_handler(tell, first_time);
  release_twice(context);
}

static void told_and_misused(void *context)
{
  slh_set_misuse_handler(misuse_again, first_time);
  release_twice(context);
}

static void told_on_two_threads(void *context)
{
  slh_set_misuse_handler(wait_for_other, context);
  release_twice(context);
}

static void told_no_more(void *context)
{
  slh_set_misuse_handler(end_in_peace, NULL);
  slh_set_misuse_handler(NULL, NULL);
  release_twice(context);
}

static void test_handlers(void **state)
{
  static const struct {
    void (*commit)(void *context);
    const char *message;
  } misuses[] = {
      {told, "told 1: slh_heap_release: the heap is not acquired; was it released before?\n"
             "slotheap: slh_heap_release: the heap is not acquired; was it released before?\n"},
      {told_and_misused, "told 1: slh_heap_release: the heap is not acquired; was it released "
                         "before?\nslotheap: slh_traps_disable: traps are not enabled\n"},
      {told_on_two_threads, "done 1: slh_heap_release: the heap is not acquired"},
      {told_no_more, "slotheap: slh_heap_release: the heap is not acquired"},
  };

  for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++)
    helper_expect_stop(misuses[i].commit, *state, misuses[i].message);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_handlers, store_setup, store_teardown),
  };

  return helper_run(tests, NULL, NULL);
}
