/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Medians, percentiles, and the histograms they are read from. */
#include "stats.h"
#include "memory.h"

#include <math.h>

static int compare(const void *left, const void *right)
{
  double a = *(const double *)left;
  double b = *(const double *)right;

  return (a > b) - (a < b);
}

double stats_median(const double *samples, size_t count)
{
  double *sorted;
  double median;

  if (count == 0)
    return NAN;
  sorted = memory_new(count, sizeof *sorted);
  memcpy(sorted, samples, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare);
  median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
  free(sorted);
  return median;
}

double stats_min(const double *samples, size_t count)
{
  double min = NAN;

  for (size_t i = 0; i < count; i++)
    min = fmin(min, samples[i]);
  return min;
}

double stats_max(const double *samples, size_t count)
{
  double max = NAN;

  for (size_t i = 0; i < count; i++)
    max = fmax(max, samples[i]);
  return max;
}

void histogram_clear(struct histogram *histogram)
{
  memset(histogram, 0, sizeof *histogram);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
  for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
    into->counts[i] += from->counts[i];
  into->total += from->total;
  if (from->max > into->max)
    into->max = from->max;
}

/* The highest value that falls into a bucket; the inverse of
 * histogram_bucket. */
static uint64_t highest(uint32_t bucket)
{
  uint32_t shift;

  if (bucket < HISTOGRAM_STEPS)
    return bucket;
  shift = bucket / HISTOGRAM_STEPS - 1;
  return ((uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << shift) - 1;
}

double histogram_quantile(const struct histogram *histogram, double quantile)
{
  uint64_t wanted = (uint64_t)ceil(quantile * (double)histogram->total);
  uint64_t seen = 0;

  if (histogram->total == 0)
    return NAN;
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->counts[i];
    if (seen >= wanted && seen > 0)
      return fmin((double)highest(i), (double)histogram->max);
  }
  return (double)histogram->max;
}
