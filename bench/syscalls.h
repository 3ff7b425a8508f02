/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Counting system calls: by the kernel, in a process that is traced. */
#ifndef BENCH_SYSCALLS_H
#define BENCH_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Forks; the child calls prepare(context), then run(context), and the system
 * calls of the latter are counted with ptrace. Their effects stay in the
 * child. To be called while the process has one thread.
 *
 * False if it cannot be done here (containers may forbid ptrace), or if one
 * of the two returned false.
 */
bool syscalls_count(bool (*prepare)(void *context), bool (*run)(void *context), void *context,
                    uint64_t *out);

#endif
