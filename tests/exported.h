/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What was exported: text in memory, and JSON read back by yajl's parser. */
#ifndef SLOTHEAP_TESTS_EXPORTED_H
#define SLOTHEAP_TESTS_EXPORTED_H

#include "tests/store.h"

#include <slotheap-export.h>
#include <stdlib.h>
#include <yajl/yajl_tree.h>

struct exported {
  FILE *out;
  char *text;
  size_t size;
};

static inline void exported_open(struct exported *exported)
{
  exported->out = open_memstream(&exported->text, &exported->size);
  assert_non_null(exported->out);
}

/* What has been written, as text that the caller frees. */
static inline char *exported_text(struct exported *exported)
{
  assert_int_equal(fclose(exported->out), 0);
  return exported->text;
}

/* The same, parsed, and freed. */
static inline yajl_val exported_json(struct exported *exported)
{
  char message[256] = "";
  char *text = exported_text(exported);
  yajl_val tree = yajl_tree_parse(text, message, sizeof message);

  if (!tree)
    fail_msg("no JSON: %s", message);
  free(text);
  return tree;
}

/* The member of that name; the test fails if there is none. */
static inline yajl_val exported_member(yajl_val object, const char *name)
{
  yajl_val member = yajl_tree_get(object, (const char *[]){name, NULL}, yajl_t_any);

  if (!member)
    fail_msg("there is no %s", name);
  return member;
}

static inline int64_t exported_number(yajl_val object, const char *name)
{
  yajl_val number = exported_member(object, name);

  assert_true(YAJL_IS_INTEGER(number));
  return YAJL_GET_INTEGER(number);
}

static inline const char *exported_string(yajl_val object, const char *name)
{
  const char *string = YAJL_GET_STRING(exported_member(object, name));

  assert_non_null(string);
  return string;
}

static inline yajl_val exported_item(yajl_val array, size_t number)
{
  assert_true(YAJL_IS_ARRAY(array));
  assert_true(number < YAJL_GET_ARRAY(array)->len);
  return YAJL_GET_ARRAY(array)->values[number];
}

#endif
