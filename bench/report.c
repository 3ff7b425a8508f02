/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Entries of what was measured: collected, looked up, printed as JSON. */
#include "report.h"
#include "memory.h"
#include "stats.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct report {
  struct report_entry *entries;
  size_t count;
  size_t capacity;
  bool json;
};

struct report *report_new(bool json)
{
  struct report *report = memory_new(1, sizeof *report);

  report->json = json;
  return report;
}

void report_free(struct report *report)
{
  for (size_t i = 0; i < report->count; i++) {
    free(report->entries[i].bench);
    free(report->entries[i].name);
    free(report->entries[i].system);
    free(report->entries[i].metric);
  }
  free(report->entries);
  free(report);
}

/* JSON has no NaN: what could not be measured is null. */
static json_t *number(double value)
{
  return isnan(value) ? json_null() : json_real(value);
}

static void print(const struct report_entry *entry)
{
  json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "bench", entry->bench,
                             "case", entry->name, "system", entry->system, "metric", entry->metric,
                             "median", number(entry->median), "min", number(entry->min), "max",
                             number(entry->max), "runs", (json_int_t)entry->runs);
  char *line = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));

  if (line == NULL)
    memory_exhausted();
  puts(line);
  fflush(stdout);
  free(line);
  json_decref(object);
}

/* An entry without figures; the strings are copied. */
static struct report_entry *add(struct report *report, const char *bench, const char *name,
                                const char *system, const char *metric)
{
  struct report_entry *entry;

  if (report->count == report->capacity) {
    report->capacity = report->capacity * 2 + 64;
    report->entries = memory_resize(report->entries, report->capacity, sizeof *report->entries);
  }
  entry = &report->entries[report->count++];
  entry->bench = memory_string(bench);
  entry->name = memory_string(name);
  entry->system = memory_string(system);
  entry->metric = memory_string(metric);
  return entry;
}

void report_add(struct report *report, const char *bench, const char *name, const char *system,
                const char *metric, const double *samples, size_t count)
{
  struct report_entry *entry = add(report, bench, name, system, metric);

  entry->median = stats_median(samples, count);
  entry->min = stats_min(samples, count);
  entry->max = stats_max(samples, count);
  entry->runs = count;
  if (report->json)
    print(entry);
}

/* A figure as number() writes them. */
static bool read_figure(const json_t *value, double *out)
{
  *out = json_is_null(value) ? (double)NAN : json_number_value(value);
  return json_is_null(value) || json_is_number(value);
}

/* False: there are no figures, or none that can be. */
static bool read_figures(const json_t *object, struct report_entry *out)
{
  const json_t *runs = json_object_get(object, "runs");

  if (!json_is_integer(runs) || json_integer_value(runs) < 0 ||
      !read_figure(json_object_get(object, "median"), &out->median) ||
      !read_figure(json_object_get(object, "min"), &out->min) ||
      !read_figure(json_object_get(object, "max"), &out->max))
    return false;
  out->runs = (size_t)json_integer_value(runs);
  if (isnan(out->median))
    return isnan(out->min) && isnan(out->max);
  return out->min <= out->median && out->median <= out->max;
}

static bool parse_entry(struct report *report, json_t *object, char problem[REPORT_PROBLEM_MAX])
{
  const char *bench, *name, *system, *metric;
  struct report_entry figures, *entry;

  if (json_unpack(object, "{s:s, s:s, s:s, s:s}", "bench", &bench, "case", &name, "system", &system,
                  "metric", &metric) != 0) {
    snprintf(problem, REPORT_PROBLEM_MAX, "not all of bench, case, system, metric are there");
    return false;
  }
  if (!read_figures(object, &figures)) {
    snprintf(problem, REPORT_PROBLEM_MAX,
             "median, min, max and runs are no figures of a measurement");
    return false;
  }
  if (report_find(report, bench, name, system, metric) != NULL) {
    snprintf(problem, REPORT_PROBLEM_MAX, "%.40s, %.40s, %.40s, %.40s is there a second time",
             bench, name, system, metric);
    return false;
  }
  entry = add(report, bench, name, system, metric);
  entry->median = figures.median;
  entry->min = figures.min;
  entry->max = figures.max;
  entry->runs = figures.runs;
  return true;
}

bool report_parse(struct report *report, const char *line, char problem[REPORT_PROBLEM_MAX])
{
  json_error_t error;
  json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
  bool good;

  if (object == NULL) {
    snprintf(problem, REPORT_PROBLEM_MAX, "not JSON: %.150s", error.text);
    return false;
  }
  good = parse_entry(report, object, problem);
  json_decref(object);
  return good;
}

size_t report_count(const struct report *report)
{
  return report->count;
}

const struct report_entry *report_at(const struct report *report, size_t index)
{
  return &report->entries[index];
}

const struct report_entry *report_find(const struct report *report, const char *bench,
                                       const char *name, const char *system, const char *metric)
{
  for (size_t i = 0; i < report->count; i++) {
    const struct report_entry *entry = &report->entries[i];

    if (strcmp(entry->bench, bench) == 0 && strcmp(entry->name, name) == 0 &&
        strcmp(entry->system, system) == 0 && strcmp(entry->metric, metric) == 0)
      return entry;
  }
  return NULL;
}

/* Adds `string` to the `count` of `list` unless it is there; the new count. */
static size_t add_distinct(const char **list, size_t count, size_t max, const char *string)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i], string) == 0)
      return count;
  if (count < max)
    list[count++] = string;
  return count;
}

/* Of one of the strings, `offset` bytes into the entries. */
static size_t distinct(const struct report *report, const char *bench, size_t offset,
                       const char **out, size_t max)
{
  size_t count = 0;

  for (size_t i = 0; i < report->count; i++) {
    const struct report_entry *entry = &report->entries[i];

    if (bench == NULL || strcmp(entry->bench, bench) == 0)
      count = add_distinct(out, count, max, *(char *const *)((const char *)entry + offset));
  }
  return count;
}

size_t report_benches(const struct report *report, const char **out, size_t max)
{
  return distinct(report, NULL, offsetof(struct report_entry, bench), out, max);
}

size_t report_cases(const struct report *report, const char *bench, const char **out, size_t max)
{
  return distinct(report, bench, offsetof(struct report_entry, name), out, max);
}

size_t report_systems(const struct report *report, const char *bench, const char **out, size_t max)
{
  return distinct(report, bench, offsetof(struct report_entry, system), out, max);
}

size_t report_metrics(const struct report *report, const char *bench, const char **out, size_t max)
{
  return distinct(report, bench, offsetof(struct report_entry, metric), out, max);
}
