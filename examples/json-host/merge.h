/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* JSON merge patches (RFC 7396). */
#ifndef JSON_HOST_MERGE_H
#define JSON_HOST_MERGE_H

#include "store.h"

/* Merges the document into the one before it, and makes that the document. */
bool store_merge(struct store *store);

#endif
