/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Roots for hosts written in C: handles that keep an object alive and follow
 * it when it moves.
 *
 * Local roots belong to a frame and end with it; frames end in the reverse
 * order of their beginning. Owned roots live until they are freed, or until
 * the store ends. Using a handle after that, or with another heap, stops the
 * process with a message. Frames must be closed while their heap's pool is there.
 *
 * What does not collect needs no roots: slh_heap_make_room, or slh_heap_grow,
 * before a few slh_alloc_* that then cannot fail for want of room, leaves every
 * reference where it is. A host with a stack of its own can list it in enumerate_roots instead, at
 * no cost while nothing collects.
 *
 * All on the heap's thread. The storage counts against max_host_bytes.
 */
#ifndef SLOTHEAP_HANDLES_H
#define SLOTHEAP_HANDLES_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

/* A frame of local roots. On the host's stack; its members are the library's. */
typedef struct slh_frame {
  slh_heap *heap;    /* NULL once it is closed */
  uint64_t stamp;    /* that no other frame has had */
  uint64_t outer;    /* stamp of the frame around it */
  uint32_t first;    /* number of its first local root */
  slh_status status; /* of opening it */
} slh_frame;

/* A local root. Plain data; copy it freely. */
typedef struct slh_local {
  uint64_t stamp;  /* of its frame */
  uint32_t number; /* of it in the heap */
} slh_local;

/* An owned root. Plain data; copies are the same root. */
typedef struct slh_owned {
  uint64_t stamp;  /* that no other root has had */
  uint32_t number; /* of it in the heap */
} slh_owned;

/* Opens a frame. Errors: SLH_E_NOMEM, SLH_E_HOST_LIMIT. The frame remembers
 * them: slh_local_new returns what its opening came to, and it can be closed. */
SLH_API slh_status slh_frame_open(slh_heap *heap, slh_frame *frame);

/* Ends the frame and its local roots. It must be the innermost; closing it
 * again does nothing. A protected call that traps (trap.h) ends the frames that
 * were opened in it. */
SLH_API void slh_frame_close(slh_frame *frame);

/* Declares `name` and opens it; it closes itself where the block ends, however
 * that happens (but for longjmp). */
#define SLH_FRAME(name, heap_)                                                                     \
  __attribute__((cleanup(slh_frame_close))) slh_frame name;                                        \
  (void)slh_frame_open((heap_), &name)

/* Whether it was opened without an error, and not closed since. */
static inline bool slh_frame_is_open(const slh_frame *frame)
{
  return frame->heap != NULL && frame->status == SLH_OK;
}

/* Roots `ref` in the frame, which must be the innermost of its heap.
 * Errors: SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
SLH_API SLH_NODISCARD slh_status slh_local_new(slh_frame *frame, slh_ref ref, slh_local *out);

/* What the root refers to now. Valid until the next call that can collect. */
SLH_API slh_ref slh_local_get(const slh_heap *heap, slh_local local);
SLH_API void slh_local_set(slh_heap *heap, slh_local local, slh_ref ref);

/* Roots `ref` until slh_owned_free. Storage of freed roots is used again.
 * Errors: SLH_E_NOMEM, SLH_E_HOST_LIMIT. */
SLH_API SLH_NODISCARD slh_status slh_owned_new(slh_heap *heap, slh_ref ref, slh_owned *out);
SLH_API void slh_owned_free(slh_heap *heap, slh_owned owned);
SLH_API slh_ref slh_owned_get(const slh_heap *heap, slh_owned owned);
SLH_API void slh_owned_set(slh_heap *heap, slh_owned owned, slh_ref ref);

SLH_END_DECLS

#endif
