/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Making values, for the memory that is compiled for; a part of store.h. */
#ifndef JSON_HOST_VALUE_MAKE_H
#define JSON_HOST_VALUE_MAKE_H

#ifdef MEMORY_MALLOC
#include "value-make-malloc.h"
#else
#include "value-make-slotheap.h"
#endif

#include "object.h"

static inline bool push_boolean(struct store *store, bool yes)
{
  return push(store, value_boolean(store, yes));
}

#endif
