/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Keeping a thread on one processor. */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include <stdbool.h>

/* Processors that this process may run on, as it was started. */
unsigned pin_processors(void);

/* Binds the calling thread, and what it starts from then on, to one of them:
 * number 0, 1, ...; they are reused when `number` is too large. False if the
 * system refuses; measuring can go on, with more noise. */
bool pin_thread(unsigned number);

/* Lets the calling thread run on all of them again. */
void pin_release(void);

#endif
