/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* JSON by yajl, to a FILE. Failures stick, and are told at the end. */
#ifndef SLOTHEAP_EXPORT_JSON_H
#define SLOTHEAP_EXPORT_JSON_H

#include <slotheap/base.h>
#include <stdio.h>
#include <yajl/yajl_gen.h>

struct json {
  yajl_gen gen;
  FILE *out;
  bool failed;
};

/* SLH_E_NOMEM. */
slh_status slhx_json_open(struct json *json, FILE *out);

/* Ends the document. SLH_E_SYSTEM if a byte was not written. */
slh_status slhx_json_close(struct json *json);

void slhx_json_map(struct json *json);
void slhx_json_end_map(struct json *json);
void slhx_json_array(struct json *json);
void slhx_json_end_array(struct json *json);

/* Any bytes up to the zero; what is no UTF-8 is replaced. Keys are strings, too. */
void slhx_json_string(struct json *json, const char *text);
void slhx_json_number(struct json *json, uint64_t number);
void slhx_json_bool(struct json *json, bool value);

/* A number with three places after the point: microseconds of nanoseconds. */
void slhx_json_micros(struct json *json, uint64_t nanoseconds);

/* A pointer as a string of hexadecimal digits. */
void slhx_json_address(struct json *json, const void *address);

/* A key and its value. */
void slhx_json_text_of(struct json *json, const char *key, const char *text);
void slhx_json_number_of(struct json *json, const char *key, uint64_t number);

/* Length of the UTF-8 sequence that `text`, which ends with a zero, begins with; 0 if
 * it is none. */
size_t slhx_utf8_length(const char *text);

#endif
