/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Statistics as JSON and as Prometheus text: every field once, with its value,
 * whatever the names are. The text is read by a parser as strict as the format's
 * description ("Exposition formats", text format 0.0.4).
 */
#include "tests/exported.h"

#include <ctype.h>

#define FIELDS(stats) (sizeof(stats) / sizeof(uint64_t))
#define NASTY "a\"b\\c\nd\xff\xc3\xa9"
#define NASTY_JSON "a\"b\\c\nd\xef\xbf\xbd\xc3\xa9"

/* Each word of the figures is a number of its own; some need all 63 bits that
 * yajl reads. */
static void fill(void *stats, size_t words, uint64_t from)
{
  for (size_t i = 0; i < words; i++) {
    uint64_t value = from + i + (i == 3 ? INT64_MAX / 2 : 0);

    memcpy((char *)stats + i * sizeof value, &value, sizeof value);
  }
}

struct samples {
  slh_export_pool pools[2];
  slh_export_heap heap;
  slh_export_stats stats;
};

static void make(struct samples *samples)
{
  samples->pools[0].name = NASTY;
  samples->pools[1].name = "second";
  samples->heap.pool = "second";
  samples->heap.name = NASTY;
  fill(&samples->pools[0].stats, FIELDS(slh_pool_stats), 1000);
  fill(&samples->pools[1].stats, FIELDS(slh_pool_stats), 2000);
  fill(&samples->heap.stats, FIELDS(slh_heap_stats), 3000);
  samples->stats = (slh_export_stats){samples->pools, 2, &samples->heap, 1};
}

/* ---- JSON ---- */

/* The numbers of an object, and of objects in it, are [from, from + count). */
static size_t check_numbers(yajl_val object, uint64_t from, size_t at)
{
  for (size_t i = 0; i < YAJL_GET_OBJECT(object)->len; i++) {
    yajl_val value = YAJL_GET_OBJECT(object)->values[i];

    if (YAJL_IS_OBJECT(value)) {
      at = check_numbers(value, from, at);
    } else if (YAJL_IS_NUMBER(value)) {
      assert_int_equal(YAJL_GET_INTEGER(value), from + at + (at == 3 ? INT64_MAX / 2 : 0));
      at++;
    }
  }
  return at;
}

static void json_has_every_field(void **state)
{
  struct exported exported;
  struct samples samples;
  yajl_val json, pools, heap;

  exported_open(&exported);
  make(&samples);
  assert_ok(slh_export_json(&samples.stats, exported.out));
  json = exported_json(&exported);
  pools = exported_member(json, "pools");
  assert_int_equal(YAJL_GET_ARRAY(pools)->len, 2);
  assert_string_equal(exported_string(exported_item(pools, 0), "name"), NASTY_JSON);
  assert_int_equal(check_numbers(exported_item(pools, 0), 1000, 0), FIELDS(slh_pool_stats));
  assert_int_equal(check_numbers(exported_item(pools, 1), 2000, 0), FIELDS(slh_pool_stats));
  assert_int_equal(exported_number(exported_item(pools, 1), "traps"), samples.pools[1].stats.traps);
  assert_int_equal(
      exported_number(exported_member(exported_item(pools, 1), "decommitted_by"), "uring"),
      samples.pools[1].stats.decommitted_by[SLH_DECOMMIT_URING]);
  heap = exported_item(exported_member(json, "heaps"), 0);
  assert_string_equal(exported_string(heap, "pool"), "second");
  assert_int_equal(check_numbers(heap, 3000, 0), FIELDS(slh_heap_stats));
  assert_int_equal(exported_number(heap, "remembered"), samples.heap.stats.remembered);
  yajl_tree_free(json);
}

/* ---- Prometheus ---- */

struct parser {
  const char *at;
  char family[128];
  bool is_counter;
  char families[64][128]; /* all so far */
  size_t family_count;
  size_t samples;
};

static void expect(struct parser *p, const char *text)
{
  if (strncmp(p->at, text, strlen(text)) != 0)
    fail_msg("no %s in: %.60s", text, p->at);
  p->at += strlen(text);
}

static void read_name(struct parser *p, char name[128])
{
  size_t length = 0;

  assert_true(isalpha((unsigned char)*p->at) || *p->at == '_' || *p->at == ':');
  while (isalnum((unsigned char)*p->at) || *p->at == '_' || *p->at == ':') {
    assert_true(length < 127);
    name[length++] = *p->at++;
  }
  name[length] = '\0';
}

static bool ends_with(const char *text, const char *end)
{
  return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* The two lines before the samples of a family, which has not been met before. */
static void read_head(struct parser *p)
{
  char again[128];

  expect(p, "# HELP ");
  read_name(p, p->family);
  expect(p, " ");
  while (*p->at != '\n') {
    assert_true(*p->at != '\\' && *p->at != '\0');
    p->at++;
  }
  expect(p, "\n# TYPE ");
  read_name(p, again);
  assert_string_equal(p->family, again);
  p->is_counter = strncmp(p->at, " counter", 8) == 0;
  expect(p, p->is_counter ? " counter\n" : " gauge\n");
  assert_int_equal(ends_with(p->family, "_total"), p->is_counter);
  for (size_t i = 0; i < p->family_count; i++)
    assert_string_not_equal(p->families[i], p->family);
  assert_true(p->family_count < 64);
  strcpy(p->families[p->family_count++], p->family);
}

static void read_label_value(struct parser *p, char *value)
{
  expect(p, "\"");
  while (*p->at != '"') {
    assert_true(*p->at != '\0' && *p->at != '\n');
    if (*p->at == '\\') {
      p->at++;
      assert_non_null(strchr("\\\"n", *p->at));
      *value++ = *p->at == 'n' ? '\n' : *p->at;
    } else {
      *value++ = *p->at;
    }
    p->at++;
  }
  *value = '\0';
  expect(p, "\"");
}

static void read_sample(struct parser *p)
{
  char name[128], value[256];
  char *end;

  read_name(p, name);
  assert_string_equal(name, p->family);
  expect(p, "{");
  for (;;) {
    read_name(p, name);
    assert_null(strchr(name, ':')); /* not in labels */
    expect(p, "=");
    read_label_value(p, value);
    if (strcmp(name, "pool") == 0)
      assert_true(strcmp(value, NASTY_JSON) == 0 || strcmp(value, "second") == 0);
    if (*p->at == '}')
      break;
    expect(p, ",");
  }
  expect(p, "} ");
  (void)strtoull(p->at, &end, 10);
  assert_ptr_not_equal(end, p->at);
  p->at = end;
  expect(p, "\n");
  p->samples++;
}

/* Prometheus's own judgement, where it is installed. */
static void check_by_promtool(const char *text)
{
  FILE *promtool;

  if (system("command -v promtool >/dev/null 2>&1") != 0)
    return;
  promtool = popen("promtool check metrics", "w");
  assert_non_null(promtool);
  fputs(text, promtool);
  assert_int_equal(pclose(promtool), 0);
}

static void prometheus_text_is_sound(void **state)
{
  struct exported exported;
  struct samples samples;
  struct parser parser = {.at = NULL};
  char *text, line[128];

  exported_open(&exported);
  make(&samples);
  assert_ok(slh_export_prometheus(&samples.stats, exported.out));
  parser.at = text = exported_text(&exported);
  while (*parser.at) {
    if (*parser.at == '#')
      read_head(&parser);
    else
      read_sample(&parser);
  }
  assert_int_equal(parser.samples, 2 * FIELDS(slh_pool_stats) + FIELDS(slh_heap_stats));
  assert_int_equal(parser.family_count,
                   FIELDS(slh_pool_stats) - SLH_DECOMMIT_ENGINES + 1 + FIELDS(slh_heap_stats));
  snprintf(line, sizeof line, "\nslotheap_pool_traps_total{pool=\"second\"} %llu\n",
           (unsigned long long)samples.pools[1].stats.traps);
  assert_non_null(strstr(text, line));
  snprintf(line, sizeof line, "{pool=\"second\",engine=\"runs\"} %llu\n",
           (unsigned long long)samples.pools[1].stats.decommitted_by[SLH_DECOMMIT_RUNS]);
  assert_non_null(strstr(text, line));
  check_by_promtool(text);
  free(text);
}

/* ---- both ---- */

static void nothing_is_fine(void **state)
{
  const slh_export_stats none = {NULL, 0, NULL, 0};
  struct exported exported;
  char *text;

  exported_open(&exported);
  assert_ok(slh_export_prometheus(&none, exported.out));
  assert_ok(slh_export_json(&none, exported.out));
  text = exported_text(&exported);
  assert_string_equal(text, "{\"pools\":[],\"heaps\":[]}\n");
  free(text);
}

static void full_disks_are_told(void **state)
{
  struct samples samples;
  FILE *full = fopen("/dev/full", "we");

  make(&samples);
  if (!full)
    skip();
  assert_status(slh_export_prometheus(&samples.stats, full), SLH_E_SYSTEM);
  assert_status(slh_export_json(&samples.stats, full), SLH_E_SYSTEM);
  fclose(full);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_has_every_field),
      cmocka_unit_test(prometheus_text_is_sound),
      cmocka_unit_test(nothing_is_fine),
      cmocka_unit_test(full_disks_are_told),
  };

  return helper_run(tests, NULL, NULL);
}
