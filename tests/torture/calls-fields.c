/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* access.h, the checked half: fields, elements, and many at a time. */
#include "tests/torture/torture.h"

static uint32_t random_index(struct torture *t)
{
  return one_in(t, 4) ? torture_bits(t) : (uint32_t)below(t, one_in(t, 3) ? 1200 : 12);
}

/* Of a storage that there is not, too: it must not be taken for another. */
static slh_value random_value(struct torture *t)
{
  slh_value value = {(slh_storage)below(t, SLH_FUNCREF + 1), {.integer = 0}};

  if (one_in(t, 2))
    value.storage = SLH_REF;
  if (value.storage == SLH_REF)
    value.ref = torture_ref(t);
  else
    value.integer = (int64_t)helper_random(&t->random);
  return value;
}

static void get_and_set(struct torture *t)
{
  slh_ref ref = torture_ref(t);
  uint32_t index = random_index(t);
  slh_value value = random_value(t);

  (void)CALL(t, slh_struct_set, (t->heap, ref, index, &value));
  (void)CALL(t, slh_array_set, (t->heap, ref, index, &value));
  (void)CALL(t, slh_struct_get, (t->heap, ref, index, &value));
  (void)CALL(t, slh_array_get, (t->heap, ref, index, &value));
}

static void fill(struct torture *t)
{
  slh_value value = random_value(t);

  (void)CALL(t, slh_array_fill,
             (t->heap, torture_ref(t), random_index(t), random_index(t), &value));
}

static void copy(struct torture *t)
{
  slh_ref to = torture_ref(t), from = one_in(t, 3) ? to : torture_ref(t);

  (void)CALL(t, slh_array_copy,
             (t->heap, to, random_index(t), from, random_index(t), random_index(t)));
  (void)CALL(t, slh_array_copy, (t->heap, to, 0, from, (uint32_t)below(t, 4), 4));
}

/* `bytes` has no more than that; the library cannot know how many there are. */
static void init(struct torture *t)
{
  static const char bytes[200 * 16] = {1, 2, 3, 4, 8, 16, 32, 64};

  (void)CALL(t, slh_array_init,
             (t->heap, torture_ref(t), random_index(t), (uint32_t)below(t, 200), bytes));
}

static void write_data(struct torture *t)
{
  static const slh_storage storages[] = {SLH_I8, SLH_REF, SLH_I64, SLH_V128};
  slh_storage storage = storages[below(t, 4)];
  uint32_t length = 0;
  char *data = NULL;

  if (CALL(t, slh_array_data, (t->heap, torture_ref(t), storage, (void **)&data, &length)) !=
      SLH_OK)
    return;
  REQUIRE(data >= byte_at(t, torture_first(t)));
  REQUIRE(data + (uint64_t)length * slh_storage_size(storage) <= byte_at(t, torture_end(t)));
  if (storage != SLH_REF)
    memset(data, (int)below(t, 256), length < 100 ? length : 100);
}

void torture_call_fields(struct torture *t)
{
  static void (*const calls[])(struct torture *) = {get_and_set, get_and_set, fill,
                                                    copy,        init,        write_data};

  calls[below(t, sizeof calls / sizeof *calls)](t);
}
