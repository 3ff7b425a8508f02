/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What all stores begin with: the table of functions, and common keys. */
#ifndef JSON_HOST_PRELUDE_H
#define JSON_HOST_PRELUDE_H

#include "store.h"

/* Makes both in a store, whose roots they become. */
bool prelude_make(struct store *store);

#endif
