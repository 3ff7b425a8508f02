/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * One thread, an event loop, and a large heap that has to be collected. Every
 * millisecond a request comes in (a timer stands for it) and wants its answer;
 * each is served by a store of its own. Printed is the longest time between two
 * answers while the large heap is collected: at once, in increments between
 * requests, and by slh_heap_collect_async, which calls the loop in between.
 *
 *     event-loop [NODES]
 */
#include <slotheap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BUDGET (64 * 1024) /* bytes of work between two looks at the events */

struct loop {
  int events, timer;
  slh_pool *pool;
  slh_heap_options options; /* of all stores */
  const slh_type *node;
  uint64_t answers, last, longest; /* nanoseconds */
};

#define REQUIRE(condition) ((condition) ? (void)0 : (perror(#condition), exit(1)))

static uint64_t now(void)
{
  struct timespec t = {0};

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What a store keeps: one list. */
static void list_roots(void *list, slh_heap *heap, slh_roots *roots)
{
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, list, 1, "the list");
}

/* Makes it `count` nodes longer. */
static void lengthen(slh_heap *heap, const slh_type *node, long count)
{
  slh_ref *list = slh_heap_host(heap), next;

  for (; count > 0; count--) {
    REQUIRE(slh_new_struct(heap, node, &next) == SLH_OK);
    slh_set_ref(heap, next, node->fields[0].offset, *list);
    *list = next;
  }
}

/* Waits up to `timeout` milliseconds (0: not at all, -1: as long as it takes)
 * for a request, and answers it. */
static void turn(struct loop *loop, int timeout)
{
  slh_heap_options options = loop->options;
  slh_ref list = SLH_NULL;
  struct epoll_event event;
  uint64_t ticks, at;
  slh_heap *heap;

  if (epoll_wait(loop->events, &event, 1, timeout) != 1)
    return;
  REQUIRE(read(loop->timer, &ticks, sizeof ticks) == sizeof ticks);
  options.host = &list;
  REQUIRE(slh_heap_acquire(loop->pool, &options, &heap) == SLH_OK);
  lengthen(heap, loop->node, 1000);
  slh_heap_release(heap);
  at = now();
  if (loop->answers++ > 0 && at - loop->last > loop->longest)
    loop->longest = at - loop->last;
  loop->last = at;
}

/* Serves 20 requests, collects by `collect`, and serves 20 more. */
static void measure(struct loop *loop, slh_heap *heap, const char *how,
                    slh_status (*collect)(struct loop *loop, slh_heap *heap))
{
  loop->answers = loop->longest = 0;
  while (loop->answers < 20)
    turn(loop, -1);
  REQUIRE(collect(loop, heap) == SLH_OK);
  for (uint64_t stop = loop->answers + 20; loop->answers < stop;)
    turn(loop, -1);
  printf("%-16s %8.2f ms\n", how, (double)loop->longest / 1e6);
}

static slh_status at_once(struct loop *loop, slh_heap *heap)
{
  return slh_heap_collect(heap, NULL);
}

static slh_status in_increments(struct loop *loop, slh_heap *heap)
{
  bool complete = false;
  slh_status status = slh_collection_begin(heap, NULL);

  while (status == SLH_OK && !complete) {
    turn(loop, 0); /* requests first */
    status = slh_collection_step(heap, BUDGET, &complete);
  }
  return status;
}

/* A host with coroutines or fibers would switch to its scheduler here. */
static bool yield(void *loop)
{
  turn(loop, 0);
  return true;
}

static slh_status async(struct loop *loop, slh_heap *heap)
{
  return slh_heap_collect_async(heap, NULL, BUDGET, yield, loop);
}

static void open_loop(struct loop *loop)
{
  struct itimerspec tick = {{0, 1000000}, {0, 1000000}};
  struct epoll_event readable = {.events = EPOLLIN};
  slh_field fields[] = {{"next", SLH_REF, 0}, {"value", SLH_I32, 0}};
  slh_runtime **runtime = &loop->options.runtime;

  REQUIRE(slh_runtime_new(NULL, runtime, NULL) == SLH_OK);
  REQUIRE(slh_pool_new(NULL, &loop->pool, NULL) == SLH_OK);
  REQUIRE(slh_struct_type_new(*runtime, "node", NULL, fields, 2, &loop->node, NULL) == SLH_OK);
  loop->options.enumerate_roots = list_roots;
  REQUIRE((loop->events = epoll_create1(0)) >= 0);
  REQUIRE((loop->timer = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
  REQUIRE(epoll_ctl(loop->events, EPOLL_CTL_ADD, loop->timer, &readable) == 0);
  REQUIRE(timerfd_settime(loop->timer, 0, &tick, NULL) == 0);
}

int main(int count, char **arguments)
{
  struct loop loop = {.options = SLH_HEAP_OPTIONS_INIT};
  slh_ref list = SLH_NULL;
  slh_heap *heap;

  open_loop(&loop);
  loop.options.host = &list;
  REQUIRE(slh_heap_acquire(loop.pool, &loop.options, &heap) == SLH_OK);
  lengthen(heap, loop.node, count > 1 ? atol(arguments[1]) : 2000000);
  puts("longest time between two answers:");
  measure(&loop, heap, "at once", at_once);
  measure(&loop, heap, "in increments", in_increments);
  measure(&loop, heap, "asynchronously", async);
  slh_heap_release(heap);
  slh_pool_free(loop.pool);
  slh_runtime_free(loop.options.runtime);
  return 0; /* which closes the descriptors */
}
