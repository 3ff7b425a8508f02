/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What `slotheap-bench image` is made of:
 *
 *   image.c          the command: arguments, cases, table
 *   image-graph.c    the objects, and what a store does with them
 *   image-ways.c     stores of this process: by copy, by mapping, built anew
 *   image-live.c     what many of them take in memory
 *   image-memory.c   what a process has in memory
 *   image-fork.c     an executable beside this one: a process for each store
 */
#ifndef BENCH_IMAGE_H
#define BENCH_IMAGE_H

#include <slotheap.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define IMAGE_STORES 1000   /* alive at a time */
#define IMAGE_PROCESSES 100 /* the same, where each is a process */

enum image_way {
  IMAGE_WAY_MEMCPY, /* the bytes, and nothing else */
  IMAGE_WAY_COPY,
  IMAGE_WAY_MAP,
  IMAGE_WAY_AUTO,
  IMAGE_WAY_BUILD, /* no image: the objects are allocated */
  IMAGE_WAY_FORK,
  IMAGE_WAYS
};

struct image_case {
  uint64_t bytes; /* of objects */
  uint32_t written;
  bool read;
  uint64_t keep; /* keep_resident_bytes of the pools; 0: the default */
};

/* Of a store, in nanoseconds. */
struct image_time {
  double start;
  double cycle;
};

/* Of a store, in bytes. */
struct image_live {
  double stores; /* so many were alive */
  double resident;
  double page_tables;
};

/* ---- the objects ---- */

/* Fills an empty heap with `bytes` bytes of linked objects. False: no memory. */
bool image_graph_build(slh_heap *heap, const slh_type *node, uint64_t bytes, slh_ref *last);

/* Whether all objects are there. Reads each. */
bool image_graph_is_whole(const slh_heap *heap, uint64_t bytes);

/* What a store does: reads all objects, if that is asked for; then one i32 field
 * is written in each of the pages that are to be written. */
void image_serve(slh_heap *heap, const struct image_case *what);

/* Pages that this makes a store's own. */
uint64_t image_pages_written(const struct image_case *what);

/* ---- stores of this process ---- */

struct image_bed {
  struct image_case what;
  slh_runtime *runtime;
  const slh_type *node;
  slh_pool *pools[IMAGE_WAYS]; /* of the ways that have any */
  slh_image *images[IMAGE_WAYS];
  slh_heap_options options[IMAGE_WAYS];
  bool mapped;     /* AUTO chose the mapping */
  char *from, *to; /* of memcpy */
};

/* False after a line on stderr; it is to be closed then, too. */
bool image_bed_open(struct image_bed *bed, const struct image_case *what);
void image_bed_close(struct image_bed *bed);

/* A store up to where it can work; NULL after a line on stderr. */
slh_heap *image_start(const struct image_bed *bed, enum image_way way);

/* One after the other for `at_least` nanoseconds; their mean. */
bool image_time(struct image_bed *bed, enum image_way way, uint64_t at_least,
                struct image_time *out);

/* Alive at a time: IMAGE_STORES, or as many as take `memory` bytes. */
bool image_live(struct image_bed *bed, enum image_way way, uint64_t memory, struct image_live *out);

/* ---- memory ---- */

struct image_memory {
  uint64_t own;       /* in no other process */
  uint64_t anonymous; /* in no file, those of images included */
  uint64_t page_tables;
};

/* Of a process. False if the system does not say. */
bool image_memory(pid_t process, struct image_memory *out);

/* How many stores of `bytes` bytes fit into `memory`, from 1 to `most`. */
uint32_t image_stores(uint64_t memory, uint64_t bytes, uint32_t most);

#endif
