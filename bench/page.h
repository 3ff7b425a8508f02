/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The page that `slotheap-bench report` writes: tables and plots of a report,
 * and what is known of the machine that it comes from.
 */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include "report.h"

#include <stdio.h>

/* Whatever is to be known beside figures; a line of a table on the page. */
struct page_fact {
  char *about; /* "machine", "versions" or "run" */
  char *name;  /* "kernel" */
  char *value;
};

struct page {
  struct report *report;
  struct page_fact *facts;
  size_t fact_count;
  FILE *figures; /* the lines of all commands, as they come; or NULL */
  bool plots;    /* there is a gnuplot */
  bool failed;   /* something is missing, after a line on stderr that says what */
};

/* The strings are copied. With page->figures, a line of it too. */
void page_fact_add(struct page *page, const char *about, const char *name, const char *value);

/* As the line that page_fact_add() writes. False: the line is none. */
bool page_fact_parse(struct page *page, const char *line);

/* Of this machine, and of what the harness and its peers were built with. What
 * cannot be had is left out. */
void page_add_machine(struct page *page);
void page_add_versions(struct page *page);
void page_add_load(struct page *page, const char *when);

/* The first line that the shell command prints, or NULL. */
char *page_ask(const char *command);

/* Of libraries that are built in or measured; NULL for the name ends the list. */
struct page_version {
  const char *name;
  const char *program; /* of which it is a part; NULL: of this one */
  char text[48];
};
#define PAGE_VERSIONS_MAX 12
void page_versions(struct page_version versions[PAGE_VERSIONS_MAX]);

/* ---- plots ---- */

/* Where figures are in a report, and how to draw them. */
struct page_plot {
  const char *file;  /* "store": store.svg */
  const char *title; /* says what is compared */
  const char *bench;
  const char *only;       /* cases that have this in their names; NULL: all */
  const char *metrics[5]; /* NULL at the end; more than one: they are on the x axis */
  const char *key;        /* what the number for the x axis is behind in a case; NULL: bars */
  const char *x_label;
  const char *y_label;
  double factor;     /* from the metric to the unit of the axis */
  const char *setup; /* lines for gnuplot: formats */
  unsigned log_x;    /* the base of a logarithmic axis; 0: linear */
  bool log_y;
};

extern const struct page_plot page_plots[]; /* file is NULL at the end */

/* Whether the report has anything to draw. */
bool page_plot_has(const struct page_plot *plot, const struct report *report);

/* Writes all into the directory; false after a line on stderr. */
bool page_draw(const struct page *page, const char *directory);

/* ---- HTML ---- */

void page_write(const struct page *page, FILE *file);

#endif
