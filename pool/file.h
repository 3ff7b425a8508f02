/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Bytes to and from file descriptors, from where they stand. Large pieces of
 * regular files go through io_uring, several at a time, where the system has it;
 * everything else, and what that leaves, by read and write.
 */
#ifndef SLOTHEAP_POOL_FILE_H
#define SLOTHEAP_POOL_FILE_H

#include <stddef.h>

/* Opens a file for reading. 0, or an errno value. */
int slhi_file_open(const char *path, int *fd);
void slhi_file_close(int fd);

/* Reads up to `bytes`; fewer only at the end of the file. 0, or an errno value. */
int slhi_file_read(int fd, void *to, size_t bytes, size_t *done);

/* Writes all. 0, or an errno value: some may have been written. */
int slhi_file_write(int fd, const void *from, size_t bytes);

/* What the file has from here on, or SIZE_MAX where that is not known. */
size_t slhi_file_rest(int fd);

#endif
