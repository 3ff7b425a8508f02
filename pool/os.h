/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The port of memory to an operating system: os-*.c are the only files that make memory
 * system calls. os-mmap.c is of all systems; os-linux.c and os-uring.c are of Linux,
 * os-posix.c of all others. What a system needs besides (files, faults, threads, forks) is
 * in CONTRIBUTING.md.
 *
 * Every address and size given here is a multiple of slhi_os_page_size(),
 * and lies in one reservation or mapping made here. Calls that return int
 * give 0 or an errno value. All are thread-safe.
 */
#ifndef SLOTHEAP_POOL_OS_H
#define SLOTHEAP_POOL_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

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

/* Ends a reservation or mapping, whole. Where the system cannot do that for want of a
 * mapping, the memory goes back at once and the addresses at a later call. */
void slhi_os_unmap(void *memory, size_t bytes);

/* Makes part of a reservation readable and writable; it reads as zero where
 * it was never written. ENOMEM when the system has no mapping or memory
 * left; nothing has changed then. */
int slhi_os_commit(void *memory, size_t bytes);

/* Gives the pages of a committed range back; it stays accessible and reads
 * as zero. On an error some pages may be given back and others not. */
int slhi_os_decommit(void *memory, size_t bytes);

/* The same for several ranges, by as few calls as can be. What has been done
 * is taken off the front of `ranges`: they become shorter, down to 0 bytes. On an
 * error the rest remains, of which some pages may be given back too. ENOSYS,
 * EPERM, EINVAL and others where the system does not have it. */
int slhi_os_decommit_many(struct iovec *ranges, uint32_t count);

/* Counts the pages of the range that are in physical memory, in bytes. ENOSYS where the
 * system does not tell. */
int slhi_os_resident(void *memory, size_t bytes, uint64_t *out);

/* Brings the pages of a committed range into memory, as writing to each would. */
int slhi_os_populate(void *memory, size_t bytes);

/* Asks for huge pages for a range, or for none. */
int slhi_os_huge(void *memory, size_t bytes, bool yes);

/* Makes part of a reservation fault on every access, and drops its contents;
 * it takes no mapping of its own. EINVAL where the system does not have it: use
 * slhi_os_protect_none. slhi_os_unguard undoes it: the range reads as zero. */
int slhi_os_guard(void *memory, size_t bytes);
int slhi_os_unguard(void *memory, size_t bytes);

/* Makes part of a reservation fault on every access. Contents stay; ENOMEM when
 * the system has no mapping left. slhi_os_commit undoes it. */
int slhi_os_protect_none(void *memory, size_t bytes);

/* ---- sealed memory ---- */

/* Memory of `bytes` bytes that can be mapped more than once, in a file without a
 * name; `*memory` is to be written. ENOSYS and others where there is none. */
int slhi_os_template_open(size_t bytes, int *fd, void **memory);

/* Ends the writing: keeps the first `kept` of `bytes` bytes (both multiples of a page),
 * and `*memory` is a read-only mapping of them. `*sealed`: nothing can change them from now
 * on; not so if the system refuses that, lacks the room, or a child has the memory, too. On an
 * error there is no mapping. */
int slhi_os_template_seal(int fd, size_t bytes, size_t kept, void **memory, bool *sealed);
void slhi_os_template_close(int fd);

/* Nothing writes to part of a mapping any more. */
int slhi_os_protect_writes(void *memory, size_t bytes);

/* Replaces committed memory by a private mapping of sealed memory, from its
 * start on. On an error nothing has changed. */
int slhi_os_map_template(void *memory, size_t bytes, int fd);

/* Drops what was written to that: it reads as the sealed memory again. On an error the
 * range reads as anything that was there; ENOSYS where the system does not have it. */
int slhi_os_renew_template(void *memory, size_t bytes);

/* Replaces that by committed memory which reads as zero. On an error nothing has
 * changed. */
int slhi_os_unmap_template(void *memory, size_t bytes);

/* ---- decommits that go on meanwhile ---- */

/*
 * A ring: decommits that a kernel thread does meanwhile. One thread uses a
 * ring at a time, and only in the process that opened it; a forked child may do
 * nothing but close its copy, which leaves the parent's alone.
 */
struct slhi_os_ring;

/* With room for `entries` decommits at a time. ENOSYS where there is none. */
int slhi_os_ring_open(uint32_t entries, struct slhi_os_ring **out);

/* What is in flight still happens, at some time. */
void slhi_os_ring_close(struct slhi_os_ring *ring);

/* Starts a decommit. On an error it has not been started and will not be:
 * EAGAIN, EBUSY, EINTR or ENOMEM for now, else for good. */
int slhi_os_ring_start(struct slhi_os_ring *ring, void *memory, size_t bytes, uint32_t token);

/* One that has ended: its token, and in `*result` what it came to, as
 * slhi_os_decommit would return it. EAGAIN: none has. With `wait` there must be one
 * in flight; it is waited for, even if the system refuses to wait. */
int slhi_os_ring_reap(struct slhi_os_ring *ring, bool wait, uint32_t *token, int *result);

/* What not every system has, or lets every process use. */
enum slhi_os_feature {
  SLHI_OS_DECOMMIT,      /* slhi_os_decommit, with zeroes behind it */
  SLHI_OS_DECOMMIT_MANY, /* slhi_os_decommit_many */
  SLHI_OS_POPULATE,
  SLHI_OS_RESIDENT,
  SLHI_OS_GUARD,
  SLHI_OS_RING,
  SLHI_OS_RING_WIDE /* a ring takes ranges of 4 GiB and more */
};

/* Tries it out at the first call; later ones remember what was found. */
bool slhi_os_has(enum slhi_os_feature feature);

/* ---- threads ---- */

/* Whether slhi_os_fence can be had; readies it. Once for the process. */
bool slhi_os_fence_open(void);

/* Makes every running thread of the process pass a full fence: what one did
 * before a mere compiler fence is seen after this call. Only if slhi_os_fence_open has
 * said that there is one. */
void slhi_os_fence(void);

#endif
