/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a compiler must know to emit code for heaps: one description for each collector and
 * kind of pool. All of it is constant, so code can be compiled before there is a runtime or a
 * pool. doc/embedding.md shows how it is used; emitted code follows heap-data.h.
 *
 * Of a type, slh_type has what is left: `header`, `size`, the fields' offsets.
 */
#ifndef SLOTHEAP_CODEGEN_H
#define SLOTHEAP_CODEGEN_H

#include <slotheap/base.h>
#include <slotheap/plan.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/* A field of slh_heap_data, unsigned: at so many bytes from the slh_heap *, and so wide. */
typedef struct slh_codegen_field {
  uint16_t at;    /* bytes */
  uint16_t bytes; /* 4 or 8 */
} slh_codegen_field;

/* How the address of `bytes` (1, 2, 4 or 8), `offset` bytes into an object, is made. */
typedef enum slh_codegen_address {
  /* base + zero-extended reference + offset, in 64 bits. */
  SLH_CODEGEN_ADDED = 0,
  /* base + ((uint32_t)(reference + offset) & mask & ~(bytes - 1)) */
  SLH_CODEGEN_MASKED = 1
} slh_codegen_address;

/* What writing a reference into an object takes, unless the object is new: no call that can
 * collect was made since it was allocated. Then it is always a plain store. */
typedef enum slh_codegen_barrier {
  /* A plain store. */
  SLH_CODEGEN_NO_BARRIER = 0,
  /* A store, then what heap-data.h says. `young`, `remembered`, `remembered_end`,
   * `header_logged` and `remembered_whole` are for that. */
  SLH_CODEGEN_REMEMBER = 1,
  /* A call of slh_counted_set in place of the store. References on a stack, barrier.h. A
   * plain store into a new object is only for references that are new, exposed or rooted. */
  SLH_CODEGEN_COUNT = 2
} slh_codegen_barrier;

/* All offsets and sizes are in bytes. */
typedef struct slh_codegen {
  slh_codegen_address address; /* how addresses are made */
  slh_codegen_barrier barrier; /* how references are written */

  /* Where a heap has what: see slh_heap_data. */
  slh_codegen_field base;           /* the address of offset 0 */
  slh_codegen_field bump;           /* the next free byte */
  slh_codegen_field limit;          /* where inline allocation ends */
  slh_codegen_field dirty;          /* from max(bump, dirty) on bytes are zero */
  slh_codegen_field mask;           /* of SLH_CODEGEN_MASKED */
  slh_codegen_field young;          /* of SLH_CODEGEN_REMEMBER */
  slh_codegen_field remembered;     /* likewise */
  slh_codegen_field remembered_end; /* likewise */

  /* References. */
  uint32_t reference_bytes; /* 4 */
  uint32_t null_bits;       /* the bits of null */
  uint32_t i31_tag;         /* these bits are set in an i31, and in nothing else */
  uint32_t i31_shift;       /* its integer is in the bits from there on */
  /* A field below this faults if the object is null. 0: none, null has to be tested for. */
  uint32_t null_faults_below;
  /* With SLH_CODEGEN_ADDED any 32 bits plus an offset below this stay in the slot or fault:
   * no bounds to check for structs. A pool with larger guards (slh_pool_plan.guard_bytes)
   * has as many more. With SLH_CODEGEN_MASKED every offset does, and this is UINT32_MAX. */
  uint32_t offsets_below;

  /* Objects: the header word comes first, 4 bytes. */
  uint32_t object_align;        /* sizes are rounded up to this, a power of two */
  uint32_t header_state;        /* bits of a header that are not its type's: clear them to
                                   compare it with slh_type.header */
  uint32_t header_logged;       /* of these: remembered, see SLH_CODEGEN_REMEMBER */
  uint32_t header_index_shift;  /* from this bit on is slh_type.index */
  uint32_t array_length_at;     /* 32 bits, unsigned */
  uint32_t array_data_at;       /* its first element */
  uint32_t exn_tag_instance_at; /* 32 bits */
  uint32_t exn_tag_index_at;    /* 32 bits */

  /* Objects up to this size can be tried inline: bump + size does not overflow. Larger ones
   * no heap has. */
  uint64_t inline_bytes_max;
  /* Arrays with more elements are remembered by slh_remember_element. */
  uint32_t remembered_whole;

  bool collects;     /* calls that allocate can collect: they are safepoints */
  bool moves;        /* and then objects move: references on a stack are rewritten */
  bool base_moves;   /* they can change `base` and `mask` (but of heaps that are `fixed`) */
  bool counts_roots; /* the host's own references need the second half of barrier.h */
} slh_codegen;

/* Fills `*out` as far as `size` goes, with zero what the library does not know. Any thread.
 * Errors: SLH_E_INVALID (no such collector or kind). */
SLH_API SLH_NODISCARD slh_status slh_codegen_describe_sized(slh_collector collector,
                                                            slh_pool_kind kind, slh_codegen *out,
                                                            size_t size);

/* The same, with the size that this header knows. */
static inline SLH_NODISCARD slh_status slh_codegen_describe(slh_collector collector,
                                                            slh_pool_kind kind, slh_codegen *out)
{
  return slh_codegen_describe_sized(collector, kind, out, sizeof *out);
}

SLH_END_DECLS

#endif
