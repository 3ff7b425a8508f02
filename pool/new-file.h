/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A file that takes the place of another when it is complete, and on the disk:
 * whenever the process or the system ends, there is the old one or the new
 * one. Until then it has a name of its own beside it. */
#ifndef SLOTHEAP_POOL_NEW_FILE_H
#define SLOTHEAP_POOL_NEW_FILE_H

#include <slotheap/base.h>

struct new_file {
  int fd;           /* to be written */
  char *name;       /* PATH.XXXXXX.tmp, with other letters */
  const char *path; /* the caller's, which must stay */
  const slh_allocator *allocator;
};

/* SLH_E_NOMEM, SLH_E_SYSTEM. */
slh_status slhi_new_file_open(const slh_allocator *allocator, const char *path,
                              struct new_file *out, slh_error *error);

/* Either of these ends it. SLH_E_SYSTEM: it is dropped, unless all that failed is
 * making the renaming last. */
slh_status slhi_new_file_keep(struct new_file *file, slh_error *error);
void slhi_new_file_drop(struct new_file *file);

#endif
