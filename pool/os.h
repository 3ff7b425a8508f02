/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The whole port to an operating system. os-linux.c is the only file that
 * makes memory system calls; another system is one more file like it.
 *
 * Every address and size given here is a multiple of slhi_os_page_size(),
 * and lies in one reservation or mapping made here. Calls that return int
 * give 0 or an errno value. All are thread-safe.
 */
#ifndef SLOTHEAP_POOL_OS_H
#define SLOTHEAP_POOL_OS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a page: a power of two from 4 KiB to 64 KiB. */
uint64_t slhi_os_page_size(void);

/* Bytes of address space that a process can have, RLIMIT_AS included. */
uint64_t slhi_os_address_space(void);

/* Mappings that a process can have, or UINT64_MAX for no limit. */
uint64_t slhi_os_mapping_limit(void);

/* Address space that faults on every access and counts as no memory. */
int slhi_os_reserve(size_t bytes, void **out);

/* Zeroed memory, readable and writable, paid for when touched. */
int slhi_os_map(size_t bytes, void **out);

/* Ends a reservation or mapping, whole. */
void slhi_os_unmap(void *memory, size_t bytes);

/* Makes part of a reservation readable and writable; it reads as zero where
 * it was never written. ENOMEM when the system has no mapping or memory
 * left; nothing has changed then. */
int slhi_os_commit(void *memory, size_t bytes);

/* Gives the pages of a committed range back; it stays accessible and reads
 * as zero. On an error some pages may be given back and others not. */
int slhi_os_decommit(void *memory, size_t bytes);

/* Counts the pages of the range that are in physical memory, in bytes. */
int slhi_os_resident(void *memory, size_t bytes, uint64_t *out);

#endif
