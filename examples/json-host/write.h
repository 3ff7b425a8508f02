/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Values to text. */
#ifndef JSON_HOST_WRITE_H
#define JSON_HOST_WRITE_H

#include "store.h"

/* Appends the answer. */
bool store_write(struct store *store, struct bytes *out);

/* Appends a value, up to as many bytes as the store's heap may have. Makes nothing. */
bool write_value(struct store *store, value it, struct bytes *out);

#endif
