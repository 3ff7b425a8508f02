/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench touch: what it takes to bring the pages of a heap into memory:
 * one by one, by the system in chunks, and as huge pages. */
#include "bench.h"
#include "clock.h"
#include "memory.h"
#include "pin.h"
#include "progress.h"

#include "pool/os.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)

#define ROUNDS 9
#define QUICK_ROUNDS 3
#define ROUND_BYTES (256 * MIB) /* of one case */
#define QUICK_ROUND_BYTES (64 * MIB)
#define HUGE_BYTES (2 * MIB)

static const struct way {
  const char *name;
  uint64_t chunk; /* of slhi_os_populate; 0: none */
  bool huge;
} ways[] = {
    {"touch", 0, false},
    {"populate 64 KiB", 64 * KIB, false},
    {"populate 256 KiB", 256 * KIB, false},
    {"populate 2 MiB", 2 * MIB, false},
    {"huge pages", 0, true},
};
#define WAYS (sizeof ways / sizeof *ways)

static const struct heap_case {
  const char *name;
  uint64_t bytes;
} cases[] = {{"heap of 4 MiB", 4 * MIB}, {"heap of 64 MiB", 64 * MIB}};
#define CASES (sizeof cases / sizeof *cases)

/* Of a page, in nanoseconds. */
enum {
  TOUCH,  /* the first write to each */
  SCRUB,  /* memset of all */
  RETURN, /* giving back */
  METRICS
};
static const char *const metrics[METRICS] = {"touch_ns_per_page", "scrub_ns_per_page",
                                             "return_ns_per_page"};

static bool touch(char *memory, uint64_t bytes, uint64_t page, const struct way *way)
{
  for (uint64_t at = 0; at < bytes; at += page) {
    if (way->chunk && at % way->chunk == 0 && slhi_os_populate(memory + at, way->chunk))
      return false;
    ((volatile char *)memory)[at] = 1;
  }
  return true;
}

/* NaN-free samples, or false where the system cannot do it. */
static bool run(char *memory, uint64_t bytes, const struct way *way, uint64_t total,
                double samples[METRICS])
{
  uint64_t page = slhi_os_page_size();
  uint64_t sums[METRICS] = {0};
  uint64_t rounds = total / bytes;

  if (slhi_os_huge(memory, bytes, way->huge) && way->huge)
    return false;
  for (uint64_t i = 0; i < rounds; i++) {
    uint64_t start = clock_ns(), touched, scrubbed;

    if (!touch(memory, bytes, page, way))
      return false;
    touched = clock_ns();
    memset(memory, 0, bytes);
    scrubbed = clock_ns();
    if (slhi_os_decommit(memory, bytes))
      return false;
    sums[TOUCH] += touched - start;
    sums[SCRUB] += scrubbed - touched;
    sums[RETURN] += clock_ns() - scrubbed;
  }
  for (int i = 0; i < METRICS; i++)
    samples[i] = (double)sums[i] / (double)(rounds * (bytes / page));
  return true;
}

/* At a boundary of huge pages, which a heap that hopes for them must have. */
static char *aligned(char *memory)
{
  return (char *)(((uintptr_t)memory + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
}

static void measure_case(char *memory, const struct heap_case *which,
                         const struct settings *settings, struct report *report)
{
  static double samples[WAYS][METRICS][ROUNDS];
  size_t rounds = settings->quick ? QUICK_ROUNDS : ROUNDS;
  bool good[WAYS];

  for (size_t round = 0; round < rounds; round++)
    for (size_t i = 0; i < WAYS; i++) {
      double sample[METRICS];

      progress_show("touch", (double)(round * WAYS + i) / (double)(rounds * WAYS));
      good[i] = run(memory, which->bytes, &ways[i],
                    settings->quick ? QUICK_ROUND_BYTES : ROUND_BYTES, sample);
      for (int j = 0; good[i] && j < METRICS; j++)
        samples[i][j][round] = sample[j];
    }
  for (size_t i = 0; i < WAYS; i++)
    for (int j = 0; j < METRICS; j++)
      report_add(report, "touch", which->name, ways[i].name, metrics[j], samples[i][j],
                 good[i] ? rounds : 0);
}

static bool measure(struct report *report, void *options)
{
  const struct settings *settings = options;
  uint64_t bytes = cases[CASES - 1].bytes + HUGE_BYTES;
  void *memory;

  if (slhi_os_map(bytes, &memory)) {
    fputs("slotheap-bench touch: no memory\n", stderr);
    return false;
  }
  pin_thread(0);
  for (size_t i = 0; i < CASES; i++)
    measure_case(aligned(memory), &cases[i], settings, report);
  progress_clear();
  pin_release();
  slhi_os_unmap(memory, bytes);
  return true;
}

static void tabulate(const struct report *report, struct table *table)
{
  for (size_t i = 0; i < CASES; i++) {
    table_cell(table, "%s, ns a page", cases[i].name);
    table_cell(table, "touch");
    table_cell(table, "memset");
    table_cell(table, "give back");
    table_end_row(table);
    for (size_t j = 0; j < WAYS; j++) {
      table_cell(table, "%s", ways[j].name);
      for (int k = 0; k < METRICS; k++)
        table_number(table,
                     report_find(report, "touch", cases[i].name, ways[j].name, metrics[k])->median);
      table_end_row(table);
    }
  }
}

const struct command command_touch = {
    .name = "touch",
    .summary = "ways to bring pages into memory",
    .doc = "Writes to every page of a fresh heap, scrubs it and gives it back: with pages that "
           "come one by one, in chunks ahead of the writes, and as huge pages.",
    .options = options_settings,
    .bytes = sizeof(struct settings),
    .measure = measure,
    .tabulate = tabulate,
    .alone = true,
};
