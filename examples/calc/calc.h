/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * calc: a small language, and an example of a host of slotheap. Each script
 * runs in a store of its own; all that it makes lies in the store's heap, its
 * syntax tree included.
 *
 *   main.c     the process: its pool and types, its arguments
 *   session.c  a script's run: limits, a protected call, how it ended
 *   value.c    what a heap holds, and how it is made
 *   parse.c    text to a tree, of token.c and tree.c; nothing moves meanwhile
 *   eval.c     a tree to a value; every allocation can move everything
 *   native.c   functions written in C; files behind externrefs
 *
 * The language: `let counter = fn(n) => { let i = n; fn() => i = i + 1 };`
 * Statements end with `;`. A `let` sees itself, so functions can recur; a call
 * in tail position takes no stack, so loops are functions. False are nil and 0.
 */
#ifndef CALC_H
#define CALC_H

#include <slotheap.h>
#include <stdio.h>

#define CALC_DEPTH_MAX 1000 /* nesting, of the text and of calls: they take C stack */
#define CALC_ARGUMENTS_MAX 8
#define CALC_BYTES_A_STEP 64 /* of strings and heaps, in the price of what is done to them */
#define CALC_FILES_MAX 64    /* open at a time, for one script */

/*
 * How objects lie in a heap. Their fields follow from byte 4 in the order in
 * which they are registered, naturally aligned, as those of these structs do;
 * so FIELD(node, line) is a constant that the compiler knows.
 */
struct node {
  uint32_t header;
  int32_t kind; /* enum node_kind */
  int32_t line;
  slh_ref a, b, c;
  double number;
};

/* Environments are chains of these, the innermost first. */
struct binding {
  uint32_t header;
  slh_ref name; /* of one name there is one string: compare references */
  slh_ref value;
  slh_ref outer;
};

struct closure {
  uint32_t header;
  slh_ref parameters; /* NODE_LIST of names */
  slh_ref body;
  slh_ref env;
};

struct number {
  uint32_t header;
  double value; /* what fits is an i31 instead */
};

struct pair {
  uint32_t header;
  slh_ref head, tail;
};

struct builtin {
  uint32_t header;
  uint32_t native; /* funcref of a struct native */
};

#define FIELD(object, name) ((uint32_t)offsetof(struct object, name))

/* Registered once, for all stores. Strings are arrays of bytes. */
struct types {
  const slh_type *node, *binding, *closure, *number, *pair, *builtin, *string;
};

enum node_kind {
  NODE_NUMBER, /* number */
  NODE_STRING, /* a: string */
  NODE_NAME,   /* a: string */
  NODE_FN,     /* a: list of parameters, b: body */
  NODE_CALL,   /* a: function, b: list of arguments */
  NODE_LIST,   /* a: item, b: rest of the list or null */
  NODE_IF,     /* a: condition, b: then, c: else */
  NODE_LET,    /* a: name, b: value, c: what follows, or null */
  NODE_THEN,   /* a: statement, c: what follows, or null */
  NODE_ASSIGN, /* a: name, b: value */
  NODE_EQUAL,  /* a, b: operands; so all that follow */
  NODE_UNEQUAL,
  NODE_LESS,
  NODE_LESS_EQUAL,
  NODE_MORE,
  NODE_MORE_EQUAL,
  NODE_ADD,
  NODE_SUBTRACT,
  NODE_MULTIPLY,
  NODE_DIVIDE,
  NODE_REMAINDER
};

/*
 * One script's run. The host owns it and what it points at, so that nothing
 * is lost when a trap leaves the run in the middle.
 */
struct session {
  slh_heap *heap;
  const struct types *types;
  const char *text;  /* of the script */
  int folder;        /* that it may open files in */
  uint64_t steps;    /* left; all that a script can make the host do costs some */
  unsigned depth;    /* of nesting now */
  unsigned files;    /* open now */
  int line;          /* that runs now */
  char message[160]; /* of an error that is the script's own */
};

/*
 * Calls return a status, as the library's do. An error of the script itself
 * is SLH_E_INVALID, with a message in the session.
 *
 * An slh_ref is good until the next allocation. Functions that allocate take
 * slh_locals, or root what they are given; what they return is not rooted.
 */
#define TRY(call)                                                                                  \
  do {                                                                                             \
    slh_status status_ = (call);                                                                   \
                                                                                                   \
    if (status_ != SLH_OK)                                                                         \
      return status_;                                                                              \
  } while (0)

static inline slh_ref calc_get(const struct session *s, slh_local local)
{
  return slh_local_get(s->heap, local);
}

/* Sets the message; returns SLH_E_INVALID. */
slh_status calc_fail(struct session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes `steps` from the script, or fails if it has too few left. */
slh_status calc_spend(struct session *s, uint64_t steps);

/* ---- value.c ---- */

slh_status calc_register(slh_runtime *runtime, struct types *out, slh_error *error);

/* Whether `value` is an object of that type. */
static inline bool calc_is(const struct session *s, slh_ref value, const slh_type *type)
{
  return slh_is_object(value) && slh_has_type(s->heap, value, type);
}

static inline bool calc_truth(slh_ref value)
{
  return !slh_is_null(value) && !slh_ref_equal(value, slh_i31(0));
}

/* False: not a number. */
bool calc_number(const struct session *s, slh_ref value, double *out);
slh_status calc_new_number(struct session *s, double value, slh_ref *out);
slh_status calc_new_string(struct session *s, const char *bytes, size_t length, slh_ref *out);

/* A string's own bytes, or a number in `digits`. */
struct text {
  const char *bytes;
  uint32_t length;
  char digits[32];
};

/* False: neither. Valid until the next allocation. */
bool calc_text(const struct session *s, slh_ref value, struct text *out);

/* The bytes of a string. Valid until the next allocation. */
char *calc_string(const struct session *s, slh_ref string, uint32_t *length);

/* Applies an operator, the kind of its node. */
slh_status calc_operate(struct session *s, enum node_kind kind, slh_local left, slh_local right,
                        slh_ref *out);

/* ---- parse.c ---- */

/* The tree of the session's text, and an environment with all builtins. */
slh_status calc_parse(struct session *s, slh_ref *program, slh_ref *env);

/* ---- eval.c ---- */

slh_status calc_eval(struct session *s, slh_ref node, slh_ref env, slh_ref *out);

/* ---- native.c ---- */

struct native {
  const char *name;
  unsigned arguments;
  slh_status (*call)(struct session *s, const slh_local *arguments, slh_ref *out);
};

extern const struct native calc_natives[]; /* a NULL name at the end */

#endif
