/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a command line may say, as a table of rows. Bad input ends the process
 * with a line that names it and says what is allowed. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an option is written, and the type of the field that it sets. */
enum option_kind {
  OPTION_FLAG,    /* bool */
  OPTION_NUMBER,  /* uint64_t; whole */
  OPTION_SIZE,    /* the same, also with K, M, G or T */
  OPTION_SIZES,   /* struct options_list: such sizes, each an option of its own */
  OPTION_LIST,    /* struct options_list: numbers with commas between them */
  OPTION_SECONDS, /* double, from a hundredth of a second */
  OPTION_NAMES,   /* an array of bool: which of `names`, with commas between them */
  OPTION_TEXT     /* const char * */
};

struct option_row {
  const char *name; /* NULL ends the table */
  enum option_kind kind;
  size_t field;         /* where it is in the struct that is read into */
  const char *text;     /* for --help */
  uint64_t least, most; /* of numbers, of each in a list */
  /* The names that there are: the first, how many, and the bytes from one to the next. */
  const char *const *names;
  size_t name_count, name_stride;
  const char *argument; /* what --help calls it, unless the kind tells */
  int group;            /* of --help */
};

#define OPTIONS_LIST_MAX 16

/* Numbers; none: the option was not given. */
struct options_list {
  uint64_t values[OPTIONS_LIST_MAX];
  size_t count;
};

/* What every command is asked for; the struct that a command's options are read
 * into begins with it. */
struct settings {
  bool json;  /* print JSON objects, not a table */
  bool quick; /* a first impression, in seconds */
  bool all;   /* among other commands: less of each than a command alone */
  uint64_t seed;
};

/* The last rows of such a command. */
#define OPTIONS_SEED(type, member)                                                                 \
  {                                                                                                \
    "seed", OPTION_NUMBER, offsetof(type, member), "Seed of all random choices (default 1)",       \
        .most = UINT64_MAX, .group = 1                                                             \
  }
#define OPTIONS_SETTINGS                                                                           \
  {"json", OPTION_FLAG, offsetof(struct settings, json),                                           \
   "Print one JSON object a line, nothing else", .group = 1},                                      \
      {"quick", OPTION_FLAG, offsetof(struct settings, quick),                                     \
       "A first impression in seconds; too short for figures to quote", .group = 1},               \
      OPTIONS_SEED(struct settings, seed),                                                         \
  {                                                                                                \
    .name = NULL                                                                                   \
  }

/* Of a command that has no others. */
extern const struct option_row options_settings[];

/* What no row can say: ends the process by argp_error(). */
typedef void options_check(struct argp_state *state, void *out);

/* Sets the fields of `out` that the arguments name. `check` may be NULL. */
void options_read(int argc, char **argv, const char *doc, const struct option_row *options,
                  options_check *check, void *out);

/* Chooses all if none is chosen; true if so. */
bool options_choose_all(bool *chosen, size_t count);

#endif
