/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* malloc for a program that has nothing better to do than to stop when there
 * is no memory left. What is returned is freed with free(). */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline _Noreturn void memory_exhausted(void)
{
  fputs("slotheap-bench: out of memory\n", stderr);
  exit(1);
}

static inline void *memory_resize(void *old, size_t count, size_t bytes)
{
  void *memory = reallocarray(old, count, bytes);

  if (memory == NULL && count != 0)
    memory_exhausted();
  return memory;
}

/* Zeroed. */
static inline void *memory_new(size_t count, size_t bytes)
{
  void *memory = calloc(count, bytes);

  if (memory == NULL && count != 0)
    memory_exhausted();
  return memory;
}

static inline char *memory_string(const char *string)
{
  char *copy = strdup(string);

  if (copy == NULL)
    memory_exhausted();
  return copy;
}

#endif
