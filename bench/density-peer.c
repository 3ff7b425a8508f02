/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * main() of a system under `slotheap-bench density`:
 *
 *   density-NAME HEAPS BYTES [MODE]
 *
 * makes HEAPS heaps, or as many as fit into BYTES and CREATE_SECONDS, and with
 * all of them alive collects, changes and releases each. Prints one line: how
 * many there were; by how much resident bytes, page tables and mappings grew,
 * at most, while all were alive; nanoseconds a heap to create, collect, change, release.
 */
#include "density-peer.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CREATE_SECONDS 60
#define CHECK_EVERY 1024 /* heaps, for both bounds */

noreturn void density_fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
  exit(1);
}

/* ---- what the kernel says of this process ---- */

struct footprint {
  uint64_t resident_bytes;
  uint64_t page_table_bytes;
  uint64_t mappings;
};

static FILE *open_file(const char *path)
{
  FILE *file = fopen(path, "re");

  if (file == NULL)
    density_fail(path);
  return file;
}

static void read_status(struct footprint *out)
{
  FILE *file = open_file("/proc/self/status");
  char line[256];
  uint64_t kib;

  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1)
      out->resident_bytes = kib * 1024;
    if (sscanf(line, "VmPTE: %" SCNu64, &kib) == 1)
      out->page_table_bytes = kib * 1024;
  }
  fclose(file);
}

static struct footprint footprint(void)
{
  struct footprint result = {0, 0, 0};
  FILE *maps = open_file("/proc/self/maps");

  for (int c = getc(maps); c != EOF; c = getc(maps))
    result.mappings += c == '\n';
  fclose(maps);
  read_status(&result);
  return result;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* `most` is raised to what there is now. */
static void raise_footprint(struct footprint *most)
{
  struct footprint now = footprint();

  most->resident_bytes = larger(most->resident_bytes, now.resident_bytes);
  most->page_table_bytes = larger(most->page_table_bytes, now.page_table_bytes);
  most->mappings = larger(most->mappings, now.mappings);
}

/* ---- the run ---- */

struct run {
  struct density_store *stores;
  uint64_t heaps;
  double create_ns, collect_ns, mutate_ns, release_ns;
};

/* In memory before anything is measured. */
static struct density_store *stores_new(uint64_t heaps)
{
  void *memory = mmap(NULL, heaps * sizeof(struct density_store), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

  if (memory == MAP_FAILED)
    density_fail("out of memory");
  return memory;
}

static bool within_bounds(uint64_t start, uint64_t bytes)
{
  struct footprint now;

  read_status(&now);
  return now.resident_bytes <= bytes && clock_ns() - start <= CREATE_SECONDS * UINT64_C(1000000000);
}

static void create(struct run *run, uint64_t wanted, uint64_t bytes)
{
  uint64_t start = clock_ns();

  for (run->heaps = 0; run->heaps < wanted; run->heaps++)
    if ((run->heaps % CHECK_EVERY == 0 && !within_bounds(start, bytes)) ||
        !density_create(&run->stores[run->heaps], run->heaps))
      break;
  if (run->heaps == 0)
    density_fail("could not make one heap");
  run->create_ns = (double)(clock_ns() - start) / (double)run->heaps;
}

static void collect(struct run *run)
{
  uint64_t start = clock_ns();
  bool good = true;

  for (uint64_t i = 0; i < run->heaps && good; i++)
    good = density_collect(&run->stores[i]);
  run->collect_ns = good ? (double)(clock_ns() - start) / (double)run->heaps : NAN;
}

static void mutate(struct run *run)
{
  uint64_t start = clock_ns();

  for (uint64_t i = 0; i < run->heaps; i++)
    if (!density_mutate(&run->stores[i], i))
      density_fail("a heap does not hold what was written to it");
  run->mutate_ns = (double)(clock_ns() - start) / (double)run->heaps;
}

/* The newest first, as mimalloc has them in a list that it searches from there:
 * the other way each of 20,000 heaps takes it 100 us. */
static void release(struct run *run)
{
  uint64_t start = clock_ns();

  for (uint64_t i = run->heaps; i-- > 0;)
    density_release(&run->stores[i]);
  run->release_ns = (double)(clock_ns() - start) / (double)run->heaps;
}

static uint64_t argument(const char *text, const char *name)
{
  char message[160];
  char *end;
  uint64_t value = strtoull(text, &end, 10);

  if (*text >= '1' && *text <= '9' && *end == '\0')
    return value;
  snprintf(message, sizeof message, "%s is '%s'; it must be a number from 1 up", name, text);
  density_fail(message);
}

int main(int argc, char **argv)
{
  struct footprint before, most;
  struct run run;
  uint64_t wanted, bytes;

  if (argc < 3 || argc > 4)
    density_fail("usage: HEAPS BYTES [MODE]");
  wanted = argument(argv[1], "HEAPS");
  bytes = argument(argv[2], "BYTES");
  run.stores = stores_new(wanted);
  (void)footprint(); /* has what reading takes in memory */
  before = most = footprint();
  density_open(wanted, argc > 3 ? argv[3] : "");
  create(&run, wanted, bytes);
  raise_footprint(&most);
  collect(&run);
  mutate(&run);
  raise_footprint(&most);
  release(&run);
  density_close();
  printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %.2f %.2f %.2f %.2f\n", run.heaps,
         most.resident_bytes - before.resident_bytes,
         most.page_table_bytes - before.page_table_bytes, most.mappings - before.mappings,
         run.create_ns, run.collect_ns, run.mutate_ns, run.release_ns);
  return 0;
}
