/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Figures as text, in units that keep them short; "n/a" for NaN. */
#ifndef BENCH_UNITS_H
#define BENCH_UNITS_H

#define UNITS_MAX 32

void units_number(char out[UNITS_MAX], double value);      /* 1234567: 1.23M */
void units_nanoseconds(char out[UNITS_MAX], double value); /* 1234567: 1.23 ms */
void units_bytes(char out[UNITS_MAX], double value);       /* 1234567: 1.18 MiB */
void units_ratio(char out[UNITS_MAX], double value);       /* 1.234: 1.23x */

/* In the unit that the name of the metric has: "ns_per_store". */
void units_of_metric(char out[UNITS_MAX], const char *metric, double value);

#endif
