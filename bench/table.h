/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Text in aligned columns: the first to the left, the others to the right. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdint.h>
#include <stdio.h>

struct table;

struct table *table_new(void);
void table_free(struct table *table);

/* Adds a cell to the last row; printf's arguments. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the row. A row without cells is an empty line. */
void table_end_row(struct table *table);

void table_print(const struct table *table, FILE *file);

/* ---- cells for figures, as in units.h ---- */

void table_number(struct table *table, double value);
void table_nanoseconds(struct table *table, double value);
void table_bytes(struct table *table, double value);

#endif
