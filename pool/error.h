/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Filling in slh_error, and stopping on misuse. */
#ifndef SLOTHEAP_POOL_ERROR_H
#define SLOTHEAP_POOL_ERROR_H

#include <slotheap/base.h>

/* Writes `status` and the sentence into `error` unless that is NULL; returns
 * `status`, so that callers can `return slhi_error(...)`. */
slh_status slhi_error(slh_error *error, slh_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: adds what its errno says. */
slh_status slhi_error_errno(slh_error *error, slh_status status, int os_errno, const char *format,
                            ...) __attribute__((format(printf, 4, 5)));

/* Misuse that the contract forbids: tells the host's handler, prints "slotheap: CALL: WHAT"
 * to standard error and aborts. */
_Noreturn void slhi_misuse(const char *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
