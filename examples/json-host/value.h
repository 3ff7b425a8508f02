/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * JSON values, as parser, evaluator and writer see them: whichever memory they lie in,
 * they are read by the same inline calls, and never change once they are made.
 *
 *   value-slotheap.h   objects of a heap
 *   value-malloc.h     nodes of malloc
 *
 * What makes a value pushes it onto the store's stack, which a collection starts from.
 * Every call that makes something can move everything: a `value` in a C variable is
 * good until then, one on the stack always.
 */
#ifndef JSON_HOST_VALUE_H
#define JSON_HOST_VALUE_H

#include "engine.h"
#include "names.h"

enum kind {
  KIND_NULL,
  KIND_FALSE,
  KIND_TRUE,
  KIND_INTEGER, /* fits int64_t */
  KIND_REAL,    /* a double */
  KIND_STRING,  /* UTF-8 */
  KIND_LIST,
  KIND_OBJECT
};

/* Bytes of a string; good until something is made. */
struct text {
  const char *bytes;
  uint32_t length;
};

/* Objects of so many members are searched one by one; larger ones have slots: a hash
 * table, in the object itself, of the numbers of their members. */
#define OBJECT_SMALL 8

/* Slots of an object of `count` members. */
static inline uint32_t object_slots(uint32_t count)
{
  if (count <= OBJECT_SMALL)
    return 0;
  return UINT32_C(1) << (32 - __builtin_clz(count + count / 2));
}

#ifdef MEMORY_MALLOC
#include "value-malloc.h"
#else
#include "value-slotheap.h"
#endif

#endif
