/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Reading what may be damaged, and using whatever was read. */
#include "tests/image-sound.h"

static slh_error last;
static slh_runtime *runtime_of_last;

void image_sound_open(struct image_sound *sound)
{
  memset(sound, 0, sizeof *sound);
  for (unsigned i = 0; i < COLLECTORS; i++)
    sound->runtimes[i] = guest_runtime((slh_collector)i, i);
  sound->pools[0] = guest_pool(SLH_POOL_WIDE);
  sound->pools[1] = guest_pool(SLH_POOL_DENSE);
}

void image_sound_close(struct image_sound *sound)
{
  for (unsigned i = 0; i < 2; i++)
    slh_pool_free(sound->pools[i]);
  for (unsigned i = 0; i < COLLECTORS; i++)
    slh_runtime_free(sound->runtimes[i]);
}

slh_status image_sound_status(void)
{
  return last.status;
}

/* ---- a store ---- */

#define ROOTS 32

struct reading {
  slh_heap *heap;
  slh_ref roots[ROOTS];
  uint64_t objects;
};

static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct reading *reading = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, reading->roots, ROOTS, "reading");
}

/* All cells can be read, and say what there is. */
static bool read_object(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct reading *reading = context;
  uint32_t count = type->field_count;
  const void *function;
  slh_value value;
  void *data;

  (void)size;
  reading->objects++;
  if (type->kind == SLH_KIND_EXTERN)
    assert_ok(slh_externref_data(reading->heap, object, &data));
  if (type->kind == SLH_KIND_ARRAY)
    assert_ok(slh_array_len(reading->heap, object, &count));
  for (uint32_t i = 0; i < count; i++) {
    if (type->kind == SLH_KIND_ARRAY)
      assert_ok(slh_array_get(reading->heap, object, i, &value));
    else
      assert_ok(slh_struct_get(reading->heap, object, i, &value));
    if (value.storage == SLH_FUNCREF)
      assert_ok(slh_funcref_function(reading->heap, (uint32_t)value.integer, &function));
    if (value.storage == SLH_REF && slh_is_object(value.ref))
      assert_ok(slh_object_type(reading->heap, value.ref, &type));
    assert_ok(slh_object_type(reading->heap, object, &type));
  }
  return true;
}

static void verify(struct reading *reading)
{
  slh_roots *roots = NULL;
  slh_error error = {0};
  slh_status status;

  assert_ok(slh_roots_new(slh_heap_runtime(reading->heap), &roots));
  assert_ok(slh_roots_add(roots, SLH_ROOT_OTHER, reading->roots, ROOTS, "reading"));
  status = slh_heap_verify(reading->heap, roots, &error);
  slh_roots_free(roots);
  if (status != SLH_OK)
    fail_msg("%s: %s", slh_status_name(status), error.message);
}

static void use(struct reading *reading)
{
  slh_ref ref;
  slh_status status;

  verify(reading);
  assert_ok(slh_heap_walk(reading->heap, read_object, reading));
  for (int i = 0; i < 2; i++) {
    status = slh_heap_collect(reading->heap, NULL);
    if (collectors_have(slh_heap_collector(reading->heap), COLLECTORS_COLLECT))
      assert_ok(status);
    verify(reading);
    assert_ok(slh_new_externref(reading->heap, NULL, NULL, &ref));
  }
  assert_ok(slh_heap_walk(reading->heap, read_object, reading));
}

static void start(slh_pool *pool, const slh_image *image, bool resume)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  struct reading reading = {0};
  slh_image_info info;
  slh_status status;

  slh_image_get_info(image, &info);
  options.runtime = runtime_of_last;
  options.image = image;
  options.resume = resume;
  options.enumerate_roots = list_roots;
  options.host = &reading;
  options.max_host_bytes = 64 << 10;
  status = slh_heap_acquire(pool, &options, &reading.heap);
  /* Many tables can be had in a file for nothing, and not in a store; host data has the
   * host's own checks. */
  if (status == SLH_E_HOST_LIMIT || status == SLH_E_BOUNDS)
    return;
  if (status == SLH_E_UNSUPPORTED && info.weak + info.ephemerons != 0)
    return;
  assert_ok(status);
  for (uint64_t i = 0; i < info.roots && i < ROOTS; i++)
    slh_write_ref(reading.heap, &reading.roots[i], slh_image_root_at(image, (size_t)i, NULL));
  for (uint64_t i = 0; i < info.weak && i < 10; i++)
    (void)slh_weak_get(reading.heap, slh_heap_image_weak(reading.heap, (size_t)i));
  use(&reading);
  slh_heap_release(reading.heap);
}

/* ---- reading ---- */

static bool count_object(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  (void)object;
  (void)type;
  (void)size;
  ++*(uint64_t *)context;
  return true;
}

static void look_at(const slh_image *image)
{
  slh_image_info info;
  uint64_t objects = 0;
  slh_ref ref;

  slh_image_get_info(image, &info);
  slh_image_walk(image, count_object, &objects);
  assert_int_equal(objects, info.objects);
  for (uint64_t i = 0; i < info.roots; i++) {
    const char *name;

    ref = slh_image_root_at(image, (size_t)i, &name);
    assert_true(!name || slh_image_find_root(image, name, &ref));
  }
}

const char *image_sound_read(struct image_sound *sound, const struct image_bytes *bytes,
                             unsigned which)
{
  slh_image_options options = guest_image_options((slh_pool_kind)(which % 2));
  slh_image *image = NULL;
  slh_status status;

  memset(&last, 0, sizeof last);
  sound->reads++;
  runtime_of_last = sound->runtimes[which / 2 % COLLECTORS];
  options.start = which / (2 * COLLECTORS) % 2 ? SLH_IMAGE_MAP : SLH_IMAGE_COPY;
  status = image_bytes_read(runtime_of_last, bytes->at, bytes->size, &options, &image, &last);
  if (status != SLH_OK) {
    assert_int_equal(last.status, status);
    assert_null(image);
    assert_true(last.message[0] != '\0');
    return last.message;
  }
  sound->sound++;
  look_at(image);
  start(sound->pools[which % 2], image, false);
  start(sound->pools[which % 2], image, true);
  slh_image_free(image);
  return NULL;
}

/* ---- an example ---- */

static void link_to(struct guest *guest, slh_ref ref, uint32_t field, slh_ref to)
{
  slh_value value = {SLH_REF, {.ref = to}};

  assert_ok(slh_struct_set(guest->heap, ref, field, &value));
}

static void set_function(struct guest *guest, slh_ref ref, uint32_t i, bool array, int which)
{
  slh_value value = {SLH_FUNCREF, {0}};
  uint32_t number = 0;

  assert_ok(slh_funcref_intern(guest->heap, guest_function(which), &number));
  value.integer = number;
  if (array)
    assert_ok(slh_array_set(guest->heap, ref, i, &value));
  else
    assert_ok(slh_struct_set(guest->heap, ref, i, &value));
}

/*
 *   0  node   left: refs      right: null, and the first root
 *   1  node   left: sub       right: i31
 *   refs[3]   all, an externref, exn
 *   funcrefs[2], bytes[5]: values of ephemerons of both nodes
 */
struct image_bytes image_sound_example(void)
{
  slh_runtime *runtime = guest_runtime(SLH_COLLECTOR_COPYING, 0);
  slh_image_options options = guest_image_options(SLH_POOL_WIDE);
  slh_image_root roots[2] = {{"named", SLH_NULL}, {NULL, SLH_NULL}};
  struct guest guest;
  slh_image_contents contents = {roots, 2, guest.weak, 2, guest.tables, 2};
  struct image_bytes bytes;
  slh_image *image = NULL;
  slh_ref first, second, refs, all, sub, exn;

  guest_open(&guest, runtime, guest_pool(SLH_POOL_WIDE), 1);
  slh_heap_enter_no_gc(guest.heap);
  roots[0].ref = first = guest_new(&guest, 0, GUEST_NODE, 0);
  roots[1].ref = second = guest_new(&guest, 0, GUEST_NODE, 0);
  refs = guest_new(&guest, 0, GUEST_REFS, 3);
  sub = guest_new(&guest, 0, GUEST_SUB, 0);
  all = guest_new(&guest, 0, GUEST_ALL, 0);
  exn = guest_new(&guest, 0, GUEST_EXN, 0);
  link_to(&guest, first, 0, refs);
  link_to(&guest, second, 0, sub);
  link_to(&guest, second, 1, slh_i31(-5));
  link_to(&guest, sub, 3, all);
  assert_ok(slh_array_set_ref(guest.heap, refs, 0, all));
  assert_ok(slh_array_set_ref(guest.heap, refs, 1, guest_new_externref(&guest, 0, 7)));
  assert_ok(slh_array_set_ref(guest.heap, refs, 2, exn));
  link_to(&guest, exn, 2, guest_new_externref(&guest, 0, 8));
  set_function(&guest, all, 8, false, 3);
  set_function(&guest, exn, 3, false, 5);
  assert_ok(slh_ephemerons_set(guest.heap, guest.tables[0], first,
                               guest_new(&guest, 0, GUEST_FUNCREFS, 2)));
  set_function(&guest, guest.roots[0], 1, true, 3);
  assert_ok(slh_ephemerons_set(guest.heap, guest.tables[1], second,
                               guest_new(&guest, 0, GUEST_BYTES, 5)));
  slh_weak_free(guest.heap, guest.weak[0]);
  assert_ok(slh_weak_new(guest.heap, all, &guest.weak[0]));
  assert_ok(slh_image_freeze(guest.heap, &contents, &options, &image, NULL));
  bytes = image_bytes_of(image);
  slh_image_free(image);
  slh_heap_leave_no_gc(guest.heap);
  guest_close(&guest);
  return bytes;
}
