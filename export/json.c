/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "export/json.h"

#include <inttypes.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

static void write_out(void *context, const char *bytes, size_t size)
{
  struct json *json = context;

  json->failed |= fwrite(bytes, 1, size, json->out) != size;
}

slh_status slhx_json_open(struct json *json, FILE *out)
{
  json->out = out;
  json->failed = false;
  json->gen = yajl_gen_alloc(NULL);
  if (!json->gen)
    return SLH_E_NOMEM;
  yajl_gen_config(json->gen, yajl_gen_print_callback, write_out, json);
  return SLH_OK;
}

slh_status slhx_json_close(struct json *json)
{
  yajl_gen_free(json->gen);
  json->failed |= fputc('\n', json->out) == EOF || fflush(json->out) != 0;
  return json->failed ? SLH_E_SYSTEM : SLH_OK;
}

static void note(struct json *json, yajl_gen_status status)
{
  json->failed |= status != yajl_gen_status_ok && status != yajl_gen_generation_complete;
}

void slhx_json_map(struct json *json)
{
  note(json, yajl_gen_map_open(json->gen));
}

void slhx_json_end_map(struct json *json)
{
  note(json, yajl_gen_map_close(json->gen));
}

void slhx_json_array(struct json *json)
{
  note(json, yajl_gen_array_open(json->gen));
}

void slhx_json_end_array(struct json *json)
{
  note(json, yajl_gen_array_close(json->gen));
}

/* Of the first byte: how many follow, and the least that the sequence may stand for. */
static size_t followers(unsigned char first, uint32_t *least)
{
  if (first < 0x80) {
    *least = 0;
    return 0;
  }
  if (first >= 0xc2 && first < 0xe0) {
    *least = 0x80;
    return 1;
  }
  if (first >= 0xe0 && first < 0xf0) {
    *least = 0x800;
    return 2;
  }
  *least = 0x10000;
  return first >= 0xf0 && first < 0xf5 ? 3 : SIZE_MAX;
}

size_t slhx_utf8_length(const char *text)
{
  const unsigned char *bytes = (const unsigned char *)text;
  uint32_t least;
  size_t count = followers(*bytes, &least);
  uint32_t point;

  if (count == SIZE_MAX)
    return 0;
  point = *bytes & (0x7fu >> (count + (count != 0)));
  for (size_t i = 1; i <= count; i++) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 0; /* the zero at the end, too */
    point = point << 6 | (bytes[i] & 0x3f);
  }
  return point >= least && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? count + 1 : 0;
}

/* Names are short: those that need repair are cut at the size of the buffer. */
static void repaired(struct json *json, const char *text)
{
  char buffer[1024];
  size_t used = 0;

  while (*text && used < sizeof buffer - 4) {
    size_t length = slhx_utf8_length(text);

    memcpy(buffer + used, length ? text : replacement, length ? length : 3);
    used += length ? length : 3;
    text += length ? length : 1;
  }
  note(json, yajl_gen_string(json->gen, (const unsigned char *)buffer, used));
}

void slhx_json_string(struct json *json, const char *text)
{
  const char *end = text;
  size_t length = 1;

  while (*end && length != 0) {
    length = slhx_utf8_length(end);
    end += length;
  }
  if (length == 0)
    repaired(json, text);
  else
    note(json, yajl_gen_string(json->gen, (const unsigned char *)text, (size_t)(end - text)));
}

/* Not yajl_gen_integer: that is for signed ones. */
void slhx_json_number(struct json *json, uint64_t number)
{
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%" PRIu64, number);

  note(json, yajl_gen_number(json->gen, digits, (size_t)length));
}

void slhx_json_bool(struct json *json, bool value)
{
  note(json, yajl_gen_bool(json->gen, value));
}

void slhx_json_micros(struct json *json, uint64_t nanoseconds)
{
  char digits[32];
  int length = snprintf(digits, sizeof digits, "%" PRIu64 ".%03" PRIu64, nanoseconds / 1000,
                        nanoseconds % 1000);

  note(json, yajl_gen_number(json->gen, digits, (size_t)length));
}

void slhx_json_address(struct json *json, const void *address)
{
  char digits[24];

  snprintf(digits, sizeof digits, "%#" PRIxPTR, (uintptr_t)address);
  slhx_json_string(json, digits);
}

void slhx_json_text_of(struct json *json, const char *key, const char *text)
{
  slhx_json_string(json, key);
  slhx_json_string(json, text);
}

void slhx_json_number_of(struct json *json, const char *key, uint64_t number)
{
  slhx_json_string(json, key);
  slhx_json_number(json, number);
}
