/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Executables that were built beside this one. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/* The path of `name`; false if it has not been built. */
bool child_find(const char *name, char *path, size_t size);

/* Runs `path` with `arguments` (the first is its name, NULL at the end) on the
 * processor that this process is bound to. The first line that it prints goes
 * to `line`. False after a line on stderr if that failed. */
bool child_run(const char *path, char *const *arguments, char *line, size_t size);

/* The same, with each line that it prints, without its end, given to `use`. */
bool child_lines(const char *path, char *const *arguments,
                 void (*use)(void *context, const char *line), void *context);

#endif
