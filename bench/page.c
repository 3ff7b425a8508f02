/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slotheap-bench report: runs everything, or takes the figures of a run, and
 * writes a page about it, with plots.
 */
#include "page.h"
#include "bench.h"
#include "child.h"
#include "memory.h"
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#define SELF "/proc/self/exe"
#define TEXT_MAX 4096
#define SEED 1

struct page_options {
  const char *directory;
  const char *from; /* NULL: measure */
  bool quick;
  uint64_t seed;
};

/* ---- figures ---- */

static bool take_line(struct page *page, const char *line, char problem[REPORT_PROBLEM_MAX])
{
  return page_fact_parse(page, line) || report_parse(page->report, line, problem);
}

static void take_child_line(void *context, const char *line)
{
  char problem[REPORT_PROBLEM_MAX];
  struct page *page = context;

  if (!report_parse(page->report, line, problem)) {
    fprintf(stderr, "slotheap-bench report: a command printed what is no figure: %s\n", problem);
    page->failed = true;
    return;
  }
  fprintf(page->figures, "%s\n", line);
  fflush(page->figures);
}

static void run_command(struct page *page, const struct page_options *options, const char *name)
{
  char seed[32];
  const char *arguments[8] = {"slotheap-bench", name, "--json", seed};
  size_t count = 4;

  snprintf(seed, sizeof seed, "--seed=%" PRIu64, options->seed);
  if (options->quick)
    arguments[count++] = "--quick";
  if (!child_lines(SELF, (char *const *)arguments, take_child_line, page))
    page->failed = true;
}

static void add_run(struct page *page, const struct page_options *options)
{
  char text[TEXT_MAX];
  time_t now = time(NULL);
  struct tm utc;

  snprintf(text, sizeof text, "slotheap-bench report%s --seed=%" PRIu64,
           options->quick ? " --quick" : "", options->seed);
  page_fact_add(page, "run", "command", text);
  if (options->quick)
    page_fact_add(page, "run", "length", "--quick: too short for figures to quote");
  if (gmtime_r(&now, &utc) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc) > 0)
    page_fact_add(page, "run", "date", text);
}

/* `all`, and what it leaves out because it takes long. */
static void measure(struct page *page, const struct page_options *options)
{
  add_run(page, options);
  page_add_load(page, "load when it began");
  page_add_machine(page);
  page_add_versions(page);
  run_command(page, options, command_all.name);
  for (size_t i = 0; commands[i] != NULL; i++)
    if (commands[i]->alone && commands[i] != &command_all && commands[i] != &command_report)
      run_command(page, options, commands[i]->name);
  page_add_load(page, "load when it ended");
}

static bool read_figures(struct page *page, const char *path)
{
  FILE *file = fopen(path, "r");
  char problem[REPORT_PROBLEM_MAX];
  char *line = NULL;
  size_t size = 0, number = 0;
  bool good = file != NULL;

  if (!good)
    fprintf(stderr, "slotheap-bench report: cannot read %s: %s\n", path, strerror(errno));
  while (good && getline(&line, &size, file) > 0) {
    number++;
    line[strcspn(line, "\n")] = '\0';
    good = take_line(page, line, problem);
    if (!good)
      fprintf(stderr, "slotheap-bench report: %s:%zu: %s\n", path, number, problem);
  }
  if (good && report_count(page->report) == 0) {
    fprintf(stderr, "slotheap-bench report: there are no figures in %s\n", path);
    good = false;
  }
  free(line);
  if (file != NULL)
    fclose(file);
  return good;
}

/* ---- files ---- */

static FILE *create(const char *directory, const char *name)
{
  char path[TEXT_MAX];
  FILE *file;

  snprintf(path, sizeof path, "%s/%s", directory, name);
  file = fopen(path, "w");
  if (file == NULL)
    fprintf(stderr, "slotheap-bench report: cannot write %s: %s\n", path, strerror(errno));
  return file;
}

/* False after a line on stderr: not all of it is on the disk. */
static bool close_file(FILE *file, const char *name)
{
  bool good = !ferror(file);

  if (fclose(file) == 0 && good)
    return true;
  fprintf(stderr, "slotheap-bench report: cannot write %s: %s\n", name, strerror(errno));
  return false;
}

/* Says so before minutes are spent. */
static void find_gnuplot(struct page *page)
{
  char *version = page_ask("gnuplot --version 2>/dev/null");

  page->plots = version != NULL;
  free(version);
  if (!page->plots) {
    fputs("slotheap-bench report: there is no gnuplot, so there will be no plots; Debian has it "
          "in the package gnuplot-nox\n",
          stderr);
    page->failed = true;
  }
}

static bool get_figures(struct page *page, const struct page_options *options)
{
  if (options->from != NULL)
    return read_figures(page, options->from);
  page->figures = create(options->directory, "report.json");
  if (page->figures == NULL)
    return false;
  measure(page, options);
  page->failed |= !close_file(page->figures, "report.json");
  page->figures = NULL;
  return report_count(page->report) > 0;
}

static bool write_page(struct page *page, const struct page_options *options)
{
  FILE *file;

  if (page->plots && !page_draw(page, options->directory)) {
    page->plots = false;
    page->failed = true;
  }
  file = create(options->directory, "index.html");
  if (file == NULL)
    return false;
  page_write(page, file);
  if (!close_file(file, "index.html"))
    return false;
  printf("%s/index.html\n", options->directory);
  return true;
}

static bool report_all(struct page *page, const struct page_options *options)
{
  if (mkdir(options->directory, 0777) != 0 && errno != EEXIST) {
    fprintf(stderr, "slotheap-bench report: cannot make %s: %s\n", options->directory,
            strerror(errno));
    return false;
  }
  find_gnuplot(page);
  return get_figures(page, options) && write_page(page, options) && !page->failed;
}

/* ---- options ---- */

#define FIELD(name) offsetof(struct page_options, name)

static const struct option_row option_rows[] = {
    {"output", OPTION_TEXT, FIELD(directory), "Where the page goes; report by default",
     .argument = "DIRECTORY"},
    {"from", OPTION_TEXT, FIELD(from),
     "Run nothing: take the lines that --json printed, or report.json", .argument = "FILE"},
    {"quick", OPTION_FLAG, FIELD(quick), "A first impression; too short for figures to quote",
     .group = 1},
    OPTIONS_SEED(struct page_options, seed),
    {.name = NULL},
};

static void check(struct argp_state *state, void *input)
{
  const struct page_options *options = input;

  if (options->from != NULL && (options->quick || options->seed != SEED))
    argp_error(state, "--from runs nothing that --quick or --seed could change");
}

static int main_report(int argc, char **argv)
{
  static const char doc[] =
      "Runs all commands, in about ten minutes, and writes a page, index.html, with the machine, "
      "the versions, tables and plots, which gnuplot draws. Beside it are the plots as SVG and "
      "the figures, report.json.";
  struct page_options options = {.directory = "report", .seed = SEED};
  struct page page = {.report = report_new(false)};
  bool good;

  options_read(argc, argv, doc, option_rows, check, &options);
  good = report_all(&page, &options);
  for (size_t i = 0; i < page.fact_count; i++) {
    free(page.facts[i].about);
    free(page.facts[i].name);
    free(page.facts[i].value);
  }
  free(page.facts);
  report_free(page.report);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

const struct command command_report = {
    .name = "report",
    .summary = "all of them, as a page with tables and plots",
    .alone = true,
    .main = main_report,
};
