/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Names and HTTP statuses of what can be wrong, and bytes that grow. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  int status;
} kinds[] = {
    [PROBLEM_NONE] = {"none", 200},
    [PROBLEM_SYNTAX] = {"syntax", 400},
    [PROBLEM_QUERY] = {"query", 400},
    [PROBLEM_TOO_LARGE] = {"too_large", 413},
    [PROBLEM_DEPTH] = {"depth", 422},
    [PROBLEM_DUPLICATE] = {"duplicate", 422},
    [PROBLEM_NUMBER] = {"number", 422},
    [PROBLEM_EVALUATION] = {"evaluation", 422},
    [PROBLEM_TIME] = {"time", 503},
    [PROBLEM_BUSY] = {"busy", 503},
    [PROBLEM_UNSUPPORTED] = {"unsupported", 501},
    [PROBLEM_INTERNAL] = {"internal", 500},
};

int problem_http_status(enum problem_kind kind)
{
  return kind <= PROBLEM_INTERNAL ? kinds[kind].status : 500;
}

const char *problem_name(enum problem_kind kind)
{
  return kind <= PROBLEM_INTERNAL ? kinds[kind].name : "internal";
}

bool bytes_reserve(struct bytes *bytes, size_t more)
{
  size_t capacity = bytes->capacity < 256 ? 256 : bytes->capacity;
  char *at;

  if (more <= bytes->capacity - bytes->length)
    return true;
  if (more > SIZE_MAX / 2 - bytes->length)
    return false;
  while (capacity - bytes->length < more)
    capacity *= 2;
  at = realloc(bytes->at, capacity);
  if (at == NULL)
    return false;
  bytes->at = at;
  bytes->capacity = capacity;
  return true;
}

bool bytes_append(struct bytes *bytes, const void *from, size_t length)
{
  if (!bytes_reserve(bytes, length))
    return false;
  if (length > 0)
    memcpy(bytes->at + bytes->length, from, length);
  bytes->length += length;
  return true;
}

void bytes_free(struct bytes *bytes)
{
  free(bytes->at);
  *bytes = (struct bytes){NULL, 0, 0};
}
