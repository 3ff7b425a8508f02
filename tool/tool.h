/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap, the command: its subcommands and what they share. */
#ifndef SLOTHEAP_TOOL_TOOL_H
#define SLOTHEAP_TOOL_TOOL_H

#include <argp.h>
#include <slotheap.h>

/* Each is called with its own name as argv[0], and returns an exit status. */
int tool_inspect(int argc, char **argv);
int tool_options(int argc, char **argv);
int tool_plan(int argc, char **argv);
int tool_probe(int argc, char **argv);
int tool_snapshot(int argc, char **argv); /* these only with libslotheap-export */
int tool_summary(int argc, char **argv);

/* The arguments of a command that has no option but --json: whether it was given. */
bool tool_json(int argc, char **argv, const char *doc);

/* For a parser of options: the one argument is a FILE. */
error_t tool_file(int key, char *text, struct argp_state *state, const char **path);

/* Loads an image file, with a runtime that has its types. Errors: those of
 * slh_image_load; there is no runtime then. */
slh_status tool_load(const char *path, slh_runtime **runtime, slh_image **image, slh_error *error);

/* A number with at most one of the suffixes K, M, G, T (powers of 1,024; an iB
 * may follow). Anything else ends the program with a message. */
uint64_t tool_size(const struct argp_state *state, const char *option, const char *text);

/* A size in words, such as "4.0 GiB", in a buffer that the next four calls keep. */
const char *tool_words(uint64_t bytes);

#endif
