/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Option structs of hosts that were built with another version of the headers. They
 * begin with the size that the host knows, and zero in a field means its default: so what
 * an older host does not know is zero here, and what a newer one knows beyond this
 * library must be.
 */
#ifndef SLOTHEAP_POOL_OPTIONS_H
#define SLOTHEAP_POOL_OPTIONS_H

#include <slotheap/base.h>

/* Reads `given` (NULL: all defaults) into `out`, of `size` bytes; `name` is the struct's.
 * SLH_E_INVALID: struct_size cannot be, or there is an option that is not known. */
slh_status slhi_read_options(const char *name, const void *given, void *out, size_t size,
                             slh_error *error);

/* Writes figures of `size` bytes into a struct of which the host knows `known`. What this
 * library does not have is 0. */
void slhi_write_figures(void *out, size_t known, const void *figures, size_t size);

#endif
