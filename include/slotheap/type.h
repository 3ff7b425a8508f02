/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * slh_type: what objects are made of. Types are registered with a runtime, which owns
 * them, before there are objects of them; all its heaps share them.
 */
#ifndef SLOTHEAP_TYPE_H
#define SLOTHEAP_TYPE_H

#include <slotheap/base.h>
#include <slotheap/runtime.h>

SLH_BEGIN_DECLS

/* What a field or an element holds. */
typedef enum slh_storage {
  SLH_I8 = 0,     /* a byte */
  SLH_I16 = 1,    /* 2 bytes */
  SLH_I32 = 2,    /* 4 bytes */
  SLH_I64 = 3,    /* 8 bytes */
  SLH_F32 = 4,    /* a float */
  SLH_F64 = 5,    /* a double */
  SLH_V128 = 6,   /* 16 bytes, aligned to 8: access it unaligned */
  SLH_REF = 7,    /* slh_ref, traced and rewritten by collections */
  SLH_FUNCREF = 8 /* the number of a host function; see host.h */
} slh_storage;

/* Bytes that a value of `storage` takes in an object. */
static inline uint32_t slh_storage_size(slh_storage storage)
{
  static const uint8_t size[16] = {1, 2, 4, 8, 4, 8, 16, 4, 4};
  return size[storage & 15];
}

/* Sixteen bytes without further meaning. */
typedef struct slh_v128 {
  uint8_t bytes[16]; /* in memory order */
} slh_v128;

/* What an object is. */
typedef enum slh_kind {
  SLH_KIND_FILLER = 1, /* dead bytes between objects */
  SLH_KIND_STRUCT = 2, /* fields */
  SLH_KIND_ARRAY = 3,  /* a length, and so many elements */
  SLH_KIND_EXTERN = 4, /* refers to host data; see host.h */
  SLH_KIND_EXN = 5     /* an exception: a struct that begins with its tag */
} slh_kind;

/* A field of a struct type, or what the elements of an array are. */
typedef struct slh_field {
  const char *name;    /* may be NULL */
  slh_storage storage; /* what it holds */
  uint32_t offset;     /* from the start of the object; set by the library */
} slh_field;

/*
 * A registered type. Read-only and owned by its runtime; lives as long as it.
 *
 * Every object starts with a 4-byte header word. The fields of a struct
 * follow from byte 4 in declaration order, each at its natural alignment (at
 * most 8), the whole rounded up to 8: so a subtype's layout extends its
 * supertype's. An array has its 32-bit length at byte 4 and its elements from
 * byte 8. Compiled code may write `header` itself.
 */
typedef struct slh_type {
  uint32_t header; /* header word of a new object of this type */
  uint32_t size;   /* struct: bytes of an object. Array: bytes of an element */
  slh_kind kind;   /* what its objects are */
  uint32_t index;  /* 1.., unique in its runtime */
  uint32_t depth;  /* supertypes it has, direct and indirect */
  /* display[i], 0 <= i <= depth: the supertype with depth i; the last is the
   * type itself (Cohen, "Type-extension type tests can be performed in
   * constant time", TOPLAS 13:4, 1991). */
  const struct slh_type *const *display;
  const struct slh_type *supertype; /* or NULL */
  const char *name;                 /* the library's copy; never NULL */
  uint32_t field_count;             /* an array has one: its element */
  const slh_field *fields;          /* in declaration order, supertypes' first */
} slh_type;

/* Bits of an object's header word that are the collector's; the others are
 * `header` of its type for as long as the object lives. */
#define SLH_HEADER_STATE 7u

/* The one of them that the write barrier sets: the object is remembered. */
#define SLH_HEADER_LOGGED 2u

/* Whether `type` is `of`, or a subtype of it. In constant time. */
static inline bool slh_type_is(const slh_type *type, const slh_type *of)
{
  return type->depth >= of->depth && type->display[of->depth] == of;
}

/* Where an array has its length, and its elements. */
#define SLH_ARRAY_LENGTH_OFFSET 4
#define SLH_ARRAY_DATA_OFFSET 8

/* Bytes that an array of `length` elements takes in a heap. */
static inline uint64_t slh_array_size(const slh_type *type, uint32_t length)
{
  return (SLH_ARRAY_DATA_OFFSET + (uint64_t)length * type->size + 7) & ~UINT64_C(7);
}

/* Largest struct, in bytes; every field offset is below it. A pool's guard is
 * never smaller, so a field of a wide slot never reaches a neighbour. */
#define SLH_STRUCT_SIZE_MAX (256u * 1024)

/* Types that one runtime can hold; the header has 26 bits for the index. */
#define SLH_TYPES_MAX ((1u << 26) - 1)

/*
 * Registers a struct type. `fields[i].offset` of the input is ignored; the
 * result has it. `supertype`, if not NULL, is a struct type of the same
 * runtime whose fields must be the first fields of this one, storage by
 * storage. `name` may be NULL. Names are copied. Two registrations with equal
 * contents give two types. Any thread.
 * Errors: SLH_E_INVALID (unknown storage, supertype of another runtime or
 * not a prefix), SLH_E_TOO_LARGE (more than SLH_STRUCT_SIZE_MAX bytes),
 * SLH_E_LIMIT (SLH_TYPES_MAX types), SLH_E_NOMEM.
 */
SLH_API SLH_NODISCARD slh_status slh_struct_type_new(slh_runtime *runtime, const char *name,
                                                     const slh_type *supertype,
                                                     const slh_field *fields, size_t field_count,
                                                     const slh_type **out, slh_error *error);

/*
 * Registers an exception type: a struct whose first two fields are its tag,
 * SLH_I32 each, the instance that defines it and its index there; `fields` is
 * the payload, and follows. As above. Errors: SLH_E_INVALID (unknown storage),
 * SLH_E_TOO_LARGE (with the tag more than SLH_STRUCT_SIZE_MAX bytes), SLH_E_LIMIT
 * (SLH_TYPES_MAX types), SLH_E_NOMEM.
 */
SLH_API SLH_NODISCARD slh_status slh_exn_type_new(slh_runtime *runtime, const char *name,
                                                  const slh_field *fields, size_t field_count,
                                                  const slh_type **out, slh_error *error);

/* Where an exception has the two parts of its tag. */
#define SLH_EXN_TAG_INSTANCE_OFFSET 4
#define SLH_EXN_TAG_INDEX_OFFSET 8

/* Registers an array type with elements of `element`. As above. Errors: SLH_E_INVALID
 * (unknown storage), SLH_E_LIMIT (SLH_TYPES_MAX types), SLH_E_NOMEM. */
SLH_API SLH_NODISCARD slh_status slh_array_type_new(slh_runtime *runtime, const char *name,
                                                    slh_storage element, const slh_type **out,
                                                    slh_error *error);

/* The type of all externrefs, in every runtime. */
SLH_API const slh_type *slh_externref_type(const slh_runtime *runtime);

/*
 * Unregisters and frees a type; its index can be given to another. Nobody may
 * use it meanwhile, or register a subtype of it. Any thread.
 * Errors: SLH_E_BUSY (a heap or an image of this runtime is alive: it may hold objects of
 * the type), SLH_E_INVALID (not a registered type of this runtime, or the
 * supertype of one that is).
 */
SLH_API SLH_NODISCARD slh_status slh_type_unregister(slh_runtime *runtime, const slh_type *type,
                                                     slh_error *error);

/* The type with that index, or NULL. Any thread; lock-free. */
SLH_API const slh_type *slh_runtime_type(const slh_runtime *runtime, uint32_t index);

SLH_END_DECLS

#endif
