/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The library's memory system calls, counted, and failed on demand. For test
 * programs linked with WRAP_OS. Calls of other code (the C library's, a
 * sanitizer's) are not seen. Any thread may call; faults are set by one.
 */
#ifndef SLOTHEAP_TESTS_FAULTS_H
#define SLOTHEAP_TESTS_FAULTS_H

#include <stdint.h>

/* Calls, to be combined. */
enum {
  OS_MMAP = 1,
  OS_MUNMAP = 2,
  OS_MPROTECT = 4,
  OS_MADVISE = 8,
  OS_MINCORE = 16,
  OS_PROCESS_MADVISE = 32,
  OS_PIDFD_OPEN = 64,
  OS_RING_OPEN = 128,
  OS_RING_SUBMIT = 256,
  OS_RING_WAIT = 512,
  OS_ALL = 1023
};

/* From now on, lets pass `pass` calls of `which`, fails the next `count` of
 * them with `error`, and passes all after them. A failed munmap is done all
 * the same, so that it is no leak of the library's. With an error of 0, a
 * process_madvise says that it went well and did nothing. */
void faults_fail(unsigned which, uint64_t pass, uint64_t count, int error);

/* Lets all calls pass. Returns how many were failed since faults_fail. */
uint64_t faults_end(void);

/* From now on a process_madvise does at most `bytes` bytes, as one that was
 * interrupted; 0: all. */
void faults_shorten(uint64_t bytes);

/* Calls of `which` since the program began, failed ones included. */
uint64_t faults_calls(unsigned which);

/* Mapped and not unmapped. */
int64_t faults_mapped_bytes(void);
int64_t faults_mappings(void);

#endif
