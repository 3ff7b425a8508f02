/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The whole life of a pool, with a store of each collector in it, while system
 * calls and host allocations fail. Every call either does what it is for, or says
 * what was refused, changes nothing, and does it when it is asked again. At the
 * end nothing is left: no slot taken, no mapping, no descriptor, no byte. What is
 * wrong aborts.
 */
#ifndef SLOTHEAP_TESTS_LIFE_H
#define SLOTHEAP_TESTS_LIFE_H

#include "tests/collectors.h"
#include "tests/meter.h"

#define LIFE_STORES COLLECTORS /* one with each */

struct life;

struct life_options {
  slh_pool_kind kind;
  slh_decommit engine;
  bool decay_thread;
  bool fork; /* a child goes on with the pool, and is not left anything either */
  bool images;
  bool give_up; /* a store whose call was refused ends there, and does not ask again */
};

/* What can fail is set by faults_fail and the like, and in `meter->failing`;
 * the hook is that of meter_allocator. Returns how many calls were failed, those of
 * the child included. */
uint64_t life_run(const struct life_options *options, struct meter *meter);

/* ---- for its parts ---- */

struct life_store {
  struct life *life;
  slh_runtime *runtime;
  const slh_type *node;  /* {ref, ref, i32} */
  const slh_type *refs;  /* arrays of references */
  const slh_type *bytes; /* arrays of i8 */
  slh_collector collector;
  slh_heap *heap;
  slh_ref list; /* of nodes, whose values count down to 0 */
  int32_t length;
  slh_ref array;   /* of references, or null */
  uint32_t made;   /* externrefs */
  uint32_t drops;  /* of these */
  uint32_t queued; /* finalizers that were polled */
  slh_frame frame;
  /* What it has while it is used, or NULL. */
  slh_roots *roots;
  slh_image *image, *loaded;
  slh_heap *started; /* with an image */
  char folder[64];   /* "": none */
};

struct life {
  struct life_options options;
  slh_pool_options pool_options;
  struct meter *meter;
  slh_allocator allocator;
  slh_pool *pool;
  struct life_store stores[LIFE_STORES];
  uint64_t excused; /* failures before this one explain no refusal */
  bool can_give_up; /* by a jump to: */
  jmp_buf gives_up;
};

/* Calls failed until now. */
uint64_t life_failed(const struct life *life);

/* Nothing fails for now. */
void life_pause(const struct life *life, bool pause);

/* A call that was refused: something failed since there were `before` failures (in stores
 * whose collector does not forgive: since their use began), and the status says so. Nothing fails
 * from then on, until life_pause. */
void life_explain(const struct life *life, slh_status status, uint64_t before);

/* The same, where the call explains itself. */
void life_explain_error(const struct life *life, slh_status status, uint64_t before,
                        const slh_error *error);

/* After a call that was refused: ends the store's use, by a jump, if it is one that
 * gives up. */
void life_give_up(struct life *life);

/* What a call has taken and not given back. */
struct life_debts {
  uint64_t blocks;
  int64_t mapped_bytes;
};

struct life_debts life_debts(const struct life *life);
void life_require_same(const struct life *life, const struct life_debts *before);

/* A call that can be refused once, and has a local `error` to say why. */
#define LIFE_TRY_ERROR(life, call)                                                                 \
  do {                                                                                             \
    uint64_t before_ = life_failed(life);                                                          \
    slh_error error;                                                                               \
    slh_status status_;                                                                            \
                                                                                                   \
    memset(&error, 0x5a, sizeof error);                                                            \
    status_ = (call);                                                                              \
    if (status_ != SLH_OK) {                                                                       \
      life_explain_error((life), status_, before_, &error);                                        \
      life_give_up(life);                                                                          \
      status_ = (call);                                                                            \
      REQUIRE_EQUAL(status_, SLH_OK);                                                              \
      life_pause((life), false);                                                                   \
    }                                                                                              \
  } while (0)

/* The same, of what makes something: nothing is left of a failure. */
#define LIFE_MAKE(life, call)                                                                      \
  do {                                                                                             \
    uint64_t before_ = life_failed(life);                                                          \
    struct life_debts debts_ = life_debts(life);                                                   \
    slh_error error;                                                                               \
    slh_status status_;                                                                            \
                                                                                                   \
    memset(&error, 0x5a, sizeof error);                                                            \
    status_ = (call);                                                                              \
    if (status_ != SLH_OK) {                                                                       \
      life_explain_error((life), status_, before_, &error);                                        \
      life_require_same(life, &debts_);                                                            \
      life_give_up(life);                                                                          \
      status_ = (call);                                                                            \
      REQUIRE_EQUAL(status_, SLH_OK);                                                              \
      life_pause((life), false);                                                                   \
    }                                                                                              \
  } while (0)

/* A call that can be refused once. */
#define LIFE_TRY(life, call)                                                                       \
  do {                                                                                             \
    uint64_t before_ = life_failed(life);                                                          \
    slh_status status_ = (call);                                                                   \
                                                                                                   \
    if (status_ != SLH_OK) {                                                                       \
      life_explain((life), status_, before_);                                                      \
      life_give_up(life);                                                                          \
      status_ = (call);                                                                            \
      REQUIRE_EQUAL(status_, SLH_OK);                                                              \
      life_pause((life), false);                                                                   \
    }                                                                                              \
  } while (0)

/* What the store's collector has, of collectors.h. */
static inline bool life_has(const struct life_store *store, unsigned needed)
{
  return collectors_have(store->collector, needed);
}

/* life-store.c: what goes on in one store. */
void life_open_store(struct life_store *store);
void life_use_store(struct life_store *store);
void life_check_store(struct life_store *store);
void life_fill_store(struct life_store *store, int32_t nodes);
void life_close_store(struct life_store *store);
void life_make_externref(struct life_store *store, slh_ref *out);
void life_count_drop(void *store);

/* life-image.c: images of the store, stores that begin with them, and files. */
void life_use_images(struct life_store *store);
void life_end_images(struct life_store *store);

#endif
