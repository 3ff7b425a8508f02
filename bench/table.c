/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Cells of text, measured and then printed in columns. */
#include "table.h"
#include "memory.h"
#include "units.h"

#include <stdarg.h>

#define COLUMNS_MAX 32
#define GAP 2

struct row {
  char *cells[COLUMNS_MAX];
  size_t count;
};

struct table {
  struct row *rows; /* the last one is being filled */
  size_t count;
};

static void add_row(struct table *table)
{
  table->rows = memory_resize(table->rows, table->count + 1, sizeof *table->rows);
  memset(&table->rows[table->count++], 0, sizeof *table->rows);
}

struct table *table_new(void)
{
  struct table *table = memory_new(1, sizeof *table);

  add_row(table);
  return table;
}

void table_free(struct table *table)
{
  for (size_t i = 0; i < table->count; i++)
    for (size_t j = 0; j < table->rows[i].count; j++)
      free(table->rows[i].cells[j]);
  free(table->rows);
  free(table);
}

void table_cell(struct table *table, const char *format, ...)
{
  struct row *row = &table->rows[table->count - 1];
  char text[256];
  va_list arguments;

  if (row->count == COLUMNS_MAX)
    return;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  row->cells[row->count++] = memory_string(text);
}

void table_end_row(struct table *table)
{
  add_row(table);
}

/* A row of one cell is a heading, and may be as long as it likes. */
static void find_widths(const struct table *table, int *widths)
{
  for (size_t i = 0; i < table->count; i++)
    for (size_t j = 0; j < table->rows[i].count && table->rows[i].count > 1; j++) {
      int width = (int)strlen(table->rows[i].cells[j]);

      if (width > widths[j])
        widths[j] = width;
    }
}

void table_print(const struct table *table, FILE *file)
{
  int widths[COLUMNS_MAX] = {0};

  find_widths(table, widths);
  for (size_t i = 0; i + 1 < table->count; i++) {
    const struct row *row = &table->rows[i];

    for (size_t j = 0; j < row->count; j++)
      if (j > 0)
        fprintf(file, "%*s", widths[j] + GAP, row->cells[j]);
      else
        fprintf(file, "%-*s", row->count > 1 ? widths[0] : 0, row->cells[0]);
    fputc('\n', file);
  }
}

void table_number(struct table *table, double value)
{
  char text[UNITS_MAX];

  units_number(text, value);
  table_cell(table, "%s", text);
}

void table_nanoseconds(struct table *table, double value)
{
  char text[UNITS_MAX];

  units_nanoseconds(text, value);
  table_cell(table, "%s", text);
}

void table_bytes(struct table *table, double value)
{
  char text[UNITS_MAX];

  units_bytes(text, value);
  table_cell(table, "%s", text);
}
