/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Clients that update one session all at once, while a test kills servers: each
 * repeats an update, with its Idempotency-Key, until it is acknowledged. Then the
 * session must have seen each update once.
 *
 * Client N counts its updates in the member "cN". Every other client does more: it
 * reads "shared", and writes one more under If-Match, so that no two may have read
 * the same.
 */
#ifndef JSON_HOST_TESTS_UPDATERS_H
#define JSON_HOST_TESTS_UPDATERS_H

#include <stdint.h>

struct updaters;

/* `ports`: servers of the same sessions, ends with 0. A client that fails at one goes
 * to the next. */
struct updaters *updaters_start(const uint16_t *ports, unsigned clients, unsigned updates);

/* Until so many updates of all are acknowledged. */
void updaters_await(struct updaters *updaters, unsigned acknowledged);

/* Until all are; then the session is checked. */
void updaters_finish(struct updaters *updaters);

#endif
