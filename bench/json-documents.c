/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The documents: the JSON files of Debian's iso-codes, and batches of records
 * cut from them, with one query and its expected answer each.
 */
#include "json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY_VARIABLE "SLOTHEAP_JSON_DIR"
#define DIRECTORY_DEFAULT "/usr/share/iso-codes/json"

const struct json_family json_families[JSON_FAMILIES] = {
    {"15924", {{"numeric", NULL, "alpha_4", 1}, {"name", NULL, "numeric", 1}}},
    {"3166-1",
     {{"official_name", NULL, "name", 1},
      {"common_name", NULL, "alpha_2", 0},
      {"flag", NULL, "flag", 1}}},
    {"3166-2",
     {{"type", "Province", "code", 2},
      {"parent", NULL, "type", 0},
      {"type", NULL, "type", 0},
      {"name", NULL, "name", 1}}},
    {"3166-3", {{"withdrawal_date", NULL, "withdrawal_date", 4}, {"comment", NULL, "comment", 0}}},
    {"4217", {{"alpha_3", NULL, "alpha_3", 1}, {"numeric", NULL, "name", 3}}},
    {"639-2", {{"alpha_2", NULL, "alpha_3", 1}, {"bibliographic", NULL, "bibliographic", 0}}},
    {"639-3",
     {{"type", "L", "alpha_3", 1},
      {"scope", NULL, "type", 0},
      {"inverted_name", NULL, "inverted_name", 2},
      {"type", "E", "name", 1}}},
    {"639-5", {{"name", NULL, "alpha_3", 2}, {"alpha_3", NULL, "name", 1}}},
};

/* Records of a batch: from, to. */
static const uint32_t batch_records[][2] = {[JSON_SMALL] = {1, 16}, [JSON_MEDIUM] = {32, 256}};

static bool out_of_memory(void)
{
  fprintf(stderr, "json: no memory for the documents\n");
  return false;
}

/* ---- one document ---- */

static const struct json_query *pick_query(const struct json_family *family, struct random *random)
{
  uint32_t count = 0;

  while (count < JSON_QUERIES_MAX && family->queries[count].where_field != NULL)
    count++;
  return &family->queries[random_below(random, count)];
}

static struct json_document *new_document(struct json_documents *documents)
{
  if (documents->count == documents->capacity) {
    size_t capacity = documents->capacity == 0 ? 1024 : documents->capacity * 2;
    struct json_document *items = realloc(documents->items, capacity * sizeof *items);
    if (items == NULL)
      return NULL;
    documents->items = items;
    documents->capacity = capacity;
  }
  return &documents->items[documents->count];
}

/* Adds a document; takes `text` over, whatever comes of it. */
static bool add_document(struct json_documents *documents, const struct json_family *family,
                         enum json_size size, size_t records, char *text, size_t length,
                         struct random *random)
{
  struct json_document *document = new_document(documents);

  if (text == NULL || document == NULL) {
    free(text);
    return out_of_memory();
  }
  *document = (struct json_document){.family = family,
                                     .query = pick_query(family, random),
                                     .size = size,
                                     .records = (uint32_t)records,
                                     .text = text,
                                     .length = length};
  document->expected = json_baseline_answer(text, length, family->name, document->query);
  documents->count++;
  return document->expected != NULL;
}

/* ---- batches ---- */

/* The text of {"<name>": [records from `first` on]}; NULL without memory. */
static char *batch_text(const struct json_family *family, json_t *records, size_t first,
                        size_t count)
{
  json_t *list = json_array();
  json_t *document = json_pack("{s:O}", family->name, list);
  char *text = NULL;

  for (size_t i = 0; i < count; i++) {
    if (json_array_append(list, json_array_get(records, first + i)) != 0)
      goto out;
  }
  text = json_dumps(document, JSON_COMPACT);
out:
  json_decref(document);
  json_decref(list);
  return text;
}

/* Cuts all records of a family into batches of random size. */
static bool add_batches(struct json_documents *documents, const struct json_family *family,
                        enum json_size size, json_t *records, struct random *random)
{
  uint32_t low = batch_records[size][0];
  uint32_t high = batch_records[size][1];
  struct json_range *range = &documents->ranges[size][family - json_families];
  size_t total = json_array_size(records);

  range->first = documents->count;
  for (size_t first = 0, count; first < total; first += count) {
    char *text;
    count = low + random_below(random, high - low + 1);
    if (count > total - first)
      count = total - first;
    text = batch_text(family, records, first, count);
    if (!add_document(documents, family, size, count, text, text == NULL ? 0 : strlen(text),
                      random))
      return false;
  }
  range->count = documents->count - range->first;
  return true;
}

/* ---- files ---- */

/* The bytes of a file, malloc'ed; NULL with errno set. */
static char *read_file(const char *path, size_t *length)
{
  FILE *file = fopen(path, "rb");
  char *text = NULL;
  FILE *memory;
  char piece[65536];
  size_t got;
  bool failed;

  if (file == NULL)
    return NULL;
  memory = open_memstream(&text, length);
  if (memory == NULL) {
    fclose(file);
    return NULL;
  }
  while ((got = fread(piece, 1, sizeof piece, file)) > 0)
    fwrite(piece, 1, got, memory);
  failed = ferror(file) != 0;
  fclose(file);
  if (fclose(memory) != 0 || failed) {
    free(text);
    return NULL;
  }
  return text;
}

static char *read_family(const struct json_family *family, size_t *length)
{
  const char *directory = getenv(DIRECTORY_VARIABLE);
  char path[4096];
  char *text;

  if (directory == NULL || *directory == '\0')
    directory = DIRECTORY_DEFAULT;
  snprintf(path, sizeof path, "%s/iso_%s.json", directory, family->name);
  text = read_file(path, length);
  if (text == NULL)
    fprintf(stderr, "json: %s: %s: install Debian's iso-codes or set " DIRECTORY_VARIABLE "\n",
            path, strerror(errno));
  return text;
}

static bool add_family(struct json_documents *documents, const struct json_family *family,
                       struct random *random)
{
  struct json_range *whole = &documents->ranges[JSON_WHOLE][family - json_families];
  size_t length = 0;
  char *text = read_family(family, &length);
  json_t *document, *records;
  bool added;

  if (text == NULL)
    return false;
  document = json_loadb(text, length, 0, NULL);
  records = json_object_get(document, family->name);
  if (json_array_size(records) == 0) {
    fprintf(stderr, "json: iso_%s.json is no JSON file with records under \"%s\"\n", family->name,
            family->name);
    free(text);
    json_decref(document);
    return false;
  }
  *whole = (struct json_range){documents->count, 1};
  added =
      add_document(documents, family, JSON_WHOLE, json_array_size(records), text, length, random) &&
      add_batches(documents, family, JSON_SMALL, records, random) &&
      add_batches(documents, family, JSON_MEDIUM, records, random);
  json_decref(document);
  return added;
}

/* ---- all of them ---- */

bool json_documents_load(struct json_documents *documents, uint64_t seed)
{
  struct random random = random_seed(seed, UINT32_MAX);

  memset(documents, 0, sizeof *documents);
  for (size_t i = 0; i < JSON_FAMILIES; i++) {
    if (!add_family(documents, &json_families[i], &random))
      return false;
  }
  return true;
}

void json_documents_free(struct json_documents *documents)
{
  for (size_t i = 0; i < documents->count; i++) {
    free(documents->items[i].text);
    free(documents->items[i].expected);
  }
  free(documents->items);
  memset(documents, 0, sizeof *documents);
}

const struct json_document *json_documents_pick(const struct json_documents *documents,
                                                struct random *random)
{
  uint32_t permille = random_below(random, 1000);
  enum json_size size = permille < 900 ? JSON_SMALL : permille < 995 ? JSON_MEDIUM : JSON_WHOLE;
  const struct json_range *range = &documents->ranges[size][random_below(random, JSON_FAMILIES)];

  return &documents->items[range->first + random_below(random, (uint32_t)range->count)];
}
