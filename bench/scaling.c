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
#define COUNTS_MAX 8

struct scaling_options {
  struct settings settings;
  struct options_list threads;
};

/* 1, 2, 4, ... and as many as there are processors. */
static void default_threads(struct options_list *threads)
{
  uint64_t processors = pin_processors();

  threads->count = 0;
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

static bool measure(struct report *report, const struct scaling_options *options)
{
  struct server *servers[COUNTS_MAX];
  static double samples[COUNTS_MAX][ROUNDS];
  size_t rounds = options->settings.quick ? QUICK_ROUNDS : ROUNDS;
  size_t opened = 0;
  bool good = true;

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

static bool measure_default(struct report *report, const struct settings *settings)
{
  struct scaling_options options = {.settings = *settings};

  default_threads(&options.threads);
  return measure(report, &options);
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

/* ---- arguments ---- */

enum {
  KEY_THREADS = 0x200
};

static const struct argp_option argp_options[] = {
    {"threads", KEY_THREADS, "LIST", 0,
     "Numbers of threads, each compared with the first (default: 1, 2, 4 and so on up to the "
     "number of processors)",
     0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct scaling_options *options = state->input;

  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &options->settings;
    return 0;
  case KEY_THREADS:
    options_numbers(state, "--threads", text, 1, 1000, &options->threads);
    if (options->threads.count > COUNTS_MAX)
      argp_error(state, "--threads has %zu numbers; at most %d are allowed", options->threads.count,
                 COUNTS_MAX);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static int main_scaling(int argc, char **argv)
{
  static const struct argp argp = OPTIONS_ARGP(
      argp_options, parse,
      "Serves stores of 1,000 objects on different numbers of threads, each on a processor "
      "of its own, and compares how many a second.");
  struct scaling_options options = {.settings = SETTINGS_INIT};
  struct report *report;

  default_threads(&options.threads);
  argp_parse(&argp, argc, argv, 0, NULL, &options);
  report = report_new(options.settings.json);
  return bench_finish(&command_scaling, report, &options.settings, measure(report, &options));
}

const struct command command_scaling = {"scaling", "stores a second on more threads than one",
                                        main_scaling, measure_default, tabulate};
