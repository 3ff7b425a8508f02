/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Figures from samples, and histograms for too many of them. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Of `count` samples in any order; NaN if there are none. */
double stats_median(const double *samples, size_t count);
double stats_min(const double *samples, size_t count);
double stats_max(const double *samples, size_t count);

/*
 * A log-linear histogram, as HdrHistogram is (Debian has none for C): every
 * power of two is cut into equal steps, so a value is kept to within 1.6%,
 * whatever its size. Exact below 64; the maximum is exact too.
 */
#define HISTOGRAM_STEP_BITS 6
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t total;
  uint64_t max;
};

void histogram_clear(struct histogram *histogram);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The highest value that falls into the bucket in which the share `quantile`
 * (0 to 1) of all values is reached, but no more than the maximum; NaN for an
 * empty histogram. */
double histogram_quantile(const struct histogram *histogram, double quantile);

static inline uint32_t histogram_bucket(uint64_t value)
{
  uint32_t shift;

  if (value < HISTOGRAM_STEPS)
    return (uint32_t)value;
  shift = 63 - HISTOGRAM_STEP_BITS - (uint32_t)__builtin_clzll(value);
  return (shift + 1) * HISTOGRAM_STEPS + (uint32_t)(value >> shift) - HISTOGRAM_STEPS;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
  histogram->counts[histogram_bucket(value)]++;
  histogram->total++;
  if (value > histogram->max)
    histogram->max = value;
}

#endif
