/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What was measured. One entry is one metric of one system in one case, with
 * a sample for each run; it is printed as one JSON object, or looked up again
 * for the table.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct report;

struct report_entry {
  char *bench;  /* "store" */
  char *name;   /* of the case: "n=1000" */
  char *system; /* "slotheap" */
  char *metric; /* "ns_per_store" */
  double median;
  double min;
  double max;
  size_t runs; /* 0: could not be measured here; the figures are NaN */
};

/* With `json`, every entry is printed to stdout as soon as it is added. Ends
 * the process if there is no memory, as the other calls do. */
struct report *report_new(bool json);
void report_free(struct report *report);

/* Adds an entry. The strings and samples are copied. */
void report_add(struct report *report, const char *bench, const char *name, const char *system,
                const char *metric, const double *samples, size_t count);

/* Adds the entry of a line that --json has printed. False, with what is wrong
 * with it in `problem`, if it is none, or there already. */
#define REPORT_PROBLEM_MAX 200
bool report_parse(struct report *report, const char *line, char problem[REPORT_PROBLEM_MAX]);

/* The entries in the order they were added. */
size_t report_count(const struct report *report);
const struct report_entry *report_at(const struct report *report, size_t index);

/* The first that matches, or NULL. */
const struct report_entry *report_find(const struct report *report, const char *bench,
                                       const char *name, const char *system, const char *metric);

/* The distinct cases of a bench, or the distinct systems or metrics, in the order
 * they were added; at most `max` of them, the number is returned. Of a NULL bench:
 * of all. The strings are the report's. */
size_t report_benches(const struct report *report, const char **out, size_t max);
size_t report_metrics(const struct report *report, const char *bench, const char **out, size_t max);
size_t report_cases(const struct report *report, const char *bench, const char **out, size_t max);
size_t report_systems(const struct report *report, const char *bench, const char **out, size_t max);

#endif
