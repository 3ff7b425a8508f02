/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * main() of a system under `slotheap-bench trees` and its like:
 *
 *   gc-NAME WORKLOAD SIZE [SEED [MODE]]
 *
 * warms up with a small run, runs the workload once, and prints a line:
 * seconds, seconds of processor time, seconds in collections, the number of
 * collections, the most bytes that were in memory, operations, check.
 */
#include "gc-peer.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_ALLOWED 100000000

static const struct mem_workload *const workloads[] = {&mem_workload_trees, &mem_workload_gcbench,
                                                       &mem_workload_splay, &mem_workload_lru,
                                                       &mem_workload_strings};
#define WORKLOADS (sizeof workloads / sizeof *workloads)

noreturn void mem_fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
  exit(1);
}

static const struct mem_workload *find_workload(const char *name)
{
  for (size_t i = 0; i < WORKLOADS; i++)
    if (strcmp(workloads[i]->name, name) == 0)
      return workloads[i];
  mem_fail("no such workload");
}

static uint64_t argument(const char *text, uint64_t max)
{
  char *end;
  uint64_t value = strtoull(text, &end, 10);

  if (*text < '0' || *text > '9' || *end != '\0' || value > max)
    mem_fail("SIZE and SEED must be numbers");
  return value;
}

/* The highest that this process's memory was since it began; getrusage would
 * count that of the process which started it, too. */
static uint64_t peak_bytes(void)
{
  FILE *file = fopen("/proc/self/status", "r");
  uint64_t kibibytes = 0;
  char line[256];

  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "VmHWM: %" SCNu64, &kibibytes) == 1)
      break;
  if (file != NULL)
    fclose(file);
  return kibibytes * 1024;
}

static double processor_seconds(void)
{
  struct timespec time;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(const struct mem_workload *workload, uint32_t size, uint64_t seed)
{
  struct mem_collections before, after;
  struct mem_outcome outcome;
  uint64_t start = clock_ns();
  double processor_start = processor_seconds();
  struct mem mem = mem_begin();

  before = mem_collections(mem);
  outcome = workload->run(mem, size, seed);
  after = mem_collections(mem);
  mem_end(mem);
  printf("%.9f %.9f %.9f %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
         (double)(clock_ns() - start) / 1e9, processor_seconds() - processor_start,
         (double)(after.nanoseconds - before.nanoseconds) / 1e9, after.count - before.count,
         peak_bytes(), outcome.operations, outcome.check);
}

static void warm_up(const struct mem_workload *workload, uint32_t size, uint64_t seed)
{
  struct mem mem = mem_begin();

  workload->run(mem, size < workload->warm_size ? size : workload->warm_size, seed);
  mem_end(mem);
}

int main(int argc, char **argv)
{
  const struct mem_workload *workload;
  uint32_t size;
  uint64_t seed;

  if (argc < 3 || argc > 5)
    mem_fail("usage: WORKLOAD SIZE [SEED [MODE]]");
  workload = find_workload(argv[1]);
  size = (uint32_t)argument(argv[2], SIZE_MAX_ALLOWED);
  seed = argc > 3 ? argument(argv[3], UINT64_MAX) : 1;
  mem_open(argc > 4 ? argv[4] : "");
  workload->open();
  warm_up(workload, size, seed);
  run(workload, size, seed);
  mem_close();
  return 0;
}
