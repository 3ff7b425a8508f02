/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Images: a heap frozen, with the roots that go with it, so that stores begin
 * with its objects already there; saved to a file and loaded, so that a store
 * is put away and taken up again, by another process too.
 *
 *   heap --freeze--> image --write--> file --read--> image --acquire--> heap
 *
 * To start many stores from a prelude: build it in a heap, freeze that, and
 * acquire heaps with slh_heap_options.image. What they begin with is
 * immortal: collections start behind it, look through it for references into
 * what they collect, and never move it, so that pages that a store does not
 * write stay shared. It counts neither as used nor against max_bytes.
 *
 * To suspend a store: freeze it with its roots, slh_image_write, release it. To
 * resume: slh_image_read, acquire with slh_heap_options.resume, take the
 * roots, free the image. The objects of a store that was resumed are its own:
 * collected, and counted, as if it had allocated them.
 *
 * An image is read-only, and usable by all threads at once. It belongs to a
 * runtime, whose types it uses, and is for pools of one kind. Stores that began
 * from it do not need it any more.
 */
#ifndef SLOTHEAP_IMAGE_H
#define SLOTHEAP_IMAGE_H

#include <slotheap/base.h>
#include <slotheap/heap.h>
#include <slotheap/pool.h>
#include <slotheap/ref.h>
#include <slotheap/weak.h>

SLH_BEGIN_DECLS

/* ---- host data ----
 *
 * An image has no pointers of the host. What externrefs and funcrefs refer to
 * goes in as bytes that the host makes of it, and comes out as what the host
 * makes of them.
 */

/* What kind of host data it is. */
typedef enum slh_host_kind {
  SLH_HOST_DATA = 0,    /* what an externref refers to */
  SLH_HOST_FUNCTION = 1 /* what a funcref field has the number of */
} slh_host_kind;

/* Gives the bytes for `value`, which the library copies before it calls again. Must
 * not use the heap. A status other than SLH_OK ends the call that asks, with that
 * status. Called on the thread of that call: by slh_image_freeze for data, once for
 * each externref; by slh_image_write and slh_image_save for functions. */
typedef slh_status slh_encode_fn(void *context, slh_host_kind kind, const void *value,
                                 const void **bytes, size_t *size);

/* Makes a value of such bytes. `*drop`, NULL at first, is for data, as that of
 * slh_new_externref. Called for functions by slh_image_read and slh_image_load;
 * for data whenever a store begins from the image, on that thread, once for each
 * externref: it must be thread-safe then, and usable as long as the image is. */
typedef slh_status slh_decode_fn(void *context, slh_host_kind kind, const void *bytes, size_t size,
                                 void **value, slh_drop_fn **drop);

/* ---- making images ---- */

/* How a store gets what it begins with. */
typedef enum slh_image_start {
  /* What doc/images.md measured to be faster for the image's size and
   * `written_percent`; small images are copied, whatever a pool keeps. */
  SLH_IMAGE_AUTO = 0,
  /* A copy of all of it. */
  SLH_IMAGE_COPY = 1,
  /* Wide pools: a private mapping of the image, copied page by page as the store
   * writes; the rest is shared by all stores. One more mapping a slot, which
   * slh_pool_plan.mappings does not count; and a descriptor for the image. Where that
   * cannot be had (no sealed memory, no mapping left, pools that populate, do
   * not isolate, or decommit by memset), a copy. */
  SLH_IMAGE_MAP = 2
} slh_image_start;

/* Options of freezing and of reading. Zero in a field means its default. */
typedef struct slh_image_options {
  size_t struct_size;    /* sizeof(slh_image_options), set by the initialiser */
  slh_encode_fn *encode; /* NULL: images of heaps with host data are refused */
  slh_decode_fn *decode; /* NULL: files with host data are refused */
  void *context;         /* of both */
  slh_image_start start; /* how stores get it */
  /* How much of the image a store writes to, for SLH_IMAGE_AUTO: 1 to 100, percent
   * of its pages; 64 KiB that are only read cost a mapping as much as two pages
   * written. 0: 10. */
  uint32_t written_percent;
  /* Freezing: the objects' finalizers are left out. Otherwise an image of objects
   * that have some is refused. */
  bool without_finalizers;
  /* Reading: the kind of the pools that it is for. Freezing: that of the heap's. */
  slh_pool_kind kind;
  /* Reading: registers the types that the runtime lacks, which stay even if the file
   * is refused then; otherwise such a file is refused. */
  bool register_types;
  uint64_t max_bytes; /* Reading: a larger file is refused. 0: 4 GiB */
} slh_image_options;

/* All defaults. */
#define SLH_IMAGE_OPTIONS_INIT                                                                     \
  {                                                                                                \
    sizeof(slh_image_options), NULL, NULL, NULL, SLH_IMAGE_AUTO, 0, false, SLH_POOL_WIDE, false, 0 \
  }

/* A reference that goes with an image. */
typedef struct slh_image_root {
  const char *name; /* may be NULL: it is found by its number */
  slh_ref ref;      /* null, an i31, or an object */
} slh_image_root;

/* All that goes into an image, with all that is reachable from it. What is
 * numbered is so in the order given. */
typedef struct slh_image_contents {
  const slh_image_root *roots;      /* these keep what they refer to */
  size_t root_count;                /* how many */
  const slh_weak *weak;             /* these do not */
  size_t weak_count;                /* how many */
  const slh_ephemerons *ephemerons; /* tables, with the entries whose keys are reached */
  size_t ephemerons_count;          /* how many */
} slh_image_contents;

/*
 * Makes an image of what is reachable from `contents`, side by side and without
 * what is not. The heap stays as it is. `options` may be NULL. The heap's thread.
 * Costs about twice the memory of what is reachable, for the time of the call.
 * Errors: SLH_E_INVALID (an option; two roots of one name; a root that is no
 * object), SLH_E_UNSUPPORTED (host data, and no `encode`; finalizers), SLH_E_CORRUPT,
 * SLH_E_NOMEM, SLH_E_SYSTEM, and what `encode` returns. The heap is untouched by
 * all of them.
 */
SLH_API SLH_NODISCARD slh_status slh_image_freeze(const slh_heap *heap,
                                                  const slh_image_contents *contents,
                                                  const slh_image_options *options, slh_image **out,
                                                  slh_error *error);

/* Frees an image. NULL is ignored. No call may be using it; stores that began
 * from it go on. Any thread. */
SLH_API void slh_image_free(slh_image *image);

/* ---- in a heap that began from an image ---- */

/* Weak reference and ephemeron table `number` of the image, made when the heap
 * was acquired: handles as those of weak.h, which the store can free. A number
 * that the image does not have stops the process with a message. */
SLH_API slh_weak slh_heap_image_weak(const slh_heap *heap, size_t number);
SLH_API slh_ephemerons slh_heap_image_ephemerons(const slh_heap *heap, size_t number);

SLH_END_DECLS

#endif
