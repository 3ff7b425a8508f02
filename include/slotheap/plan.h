/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Options of a pool, and the plan: what they come to on a host, before anything is
 * reserved.
 */
#ifndef SLOTHEAP_PLAN_H
#define SLOTHEAP_PLAN_H

#include <slotheap/base.h>
#include <slotheap/decommit.h>

SLH_BEGIN_DECLS

/* How a pool cuts its memory. */
typedef enum slh_pool_kind {
  /* Slots of 4 GiB of address space and a guard: any 32-bit reference plus a
   * field's offset stays in its slot, or faults. A heap's base never moves. Up
   * to some 30,000 heaps. */
  SLH_POOL_WIDE = 0,
  /* Slots of a power of two from 512 bytes up, side by side in one mapping.
   * Accesses are masked (dense.h), so that nothing leaves the slot. A heap that
   * outgrows its slot is moved to one of the next size: its base changes, unless
   * it is fixed (slh_heap_options). For up to millions of small heaps. */
  SLH_POOL_DENSE = 1
} slh_pool_kind;

/* How far a store is kept from the bytes of the store before it. */
typedef enum slh_isolation {
  /* Every byte that checked calls and inline allocation could have written
   * is scrubbed at release. What a store wrote beyond its bump pointer, through
   * wild references of unchecked code, stays, and new objects of the next store
   * can show it. For code that is trusted, or checks its references. */
  SLH_ISOLATION_SCRUB = 0,
  /* Also what lies beyond is dropped, wherever the slot was accessible: one
   * system call at each release. For hostile guests. */
  SLH_ISOLATION_STRICT = 1,
  /* Nothing is scrubbed: the stores of this pool trust each other. Fields of
   * objects allocated uninitialised can show old bytes of another store. */
  SLH_ISOLATION_NONE = 2
} slh_isolation;

/* Transparent huge pages for heaps. */
typedef enum slh_huge_pages {
  SLH_HUGE_SYSTEM = 0, /* as the system does it for all memory */
  SLH_HUGE_NEVER = 1,  /* not, whatever the system does: what is given back is given back exactly */
  SLH_HUGE_LARGE = 2   /* wide: asked for, for heaps from 4 MiB on; doc/residency.md */
} slh_huge_pages;

/*
 * Options of a pool. Zero in a field means its default, which for
 * enumerations is their first value. Sizes are in bytes and rounded up to the
 * host's page size.
 */
typedef struct slh_pool_options {
  size_t struct_size; /* sizeof(slh_pool_options), set by the initialiser */
  /* Heaps alive at a time. Default 1,000; 1 to 2^31. In a wide pool each takes
   * 4 GiB plus the guard of address space, and up to 2 of vm.max_map_count
   * mappings; in a dense one twice max_heap_bytes of address space. */
  uint64_t slots;
  /* The most a heap can ever hold. Wide: default and maximum 4 GiB - 64 KiB,
   * minimum one page. Dense: rounded up to a power of two, of which 8 bytes and the
   * guard are not for objects; default 16 times slot_bytes, maximum 2 GiB. */
  uint64_t max_heap_bytes;
  /* Wide: inaccessible bytes behind each slot: any 32-bit reference plus any
   * offset below this lands in the slot or faults. Default 1 MiB; at least
   * SLH_STRUCT_SIZE_MAX, at most 1 TiB. Dense: inaccessible bytes at the end of
   * each slot. Default none; slots must have 64 KiB or more, and twice the guard. */
  uint64_t guard_bytes;
  /* What a free slot keeps in memory, scrubbed; pages beyond it go back to
   * the system at release. Default 1 MiB; rounded up to a page. */
  uint64_t keep_resident_bytes;
  /* Collections that can run at a time; one more gets SLH_E_BUSY. Default
   * 16; 1 to 65,535. Each takes max_heap_bytes of address space. */
  uint64_t max_collections;
  /* What a free evacuation space keeps in memory. Default 32 MiB. */
  uint64_t keep_evacuation_bytes;
  /* What all heaps together may have beyond their initial sizes; more is
   * SLH_E_POOL_LIMIT. Default: no limit. */
  uint64_t budget_bytes;
  slh_isolation isolation;        /* of a store from the one before it */
  const slh_allocator *allocator; /* of the heaps' bookkeeping. NULL: slh_default_allocator() */
  slh_pool_kind kind;             /* how the memory is cut */
  /* Dense: bytes of the smallest slot, a power of two from 512 to 2 GiB. Default 64 KiB. */
  uint64_t slot_bytes;
  /* What released slots and evacuation spaces together may keep in memory; slots
   * smaller than a page do not count. Beyond it idle ones give up what they keep, then
   * the one that is being released. Default: no limit. */
  uint64_t resident_budget_bytes;
  /* Slots that stay free for so long, in milliseconds, give up what they keep, and
   * none before half of it: at calls of slh_pool_decay, or by a thread of the pool. Slots
   * smaller than a page do at each such call whose neighbours in the page are free, too.
   * Default 10,000. */
  uint64_t decay_ms;
  bool decay_thread;         /* whether the pool has that thread; see slh_pool_decay */
  slh_decommit decommit;     /* how pages go back to the system */
  slh_huge_pages huge_pages; /* whether heaps have them */
  /* Wide: cold heaps get pages before they touch them, from 64 KiB on a quarter
   * more at a time. Some 10% less time for cold heaps of a MiB; doc/residency.md. */
  bool populate;
} slh_pool_options;

/* All defaults. */
#define SLH_POOL_OPTIONS_INIT                                                                      \
  {                                                                                                \
    sizeof(slh_pool_options), 0, 0, 0, 0, 0, 0, 0, SLH_ISOLATION_SCRUB, NULL, SLH_POOL_WIDE, 0, 0, \
        0, false, SLH_DECOMMIT_AUTO, SLH_HUGE_SYSTEM, false                                        \
  }

/* What the options of a pool come to. */
typedef struct slh_pool_plan {
  slh_pool_kind kind;               /* as asked for */
  uint64_t page_bytes;              /* of the host */
  uint64_t slots;                   /* of each size */
  uint64_t sizes;                   /* of slots; wide: 1 */
  uint64_t max_heap_bytes;          /* as rounded */
  uint64_t guard_bytes;             /* page-rounded */
  uint64_t slot_stride_bytes;       /* from one slot to the next, of the smallest size */
  uint64_t lead_guard_bytes;        /* before the first slot */
  uint64_t slab_bytes;              /* address space of all slots */
  uint64_t keep_resident_bytes;     /* page-rounded, at most max_heap_bytes */
  uint64_t evacuation_spaces;       /* = max_collections */
  uint64_t evacuation_stride_bytes; /* from one space to the next */
  uint64_t evacuation_slab_bytes;   /* address space of all of them */
  uint64_t keep_evacuation_bytes;   /* page-rounded, at most max_heap_bytes */
  uint64_t mappings;                /* the most this pool can take, but for images */
  uint64_t budget_bytes;            /* this and what follows: as in the options, defaults put in */
  uint64_t resident_budget_bytes;   /* likewise */
  uint64_t decay_ms;                /* likewise */
  slh_isolation isolation;          /* likewise */
  slh_decommit decommit;            /* likewise */
  slh_huge_pages huge_pages;        /* likewise */
  bool populate;                    /* likewise */
} slh_pool_plan;

/* What the plan is made for. */
typedef struct slh_host_limits {
  uint64_t page_bytes;          /* a power of two from 4 KiB to 64 KiB */
  uint64_t address_space_bytes; /* what a process can reserve */
  uint64_t max_mappings;        /* vm.max_map_count; UINT64_MAX: no limit */
  bool light_guards;            /* a guard takes no mapping (Linux 6.13) */
} slh_host_limits;

/* Those of this host. Any thread. */
SLH_API void slh_host_limits_get(slh_host_limits *out);

/*
 * The layout that `options` (NULL: defaults) give on a host with `limits`
 * (NULL: this one). A pure function otherwise: reserves nothing. Any thread.
 * Errors: SLH_E_INVALID (an option out of its range), SLH_E_LIMIT (more
 * address space or mappings than the host has; the message names the limit
 * and how many slots would fit).
 */
SLH_API SLH_NODISCARD slh_status slh_pool_plan_new(const slh_pool_options *options,
                                                   const slh_host_limits *limits,
                                                   slh_pool_plan *out, slh_error *error);

SLH_END_DECLS

#endif
