/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "pool/pool-options.h"

#include "pool/decommit.h"
#include "pool/option-table.h"

static const char *const isolations[] = {"scrub", "strict", "none", NULL};
static const char *const kinds[] = {"wide", "dense", NULL};
static const char *const pages[] = {"system", "never", "large", NULL};

const char *const slhi_option_unlimited[2] = {"unlimited", NULL};

#define NUMBER(...) SLHI_NUMBER(slh_pool_options, __VA_ARGS__)
#define CHOICE(...) SLHI_CHOICE(slh_pool_options, __VA_ARGS__)
#define SWITCH(...) SLHI_SWITCH(slh_pool_options, __VA_ARGS__)

static const slh_option rows[] = {
    NUMBER(slots, COUNT, 1000, 1, UINT64_C(1) << 31, NULL, "Heaps alive at a time."),
    NUMBER(max_heap_bytes, BYTES, 0, 1, SLHI_MAX_HEAP_BYTES, NULL,
           "The most a heap can hold. Wide: 4194240K; dense: 16 times slot_bytes."),
    NUMBER(guard_bytes, BYTES, 0, 1, SLHI_GUARD_MOST, NULL,
           "Inaccessible, behind each slot. Wide: 1M, from 256K on; dense: none."),
    NUMBER(keep_resident_bytes, BYTES, SLHI_MIB, 1, UINT64_MAX - SLHI_MIB, NULL,
           "What a free slot keeps in memory."),
    NUMBER(max_collections, COUNT, 16, 1, 65535, NULL, "Collections that can run at a time."),
    NUMBER(keep_evacuation_bytes, BYTES, 32 * SLHI_MIB, 1, UINT64_MAX - SLHI_MIB, NULL,
           "What a free evacuation space keeps in memory."),
    NUMBER(budget_bytes, BYTES, UINT64_MAX, 1, UINT64_MAX, slhi_option_unlimited,
           "What all heaps together may have beyond their initial sizes."),
    CHOICE(isolation, isolations, "How far a store is kept from the bytes of the one before it."),
    CHOICE(kind, kinds, "Slots of 4 GiB of address space each, or small ones side by side."),
    NUMBER(slot_bytes, BYTES, 0, SLHI_DENSE_LEAST, SLHI_DENSE_MOST, NULL,
           "Dense: the smallest slot, a power of two; by default 64K."),
    NUMBER(resident_budget_bytes, BYTES, UINT64_MAX, 1, UINT64_MAX, slhi_option_unlimited,
           "What free slots and evacuation spaces together may keep in memory."),
    NUMBER(decay_ms, TIME, 10000, 1, UINT64_C(1) << 40, NULL,
           "After which free slots give up what they keep."),
    SWITCH(decay_thread, "Whether a thread of the pool sees to that."),
    CHOICE(decommit, slhi_decommit_names, "How pages go back to the system."),
    CHOICE(huge_pages, pages, "Whether heaps have huge pages."),
    SWITCH(populate, "Wide: cold heaps get pages before they touch them."),
};

const struct option_table slhi_pool_table = SLHI_OPTION_TABLE(slh_pool_options, rows);

slh_status slh_pool_options_parse(slh_pool_options *options, const char *text, slh_error *error)
{
  slh_pool_options known;

  return slhi_options_parse(&slhi_pool_table, options, &known, text, error);
}
