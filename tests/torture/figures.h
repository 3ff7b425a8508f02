/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What was done, and what came of it. Shared with the driver, which tells what a
 * child was about when it ended. */
#ifndef SLOTHEAP_TESTS_TORTURE_FIGURES_H
#define SLOTHEAP_TESTS_TORTURE_FIGURES_H

#include <slotheap.h>

#define CORRUPTIONS(X)                                                                             \
  X(flip_bit)                                                                                      \
  X(random_word)                                                                                   \
  X(plausible_word)                                                                                \
  X(other_header)                                                                                  \
  X(type_index)                                                                                    \
  X(kind)                                                                                          \
  X(header_state)                                                                                  \
  X(forwarded_anywhere)                                                                            \
  X(forwarded_to_object)                                                                           \
  X(as_it_was)                                                                                     \
  X(length_at_random)                                                                              \
  X(length_to_the_end)                                                                             \
  X(length_off_by_some)                                                                            \
  X(reference_at_random)                                                                           \
  X(reference_into_object)                                                                         \
  X(reference_beyond_heap)                                                                         \
  X(reference_misaligned)                                                                          \
  X(all_references_to_one)                                                                         \
  X(overlap_arrays)                                                                                \
  X(overlap_structs)                                                                               \
  X(overlap_larges)                                                                                \
  X(headers_everywhere)                                                                            \
  X(large_array)                                                                                   \
  X(externref_number)                                                                              \
  X(funcref_number)                                                                                \
  X(filler)                                                                                        \
  X(root)                                                                                          \
  X(move_block)                                                                                    \
  X(fill_block)                                                                                    \
  X(beyond_bump)                                                                                   \
  X(remembered_object)                                                                             \
  X(image_file)

/* Where in a store's life. */
#define PHASES(X)                                                                                  \
  X(mutator)                                                                                       \
  X(between_increments)                                                                            \
  X(before_reset)                                                                                  \
  X(before_release)

/* ---- calls, with the statuses that each may return ---- */

#define S_OK (1u << SLH_OK)
#define S_INVALID (1u << SLH_E_INVALID)
#define S_NOMEM (1u << SLH_E_NOMEM)
#define S_LIMIT (1u << SLH_E_LIMIT)
#define S_FULL (1u << SLH_E_FULL)
#define S_BUSY (1u << SLH_E_BUSY)
#define S_COLLECT (1u << SLH_E_COLLECT)
#define S_TOO_LARGE (1u << SLH_E_TOO_LARGE)
#define S_CORRUPT (1u << SLH_E_CORRUPT)
#define S_BOUNDS (1u << SLH_E_BOUNDS)
#define S_TYPE (1u << SLH_E_TYPE)
#define S_UNSUPPORTED (1u << SLH_E_UNSUPPORTED)
#define S_TRAP (1u << SLH_E_TRAP)
#define S_HOST_LIMIT (1u << SLH_E_HOST_LIMIT)
#define S_POOL_LIMIT (1u << SLH_E_POOL_LIMIT)
#define S_REFUSED (1u << SLH_E_REFUSED)

/* A heap that a collection found corrupt gets SLH_E_CORRUPT for an answer, but of
 * calls that have nothing to do with its objects, and those that look at their
 * arguments first. */
#define S_COLLECTS (1u << 29) /* can find that out, and says so by SLH_E_CORRUPT */
#define S_EVEN_IF_CORRUPT (1u << 30)
#define S_ARGUMENTS (1u << 31)

#define S_OBJECT (S_OK | S_TYPE | S_CORRUPT)
#define S_GROWTH (S_LIMIT | S_POOL_LIMIT | S_REFUSED)
#define S_COLLECTION (S_OK | S_BUSY | S_NOMEM | S_CORRUPT | S_COLLECTS)
/* With the null collector, slh_alloc_* grow. */
#define S_ALLOC (S_OK | S_COLLECT | S_TOO_LARGE | S_NOMEM | S_CORRUPT | S_GROWTH)
#define S_NEW (S_OK | S_BUSY | S_TOO_LARGE | S_NOMEM | S_CORRUPT | S_GROWTH | S_COLLECTS)
#define S_TABLE (S_OK | S_NOMEM | S_HOST_LIMIT | S_CORRUPT)

/* From an image, too; the image of a corrupt heap can be one that is not sound. */
#define S_ACQUIRE (S_OK | S_TOO_LARGE | S_NOMEM | S_HOST_LIMIT | S_GROWTH)

#define CALLS(X)                                                                                   \
  X(slh_heap_acquire, S_ACQUIRE | S_UNSUPPORTED)                                                   \
  X(slh_heap_acquire_within, S_ACQUIRE | S_UNSUPPORTED)                                            \
  X(slh_heap_reset, 0)                                                                             \
  X(slh_heap_release, 0)                                                                           \
  X(slh_heap_discard, 0)                                                                           \
  X(slh_object_type, S_OBJECT)                                                                     \
  X(slh_object_size, S_OBJECT)                                                                     \
  X(slh_object_range, S_OBJECT)                                                                    \
  X(slh_object_header, S_OBJECT)                                                                   \
  X(slh_object_data, S_OBJECT)                                                                     \
  X(slh_object_data_pair, S_OBJECT | S_INVALID)                                                    \
  X(slh_object_is, 0)                                                                              \
  X(slh_ref_is, 0)                                                                                 \
  X(slh_array_len, S_OBJECT)                                                                       \
  X(slh_exn_tag, S_OBJECT)                                                                         \
  X(slh_view_get, S_OK | S_BOUNDS | S_EVEN_IF_CORRUPT)                                             \
  X(slh_view_set, S_OK | S_BOUNDS | S_EVEN_IF_CORRUPT)                                             \
  X(slh_heap_index, S_OK | S_BOUNDS | S_CORRUPT)                                                   \
  X(slh_heap_slice, 0)                                                                             \
  X(slh_struct_get, S_OBJECT | S_BOUNDS)                                                           \
  X(slh_struct_set, S_OBJECT | S_BOUNDS)                                                           \
  X(slh_array_get, S_OBJECT | S_BOUNDS)                                                            \
  X(slh_array_set, S_OBJECT | S_BOUNDS)                                                            \
  X(slh_array_data, S_OBJECT)                                                                      \
  X(slh_array_copy, S_OBJECT | S_BOUNDS)                                                           \
  X(slh_array_fill, S_OBJECT | S_BOUNDS)                                                           \
  X(slh_array_init, S_OBJECT | S_BOUNDS)                                                           \
  X(slh_heap_protect, S_OK | S_TRAP | S_EVEN_IF_CORRUPT)                                           \
  X(slh_get, 0)                                                                                    \
  X(slh_set, 0)                                                                                    \
  X(slh_dense_get, 0)                                                                              \
  X(slh_dense_set, 0)                                                                              \
  X(slh_barrier, 0)                                                                                \
  X(slh_remember_object, 0)                                                                        \
  X(slh_remember_element, 0)                                                                       \
  X(slh_write_ref, 0)                                                                              \
  X(slh_expose_ref, 0)                                                                             \
  X(slh_counted_set, 0)                                                                            \
  X(slh_needs_collection_before, 0)                                                                \
  X(slh_find_address, 0)                                                                           \
  X(slh_alloc_raw, S_ALLOC | S_TYPE | S_UNSUPPORTED | S_ARGUMENTS)                                 \
  X(slh_dealloc, S_OBJECT)                                                                         \
  X(slh_alloc_struct, S_ALLOC | S_TYPE | S_ARGUMENTS)                                              \
  X(slh_alloc_struct_uninit, S_ALLOC)                                                              \
  X(slh_alloc_array, S_ALLOC | S_TYPE | S_ARGUMENTS)                                               \
  X(slh_alloc_array_uninit, S_ALLOC | S_TYPE | S_ARGUMENTS)                                        \
  X(slh_new_struct, S_NEW | S_TYPE | S_ARGUMENTS)                                                  \
  X(slh_new_struct_uninit, S_NEW)                                                                  \
  X(slh_new_array, S_NEW | S_TYPE | S_ARGUMENTS)                                                   \
  X(slh_new_array_uninit, S_NEW | S_TYPE | S_ARGUMENTS)                                            \
  X(slh_heap_extend, S_ALLOC)                                                                      \
  X(slh_heap_make_room, S_NEW)                                                                     \
  X(slh_heap_grow, S_OK | S_GROWTH | S_NOMEM | S_CORRUPT)                                          \
  X(slh_heap_bytes_needed, 0)                                                                      \
  X(slh_collection_begin, S_COLLECTION)                                                            \
  X(slh_collection_begin_young, S_COLLECTION)                                                      \
  X(slh_collection_step, S_OK | S_CORRUPT | S_COLLECTS)                                            \
  X(slh_collection_step_for, S_OK | S_CORRUPT | S_COLLECTS)                                        \
  X(slh_collection_abandon, S_OK | S_CORRUPT | S_COLLECTS)                                         \
  X(slh_collection_is_active, 0)                                                                   \
  X(slh_heap_collect, S_COLLECTION)                                                                \
  X(slh_heap_collect_young, S_COLLECTION)                                                          \
  X(slh_heap_collect_async, S_COLLECTION)                                                          \
  X(slh_heap_enter_no_gc, 0)                                                                       \
  X(slh_heap_leave_no_gc, 0)                                                                       \
  X(slh_heap_walk, S_OK | S_CORRUPT)                                                               \
  X(slh_heap_verify, S_OK | S_CORRUPT | S_NOMEM)                                                   \
  X(slh_heap_get_stats, 0)                                                                         \
  X(slh_frame_open, S_TABLE)                                                                       \
  X(slh_frame_close, 0)                                                                            \
  X(slh_local_new, S_TABLE)                                                                        \
  X(slh_local_get, 0)                                                                              \
  X(slh_local_set, 0)                                                                              \
  X(slh_owned_new, S_TABLE)                                                                        \
  X(slh_owned_free, 0)                                                                             \
  X(slh_owned_get, 0)                                                                              \
  X(slh_owned_set, 0)                                                                              \
  X(slh_weak_new, S_TABLE)                                                                         \
  X(slh_weak_free, 0)                                                                              \
  X(slh_weak_get, 0)                                                                               \
  X(slh_ephemerons_new, S_TABLE)                                                                   \
  X(slh_ephemerons_free, 0)                                                                        \
  X(slh_ephemerons_set, S_TABLE | S_TYPE)                                                          \
  X(slh_ephemerons_get, 0)                                                                         \
  X(slh_ephemerons_remove, 0)                                                                      \
  X(slh_finalizer_add, S_TABLE | S_TYPE | S_ARGUMENTS)                                             \
  X(slh_finalizer_poll, 0)                                                                         \
  X(slh_alloc_externref, S_ALLOC | S_TABLE)                                                        \
  X(slh_new_externref, S_NEW | S_TABLE)                                                            \
  X(slh_externref_data, S_OBJECT)                                                                  \
  X(slh_funcref_intern, S_TABLE)                                                                   \
  X(slh_funcref_function, S_OK | S_CORRUPT | S_EVEN_IF_CORRUPT)                                    \
  X(slh_image_freeze, S_OK | S_INVALID | S_UNSUPPORTED | S_CORRUPT | S_NOMEM)                      \
  X(slh_image_walk, 0)                                                                             \
  X(slh_image_write, S_OK | S_NOMEM | S_EVEN_IF_CORRUPT)                                           \
  X(slh_image_read,                                                                                \
    S_OK | S_CORRUPT | S_UNSUPPORTED | S_TYPE | S_TOO_LARGE | S_NOMEM | S_EVEN_IF_CORRUPT)         \
  X(slh_pool_get_stats, 0)                                                                         \
  X(slh_pool_visit_heaps, 0)                                                                       \
  X(slh_pool_decay, 0)                                                                             \
  X(slh_pool_trim, 0)

#define TORTURE_NAME(name, ...) TORTURE_##name,
enum corruption {
  CORRUPTIONS(TORTURE_NAME) TORTURE_CORRUPTIONS
};
#undef TORTURE_NAME

#define TORTURE_NAME(name, ...) PHASE_##name,
enum torture_phase {
  PHASES(TORTURE_NAME) TORTURE_PHASES
};
#undef TORTURE_NAME

#define TORTURE_NAME(name, ...) CALL_##name,
enum call {
  CALLS(TORTURE_NAME) TORTURE_CALLS
};
#undef TORTURE_NAME

#define TORTURE_STATUSES 17

struct figures {
  uint64_t rounds, corruptions;
  uint64_t by_kind[TORTURE_CORRUPTIONS];
  uint64_t by_phase[TORTURE_PHASES];
  uint64_t by_arena[16], by_world[8]; /* rounds */
  uint64_t calls[TORTURE_CALLS];
  uint64_t statuses[TORTURE_CALLS][TORTURE_STATUSES];
  uint64_t traps_in_callbacks;

  /* At this moment. */
  uint64_t round;
  enum call call;
  enum corruption last;
  enum torture_phase phase;
};

struct torture;

void torture_calling(struct figures *figures, enum call call);
void torture_visiting(struct figures *figures, enum call call);

/* Stops if the call may not return that. */
slh_status torture_called(struct torture *t, enum call call, slh_status status);

void torture_corrupted(struct torture *t, enum corruption corruption);

void torture_print_figures(const struct figures *figures);

/* Names as they are read. */
const char *torture_call_name(enum call call);
const char *torture_corruption_name(enum corruption corruption);
const char *torture_phase_name(enum torture_phase phase);

#endif
