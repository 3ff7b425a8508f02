/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A progress bar on standard error, if that is a terminal; nothing otherwise. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/* Shows that the share `done` (0 to 1) of `what` is behind us. */
void progress_show(const char *what, double done);

/* Removes the bar; whatever is printed next starts on a clean line. */
void progress_clear(void);

#endif
