/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Text to values. */
#ifndef JSON_HOST_PARSE_H
#define JSON_HOST_PARSE_H

#include "store.h"

/* Takes the next bytes of the document; and its end, which sets it. */
bool store_parse(struct store *store, const char *text, size_t length);
bool store_parse_end(struct store *store);

/* Parses a whole text, of a query, and pushes its value. */
bool parse_literal(struct store *store, const char *text, size_t length);

void parser_free(struct store *store);

#endif
