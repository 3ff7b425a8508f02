/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Flags of mmap that not every system has. For os-*.c only. */
#ifndef SLOTHEAP_POOL_OS_FLAGS_H
#define SLOTHEAP_POOL_OS_FLAGS_H

#include <sys/mman.h>

/* Linux and others count what can be written as if it were, unless told not to. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#endif
