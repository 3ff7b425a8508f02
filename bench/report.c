/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
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

void report_add(struct report *report, const char *bench, const char *name, const char *system,
                const char *metric, const double *samples, size_t count)
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
  entry->median = stats_median(samples, count);
  entry->min = stats_min(samples, count);
  entry->max = stats_max(samples, count);
  entry->runs = count;
  if (report->json)
    print(entry);
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

size_t report_cases(const struct report *report, const char *bench, const char **out, size_t max)
{
  size_t count = 0;

  for (size_t i = 0; i < report->count; i++)
    if (strcmp(report->entries[i].bench, bench) == 0)
      count = add_distinct(out, count, max, report->entries[i].name);
  return count;
}

size_t report_systems(const struct report *report, const char *bench, const char **out, size_t max)
{
  size_t count = 0;

  for (size_t i = 0; i < report->count; i++)
    if (strcmp(report->entries[i].bench, bench) == 0)
      count = add_distinct(out, count, max, report->entries[i].system);
  return count;
}
