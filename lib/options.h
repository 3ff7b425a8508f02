/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What zero in a field of slh_heap_options comes to. */
#ifndef SLOTHEAP_LIB_OPTIONS_H
#define SLOTHEAP_LIB_OPTIONS_H

#include <stdint.h>

#define SLHI_INITIAL_BYTES (UINT64_C(1) << 20)
#define SLHI_MAX_HOST_BYTES (UINT64_C(16) << 20)

#endif
