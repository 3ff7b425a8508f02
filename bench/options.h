/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What the subcommands' argument parsers share. Bad input ends the process
 * with a line that names it and says what is allowed. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* --json, --quick and --seed, for argp's `children`; its input is a struct
 * settings. Refuses arguments that are no options, if the parent does not take
 * them. */
extern const struct argp options_settings;

/* The argp of a subcommand: options of its own, and these. */
extern const struct argp_child options_children[];
#define OPTIONS_ARGP(own, parse, what)                                                             \
  {                                                                                                \
    .options = (own), .parser = (parse), .doc = (what), .children = options_children               \
  }

/* A whole number; options_size takes 64K, 1M, 4G too. */
uint64_t options_number(struct argp_state *state, const char *option, const char *text,
                        uint64_t min, uint64_t max);
uint64_t options_size(struct argp_state *state, const char *option, const char *text, uint64_t min,
                      uint64_t max);
double options_decimal(struct argp_state *state, const char *option, const char *text, double min,
                       double max);

/* Names with commas between them, of those that there are: sets `chosen` of each. */
void options_choose(struct argp_state *state, const char *option, const char *list,
                    const char *const *names, size_t count, bool *chosen);

#define OPTIONS_LIST_MAX 16

/* Numbers with commas between them. */
struct options_list {
  uint64_t values[OPTIONS_LIST_MAX];
  size_t count;
};

void options_numbers(struct argp_state *state, const char *option, const char *text, uint64_t min,
                     uint64_t max, struct options_list *out);

#endif
