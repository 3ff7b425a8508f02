/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The ring of pool/os.h by io_uring, where liburing is there. */
#include "pool/os.h"

#include <errno.h>

#ifdef HAVE_LIBURING

#include <liburing.h>
#include <sys/mman.h>
#include <time.h>

/* The token of an entry that does nothing. */
#define NO_TOKEN UINT64_MAX

struct slhi_os_ring {
  struct io_uring uring;
};

static size_t ring_bytes(void)
{
  size_t page = (size_t)slhi_os_page_size();

  return (sizeof(struct slhi_os_ring) + page - 1) / page * page;
}

/* Kernels before 5.6 have rings without madvise. */
static bool can_advise(struct io_uring *uring)
{
  struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
  bool can = probe && io_uring_opcode_supported(probe, IORING_OP_MADVISE);

  if (probe)
    io_uring_free_probe(probe);
  return can;
}

int slhi_os_ring_open(uint32_t entries, struct slhi_os_ring **out)
{
  struct slhi_os_ring *ring;
  void *memory;
  int failed = slhi_os_map(ring_bytes(), &memory);

  if (failed)
    return failed;
  ring = memory;
  /* No polling thread, which would take a processor; completions are twice
   * as many as entries, so none is ever held back. */
  failed = -io_uring_queue_init(entries, &ring->uring, 0);
  if (!failed && !can_advise(&ring->uring)) {
    io_uring_queue_exit(&ring->uring);
    failed = ENOSYS;
  }
  if (failed) {
    slhi_os_unmap(ring, ring_bytes());
    return failed;
  }
  *out = ring;
  return 0;
}

void slhi_os_ring_close(struct slhi_os_ring *ring)
{
  io_uring_queue_exit(&ring->uring);
  slhi_os_unmap(ring, ring_bytes());
}

/* `len` has 32 bits. Since Linux 6.11 the unused offset can have the length. */
static void prepare(struct io_uring_sqe *entry, void *memory, size_t bytes)
{
  bool wide = bytes > UINT32_MAX;

  io_uring_prep_madvise(entry, memory, wide ? 0 : (off_t)bytes, MADV_DONTNEED);
  if (wide)
    entry->off = bytes;
}

/* An entry to fill in. What an earlier start left in the queue goes out first
 * if it fills it. */
static struct io_uring_sqe *new_entry(struct io_uring *uring)
{
  struct io_uring_sqe *entry = io_uring_get_sqe(uring);

  if (!entry && io_uring_submit(uring) >= 0)
    entry = io_uring_get_sqe(uring);
  return entry;
}

int slhi_os_ring_start(struct slhi_os_ring *ring, void *memory, size_t bytes, uint32_t token)
{
  struct io_uring_sqe *entry = new_entry(&ring->uring);
  int submitted;

  if (!entry)
    return EBUSY;
  prepare(entry, memory, bytes);
  entry->user_data = token;
  submitted = io_uring_submit(&ring->uring);
  if (io_uring_sq_ready(&ring->uring) == 0)
    return 0; /* the kernel has it, whatever it said */
  /* It stays in the queue and goes out with the next one, but does nothing
   * then. The kernel reads the queue in io_uring_submit only. */
  io_uring_prep_nop(entry);
  entry->user_data = NO_TOKEN;
  return submitted < 0 ? -submitted : EAGAIN;
}

/* For a kernel that will not let us wait: what is in flight ends all the same,
 * and says so in memory that is shared with us. */
static void nap(void)
{
  const struct timespec while_it_works = {.tv_nsec = 50000};

  nanosleep(&while_it_works, NULL);
}

static struct io_uring_cqe *next(struct io_uring *uring, bool wait)
{
  struct io_uring_cqe *event = NULL;

  while (io_uring_peek_cqe(uring, &event) != 0 && wait) {
    int failed = -io_uring_wait_cqe(uring, &event);

    if (!failed)
      break;
    if (failed != EINTR)
      nap();
  }
  return event;
}

int slhi_os_ring_reap(struct slhi_os_ring *ring, bool wait, uint32_t *token, int *result)
{
  for (;;) {
    struct io_uring_cqe *event = next(&ring->uring, wait);
    uint64_t data;

    if (!event)
      return EAGAIN;
    data = event->user_data;
    *result = event->res < 0 ? -event->res : 0;
    io_uring_cqe_seen(&ring->uring, event);
    if (data == NO_TOKEN)
      continue;
    *token = (uint32_t)data;
    return 0;
  }
}

#else

int slhi_os_ring_open(uint32_t entries, struct slhi_os_ring **out)
{
  return ENOSYS;
}

void slhi_os_ring_close(struct slhi_os_ring *ring)
{
}

int slhi_os_ring_start(struct slhi_os_ring *ring, void *memory, size_t bytes, uint32_t token)
{
  return ENOSYS;
}

int slhi_os_ring_reap(struct slhi_os_ring *ring, bool wait, uint32_t *token, int *result)
{
  return EAGAIN;
}

#endif
