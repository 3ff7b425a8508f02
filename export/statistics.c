/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Statistics, as JSON and as Prometheus text: both walk the same tables. */
#include <inttypes.h>

#include "export/figures.h"
#include "export/json.h"

/* ---- JSON ---- */

static void write_figure(struct json *json, const struct figure *figure, const void *stats)
{
  slhx_json_string(json, figure->field);
  if (figure->count == 1) {
    slhx_json_number(json, slhx_figure_value(figure, stats, 0));
    return;
  }
  slhx_json_map(json);
  for (uint32_t i = 0; i < figure->count; i++)
    slhx_json_number_of(json, slh_decommit_name(i), slhx_figure_value(figure, stats, i));
  slhx_json_end_map(json);
}

static void write_figures(struct json *json, struct figures figures, const void *stats)
{
  for (size_t i = 0; i < figures.count; i++)
    write_figure(json, &figures.at[i], stats);
  slhx_json_end_map(json);
}

slh_status slh_export_json(const slh_export_stats *stats, FILE *out)
{
  struct json json;
  slh_status status = slhx_json_open(&json, out);

  if (status != SLH_OK)
    return status;
  slhx_json_map(&json);
  slhx_json_string(&json, "pools");
  slhx_json_array(&json);
  for (size_t i = 0; i < stats->pool_count; i++) {
    slhx_json_map(&json);
    slhx_json_text_of(&json, "name", stats->pools[i].name);
    write_figures(&json, slhx_pool_figures, &stats->pools[i].stats);
  }
  slhx_json_end_array(&json);
  slhx_json_string(&json, "heaps");
  slhx_json_array(&json);
  for (size_t i = 0; i < stats->heap_count; i++) {
    slhx_json_map(&json);
    slhx_json_text_of(&json, "pool", stats->heaps[i].pool);
    slhx_json_text_of(&json, "name", stats->heaps[i].name);
    write_figures(&json, slhx_heap_figures, &stats->heaps[i].stats);
  }
  slhx_json_end_array(&json);
  slhx_json_end_map(&json);
  return slhx_json_close(&json);
}

/* ---- Prometheus ---- */

static const char prefix_pool[] = "slotheap_pool_", prefix_heap[] = "slotheap_heap_";

/* A label's value: UTF-8, with three characters escaped. */
static void print_label(FILE *out, const char *name, const char *value)
{
  fprintf(out, "%s=\"", name);
  while (*value) {
    size_t length = slhx_utf8_length(value);

    if (*value == '\n')
      fputs("\\n", out);
    else if (*value == '"' || *value == '\\')
      fprintf(out, "\\%c", *value);
    else if (length == 0)
      fputs("\xef\xbf\xbd", out);
    else
      fwrite(value, 1, length, out);
    value += length ? length : 1;
  }
  fputc('"', out);
}

static void print_head(FILE *out, const char *prefix, const struct figure *figure)
{
  fprintf(out, "# HELP %s%s %s\n", prefix, figure->name, figure->help);
  fprintf(out, "# TYPE %s%s %s\n", prefix, figure->name, figure->type);
}

static void print_samples(FILE *out, const char *prefix, const struct figure *figure,
                          const char *pool, const char *heap, const void *stats)
{
  for (uint32_t i = 0; i < figure->count; i++) {
    fprintf(out, "%s%s{", prefix, figure->name);
    print_label(out, "pool", pool);
    if (heap) {
      fputc(',', out);
      print_label(out, "heap", heap);
    }
    if (figure->count != 1) {
      fputc(',', out);
      print_label(out, "engine", slh_decommit_name(i));
    }
    fprintf(out, "} %" PRIu64 "\n", slhx_figure_value(figure, stats, i));
  }
}

/* All samples of a family must follow one another. */
slh_status slh_export_prometheus(const slh_export_stats *stats, FILE *out)
{
  for (size_t i = 0; i < slhx_pool_figures.count && stats->pool_count != 0; i++) {
    const struct figure *figure = &slhx_pool_figures.at[i];

    print_head(out, prefix_pool, figure);
    for (size_t j = 0; j < stats->pool_count; j++)
      print_samples(out, prefix_pool, figure, stats->pools[j].name, NULL, &stats->pools[j].stats);
  }
  for (size_t i = 0; i < slhx_heap_figures.count && stats->heap_count != 0; i++) {
    const struct figure *figure = &slhx_heap_figures.at[i];

    print_head(out, prefix_heap, figure);
    for (size_t j = 0; j < stats->heap_count; j++)
      print_samples(out, prefix_heap, figure, stats->heaps[j].pool, stats->heaps[j].name,
                    &stats->heaps[j].stats);
  }
  return fflush(out) != 0 || ferror(out) ? SLH_E_SYSTEM : SLH_OK;
}
