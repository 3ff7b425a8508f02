/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A query's tree: nodes in one array, in which they refer to each other by number. */
#ifndef JSON_HOST_QUERY_H
#define JSON_HOST_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"

#define QUERY_LENGTH_MAX 4096 /* bytes */
#define QUERY_DEPTH_MAX 500   /* of the tree: evaluating takes C stack */

enum query_operation {
  QUERY_CURRENT,
  QUERY_LITERAL, /* a: number of its value, among those that the query has on the stack */
  QUERY_FIELD,   /* a: number of its name, likewise */
  QUERY_INDEX,   /* a: as int32_t */
  QUERY_SLICE,   /* a, b, c: start, stop, step, as int32_t; given: which of them are */
  QUERY_PIPE,    /* a, then b of what that gave; also a.b */
  QUERY_EACH,    /* b of each item of the list that a gave */
  QUERY_VALUES,  /* b of each member's value of the object that a gave */
  QUERY_FILTER,  /* b of each item of the list that a gave, if c of it is true */
  QUERY_FLATTEN, /* a */
  QUERY_OR,      /* a, b */
  QUERY_AND,
  QUERY_NOT,   /* a */
  QUERY_EQUAL, /* a, b: so all that follow */
  QUERY_UNEQUAL,
  QUERY_LESS,
  QUERY_LESS_EQUAL,
  QUERY_MORE,
  QUERY_MORE_EQUAL,
  QUERY_LIST,      /* a: the first item */
  QUERY_OBJECT,    /* a: the first member */
  QUERY_MEMBER,    /* a: number of its name, b: its value */
  QUERY_CALL,      /* a: the first argument, b: how many; function */
  QUERY_EXPRESSION /* a: an argument that is not evaluated before */
};

#define QUERY_NONE UINT32_MAX

struct query_node {
  uint8_t operation;
  uint8_t function; /* number */
  uint8_t given;    /* bits */
  uint16_t depth;
  uint32_t a, b, c;
  uint32_t next; /* of items, members, arguments; or QUERY_NONE */
  uint32_t at;   /* byte of the query */
};

struct query {
  struct query_node *nodes;
  uint32_t count, capacity;
  uint32_t literals; /* stack position of the first */
  uint32_t literal_count;
};

struct store;

bool store_ask(struct store *store, const char *query, size_t length);
void query_free(struct query *query);

/* Text to a tree, whose root is `*root`; literals and names are pushed. */
bool query_parse(struct store *store, const char *text, size_t length, uint32_t *root);

/* Evaluates a node for the value at stack position `at`, and pushes the result. */
bool query_evaluate(struct store *store, uint32_t node, uint32_t at);

#endif
