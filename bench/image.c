/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap-bench image: what it takes to start stores with the same objects. */
#include "image.h"
#include "bench.h"
#include "child.h"
#include "memory.h"
#include "options.h"
#include "pin.h"
#include "progress.h"

#include <inttypes.h>
#include <math.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define RUNS 9
#define RUNS_IN_ALL 5
#define QUICK_RUNS 3
#define RUNS_MAX 100
#define RUN_NS 4000000 /* at least, of one way in one case */
#define QUICK_RUN_NS 1000000
#define MEMORY (2 * GIB)
#define MEMORY_IN_ALL (256 * MIB)
#define QUICK_MEMORY (64 * MIB)

static const char *const ways[IMAGE_WAYS] = {"memcpy", "copy", "map", "auto", "build", "fork"};

static const char *const metrics[] = {"start_ns", "cycle_ns"};
static const char *const ratios[] = {"start_ratio_to_memcpy", "cycle_ratio_to_memcpy"};
static const char *const figures[] = {"resident_bytes_per_store", "page_table_bytes_per_store",
                                      "stores_alive"};
#define METRICS (sizeof metrics / sizeof *metrics)
#define FIGURES (sizeof figures / sizeof *figures)

struct image_options {
  struct settings settings;
  struct options_list sizes;
  struct options_list written;
  bool read;
  uint64_t keep;   /* 0: the pool's default */
  uint64_t memory; /* 0: the default, as below */
  uint64_t runs;
};

/* ---- the measurement ---- */

/* Of all ways in one case. */
struct samples {
  double times[IMAGE_WAYS][METRICS][RUNS_MAX];
};

static void size_name(char name[24], uint64_t bytes)
{
  if (bytes % MIB == 0)
    snprintf(name, 24, "%" PRIu64 "MiB", bytes / MIB);
  else
    snprintf(name, 24, "%" PRIu64 "KiB", bytes / KIB);
}

static void case_name(char name[80], const struct image_case *what)
{
  char size[24], keep[24] = "";

  size_name(size, what->bytes);
  if (what->keep != 0)
    size_name(keep, what->keep);
  snprintf(name, 80, "size=%s, written=%u%%%s%s%s", size, what->written, what->read ? ", read" : "",
           what->keep != 0 ? ", keep=" : "", keep);
}

/* Runs image-fork; see there. */
static bool run_fork(const struct image_case *what, const char *mode, uint64_t number, char *line,
                     size_t size)
{
  char path[4160], bytes[24], written[24], read[24], argument[24];
  char *arguments[] = {path, bytes, written, read, (char *)mode, argument, NULL};

  snprintf(bytes, sizeof bytes, "%" PRIu64, what->bytes);
  snprintf(written, sizeof written, "%u", what->written);
  snprintf(read, sizeof read, "%d", what->read);
  snprintf(argument, sizeof argument, "%" PRIu64, number);
  if (child_find("image-fork", path, sizeof path))
    return child_run(path, arguments, line, size);
  fputs("slotheap-bench: image-fork was not built\n", stderr);
  return false;
}

static bool time_fork(const struct image_case *what, uint64_t at_least, struct image_time *out)
{
  char line[128];

  return run_fork(what, "time", at_least, line, sizeof line) &&
         sscanf(line, "%lf %lf", &out->start, &out->cycle) == 2;
}

static bool live_fork(const struct image_case *what, uint64_t memory, struct image_live *out)
{
  char line[128];

  return run_fork(what, "live", memory, line, sizeof line) &&
         sscanf(line, "%lf %lf %lf", &out->stores, &out->resident, &out->page_tables) == 3;
}

static bool run_ways(struct image_bed *bed, uint64_t at_least, struct samples *samples, size_t run)
{
  for (enum image_way way = 0; way < IMAGE_WAYS; way++) {
    struct image_time time;

    if (!(way == IMAGE_WAY_FORK ? time_fork(&bed->what, at_least, &time)
                                : image_time(bed, way, at_least, &time)))
      return false;
    samples->times[way][0][run] = time.start;
    samples->times[way][1][run] = time.cycle;
  }
  return true;
}

/* Ratios are made of the samples of one turn, not of medians. */
static void add_times(struct report *report, const char *name, const struct samples *samples,
                      size_t runs)
{
  for (enum image_way way = 0; way < IMAGE_WAYS; way++)
    for (size_t i = 0; i < METRICS; i++) {
      double ratio[RUNS_MAX];

      for (size_t run = 0; run < runs; run++)
        ratio[run] = samples->times[way][i][run] / samples->times[IMAGE_WAY_MEMCPY][i][run];
      report_add(report, "image", name, ways[way], metrics[i], samples->times[way][i], runs);
      report_add(report, "image", name, ways[way], ratios[i], ratio, runs);
    }
}

/* Once: it is the same each time. */
static bool measure_live(struct report *report, const char *name, struct image_bed *bed,
                         uint64_t memory)
{
  for (enum image_way way = IMAGE_WAY_COPY; way < IMAGE_WAYS; way++) {
    struct image_live live;
    double values[FIGURES];

    if (!(way == IMAGE_WAY_FORK ? live_fork(&bed->what, memory, &live)
                                : image_live(bed, way, memory, &live)))
      return false;
    values[0] = live.resident;
    values[1] = live.page_tables;
    values[2] = live.stores;
    for (size_t i = 0; i < FIGURES; i++)
      report_add(report, "image", name, ways[way], figures[i], &values[i], 1);
  }
  return true;
}

static bool measure_open(struct report *report, const struct image_options *options,
                         struct image_bed *bed)
{
  static struct samples samples;
  uint64_t at_least = options->settings.quick ? QUICK_RUN_NS : RUN_NS;
  double mapped = bed->mapped;
  char name[80];

  case_name(name, &bed->what);
  for (size_t run = 0; run < options->runs; run++) {
    progress_show(name, (double)run / (double)options->runs);
    if (!run_ways(bed, at_least, &samples, run))
      return false;
  }
  add_times(report, name, &samples, options->runs);
  report_add(report, "image", name, ways[IMAGE_WAY_AUTO], "mapped", &mapped, 1);
  return measure_live(report, name, bed, options->memory);
}

static bool measure_case(struct report *report, const struct image_options *options,
                         const struct image_case *what)
{
  static struct image_bed bed;
  bool good = image_bed_open(&bed, what) && measure_open(report, options, &bed);

  progress_clear();
  image_bed_close(&bed);
  return good;
}

static void fill_in(struct image_options *options)
{
  static const struct options_list sizes = {
      {16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB}, 7};
  static const struct options_list few_sizes = {{64 * KIB, MIB, 16 * MIB}, 3};
  static const struct options_list written = {{0, 1, 10, 100}, 4};
  static const struct options_list written_in_all = {{1, 10}, 2};
  static const struct options_list quick_written = {{1}, 1};
  bool quick = options->settings.quick;
  bool all = options->settings.all;

  if (options->sizes.count == 0)
    options->sizes = quick || all ? few_sizes : sizes;
  if (options->written.count == 0)
    options->written = quick ? quick_written : all ? written_in_all : written;
  if (options->runs == 0)
    options->runs = quick ? QUICK_RUNS : all ? RUNS_IN_ALL : RUNS;
  if (options->memory == 0)
    options->memory = quick ? QUICK_MEMORY : all ? MEMORY_IN_ALL : MEMORY;
}

static bool measure(struct report *report, void *input)
{
  struct image_options *options = input;
  bool good = true;

  fill_in(options);
  if (!pin_thread(pin_processors() - 1))
    fputs("slotheap-bench: cannot bind to one processor; expect noise\n", stderr);
  for (size_t i = 0; i < options->sizes.count && good; i++)
    for (size_t j = 0; j < options->written.count && good; j++) {
      const struct image_case what = {options->sizes.values[i],
                                      (uint32_t)options->written.values[j], options->read,
                                      options->keep};

      good = measure_case(report, options, &what);
    }
  pin_release();
  return good;
}

/* ---- the table ---- */

#define CASES_MAX (OPTIONS_LIST_MAX * OPTIONS_LIST_MAX)

static double median(const struct report *report, const char *name, const char *way,
                     const char *metric)
{
  const struct report_entry *entry = report_find(report, "image", name, way, metric);

  return entry == NULL ? NAN : entry->median;
}

static void tabulate_way(const struct report *report, struct table *table, const char *name,
                         const char *way)
{
  table_cell(table, "%s", way);
  for (size_t i = 0; i < METRICS; i++) {
    table_nanoseconds(table, median(report, name, way, metrics[i]));
    table_cell(table, "%.2fx", median(report, name, way, ratios[i]));
  }
  table_bytes(table, median(report, name, way, figures[0]));
  table_bytes(table, median(report, name, way, figures[1]));
  table_number(table, median(report, name, way, figures[2]));
  if (median(report, name, way, "mapped") >= 0)
    table_cell(table, median(report, name, way, "mapped") != 0 ? "a mapping" : "a copy");
  table_end_row(table);
}

static void tabulate(const struct report *report, struct table *table)
{
  static const char *const headings[] = {"start",    "to memcpy",   "cycle", "to memcpy",
                                         "resident", "page tables", "alive", "auto"};
  const char *names[CASES_MAX];
  size_t count = report_cases(report, "image", names, CASES_MAX);

  for (size_t i = 0; i < count; i++) {
    table_cell(table, "image, %s", names[i]);
    for (size_t j = 0; j < sizeof headings / sizeof *headings; j++)
      table_cell(table, "%s", headings[j]);
    table_end_row(table);
    for (enum image_way way = 0; way < IMAGE_WAYS; way++)
      tabulate_way(report, table, names[i], ways[way]);
    table_end_row(table);
  }
  table_cell(table, "A store %s writes 4 bytes to so many of the image's pages, evenly spread.",
             count != 0 && strstr(names[0], ", read") != NULL ? "reads all objects, then"
                                                              : "reads nothing;");
  table_end_row(table);
}

/* ---- options ---- */

static const struct option_row option_rows[] = {
    {"size", OPTION_SIZES, offsetof(struct image_options, sizes),
     "Of the image; may be repeated (default 16K, 64K and so on up to 64M)", .least = 16 * KIB,
     .most = GIB},
    {"written", OPTION_LIST, offsetof(struct image_options, written),
     "Percent of its pages (default 0,1,10,100)", .least = 0, .most = 100},
    {"read", OPTION_FLAG, offsetof(struct image_options, read),
     .text = "Stores read all objects before they write"},
    {"keep", OPTION_SIZE, offsetof(struct image_options, keep),
     "keep_resident_bytes of the pools (default: theirs, 1M)", .least = 16 * KIB, .most = GIB},
    {"memory", OPTION_SIZE, offsetof(struct image_options, memory),
     "Fewer stores are alive at a time where 1,000 would write more than this (default 2G; 64M "
     "with --quick)",
     .least = MIB, .most = UINT64_C(1) << 50},
    {"runs", OPTION_NUMBER, offsetof(struct image_options, runs),
     "Runs of each way (default 9; 3 with --quick)", .least = 1, .most = RUNS_MAX},
    OPTIONS_SETTINGS,
};

/* Every page begins with an object. */
static void check(struct argp_state *state, void *input)
{
  const struct options_list *sizes = &((const struct image_options *)input)->sizes;

  for (size_t i = 0; i < sizes->count; i++)
    if (sizes->values[i] % (16 * KIB) != 0)
      argp_error(state, "--size is %" PRIu64 "; it must be a multiple of 16K", sizes->values[i]);
}

const struct command command_image = {
    .name = "image",
    .summary = "stores that begin with an image, and other ways",
    .doc = "Starts stores with the same objects: from an image by copy, by a private mapping, "
           "and by whichever it chooses; by building them anew; by fork(); and has memcpy copy "
           "as many bytes. Then a share of the pages is written, and the store ends.",
    .options = option_rows,
    .bytes = sizeof(struct image_options),
    .check = check,
    .measure = measure,
    .tabulate = tabulate,
};
