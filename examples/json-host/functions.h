/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Functions of queries. */
#ifndef JSON_HOST_FUNCTIONS_H
#define JSON_HOST_FUNCTIONS_H

#include "store.h"

#define ARGUMENTS_MAX 255

/* What an argument may be; bits. */
enum argument {
  A_NULL = 1,
  A_BOOLEAN = 2,
  A_NUMBER = 4,
  A_STRING = 8,
  A_LIST = 16,
  A_OBJECT = 32,
  A_EXPRESSION = 64,
  A_NUMBERS = 128, /* a list of numbers */
  A_STRINGS = 256, /* a list of strings */
  A_ANY = A_NULL | A_BOOLEAN | A_NUMBER | A_STRING | A_LIST | A_OBJECT
};

/* A call that is evaluated: its arguments lie on the stack, where expressions have null,
 * and the last call of the function pushes the result on top of them. */
struct call {
  struct store *store;
  const struct query_node *node;
  const struct signature *signature;
  uint32_t first;      /* stack position of the first argument */
  uint32_t count;      /* of arguments */
  uint32_t expression; /* node of the argument that is one */
};

struct signature {
  const char *name;
  bool (*function)(const struct call *call);
  uint8_t least, most;   /* arguments */
  uint16_t arguments[2]; /* what they may be; the last is for all that follow, too */
};

/* Their numbers are what the prelude has for their names. */
enum {
  FUNCTION_COUNT = 26
};
extern const struct signature query_signatures[FUNCTION_COUNT];

/* Calls the function of a node, and pushes the result. */
bool query_call(struct store *store, uint32_t node, uint32_t at);

/* Says what is wrong with a value that an expression gave. */
bool call_fail(const struct call *call, const char *why);

static inline value call_argument(const struct call *call, uint32_t i)
{
  return call->store->stack[call->first + i];
}

/* ---- functions-order.c ---- */

bool call_sort(const struct call *call);
bool call_sort_by(const struct call *call);
bool call_max(const struct call *call);
bool call_max_by(const struct call *call);
bool call_min(const struct call *call);
bool call_min_by(const struct call *call);

#endif
