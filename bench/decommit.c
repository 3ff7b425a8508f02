/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench decommit: each way to give pages back, by size and number of
 * ranges, alone and beside a thread that runs. */
#include "bench.h"
#include "clock.h"
#include "memory.h"
#include "pin.h"
#include "progress.h"
#include "random.h"

#include <pthread.h>
#include <stdatomic.h>

#include "pool/decommit.h"
#include "pool/os.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define ROUNDS 11
#define QUICK_ROUNDS 3
#define ROUND_NS 3000000 /* at least, of one engine in one case */
#define QUICK_ROUND_NS 300000
#define SLOTS 64
#define SLOT_BYTES (64 * MIB)
#define STRIDE (4 * GIB + MIB)  /* of a pool by default */
#define TOTAL_BYTES (256 * MIB) /* most that is touched at a time */

static const uint64_t sizes[] = {4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB,
                                 MIB,     4 * MIB,  16 * MIB, 64 * MIB};
static const uint64_t quick_sizes[] = {4 * KIB, 256 * KIB, 16 * MIB};
#define SIZES_MAX (sizeof sizes / sizeof *sizes)

/* How the ranges of a batch lie. */
static const struct layout {
  const char *name;
  uint32_t count; /* fewer where they are more than TOTAL_BYTES */
  bool dense;     /* each begins where another ends */
} layouts[] = {{"slot", 1, false}, {"slots", SLOTS, false}, {"neighbours", SLOTS, true}};
#define LAYOUTS (sizeof layouts / sizeof *layouts)

struct bed {
  char *slots; /* SLOTS of them, STRIDE apart */
  char *dense; /* TOTAL_BYTES without a gap */
  uint64_t page;
  struct decommit engines[SLH_DECOMMIT_ENGINES];
  struct random random;
  struct slhi_range ranges[SLOTS];
  uint32_t count;
  uint64_t pages; /* of all ranges */
};

struct sample {
  double call; /* ns a page, on the thread that gives back */
  double cycle;
};

static void must(const char *what, int error)
{
  if (error == 0)
    return;
  fprintf(stderr, "slotheap-bench: %s: %s\n", what, strerror(error));
  exit(EXIT_FAILURE);
}

static char *reserve(uint64_t bytes)
{
  void *memory;

  must("reserving memory", slhi_os_reserve(bytes, &memory));
  return memory;
}

static void bed_open(struct bed *bed, uint64_t seed)
{
  bed->page = slhi_os_page_size();
  bed->random = random_seed(seed, 0);
  bed->slots = reserve(SLOTS * STRIDE);
  for (uint64_t i = 0; i < SLOTS; i++)
    must("committing memory", slhi_os_commit(bed->slots + i * STRIDE, SLOT_BYTES));
  bed->dense = reserve(TOTAL_BYTES);
  must("committing memory", slhi_os_commit(bed->dense, TOTAL_BYTES));
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    if (slhi_decommit_open(&bed->engines[i], (slh_decommit)i, NULL) != SLH_OK)
      memory_exhausted();
}

static void bed_close(struct bed *bed)
{
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    slhi_decommit_close(&bed->engines[i]);
  slhi_os_unmap(bed->slots, SLOTS * STRIDE);
  slhi_os_unmap(bed->dense, TOTAL_BYTES);
}

/* In no order, as heaps are released. */
static void set_ranges(struct bed *bed, const struct layout *layout, uint64_t bytes)
{
  bed->count = layout->count;
  if (bytes * bed->count > TOTAL_BYTES)
    bed->count = (uint32_t)(TOTAL_BYTES / bytes);
  bed->pages = bytes * bed->count / bed->page;
  for (uint32_t i = 0; i < bed->count; i++)
    bed->ranges[i] = (struct slhi_range){
        layout->dense ? bed->dense + i * bytes : bed->slots + i * STRIDE, bytes, NULL};
  for (uint32_t i = bed->count; i > 1; i--) {
    uint32_t other = random_below(&bed->random, i);
    struct slhi_range range = bed->ranges[i - 1];

    bed->ranges[i - 1] = bed->ranges[other];
    bed->ranges[other] = range;
  }
}

static void touch(const struct bed *bed)
{
  for (uint32_t i = 0; i < bed->count; i++)
    for (uint64_t at = 0; at < bed->ranges[i].bytes; at += bed->page)
      ((volatile char *)bed->ranges[i].start)[at] = 1;
}

static void give_back(const struct bed *bed, struct decommit *decommit)
{
  struct slhi_range ranges[SLOTS];

  memcpy(ranges, bed->ranges, sizeof ranges);
  if (decommit->engine != SLH_DECOMMIT_URING) {
    slhi_decommit_now(decommit, ranges, bed->count);
    return;
  }
  for (uint32_t i = 0; i < bed->count; i++)
    if (!slhi_decommit_start(decommit, &ranges[i]))
      slhi_decommit_now(decommit, &ranges[i], 1);
}

static void wait_for_all(struct decommit *decommit)
{
  void *owners[SLHI_DECOMMIT_DEPTH];

  while (slhi_decommit_reap(decommit, owners, SLHI_DECOMMIT_DEPTH, true) > 0)
    continue;
}

static struct sample run(const struct bed *bed, struct decommit *decommit, uint64_t at_least)
{
  uint64_t calls = 0, cycles = 0, count = 0;

  while (cycles < at_least) {
    uint64_t start = clock_ns(), touched, returned;

    touch(bed);
    touched = clock_ns();
    give_back(bed, decommit);
    returned = clock_ns();
    wait_for_all(decommit);
    calls += returned - touched;
    cycles += clock_ns() - start;
    count++;
  }
  return (struct sample){(double)calls / (double)(count * bed->pages),
                         (double)cycles / (double)(count * bed->pages)};
}

/* ---- another thread of this process ---- */

static atomic_bool stop;

static void *keep_busy(void *context)
{
  enum {
    BYTES = 256 * 1024
  };
  volatile char *memory = memory_new(BYTES, 1);

  (void)context;
  pin_thread(1);
  while (!atomic_load_explicit(&stop, memory_order_relaxed))
    for (size_t at = 0; at < BYTES; at += 64)
      memory[at]++;
  free((void *)memory);
  return NULL;
}

/* ---- the measurement ---- */

static void size_name(char name[16], uint64_t bytes)
{
  if (bytes >= MIB)
    snprintf(name, 16, "%d MiB", (int)(bytes / MIB));
  else
    snprintf(name, 16, "%d KiB", (int)(bytes / KIB));
}

/* memset keeps its pages: what is measured of it is a heap that has them. */
static struct sample run_engine(struct bed *bed, slh_decommit engine, uint64_t at_least)
{
  struct sample sample;

  if (engine == SLH_DECOMMIT_MEMSET)
    touch(bed);
  sample = run(bed, &bed->engines[engine], at_least);
  if (engine == SLH_DECOMMIT_MEMSET)
    slhi_decommit_now(&bed->engines[SLH_DECOMMIT_MADVISE], bed->ranges, bed->count);
  return sample;
}

/* All engines in turns, so that a disturbance meets them all. */
static void measure_case(struct bed *bed, const char *name, const struct settings *settings,
                         struct report *report)
{
  double calls[SLH_DECOMMIT_ENGINES][ROUNDS], cycles[SLH_DECOMMIT_ENGINES][ROUNDS];
  size_t rounds = settings->quick ? QUICK_ROUNDS : ROUNDS;

  for (size_t round = 0; round < rounds; round++)
    for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++) {
      struct sample sample = {0, 0};

      if ((int)bed->engines[i].engine == i)
        sample = run_engine(bed, (slh_decommit)i, settings->quick ? QUICK_ROUND_NS : ROUND_NS);
      calls[i][round] = sample.call;
      cycles[i][round] = sample.cycle;
    }
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++) {
    const char *system = slh_decommit_name((slh_decommit)i);
    size_t count = (int)bed->engines[i].engine == i ? rounds : 0;

    report_add(report, "decommit", name, system, "call_ns_per_page", calls[i], count);
    report_add(report, "decommit", name, system, "cycle_ns_per_page", cycles[i], count);
  }
}

static void measure_cases(struct bed *bed, const char *beside, const struct settings *settings,
                          struct report *report)
{
  const uint64_t *list = settings->quick ? quick_sizes : sizes;
  size_t count = settings->quick ? sizeof quick_sizes / sizeof *quick_sizes : SIZES_MAX;
  char name[64], size[16];

  for (size_t i = 0; i < LAYOUTS; i++)
    for (size_t j = 0; j < count; j++) {
      size_name(size, list[j]);
      set_ranges(bed, &layouts[i], list[j]);
      snprintf(name, sizeof name, "%s, %u %s of %s", beside, (unsigned)bed->count, layouts[i].name,
               size);
      progress_show(beside, (double)(i * count + j) / (double)(LAYOUTS * count));
      measure_case(bed, name, settings, report);
    }
}

static bool measure(struct report *report, void *options)
{
  const struct settings *settings = options;
  static struct bed bed;
  pthread_t thread;

  bed_open(&bed, settings->seed);
  pin_thread(0);
  measure_cases(&bed, "alone", settings, report);
  atomic_store(&stop, false);
  must("starting a thread", pthread_create(&thread, NULL, keep_busy, NULL));
  measure_cases(&bed, "busy", settings, report);
  atomic_store(&stop, true);
  pthread_join(thread, NULL);
  progress_clear();
  pin_release();
  bed_close(&bed);
  return true;
}

/* ---- the table ---- */

#define CASES_MAX (2 * LAYOUTS * SIZES_MAX)

static void tabulate_metric(const struct report *report, const char *heading, const char *metric,
                            struct table *table)
{
  const char *cases[CASES_MAX];
  size_t count = report_cases(report, "decommit", cases, CASES_MAX);

  table_cell(table, "%s", heading);
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++)
    table_cell(table, "%s", slh_decommit_name((slh_decommit)i));
  table_end_row(table);
  for (size_t i = 0; i < count; i++) {
    table_cell(table, "%s", cases[i]);
    for (int j = 0; j < SLH_DECOMMIT_ENGINES; j++)
      table_number(table, report_find(report, "decommit", cases[i],
                                      slh_decommit_name((slh_decommit)j), metric)
                              ->median);
    table_end_row(table);
  }
}

static void tabulate(const struct report *report, struct table *table)
{
  tabulate_metric(report, "give back, ns a page", "call_ns_per_page", table);
  table_end_row(table);
  tabulate_metric(report, "touch and give back", "cycle_ns_per_page", table);
}

/* Not for `all`: it takes minutes, and is about one option of a pool. */
const struct command command_decommit = {
    .name = "decommit",
    .summary = "ways to give pages back, by size",
    .doc = "Touches every page of one range or of 64, of 4 KiB to 64 MiB each, and gives them "
           "back by each engine; alone, and beside a thread that writes memory of its own.",
    .options = options_settings,
    .bytes = sizeof(struct settings),
    .measure = measure,
    .tabulate = tabulate,
    .alone = true,
};
