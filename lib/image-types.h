/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Types as image files tell them, without indices. */
#ifndef SLOTHEAP_LIB_IMAGE_TYPES_H
#define SLOTHEAP_LIB_IMAGE_TYPES_H

#include "lib/runtime.h"

/* All types of a runtime, by fingerprint and then by index. */
struct known_type {
  uint64_t fingerprint;
  const slh_type *type;
};

struct known_types {
  struct known_type *at;
  uint32_t count;
};

/* SLH_E_NOMEM. */
slh_status slhi_known_types_new(const slh_runtime *runtime, struct known_types *out);
void slhi_known_types_free(const slh_runtime *runtime, struct known_types *known);

/* The first type with that fingerprint, and how many there are. */
const struct known_type *slhi_known_types_find(const struct known_types *known,
                                               uint64_t fingerprint, uint32_t *count);

uint64_t slhi_type_fingerprint(const slh_type *type);

#endif
