/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The values of the language: null, integers, pairs and texts. What all its stores
 * share is made once. */
#ifndef EXAMPLES_EMBEDDING_LANGUAGE_H
#define EXAMPLES_EMBEDDING_LANGUAGE_H

#include <slotheap.h>
#include <stdio.h>

struct language {
  slh_runtime *runtime;
  const slh_type *pair; /* {first, rest} */
  const slh_type *text; /* an array of bytes */
  uint32_t first, rest; /* where a pair has them */
};

slh_status language_open(struct language *language);

/* A new text. Never collects. */
slh_status language_text(slh_heap *heap, const struct language *language, const char *bytes,
                         uint32_t length, slh_ref *out);

void language_print(FILE *out, slh_heap *heap, const struct language *language, slh_ref value);

#endif
