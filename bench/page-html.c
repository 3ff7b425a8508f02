/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The page: plain HTML, which asks for nothing but the plots beside it. */
#include "bench.h"
#include "memory.h"
#include "page.h"
#include "units.h"

#include <math.h>

static void put_text(FILE *file, const char *text)
{
  for (; *text != '\0'; text++)
    switch (*text) {
    case '&':
      fputs("&amp;", file);
      break;
    case '<':
      fputs("&lt;", file);
      break;
    case '>':
      fputs("&gt;", file);
      break;
    case '"':
      fputs("&quot;", file);
      break;
    case '\'':
      fputs("&#39;", file);
      break;
    default:
      fputc(*text, file);
    }
}

/* <tag>text</tag> */
static void put_element(FILE *file, const char *tag, const char *text)
{
  fprintf(file, "<%s>", tag);
  put_text(file, text);
  fprintf(file, "</%.*s>", (int)strcspn(tag, " "), tag);
}

/* ---- what is known of the run ---- */

static void put_facts(FILE *file, const struct page *page, const char *about, const char *heading)
{
  bool any = false;

  put_element(file, "h3", heading);
  fputs("\n<table>\n", file);
  for (size_t i = 0; i < page->fact_count; i++)
    if (strcmp(page->facts[i].about, about) == 0) {
      fputs("<tr>", file);
      put_element(file, "th", page->facts[i].name);
      put_element(file, "td class=\"text\"", page->facts[i].value);
      fputs("</tr>\n", file);
      any = true;
    }
  if (!any)
    fputs("<tr><td class=\"text\">not known: the figures came without it</td></tr>\n", file);
  fputs("</table>\n", file);
}

static void put_head(FILE *file, const struct page *page)
{
  fputs("<!DOCTYPE html>\n"
        "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>slotheap: benchmarks</title>\n<style>\n"
        ":root { color-scheme: light dark }\n"
        "body { font-family: sans-serif; line-height: 1.4; max-width: 75em; margin: 1em auto; "
        "padding: 0 1em }\n"
        "div { overflow-x: auto }\n"
        "table { border-collapse: collapse; font-size: 85% }\n"
        "th, td { border-bottom: 1px solid #8886; padding: .15em .6em; text-align: left; "
        "vertical-align: top }\n"
        "td { text-align: right; white-space: nowrap }\n"
        "td.text { text-align: left; white-space: normal }\n"
        "td small { display: block; opacity: .7 }\n"
        "img { background: white; max-width: 100% }\n"
        "figure { margin: 1em 0 }\n"
        "</style>\n</head>\n<body>\n<h1>slotheap: benchmarks</h1>\n"
        "<p>In tables: the median of all runs and, below it, the least and the most. \"n/a\": it "
        "could not be measured there. An empty cell: there is no such figure. Plots show the same, "
        "with a bar from the least to the most. Times differ from run to run; on a machine that "
        "does other things too (a load when the run began), ratios tell more. doc/bench.md says "
        "how each figure is measured, and what each system is.</p>\n",
        file);
  if (page->failed)
    fputs("<p><strong>Something failed, so figures or plots are missing.</strong> Standard error "
          "said what.</p>\n",
          file);
  put_facts(file, page, "run", "Run");
  put_facts(file, page, "machine", "Machine");
  put_facts(file, page, "versions", "Versions");
}

/* ---- figures ---- */

static void put_figure(FILE *file, const struct report_entry *entry)
{
  char median[UNITS_MAX], min[UNITS_MAX], max[UNITS_MAX];

  if (entry == NULL) {
    fputs("<td></td>", file);
    return;
  }
  units_of_metric(median, entry->metric, entry->median);
  if (isnan(entry->median) || entry->runs == 1) {
    put_element(file, "td", median);
    return;
  }
  units_of_metric(min, entry->metric, entry->min);
  units_of_metric(max, entry->metric, entry->max);
  fprintf(file, "<td>%s<small>%s to %s</small></td>", median, min, max);
}

static void put_row(FILE *file, const struct report *report, const char *bench, const char *name,
                    const char *system, const char **metrics, size_t count)
{
  size_t runs = 0, found = 0;

  for (size_t i = 0; i < count; i++) {
    const struct report_entry *entry = report_find(report, bench, name, system, metrics[i]);

    found += entry != NULL;
    if (entry != NULL && entry->runs > runs)
      runs = entry->runs;
  }
  if (found == 0)
    return;
  fputs("<tr>", file);
  put_element(file, "th", name);
  put_element(file, "th", system);
  for (size_t i = 0; i < count; i++)
    put_figure(file, report_find(report, bench, name, system, metrics[i]));
  fprintf(file, "<td>%zu</td></tr>\n", runs);
}

static void put_table(FILE *file, const struct report *report, const char *bench)
{
  size_t all = report_count(report);
  const char **names = memory_new(all, sizeof *names);
  const char **systems = memory_new(all, sizeof *systems);
  const char **metrics = memory_new(all, sizeof *metrics);
  size_t name_count = report_cases(report, bench, names, all);
  size_t system_count = report_systems(report, bench, systems, all);
  size_t metric_count = report_metrics(report, bench, metrics, all);

  fputs("<div><table>\n<tr><th>case</th><th>system</th>", file);
  for (size_t i = 0; i < metric_count; i++)
    put_element(file, "th", metrics[i]);
  fputs("<th>runs</th></tr>\n", file);
  for (size_t i = 0; i < name_count; i++)
    for (size_t j = 0; j < system_count; j++)
      put_row(file, report, bench, names[i], systems[j], metrics, metric_count);
  fputs("</table></div>\n", file);
  free(names);
  free(systems);
  free(metrics);
}

static void put_plots(FILE *file, const struct report *report, const char *bench)
{
  for (const struct page_plot *plot = page_plots; plot->file != NULL; plot++)
    if (strcmp(plot->bench, bench) == 0 && page_plot_has(plot, report)) {
      fprintf(file, "<figure><img src=\"%s.svg\" alt=\"", plot->file);
      put_text(file, plot->title);
      fputs("\"></figure>\n", file);
    }
}

static void put_bench(FILE *file, const struct page *page, const char *bench)
{
  put_element(file, "h2", bench);
  for (size_t i = 0; commands[i] != NULL; i++)
    if (strcmp(commands[i]->name, bench) == 0)
      put_element(file, "p", commands[i]->summary);
  fputc('\n', file);
  if (page->plots)
    put_plots(file, page->report, bench);
  put_table(file, page->report, bench);
}

void page_write(const struct page *page, FILE *file)
{
  size_t all = report_count(page->report);
  const char **benches = memory_new(all, sizeof *benches);
  size_t count = report_benches(page->report, benches, all);

  put_head(file, page);
  for (size_t i = 0; i < count; i++)
    put_bench(file, page, benches[i]);
  fputs("</body>\n</html>\n", file);
  free(benches);
}
