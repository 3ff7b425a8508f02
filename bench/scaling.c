/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench scaling: store(1000) on several threads over one thread. */
#include "bench.h"
#include "options.h"
#include "pin.h"
#include "server.h"

#define ROUNDS 9
#define QUICK_ROUNDS 3
#define SECONDS 0.6 /* of a round */
#define QUICK_SECONDS 0.15
#define COUNTS_MAX OPTIONS_LIST_MAX

struct scaling_options {
  struct settings settings;
  struct options_list threads;
};

/* 1, 2, 4, ... and as many as there are processors. */
static void default_threads(struct options_list *threads)
{
  uint64_t processors = pin_processors();

  for (uint64_t count = 1; count < processors && threads->count + 1 < COUNTS_MAX; count *= 2)
    threads->values[threads->count++] = count;
  threads->values[threads->count++] = processors;
}

static void case_name(char name[32], uint64_t threads)
{
  snprintf(name, 32, "threads=%llu", (unsigned long long)threads);
}

/* One after the other within each round, so that whatever else the machine
 * does meets them all. */
static bool run_rounds(struct server **servers, size_t count, const struct settings *settings,
                       double samples[COUNTS_MAX][ROUNDS], size_t rounds)
{
  static struct server_round round;
  double seconds = settings->quick ? QUICK_SECONDS : SECONDS;
  char label[64];

  for (size_t i = 0; i < rounds; i++)
    for (size_t j = 0; j < count; j++) {
      snprintf(label, sizeof label, "scaling, round %zu of %zu", i + 1, rounds);
      if (i == 0 && !server_run(servers[j], seconds / 2, 0, label, &round))
        return false;
      if (!server_run(servers[j], seconds, 0, label, &round))
        return false;
      samples[j][i] = (double)round.stores / round.seconds;
    }
  return true;
}

static void add_samples(struct report *report, const struct options_list *threads,
                        double samples[COUNTS_MAX][ROUNDS], size_t rounds)
{
  for (size_t i = 0; i < threads->count; i++) {
    double ratios[ROUNDS];
    char name[32];

    case_name(name, threads->values[i]);
    for (size_t j = 0; j < rounds; j++)
      ratios[j] = samples[i][j] / samples[0][j];
    report_add(report, "scaling", name, "slotheap", "stores_per_s", samples[i], rounds);
    report_add(report, "scaling", name, "slotheap", "ratio_to_first", ratios, rounds);
  }
}

static bool measure(struct report *report, void *input)
{
  struct scaling_options *options = input;
  struct server *servers[COUNTS_MAX];
  static double samples[COUNTS_MAX][ROUNDS];
  size_t rounds = options->settings.quick ? QUICK_ROUNDS : ROUNDS;
  size_t opened = 0;
  bool good = true;

  if (options->threads.count == 0)
    default_threads(&options->threads);
  for (; good && opened < options->threads.count; opened += good) {
    struct engine_options engine = {.workload = &workload_chain,
                                    .threads = (unsigned)options->threads.values[opened]};

    servers[opened] = server_open(&engine);
    good = servers[opened] != NULL;
  }
  good = good && run_rounds(servers, opened, &options->settings, samples, rounds);
  if (good)
    add_samples(report, &options->threads, samples, rounds);
  while (opened > 0)
    server_close(servers[--opened]);
  return good;
}

static void tabulate(const struct report *report, struct table *table)
{
  const char *cases[COUNTS_MAX];
  size_t count = report_cases(report, "scaling", cases, COUNTS_MAX);

  table_cell(table, "scaling, store(1000)");
  table_cell(table, "stores/s");
  table_cell(table, "ratio");
  table_end_row(table);
  for (size_t i = 0; i < count; i++) {
    table_cell(table, "%s", cases[i]);
    table_number(table,
                 report_find(report, "scaling", cases[i], "slotheap", "stores_per_s")->median);
    table_cell(table, "%.2fx",
               report_find(report, "scaling", cases[i], "slotheap", "ratio_to_first")->median);
    table_end_row(table);
  }
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"threads", OPTION_LIST, offsetof(struct scaling_options, threads),
     "Numbers of threads, each compared with the first (default: 1, 2, 4 and so on up to the "
     "number of processors)",
     .least = 1, .most = 1000},
    OPTIONS_SETTINGS,
};

const struct command command_scaling = {
    .name = "scaling",
    .summary = "stores a second on more threads than one",
    .doc = "Serves stores of 1,000 objects on different numbers of threads, each on a processor "
           "of its own, and compares how many a second.",
    .options = option_rows,
    .bytes = sizeof(struct scaling_options),
    .measure = measure,
    .tabulate = tabulate,
};
