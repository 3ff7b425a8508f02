/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The requests that a session has seen last, and the versions that they made. */
#ifndef JSON_HOST_RECENT_H
#define JSON_HOST_RECENT_H

#include "store.h"

bool store_was_done(const struct store *store, const char *id, uint64_t *version);
bool store_set_done(struct store *store, const char *id, uint64_t version);

#endif
