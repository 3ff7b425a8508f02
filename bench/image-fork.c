/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A fork() per store, for `slotheap-bench image`: a process that holds the
 * objects, and nothing else that would have to be copied.
 *
 *   image-fork BYTES WRITTEN READ time NANOSECONDS   prints start and cycle of a store
 *   image-fork BYTES WRITTEN READ live MEMORY        prints how many were alive, and the
 *                                                    bytes and page tables of one
 */
#include "clock.h"
#include "image.h"
#include "memory.h"
#include "node.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the parent has. */
struct holder {
  struct image_case what;
  slh_heap *heap;
  _Atomic uint64_t *clock; /* shared: when the child began to run */
};

static void reap(pid_t child)
{
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
    continue;
}

/* ---- one after the other ---- */

static bool run(const struct holder *holder)
{
  pid_t child = fork();

  if (child < 0)
    return false;
  if (child == 0) {
    atomic_store_explicit(holder->clock, clock_ns(), memory_order_relaxed);
    image_serve(holder->heap, &holder->what);
    _exit(EXIT_SUCCESS);
  }
  reap(child);
  return true;
}

static bool measure_time(const struct holder *holder, uint64_t at_least, struct image_time *out)
{
  uint64_t begin = clock_ns(), from = begin, start = 0, stores = 0;

  do {
    if (!run(holder))
      return false;
    start += atomic_load_explicit(holder->clock, memory_order_relaxed) - from;
    stores++;
    from = clock_ns();
  } while (from - begin < at_least);
  *out =
      (struct image_time){(double)start / (double)stores, (double)(from - begin) / (double)stores};
  return true;
}

/* ---- alive at a time ---- */

struct children {
  pid_t processes[IMAGE_PROCESSES];
  uint32_t count;
};

/* It has served, and is stopped, until it is killed. */
static bool start_child(const struct holder *holder, pid_t *child)
{
  int status;

  *child = fork();
  if (*child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    image_serve(holder->heap, &holder->what);
    raise(SIGSTOP);
    _exit(EXIT_FAILURE);
  }
  if (*child < 0)
    return false;
  while (waitpid(*child, &status, WUNTRACED) < 0)
    if (errno != EINTR)
      return false;
  return WIFSTOPPED(status);
}

static bool start_children(const struct holder *holder, struct children *children, uint32_t count)
{
  for (; children->count < count; children->count++)
    if (!start_child(holder, &children->processes[children->count]))
      return false;
  return true;
}

static void end_children(const struct children *children)
{
  for (uint32_t i = 0; i < children->count; i++) {
    kill(children->processes[i], SIGKILL);
    reap(children->processes[i]);
  }
}

/* When all have been started: what only one of them and the parent have is
 * neither's own. */
static bool sum_children(const struct children *children, struct image_live *out)
{
  struct image_memory memory;

  *out = (struct image_live){children->count, 0, 0};
  for (uint32_t i = 0; i < children->count; i++) {
    if (!image_memory(children->processes[i], &memory))
      return false;
    out->resident += (double)memory.own / children->count;
    out->page_tables += (double)memory.page_tables / children->count;
  }
  return true;
}

static bool measure_live(const struct holder *holder, uint64_t memory, struct image_live *out)
{
  uint64_t each = image_pages_written(&holder->what) * (uint64_t)sysconf(_SC_PAGESIZE);
  struct children children = {.count = 0};
  bool good = start_children(holder, &children, image_stores(memory, each, IMAGE_PROCESSES)) &&
              sum_children(&children, out);

  end_children(&children);
  return good;
}

/* ---- the parent ---- */

static bool hold(struct holder *holder)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  const slh_type *node;
  slh_ref last;

  holder->clock =
      mmap(NULL, sizeof *holder->clock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  options.initial_bytes = holder->what.bytes;
  return holder->clock != MAP_FAILED && slh_runtime_new(NULL, &options.runtime, NULL) == SLH_OK &&
         node_type_new(options.runtime, &node, NULL) == SLH_OK &&
         slh_heap_new(NULL, &options, &holder->heap, NULL) == SLH_OK &&
         image_graph_build(holder->heap, node, holder->what.bytes, &last) &&
         image_graph_is_whole(holder->heap, holder->what.bytes);
}

static bool print_time(const struct holder *holder, uint64_t at_least)
{
  struct image_time time;

  /* The first pays for what is only now looked up. */
  if (!run(holder) || !measure_time(holder, at_least, &time))
    return false;
  printf("%.1f %.1f\n", time.start, time.cycle);
  return true;
}

static bool print_live(const struct holder *holder, uint64_t memory)
{
  struct image_live live;

  if (!measure_live(holder, memory, &live))
    return false;
  printf("%.0f %.1f %.1f\n", live.stores, live.resident, live.page_tables);
  return true;
}

int main(int argc, char **argv)
{
  struct holder holder = {.heap = NULL};
  uint64_t number;
  bool good;

  if (argc != 6 || (strcmp(argv[4], "time") != 0 && strcmp(argv[4], "live") != 0)) {
    fputs("usage: image-fork BYTES WRITTEN READ time|live NUMBER\n", stderr);
    return EXIT_FAILURE;
  }
  holder.what.bytes = strtoull(argv[1], NULL, 10);
  holder.what.written = (uint32_t)strtoul(argv[2], NULL, 10);
  holder.what.read = strcmp(argv[3], "0") != 0;
  number = strtoull(argv[5], NULL, 10);
  good = hold(&holder) &&
         (argv[4][0] == 't' ? print_time(&holder, number) : print_live(&holder, number));
  if (!good)
    fputs("image-fork: out of memory or processes\n", stderr);
  slh_heap_release(holder.heap);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
