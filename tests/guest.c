/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The program that a guest runs, and its images. Its types are in guest-types.c, how two are
 * compared in guest-compare.c. */
#include "tests/guest.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t below(struct guest *guest, uint32_t bound)
{
  return (uint32_t)helper_below(&guest->random, bound);
}

/* ---- opening and closing ---- */

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct guest *guest = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, guest->roots, GUEST_ROOTS, "guest");
}

slh_pool *guest_pool(slh_pool_kind kind)
{
  slh_pool_options options = helper_pool_options(4);

  options.kind = kind;
  if (kind == SLH_POOL_DENSE)
    options.slot_bytes = 4096;
  options.max_heap_bytes = UINT64_C(16) << 20;
  return helper_pool(&options);
}

static slh_heap_options heap_options(struct guest *guest)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = guest->runtime;
  options.initial_bytes = 32 << 10;
  options.enumerate_roots = list_roots;
  options.host = guest;
  return options;
}

void guest_open(struct guest *guest, slh_runtime *runtime, slh_pool *pool, uint64_t seed)
{
  slh_heap_options options;

  memset(guest, 0, sizeof *guest);
  guest->runtime = runtime;
  guest->pool = pool;
  guest->random = seed;
  assert_true(guest_find_types(runtime, guest->types));
  options = heap_options(guest);
  assert_ok(slh_heap_acquire(pool, &options, &guest->heap));
  guest->without_weak = !collectors_have(slh_heap_collector(guest->heap), COLLECTORS_HAVE_WEAK);
  for (int i = 0; i < GUEST_WEAK && !guest->without_weak; i++)
    assert_ok(slh_weak_new(guest->heap, SLH_NULL, &guest->weak[i]));
  for (int i = 0; i < GUEST_TABLES && !guest->without_weak; i++)
    assert_ok(slh_ephemerons_new(guest->heap, &guest->tables[i]));
}

void guest_forgo_weak(struct guest *guest)
{
  if (guest->without_weak)
    return;
  for (int i = 0; i < GUEST_WEAK; i++)
    slh_weak_free(guest->heap, guest->weak[i]);
  for (int i = 0; i < GUEST_TABLES; i++)
    slh_ephemerons_free(guest->heap, guest->tables[i]);
  guest->without_weak = true;
}

void guest_suspend(struct guest *guest)
{
  slh_heap_release(guest->heap);
  guest->heap = NULL;
  memset(guest->roots, 0, sizeof guest->roots);
}

void guest_close(struct guest *guest)
{
  guest_suspend(guest);
  slh_pool_free(guest->pool);
  slh_runtime_free(guest->runtime);
}

void guest_verify(struct guest *guest)
{
  slh_roots *roots = NULL;
  slh_error error = {0};
  slh_status status;

  assert_ok(slh_roots_new(guest->runtime, &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, guest->roots, GUEST_ROOTS, "guest"));
  status = slh_heap_verify(guest->heap, roots, &error);
  slh_roots_free(roots);
  if (status != SLH_OK)
    fail_msg("%s: %s", slh_status_name(status), error.message);
}

void guest_collect(struct guest *guest)
{
  slh_status status = slh_heap_collect(guest->heap, NULL);

  if (collectors_have(slh_heap_collector(guest->heap), COLLECTORS_COLLECT))
    assert_ok(status);
}

/* ---- host data ---- */

static _Atomic int64_t data;

int64_t guest_data(void)
{
  return data;
}

static void drop(void *datum)
{
  free(datum);
  data--;
}

static void *new_datum(uint64_t number)
{
  uint64_t *datum = malloc(sizeof *datum);

  assert_non_null(datum);
  *datum = number;
  data++;
  return datum;
}

/* Functions, and what goes into images for them. */
static char functions[GUEST_FUNCTIONS];

const void *guest_function(int number)
{
  return &functions[number];
}

/* ---- objects ---- */

static slh_ref set_root(struct guest *guest, uint32_t root, slh_ref ref)
{
  slh_write_ref(guest->heap, &guest->roots[root], ref);
  return ref;
}

static uint32_t length_of(const struct guest *guest, slh_ref ref)
{
  uint32_t length = 0;

  assert_ok(slh_array_len(guest->heap, ref, &length));
  return length;
}

const slh_type *guest_type(const struct guest *guest, slh_ref ref)
{
  const slh_type *type = NULL;

  assert_ok(slh_object_type(guest->heap, ref, &type));
  return type;
}

uint32_t guest_cells(const struct guest *guest, slh_ref ref)
{
  const slh_type *type = guest_type(guest, ref);

  return type->kind == SLH_KIND_ARRAY ? length_of(guest, ref) : type->field_count;
}

slh_value guest_cell(const struct guest *guest, slh_ref ref, uint32_t i)
{
  slh_value value;

  if (guest_type(guest, ref)->kind == SLH_KIND_ARRAY)
    assert_ok(slh_array_get(guest->heap, ref, i, &value));
  else
    assert_ok(slh_struct_get(guest->heap, ref, i, &value));
  return value;
}

static void set_random(struct guest *guest, slh_ref ref, uint32_t i)
{
  slh_value value = guest_cell(guest, ref, i);
  uint64_t bits[2] = {helper_random(&guest->random), helper_random(&guest->random)};
  uint32_t number = 0;

  switch (value.storage) {
  case SLH_I8:
    value.integer = (int8_t)bits[0];
    break;
  case SLH_I16:
    value.integer = (int16_t)bits[0];
    break;
  case SLH_I32:
    value.integer = (int32_t)bits[0];
    break;
  case SLH_I64:
    value.integer = (int64_t)bits[0];
    break;
  case SLH_F32:
    value.f32 = (float)(int32_t)bits[0];
    break;
  case SLH_F64:
    value.f64 = (double)(int64_t)bits[0];
    break;
  case SLH_V128:
    memcpy(&value.v128, bits, sizeof bits);
    break;
  case SLH_REF:
    value.ref = bits[0] % 5 ? guest->roots[bits[1] % GUEST_ROOTS] : slh_i31((int32_t)bits[1]);
    break;
  case SLH_FUNCREF:
    if (bits[0] % 4)
      assert_ok(slh_funcref_intern(guest->heap, &functions[bits[1] % GUEST_FUNCTIONS], &number));
    value.integer = number;
    break;
  }
  if (guest_type(guest, ref)->kind == SLH_KIND_ARRAY)
    assert_ok(slh_array_set(guest->heap, ref, i, &value));
  else
    assert_ok(slh_struct_set(guest->heap, ref, i, &value));
}

slh_ref guest_new(struct guest *guest, uint32_t root, uint32_t type, uint32_t length)
{
  slh_ref ref = SLH_NULL;

  if (type >= GUEST_ARRAYS)
    assert_ok(slh_new_array(guest->heap, guest->types[type], length, &ref));
  else
    assert_ok(slh_new_struct(guest->heap, guest->types[type], &ref));
  return set_root(guest, root, ref);
}

slh_ref guest_new_externref(struct guest *guest, uint32_t root, uint64_t number)
{
  slh_ref ref = SLH_NULL;

  assert_ok(slh_new_externref(guest->heap, new_datum(number), drop, &ref));
  return set_root(guest, root, ref);
}

/* ---- steps ---- */

static void make(struct guest *guest, uint32_t root)
{
  uint32_t type = below(guest, GUEST_TYPES + 2), length = below(guest, below(guest, 9) ? 12 : 300);
  slh_ref ref;

  if (type >= GUEST_TYPES) {
    (void)guest_new_externref(guest, root, helper_random(&guest->random));
    return;
  }
  if (type == GUEST_BIG && below(guest, 4))
    type = GUEST_NODE;
  ref = guest_new(guest, root, type, length);
  length = guest_cells(guest, ref);
  if (below(guest, 4))
    for (uint32_t i = 0; i < length; i++)
      set_random(guest, ref, i);
}

static void change(struct guest *guest, slh_ref ref)
{
  uint32_t count = guest_cells(guest, ref);

  if (count != 0)
    set_random(guest, ref, below(guest, count));
}

static void follow(struct guest *guest, slh_ref ref, uint32_t to)
{
  uint32_t count = guest_cells(guest, ref);
  slh_value value;

  if (count == 0)
    return;
  value = guest_cell(guest, ref, below(guest, count));
  if (value.storage == SLH_REF)
    (void)set_root(guest, to, value.ref);
}

static void step(struct guest *guest)
{
  uint32_t what = below(guest, 16), a = below(guest, GUEST_ROOTS), b = below(guest, GUEST_ROOTS);
  uint32_t i = below(guest, GUEST_WEAK), table = below(guest, GUEST_TABLES);
  slh_ref ref = guest->roots[a], value;

  if (what < 6)
    make(guest, a);
  else if (what == 6)
    (void)set_root(guest, a, below(guest, 4) ? SLH_NULL : slh_i31((int32_t)below(guest, 1000)));
  else if (what == 7 && !guest->without_weak) {
    slh_weak_free(guest->heap, guest->weak[i]);
    assert_ok(slh_weak_new(guest->heap, ref, &guest->weak[i]));
  } else if (what == 8 && below(guest, 16) == 0)
    guest_collect(guest);
  else if (!slh_is_object(ref) || (guest->without_weak && what < 13))
    return;
  else if (what < 11)
    assert_ok(slh_ephemerons_set(guest->heap, guest->tables[table], ref, guest->roots[b]));
  else if (what == 11)
    (void)slh_ephemerons_remove(guest->heap, guest->tables[table], ref);
  else if (what == 12) {
    if (slh_ephemerons_get(guest->heap, guest->tables[table], ref, &value))
      (void)set_root(guest, b, value);
  } else if (what == 13)
    follow(guest, ref, b);
  else
    change(guest, ref);
}

void guest_run(struct guest *guest, uint64_t steps)
{
  while (steps-- > 0)
    step(guest);
}

/* ---- images ---- */

static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  static _Thread_local char text[32];

  (void)context;
  if (kind == SLH_HOST_DATA) {
    *bytes = value;
    *size = sizeof(uint64_t);
  } else {
    *bytes = text;
    *size =
        (size_t)snprintf(text, sizeof text, "function %d", (int)((const char *)value - functions));
  }
  return SLH_OK;
}

static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop_it)
{
  char text[32] = "";
  int number = -1;

  (void)context;
  if (kind == SLH_HOST_DATA) {
    uint64_t datum;

    if (size != sizeof datum)
      return SLH_E_BOUNDS;
    memcpy(&datum, bytes, sizeof datum);
    *value = new_datum(datum);
    *drop_it = drop;
    return SLH_OK;
  }
  if (size >= sizeof text)
    return SLH_E_BOUNDS;
  memcpy(text, bytes, size);
  if (sscanf(text, "function %d", &number) != 1 || number < 0 || number >= GUEST_FUNCTIONS)
    return SLH_E_BOUNDS;
  *value = &functions[number];
  return SLH_OK;
}

slh_image_options guest_image_options(slh_pool_kind kind)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;

  options.encode = encode;
  options.decode = decode;
  options.kind = kind;
  return options;
}

slh_image *guest_freeze(struct guest *guest)
{
  static const char *const names[] = {"first", NULL, "", "fourth", "a name with \303\274"};
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  slh_image_root roots[GUEST_ROOTS];
  slh_image_contents contents = {roots, GUEST_ROOTS, NULL, 0, NULL, 0};
  slh_image *image = NULL;
  slh_error error = {0};

  if (!guest->without_weak)
    contents = (slh_image_contents){roots,      GUEST_ROOTS,   guest->weak,
                                    GUEST_WEAK, guest->tables, GUEST_TABLES};
  for (size_t i = 0; i < GUEST_ROOTS; i++)
    roots[i] =
        (slh_image_root){i < sizeof names / sizeof *names ? names[i] : NULL, guest->roots[i]};
  if (slh_image_freeze(guest->heap, &contents, &options, &image, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  return image;
}

void guest_resume(struct guest *guest, const slh_image *image, bool resume)
{
  slh_heap_options options = heap_options(guest);
  slh_image_info info;
  slh_error error = {0};
  slh_ref named;

  slh_image_get_info(image, &info);
  guest->without_weak = info.weak == 0;
  options.image = image;
  options.resume = resume;
  if (slh_heap_acquire_within(guest->pool, &options, 0, &guest->heap, &error) != SLH_OK)
    fail_msg("%s: %s", slh_status_name(error.status), error.message);
  for (size_t i = 0; i < GUEST_ROOTS; i++) {
    const char *name = NULL;

    (void)set_root(guest, (uint32_t)i, slh_image_root_at(image, i, &name));
    assert_true(!name ||
                (slh_image_find_root(image, name, &named) && named.bits == guest->roots[i].bits));
  }
  for (size_t i = 0; i < info.weak; i++)
    guest->weak[i] = slh_heap_image_weak(guest->heap, i);
  for (size_t i = 0; i < info.ephemerons; i++)
    guest->tables[i] = slh_heap_image_ephemerons(guest->heap, i);
}
