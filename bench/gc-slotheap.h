/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * gc-memory.h for slotheap, as compiled code would use it: the heap and the
 * top of the stack of roots are in registers, allocation is inline, and a root
 * is stored only where it has to survive a call. slh_alloc_* never collects;
 * where it says that it is time, the roots at hand go on the stack, which
 * enumerate_roots lists.
 */
#ifndef BENCH_GC_SLOTHEAP_H
#define BENCH_GC_SLOTHEAP_H

#include <slotheap.h>

#define MEM_MANUAL 0

typedef slh_ref mem_ref;

struct mem {
  slh_heap *heap;
  slh_ref *top; /* of the stack of roots: the next free one */
};

#define MEM_NULL SLH_NULL
#define MEM_HEADER uint32_t header;
#define MEM_SPARE(name) int32_t name;
#define MEM_SET_SPARE(mem, type, object, name, value) (MEM_AT(mem, type, object)->name = (value))

#define MEM_AT(mem, type, object) ((type *)slh_address((mem).heap, object, 0))
#define MEM_GET(mem, type, object, field) slh_get_ref((mem).heap, object, offsetof(type, field))
#define MEM_SET(mem, type, object, field, value)                                                   \
  slh_set_ref((mem).heap, object, offsetof(type, field), value)
#define MEM_INIT(mem, type, object, field, value)                                                  \
  slh_init_ref((mem).heap, object, offsetof(type, field), value)

extern slh_ref mem_globals[MEM_GLOBALS];
extern const slh_type *mem_bytes_type;
extern const slh_type *mem_refs_type;

/* Collects or grows, as the heap's policy decides; the roots below `top` are
 * kept and follow. */
void mem_make_room(slh_heap *heap, slh_ref *top, uint64_t bytes);

struct mem mem_piece(struct mem mem);
void mem_piece_end(struct mem piece);

MEM_INLINE bool mem_is_null(mem_ref ref)
{
  return slh_is_null(ref);
}

MEM_INLINE bool mem_is_same(mem_ref a, mem_ref b)
{
  return slh_ref_equal(a, b);
}

MEM_INLINE struct mem mem_push(struct mem mem, mem_ref ref)
{
  *mem.top++ = ref;
  return mem;
}

/* Until the next collection: no program keeps one for longer without a root. */
MEM_INLINE mem_ref mem_keep(struct mem mem, mem_ref ref)
{
  return (slh_ref){slh_expose_ref(mem.heap, ref)};
}

MEM_INLINE mem_ref mem_reload(struct mem mem, unsigned i, mem_ref ref)
{
  (void)ref;
  return mem.top[i];
}

MEM_INLINE void mem_make_room_for(struct mem mem, uint64_t bytes, mem_ref *a, mem_ref *b)
{
  mem.top[0] = a != NULL ? *a : SLH_NULL;
  mem.top[1] = b != NULL ? *b : SLH_NULL;
  mem_make_room(mem.heap, mem.top + 2, bytes);
  if (a != NULL)
    *a = mem.top[0];
  if (b != NULL)
    *b = mem.top[1];
}

MEM_INLINE mem_ref mem_new(struct mem mem, const struct mem_type *type, size_t bytes, mem_ref *a,
                           mem_ref *b)
{
  /* A compiler for the guest would know both as constants. */
  const slh_type known = {.header = type->header, .size = (uint32_t)(bytes + 7) & ~7u};
  slh_ref object = SLH_NULL;

  while (SLH_UNLIKELY(slh_alloc_struct_uninit(mem.heap, &known, &object) != SLH_OK))
    mem_make_room_for(mem, known.size, a, b);
  return object;
}

MEM_INLINE mem_ref mem_new_bytes(struct mem mem, uint32_t length, mem_ref *a, mem_ref *b)
{
  slh_ref array = SLH_NULL;

  while (SLH_UNLIKELY(slh_alloc_array_uninit(mem.heap, mem_bytes_type, length, &array) != SLH_OK))
    mem_make_room_for(mem, slh_array_size(mem_bytes_type, length), a, b);
  return array;
}

MEM_INLINE uint32_t mem_bytes_length(struct mem mem, mem_ref array)
{
  return slh_array_length(mem.heap, array);
}

MEM_INLINE char *mem_bytes(struct mem mem, mem_ref array)
{
  return slh_address(mem.heap, array, SLH_ARRAY_DATA_OFFSET);
}

MEM_INLINE mem_ref mem_new_refs(struct mem mem, uint32_t length, mem_ref *a, mem_ref *b)
{
  slh_ref array = SLH_NULL;

  while (SLH_UNLIKELY(slh_alloc_array(mem.heap, mem_refs_type, length, &array) != SLH_OK))
    mem_make_room_for(mem, slh_array_size(mem_refs_type, length), a, b);
  return array;
}

MEM_INLINE mem_ref mem_get_item(struct mem mem, mem_ref array, uint32_t index)
{
  slh_ref item = SLH_NULL;

  if (slh_array_get_ref(mem.heap, array, index, &item) != SLH_OK)
    mem_fail("an index is out of bounds");
  return item;
}

MEM_INLINE void mem_set_item(struct mem mem, mem_ref array, uint32_t index, mem_ref value)
{
  if (slh_array_set_ref(mem.heap, array, index, value) != SLH_OK)
    mem_fail("an index is out of bounds");
}

MEM_INLINE mem_ref mem_global(struct mem mem, unsigned number)
{
  (void)mem;
  return mem_globals[number];
}

MEM_INLINE void mem_set_global(struct mem mem, unsigned number, mem_ref value)
{
  slh_write_ref(mem.heap, &mem_globals[number], value);
}

MEM_INLINE void mem_drop(struct mem mem, mem_ref ref)
{
  (void)mem;
  (void)ref;
}

#endif
