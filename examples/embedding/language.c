/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "language.h"

slh_status language_open(struct language *language)
{
  slh_field fields[] = {{"first", SLH_REF, 0}, {"rest", SLH_REF, 0}};
  slh_status status = slh_runtime_new(NULL, &language->runtime, NULL);

  if (status == SLH_OK)
    status = slh_struct_type_new(language->runtime, "pair", NULL, fields, 2, &language->pair, NULL);
  if (status == SLH_OK)
    status = slh_array_type_new(language->runtime, "text", SLH_I8, &language->text, NULL);
  if (status == SLH_OK) {
    language->first = language->pair->fields[0].offset;
    language->rest = language->pair->fields[1].offset;
  }
  return status;
}

slh_status language_text(slh_heap *heap, const struct language *language, const char *bytes,
                         uint32_t length, slh_ref *out)
{
  slh_status status = slh_alloc_array(heap, language->text, length, out);

  return status == SLH_OK ? slh_array_init(heap, *out, 0, length, bytes) : status;
}

/* Lists in lists are shown so deep, and no deeper: the host's stack is not the
 * guest's to use up. */
#define DEEPEST 10

static void print(FILE *out, slh_heap *heap, const struct language *language, slh_ref value,
                  int depth)
{
  void *bytes;
  uint32_t length;

  if (slh_is_null(value)) {
    fputs("nil", out);
  } else if (slh_is_i31(value)) {
    fprintf(out, "%d", slh_i31_signed(value));
  } else if (slh_array_data(heap, value, SLH_I8, &bytes, &length) == SLH_OK) {
    fwrite(bytes, 1, length, out);
  } else if (depth == DEEPEST) {
    fputs("...", out);
  } else {
    for (const char *before = "("; slh_object_is(heap, value, language->pair); before = " ") {
      fputs(before, out);
      print(out, heap, language, slh_get_ref(heap, value, language->first), depth + 1);
      value = slh_get_ref(heap, value, language->rest);
    }
    if (!slh_is_null(value)) {
      fputs(" . ", out);
      print(out, heap, language, value, depth + 1);
    }
    putc(')', out);
  }
}

void language_print(FILE *out, slh_heap *heap, const struct language *language, slh_ref value)
{
  print(out, heap, language, value, 0);
}
