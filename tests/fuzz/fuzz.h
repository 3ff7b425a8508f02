/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What fuzz targets share. A target is one file: bytes in, and it ends the process
 * if something is not as it should be. With --enable-fuzz libFuzzer makes the
 * bytes; otherwise driver.c reads them from the corpus.
 */
#ifndef SLOTHEAP_TESTS_FUZZ_FUZZ_H
#define SLOTHEAP_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names are libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints and aborts. */
#define FUZZ_REQUIRE(condition)                                                                    \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                      \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

/* What is left of the input. */
struct fuzz_input {
  const uint8_t *at;
  size_t left;
};

/* The next so many bytes, up to 8, as a number; 0 from the end on. */
static inline uint64_t fuzz_bytes(struct fuzz_input *input, size_t count)
{
  uint64_t number = 0;

  for (; count > 0 && input->left > 0; count--, input->left--)
    number = number << 8 | *input->at++;
  return number;
}

/* Any order of magnitude: as many bytes as the first one says, more or less one. */
static inline uint64_t fuzz_number(struct fuzz_input *input)
{
  uint64_t how = fuzz_bytes(input, 1);
  uint64_t number = fuzz_bytes(input, how & 7);

  if (how & 8)
    number = UINT64_C(1) << (number & 63);
  return number + (how >> 4 & 1) - (how >> 5 & 1);
}

#endif
