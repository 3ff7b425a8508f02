/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The expected answers: the same query over the same text with jansson, its
 * own parser, values, hash table and writer. Nothing here is shared with the
 * code it checks, nor should it be.
 */
#include "json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a character, told by its first byte. jansson let valid UTF-8 in
 * only, so the string ends at the end of a character. */
static size_t character_size(unsigned char first)
{
  if (first < 0x80)
    return 1;
  if (first < 0xe0)
    return 2;
  return first < 0xf0 ? 3 : 4;
}

static size_t prefix_size(const char *string, uint32_t characters)
{
  size_t size = 0;

  if (characters == 0)
    return strlen(string);
  for (uint32_t i = 0; i < characters && string[size] != '\0'; i++)
    size += character_size((unsigned char)string[size]);
  return size;
}

static bool is_selected(json_t *record, const struct json_query *query)
{
  json_t *value = json_object_get(record, query->where_field);

  if (value == NULL)
    return false;
  if (query->where_equals == NULL)
    return true;
  return json_is_string(value) && strcmp(json_string_value(value), query->where_equals) == 0;
}

/* Adds one to the count of the group that `group` begins with. */
static bool count(json_t *answer, const char *group, uint32_t characters)
{
  char *key = strndup(group, prefix_size(group, characters));
  json_int_t before = json_integer_value(json_object_get(answer, key));
  bool set = key != NULL && json_object_set_new(answer, key, json_integer(before + 1)) == 0;

  free(key);
  return set;
}

/* A new reference; NULL if memory is out. */
static json_t *answer_of(json_t *records, const struct json_query *query)
{
  json_t *answer = json_object();
  json_t *record;
  size_t i;

  json_array_foreach(records, i, record)
  {
    const char *group = json_string_value(json_object_get(record, query->group_field));

    if (answer == NULL || group == NULL || !is_selected(record, query))
      continue;
    if (!count(answer, group, query->group_characters)) {
      json_decref(answer);
      return NULL;
    }
  }
  return answer;
}

char *json_baseline_answer(const char *text, size_t length, const char *records_key,
                           const struct json_query *query)
{
  json_error_t error;
  json_t *document = json_loadb(text, length, 0, &error);
  json_t *records = json_object_get(document, records_key);
  json_t *answer;
  char *dumped;

  if (document == NULL) {
    fprintf(stderr, "json: %s: line %d: %s\n", records_key, error.line, error.text);
    return NULL;
  }
  if (!json_is_array(records)) {
    fprintf(stderr, "json: the document has no array \"%s\"\n", records_key);
    json_decref(document);
    return NULL;
  }
  answer = answer_of(records, query);
  dumped = json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(answer);
  json_decref(document);
  if (dumped == NULL)
    fprintf(stderr, "json: no memory for the expected answers\n");
  return dumped;
}
