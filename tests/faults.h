/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The library's system calls for memory and files, counted, and failed on demand. For
 * test programs linked with WRAP_OS, whose own calls are seen, too. Calls of other code
 * (the C library's, a sanitizer's) are not. Any thread may call; faults are set by one.
 */
#ifndef SLOTHEAP_TESTS_FAULTS_H
#define SLOTHEAP_TESTS_FAULTS_H

#include <stdbool.h>
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
  OS_MEMBARRIER = 1024,
  OS_THREAD = 2048, /* pthread_create */
  OS_MREMAP = 4096,
  OS_MEMFD = 8192,      /* memfd_create, shm_open */
  OS_FTRUNCATE = 16384, /* and posix_fallocate */
  OS_SEAL = 32768,      /* fcntl(F_ADD_SEALS) */
  OS_OPEN = 65536,      /* and mkostemps */
  OS_READ = 131072,
  OS_WRITE = 262144,
  OS_FSYNC = 524288,
  OS_RENAME = 1048576,
  OS_ALL = 2097151
};

/* From now on, lets pass `pass` calls of `which`, fails the next `count` of
 * them with `error`, and passes all after them. With an error of 0, a
 * process_madvise says that it went well and did nothing. */
void faults_fail(unsigned which, uint64_t pass, uint64_t count, int error);

/* From now on, fails one in `one_in` calls of `which`, each with some error. The
 * same `random` fails the same ones, as far as one thread calls. */
void faults_fail_at_random(unsigned which, uint64_t one_in, uint64_t random);

/* How many were failed since faults_fail or faults_fail_at_random. */
uint64_t faults_failed(void);

/* Whether all calls pass for now, and do not count for faults_fail. */
void faults_pause(bool pause);

/* Lets all calls pass. Returns faults_failed. */
uint64_t faults_end(void);

/* Whether pages go back by OS_MADVISE, so that refusing it is felt: not with every port. */
bool faults_reach_decommit(void);

/* From now on a process_madvise does at most `bytes` bytes, as one that was
 * interrupted; 0: all. */
void faults_shorten(uint64_t bytes);

/* Calls of `which` since the program began, failed ones included. */
uint64_t faults_calls(unsigned which);

/* Mapped and not unmapped; what an munmap that was failed here should have unmapped
 * does not count. */
int64_t faults_mapped_bytes(void);
int64_t faults_mappings(void);

#endif
