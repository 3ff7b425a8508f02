/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Plots, by gnuplot: one process, which gets everything on its standard input. */
#include "memory.h"
#include "page.h"

#include <math.h>
#include <signal.h>

#define NAME_MAX_BYTES 160
#define CLUSTER 0.8 /* what bars that stand together take of their place */

struct point {
  double x;
  double median;
  double min;
  double max;
};

struct series {
  char label[NAME_MAX_BYTES];
  char system[NAME_MAX_BYTES];
  struct point *points;
  size_t count;
};

struct drawing {
  const struct page_plot *plot;
  struct series *series;
  size_t series_count;
  char (*places)[NAME_MAX_BYTES]; /* of bars, by name; the x of a point is an index */
  size_t place_count;
  bool many_cases; /* so labels have to tell them apart */
  bool many_systems;
  bool left_out; /* a figure that has no logarithm */
};

/* ---- from the report ---- */

/* Appends to `text` what is left of a part of a case's name. */
static void append(char text[NAME_MAX_BYTES], const char *part, size_t length)
{
  size_t used = strlen(text);

  while (length > 0 && strchr(", ", *part) != NULL) {
    part++;
    length--;
  }
  while (length > 0 && strchr(", ", part[length - 1]) != NULL)
    length--;
  if (length > 0)
    snprintf(text + used, NAME_MAX_BYTES - used, "%s%.*s", used > 0 ? ", " : "", (int)length, part);
}

/* A number as cases have them: "64KiB", "4 KiB", "1000". */
static double read_number(const char *text, const char **end)
{
  static const char *const units[] = {"KiB", "MiB", "GiB"};
  char *after;
  double number = strtod(text, &after);

  *end = after;
  for (int i = 0; i < 3; i++) {
    const char *unit = after + (*after == ' ');

    if (strncmp(unit, units[i], 3) == 0) {
      *end = unit + 3;
      return ldexp(number, 10 * (i + 1));
    }
  }
  return after == text ? (double)NAN : number;
}

/* Splits the name of a case into the number and the rest, which does not repeat
 * what all cases of the plot have. False: this case is not in the plot. */
static bool split(const struct page_plot *plot, const char *name, double *number,
                  char rest[NAME_MAX_BYTES])
{
  const char *common = plot->only == NULL ? NULL : strstr(name, plot->only);
  const char *key = plot->key == NULL ? NULL : strstr(name, plot->key);
  const char *end = name;

  rest[0] = '\0';
  *number = NAN;
  if ((plot->only != NULL && common == NULL) || (plot->key != NULL && key == NULL))
    return false;
  if (key != NULL) {
    append(rest, name, (size_t)(key - name));
    *number = read_number(key + strlen(plot->key), &end);
    append(rest, end, strlen(end));
    return !isnan(*number);
  }
  if (common != NULL) {
    append(rest, name, (size_t)(common - name));
    name = common + strlen(plot->only);
  }
  append(rest, name, strlen(name));
  return true;
}

/* The index of the entry's metric in the plot, or -1: it is not to be drawn. */
static int metric_of(const struct page_plot *plot, const struct report_entry *entry)
{
  if (strcmp(entry->bench, plot->bench) != 0 || isnan(entry->median))
    return -1;
  for (int i = 0; i < 5 && plot->metrics[i] != NULL; i++)
    if (strcmp(entry->metric, plot->metrics[i]) == 0)
      return i;
  return -1;
}

bool page_plot_has(const struct page_plot *plot, const struct report *report)
{
  char rest[NAME_MAX_BYTES];
  double number;

  for (size_t i = 0; i < report_count(report); i++) {
    const struct report_entry *entry = report_at(report, i);

    if (metric_of(plot, entry) >= 0 && split(plot, entry->name, &number, rest) &&
        !(plot->log_x > 0 && number <= 0) && !(plot->log_y && entry->median <= 0))
      return true;
  }
  return false;
}

static size_t find_place(struct drawing *drawing, const char *name)
{
  size_t i = 0;

  while (i < drawing->place_count && strcmp(drawing->places[i], name) != 0)
    i++;
  if (i == drawing->place_count) {
    drawing->places = memory_resize(drawing->places, i + 1, sizeof *drawing->places);
    snprintf(drawing->places[i], NAME_MAX_BYTES, "%s", name);
    drawing->place_count++;
  }
  return i;
}

static struct series *find_series(struct drawing *drawing, const char *name, const char *system)
{
  struct series *series;
  char label[2 * NAME_MAX_BYTES];

  if (drawing->many_cases && drawing->many_systems)
    snprintf(label, sizeof label, "%s, %.*s", name, NAME_MAX_BYTES / 2, system);
  else
    snprintf(label, sizeof label, "%s", drawing->many_cases ? name : system);
  label[NAME_MAX_BYTES - 1] = '\0';
  for (size_t i = 0; i < drawing->series_count; i++)
    if (strcmp(drawing->series[i].label, label) == 0)
      return &drawing->series[i];
  drawing->series =
      memory_resize(drawing->series, drawing->series_count + 1, sizeof *drawing->series);
  series = &drawing->series[drawing->series_count++];
  memset(series, 0, sizeof *series);
  memcpy(series->label, label, NAME_MAX_BYTES);
  snprintf(series->system, sizeof series->system, "%s", system);
  return series;
}

static void add_point(struct series *series, double factor, double x,
                      const struct report_entry *entry)
{
  series->points = memory_resize(series->points, series->count + 1, sizeof *series->points);
  series->points[series->count++] =
      (struct point){x, factor * entry->median, factor * entry->min, factor * entry->max};
}

/* Once to see what differs, then to collect. */
static void gather(struct drawing *drawing, const struct report *report, bool collect)
{
  const struct page_plot *plot = drawing->plot;
  char rest[NAME_MAX_BYTES], first_name[NAME_MAX_BYTES], first_system[NAME_MAX_BYTES];
  bool first = true, by_case = plot->key == NULL && plot->metrics[1] == NULL;
  double x;

  for (size_t i = 0; i < report_count(report); i++) {
    const struct report_entry *entry = report_at(report, i);
    int metric = metric_of(plot, entry);

    if (metric < 0 || !split(plot, entry->name, &x, rest))
      continue;
    if ((plot->log_x > 0 && x <= 0) || (plot->log_y && entry->median <= 0)) {
      drawing->left_out = true;
      continue;
    }
    if (plot->key == NULL)
      x = (double)find_place(drawing, by_case ? rest : entry->metric);
    if (by_case)
      rest[0] = '\0';
    if (collect)
      add_point(find_series(drawing, rest, entry->system), plot->factor, x, entry);
    if (first) {
      memcpy(first_name, rest, sizeof rest);
      snprintf(first_system, sizeof first_system, "%s", entry->system);
      first = false;
    }
    drawing->many_cases |= strcmp(first_name, rest) != 0;
    drawing->many_systems |= strcmp(first_system, entry->system) != 0;
  }
}

/* ---- to gnuplot ---- */

/* In single quotes nothing has a meaning but the quote, and `special`, which is
 * doubled too. */
static void put_escaped(FILE *out, const char *text, char special)
{
  fputc('\'', out);
  for (; *text != '\0'; text++) {
    if (*text == '\'' || *text == special)
      fputc(*text, out);
    fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
  }
  fputc('\'', out);
}

static void put_quoted(FILE *out, const char *text)
{
  put_escaped(out, text, '\'');
}

/* A system has the same colour wherever it is. */
static const char *colour(const struct series *series, size_t index)
{
  static const char *const systems[][2] = {
      {"slotheap", "#d62728"},       {"slotheap-full", "#ff7f6e"},
      {"slotheap-small", "#ff7f6e"}, {"floor", "#7f7f7f"},
      {"null", "#7f7f7f"},           {"memcpy", "#7f7f7f"},
      {"glibc", "#1f77b4"},          {"mimalloc", "#ff9900"},
      {"mimalloc-heap", "#b8860b"},  {"jemalloc-arena", "#2ca02c"},
      {"jemalloc", "#2ca02c"},       {"apr-pool", "#9467bd"},
      {"bdwgc", "#8c564b"},          {"bdwgc-incremental", "#c49c94"},
      {"erlang", "#17a2b8"},         {"erlang-awake", "#7fd4e0"},
      {"slotheap-drc", "#7b0f14"}};
  static const char *const others[] = {"#d62728", "#1f77b4", "#2ca02c", "#ff9900", "#9467bd",
                                       "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17a2b8"};

  for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
    if (strcmp(systems[i][0], series->label) == 0)
      return systems[i][1];
  return others[index % (sizeof others / sizeof *others)];
}

static void put_data(FILE *out, const struct drawing *drawing)
{
  size_t count = drawing->series_count;

  for (size_t i = 0; i < count; i++) {
    const struct series *series = &drawing->series[i];
    double shift =
        drawing->plot->key != NULL ? 0 : CLUSTER * (((double)i + 0.5) / (double)count - 0.5);

    fprintf(out, "$data%zu << END\n", i);
    for (size_t j = 0; j < series->count; j++)
      fprintf(out, "%.9g %.9g %.9g %.9g\n", series->points[j].x + shift, series->points[j].median,
              series->points[j].min, series->points[j].max);
    fputs("END\n", out);
  }
}

static void put_places(FILE *out, const struct drawing *drawing)
{
  fprintf(out,
          "width = %.6g\nset style fill solid 0.85\n"
          "set errorbars 0.5 front lw 1 lc rgb '#303030'\nset xtics scale 0 (",
          0.94 * CLUSTER / (double)drawing->series_count);
  for (size_t i = 0; i < drawing->place_count; i++) {
    fputs(i > 0 ? ", " : "", out);
    put_escaped(out, drawing->places[i], '%'); /* a format */
    fprintf(out, " %zu", i);
  }
  fprintf(out, ")\nset xrange [-0.5:%zu.5]\n", drawing->place_count - 1);
  if (drawing->place_count > 5)
    fputs("set xtics rotate by -25\n", out);
}

static void put_axes(FILE *out, const struct drawing *drawing)
{
  const struct page_plot *plot = drawing->plot;

  if (plot->log_x > 0)
    fprintf(out, "set logscale x %u\n", plot->log_x);
  if (plot->log_y)
    fputs("set logscale y\n", out);
  fputs(plot->setup, out);
  if (plot->x_label != NULL) {
    fputs("set xlabel ", out);
    put_quoted(out, plot->x_label);
    fputc('\n', out);
  }
  fputs("set ylabel ", out);
  put_quoted(out, plot->y_label);
  fputs("\nset title ", out);
  put_quoted(out, plot->title);
  if (drawing->left_out)
    fputs(".\"\\n(what is 0 has no place on a logarithmic axis)\"", out);
  fputc('\n', out);
}

static void put_series(FILE *out, const struct drawing *drawing)
{
  bool lines = drawing->plot->key != NULL;

  for (size_t i = 0; i < drawing->series_count; i++) {
    const struct series *series = &drawing->series[i];
    const char *hue = colour(series, i);

    fputs(i == 0 ? "plot " : ", ", out);
    if (lines)
      fprintf(out, "$data%zu using 1:2:3:4 with yerrorlines lw 2 ps 0.6 pt %zu", i, 4 + i % 10);
    else
      fprintf(out, "$data%zu using 1:2:3:4:(width) with boxerrorbars", i);
    fprintf(out, " lc rgb '%s' title ", hue);
    put_quoted(out, series->label);
  }
  fputc('\n', out);
}

static void draw(FILE *out, const struct page_plot *plot, const struct report *report,
                 const char *directory)
{
  struct drawing drawing = {.plot = plot};
  char path[4096];

  gather(&drawing, report, false);
  gather(&drawing, report, true);
  snprintf(path, sizeof path, "%s/%s.svg", directory, plot->file);
  fputs("reset\nset output ", out);
  put_quoted(out, path);
  fputs("\nset grid y lc rgb '#d0d0d0'\nset border 3\nset tics nomirror\n"
        "set key outside right top Left reverse noenhanced\n"
        "set errorbars 0.5\nset offsets graph 0.02, graph 0.02, 0, 0\nset autoscale xfix\n",
        out);
  put_data(out, &drawing);
  if (plot->key == NULL)
    put_places(out, &drawing);
  put_axes(out, &drawing);
  put_series(out, &drawing);
  for (size_t i = 0; i < drawing.series_count; i++)
    free(drawing.series[i].points);
  free(drawing.series);
  free(drawing.places);
}

bool page_draw(const struct page *page, const char *directory)
{
  FILE *out = popen("gnuplot", "w");
  int status;

  if (out == NULL) {
    fputs("slotheap-bench report: cannot run gnuplot\n", stderr);
    return false;
  }
  /* If it stops early its exit status says so. */
  signal(SIGPIPE, SIG_IGN);
  fputs("set terminal svg size 820,460 noenhanced font 'sans-serif,14' background rgb 'white'\n",
        out);
  for (const struct page_plot *plot = page_plots; plot->file != NULL; plot++)
    if (page_plot_has(plot, page->report))
      draw(out, plot, page->report, directory);
  status = pclose(out);
  if (status != 0)
    fputs("slotheap-bench report: gnuplot failed\n", stderr);
  return status == 0;
}
