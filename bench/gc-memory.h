/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What the workloads of `slotheap-bench trees` and its like are written in:
 * a few inline calls of which each system has its own, so that one source is
 * compiled for malloc, for a conservative collector and for slotheap, and none
 * of them pays for what it does not need.
 *
 * struct mem: the heap, and how far the stack of roots reaches. Passed by value
 *   through every function; empty where a system needs neither.
 * mem_ref, MEM_NULL: a reference.
 * MEM_HEADER: comes first in every struct that is an object. MEM_SPARE: an i32
 *   where a node of two references leaves room for one, else nothing.
 * mem_push(mem, ref): mem with one root more, for calls that may collect while
 *   ref is in use. mem_reload(mem, i, ref): ref after such a call, where it lies
 *   now: the root that was pushed i-th on mem.
 * mem_new(mem, type, bytes, &a, &b): an object of which no field is set. May
 *   collect; a and b (or NULL) live on, and are where they then are.
 * MEM_INIT, MEM_SET, MEM_GET(mem, TYPE, object, field[, value]): a reference in
 *   a new object, in any, and read. MEM_AT: an object's address, for its numbers.
 * mem_keep(mem, ref): ref, read out of an object, which is used after a write that can
 *   drop what it refers to.
 * mem_new_bytes, mem_bytes, mem_bytes_length: an array of bytes, uninitialised.
 * mem_new_refs, mem_get_item, mem_set_item: of references, null at first.
 * mem_global, mem_set_global: the program's global variables.
 * mem_drop(mem, ref): the program has no use for the object any more. Only
 *   where MEM_MANUAL is 1.
 * mem_piece, mem_piece_end: what is made with the result of the first is dropped
 *   at the second. With the null collector that is another heap, which is reset
 *   now and then.
 */
#ifndef BENCH_GC_MEMORY_H
#define BENCH_GC_MEMORY_H

#include <stdint.h>
#include <stdnoreturn.h>

#define MEM_INLINE static inline __attribute__((always_inline))
#define MEM_GLOBALS 8

/* What a struct holds, in the order of its members behind MEM_HEADER: r a
 * reference, i 32 bits, l 64 bits. */
struct mem_type {
  const char *name;
  const char *layout;
  uint32_t header; /* slotheap's; set by mem_register */
};

/* Ends the process with a line that says what failed. */
noreturn void mem_fail(const char *what);

#if defined MEM_SLOTHEAP
#include "gc-slotheap.h"
#elif defined MEM_BDWGC
#include "gc-bdwgc.h"
#else
#include "gc-malloc.h"
#endif

/* Once, before objects of the type are made; `bytes` is the struct's size. */
void mem_register(struct mem_type *type, size_t bytes);

#endif
