/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What systems whose references are host addresses have in common of
 * gc-memory.h. Before it come mem_allocate, mem_allocate_refs, mem_allocate_bytes. */
#ifndef BENCH_GC_POINTERS_H
#define BENCH_GC_POINTERS_H

#include <stdbool.h>
#include <stddef.h>

typedef void *mem_ref;

struct mem {
};

#define MEM_NULL NULL
#define MEM_HEADER
#define MEM_SPARE(name)
#define MEM_SET_SPARE(mem, type, object, name, value) ((void)(value))

#define MEM_AT(mem, type, object) ((void)(mem), (type *)(object))
#define MEM_GET(mem, type, object, field) (MEM_AT(mem, type, object)->field)
#define MEM_SET(mem, type, object, field, value) (MEM_AT(mem, type, object)->field = (value))
#define MEM_INIT MEM_SET

struct mem_bytes {
  uint32_t length;
  char data[];
};

struct mem_refs {
  uint32_t length;
  mem_ref items[];
};

extern mem_ref mem_globals[MEM_GLOBALS];

MEM_INLINE bool mem_is_null(mem_ref ref)
{
  return ref == NULL;
}

MEM_INLINE bool mem_is_same(mem_ref a, mem_ref b)
{
  return a == b;
}

/* A stack of native frames is all that these systems need. */
MEM_INLINE struct mem mem_push(struct mem mem, mem_ref ref)
{
  (void)ref;
  return mem;
}

MEM_INLINE mem_ref mem_keep(struct mem mem, mem_ref ref)
{
  (void)mem;
  return ref;
}

MEM_INLINE mem_ref mem_reload(struct mem mem, unsigned i, mem_ref ref)
{
  (void)mem;
  (void)i;
  return ref;
}

MEM_INLINE void *mem_checked(void *memory)
{
  if (__builtin_expect(memory == NULL, 0))
    mem_fail("out of memory");
  return memory;
}

MEM_INLINE mem_ref mem_new(struct mem mem, const struct mem_type *type, size_t bytes, mem_ref *a,
                           mem_ref *b)
{
  (void)mem;
  (void)type;
  (void)a;
  (void)b;
  return mem_checked(mem_allocate(bytes));
}

MEM_INLINE mem_ref mem_new_bytes(struct mem mem, uint32_t length, mem_ref *a, mem_ref *b)
{
  struct mem_bytes *array = mem_checked(mem_allocate_bytes(sizeof *array + length));

  (void)mem;
  (void)a;
  (void)b;
  array->length = length;
  return array;
}

MEM_INLINE uint32_t mem_bytes_length(struct mem mem, mem_ref array)
{
  (void)mem;
  return ((struct mem_bytes *)array)->length;
}

/* Valid until the next call that may collect. */
MEM_INLINE char *mem_bytes(struct mem mem, mem_ref array)
{
  (void)mem;
  return ((struct mem_bytes *)array)->data;
}

MEM_INLINE mem_ref mem_new_refs(struct mem mem, uint32_t length, mem_ref *a, mem_ref *b)
{
  struct mem_refs *array =
      mem_checked(mem_allocate_refs(sizeof *array + (uint64_t)length * sizeof(mem_ref)));

  (void)mem;
  (void)a;
  (void)b;
  array->length = length;
  return array;
}

MEM_INLINE mem_ref mem_get_item(struct mem mem, mem_ref array, uint32_t index)
{
  (void)mem;
  return ((struct mem_refs *)array)->items[index];
}

MEM_INLINE void mem_set_item(struct mem mem, mem_ref array, uint32_t index, mem_ref value)
{
  (void)mem;
  ((struct mem_refs *)array)->items[index] = value;
}

MEM_INLINE mem_ref mem_global(struct mem mem, unsigned number)
{
  (void)mem;
  return mem_globals[number];
}

MEM_INLINE void mem_set_global(struct mem mem, unsigned number, mem_ref value)
{
  (void)mem;
  mem_globals[number] = value;
}

MEM_INLINE struct mem mem_piece(struct mem mem)
{
  return mem;
}

MEM_INLINE void mem_piece_end(struct mem piece)
{
  (void)piece;
}

#endif
