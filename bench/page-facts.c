/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the page says of the machine, of versions and of the run. */
#include "page.h"
#include "child.h"
#include "memory.h"
#include "units.h"

#include <ctype.h>
#include <jansson.h>
#include <sys/utsname.h>
#include <unistd.h>

void page_fact_add(struct page *page, const char *about, const char *name, const char *value)
{
  struct page_fact *fact;

  page->facts = memory_resize(page->facts, page->fact_count + 1, sizeof *page->facts);
  fact = &page->facts[page->fact_count++];
  fact->about = memory_string(about);
  fact->name = memory_string(name);
  fact->value = memory_string(value);
  if (page->figures != NULL) {
    json_t *object = json_pack("{s:s, s:s, s:s}", "about", about, "name", name, "value", value);
    char *line = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);

    /* Bytes that are no UTF-8 cannot be in JSON. */
    if (line != NULL)
      fprintf(page->figures, "%s\n", line);
    free(line);
    json_decref(object);
  }
}

bool page_fact_parse(struct page *page, const char *line)
{
  json_t *object = json_loads(line, 0, NULL);
  const char *about, *name, *value;
  bool good =
      json_unpack(object, "{s:s, s:s, s:s}", "about", &about, "name", &name, "value", &value) == 0;

  if (good)
    page_fact_add(page, about, name, value);
  json_decref(object);
  return good;
}

/* ---- the machine ---- */

static char *first_line(FILE *stream)
{
  char *line = NULL;
  size_t size = 0;

  if (getline(&line, &size, stream) > 0) {
    line[strcspn(line, "\n")] = '\0';
    return line;
  }
  free(line);
  return NULL;
}

char *page_ask(const char *command)
{
  FILE *stream = popen(command, "r");
  char *line;

  if (stream == NULL)
    return NULL;
  line = first_line(stream);
  if (pclose(stream) == 0)
    return line;
  free(line);
  return NULL;
}

static void add_file(struct page *page, const char *name, const char *path)
{
  FILE *file = fopen(path, "r");
  char *line = file == NULL ? NULL : first_line(file);

  if (line != NULL)
    page_fact_add(page, "machine", name, line);
  free(line);
  if (file != NULL)
    fclose(file);
}

/* What stands behind the colon in the line of /proc/cpuinfo that begins with `key`. */
static char *cpuinfo(const char *key)
{
  FILE *file = fopen("/proc/cpuinfo", "r");
  char *line = NULL, *found = NULL;
  size_t size = 0;

  while (file != NULL && found == NULL && getline(&line, &size, file) > 0)
    if (strncmp(line, key, strlen(key)) == 0 && strchr(line, ':') != NULL)
      found = memory_string(strchr(line, ':') + 1 + strspn(strchr(line, ':') + 1, " "));
  if (found != NULL)
    found[strcspn(found, "\n")] = '\0';
  free(line);
  if (file != NULL)
    fclose(file);
  return found;
}

static void add_processor(struct page *page)
{
  char *model = cpuinfo("model name");
  char *flags = cpuinfo("flags");
  char count[24];

  if (model != NULL)
    page_fact_add(page, "machine", "processor", model);
  snprintf(count, sizeof count, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
  page_fact_add(page, "machine", "processors online", count);
  if (flags != NULL && strstr(flags, " hypervisor") != NULL)
    page_fact_add(page, "machine", "virtual", "yes: the processor has the flag \"hypervisor\"");
  free(model);
  free(flags);
}

void page_add_machine(struct page *page)
{
  char text[UNITS_MAX];
  char kernel[200];
  struct utsname name;

  add_processor(page);
  add_file(page, "frequency governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  units_bytes(text, (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
  page_fact_add(page, "machine", "memory", text);
  units_bytes(text, (double)sysconf(_SC_PAGESIZE));
  page_fact_add(page, "machine", "page", text);
  add_file(page, "transparent huge pages", "/sys/kernel/mm/transparent_hugepage/enabled");
  if (uname(&name) == 0) {
    snprintf(kernel, sizeof kernel, "%.60s %.60s %.60s", name.sysname, name.release, name.machine);
    page_fact_add(page, "machine", "kernel", kernel);
  }
}

void page_add_load(struct page *page, const char *when)
{
  double load;
  char text[32];

  if (getloadavg(&load, 1) != 1)
    return;
  snprintf(text, sizeof text, "%.2f", load);
  page_fact_add(page, "run", when, text);
}

/* ---- versions ---- */

static void add_answer(struct page *page, const char *name, const char *command)
{
  char *answer = page_ask(command);

  if (answer != NULL)
    page_fact_add(page, "versions", name, answer);
  free(answer);
}

void page_add_versions(struct page *page)
{
  struct page_version versions[PAGE_VERSIONS_MAX];
  char path[4160];

  page_versions(versions);
  for (const struct page_version *version = versions; version->name != NULL; version++)
    if (version->program == NULL || child_find(version->program, path, sizeof path))
      page_fact_add(page, "versions", version->name, version->text);
  if (child_find("density-erlang", path, sizeof path))
    add_answer(page, "erlang",
               "erl -noshell -eval 'io:put_chars(erlang:system_info(otp_release)), halt().'"
               " 2>/dev/null </dev/null");
}
