/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A heap's reachable objects go into an image: Cheney's copying again, but the
 * heap stays as it is, so where an object went is noted beside it, a word for
 * each place where one can start. What is read from the heap is checked as in a
 * collection.
 */
#include "lib/counts.h"
#include "lib/bitmap.h"
#include "lib/find.h"
#include "lib/image.h"
#include "lib/tables.h"
#include "pool/os.h"

struct freezer {
  const slh_heap *heap;
  slh_image *image;
  struct shapes shapes;
  uint32_t first;     /* offset of the heap's first object */
  uint32_t *moved;    /* by (offset - first) / 8: where it is in the image, 0: nowhere yet */
  size_t moved_bytes; /* of that */
  char *to;           /* offset 0 of the image */
  uint64_t end;       /* of the image's memory */
  uint64_t free;      /* the next object goes there */
  uint64_t scan;      /* those before are done with */
  uint32_t *numbers;  /* of the heap's functions: those in the image, 0: none yet */
  slh_error *error;
};

static slh_status corrupt(const struct freezer *f, uint32_t ref)
{
  return slhi_error(f->error, SLH_E_CORRUPT, "the reference %#x is to no object of the heap",
                    (unsigned)ref);
}

static slh_status no_memory(const struct freezer *f)
{
  return slhi_error(f->error, SLH_E_NOMEM, "no memory for an image");
}

/* ---- references ---- */

/* Not slh_is_object: what is misaligned is corrupt. */
static bool is_small(slh_ref ref)
{
  return slh_is_null(ref) || slh_is_i31(ref);
}

static uint32_t *place_of(const struct freezer *f, uint32_t ref)
{
  return &f->moved[(ref - f->first) / SLHI_OBJECT_ALIGN];
}

static slh_status copy(struct freezer *f, uint32_t ref)
{
  const char *from = f->heap->data.base + ref;
  struct object object;

  if (!slhi_object_read(f->shapes, from, f->end - ref, &object) ||
      slhi_shape_kind(object.shape) == SLH_KIND_FILLER || object.bytes > f->end - f->free)
    return corrupt(f, ref);
  if (!slhi_image_use_type(f->image, slhi_object_type(f->heap, &object)))
    return no_memory(f);
  memcpy(f->to + f->free, from, object.bytes);
  slhi_store_word(f->to + f->free, object.shape->header);
  *place_of(f, ref) = (uint32_t)f->free;
  f->free += object.bytes;
  f->image->objects++;
  return SLH_OK;
}

/* Where what `ref` refers to is in the image; it is copied if need be. */
static slh_status reach(struct freezer *f, slh_ref *ref)
{
  slh_status status = SLH_OK;

  if (is_small(*ref))
    return SLH_OK;
  if (ref->bits % SLHI_OBJECT_ALIGN != 0 || ref->bits < f->first || ref->bits >= f->end)
    return corrupt(f, ref->bits);
  if (*place_of(f, ref->bits) == 0)
    status = copy(f, ref->bits);
  if (status == SLH_OK)
    ref->bits = *place_of(f, ref->bits);
  return status;
}

/* The same without copying: false if it was not reached. */
static bool find(const struct freezer *f, slh_ref *ref)
{
  if (is_small(*ref))
    return true;
  if (ref->bits % SLHI_OBJECT_ALIGN != 0 || ref->bits < f->first || ref->bits >= f->end ||
      *place_of(f, ref->bits) == 0)
    return false;
  ref->bits = *place_of(f, ref->bits);
  return true;
}

/* ---- host data ---- */

static slh_status freeze_function(struct freezer *f, char *at)
{
  uint32_t number = slhi_load_word(at);
  const struct tables *tables = slhi_heap_tables(f->heap);
  const void **function;

  if (number == 0)
    return SLH_OK;
  if (!tables || number > tables->functions.count)
    return slhi_error(f->error, SLH_E_CORRUPT, "a funcref field has number %u, which none has",
                      (unsigned)number);
  if (f->numbers[number - 1] == 0) {
    function = slhi_image_add(f->image, &f->image->functions, sizeof *function);
    if (!function)
      return no_memory(f);
    *function = tables->functions.functions[number - 1];
    f->numbers[number - 1] = f->image->functions.count;
  }
  slhi_store_word(at, f->numbers[number - 1]);
  return SLH_OK;
}

static slh_status freeze_externref(struct freezer *f, char *at)
{
  const slh_image_options *options = &f->image->options;
  const struct tables *tables = slhi_heap_tables(f->heap);
  uint32_t id = slhi_load_word(at + SLHI_EXTERN_ID_OFFSET);
  struct image_text *text;
  const void *bytes = NULL;
  size_t size = 0;
  slh_status status;

  if (!tables || id >= tables->host.capacity || tables->host.entries[id].place >= tables->host.used)
    return slhi_error(f->error, SLH_E_CORRUPT, "an externref has id %u, which no host data has",
                      (unsigned)id);
  if (!options->encode)
    return slhi_error(f->error, SLH_E_UNSUPPORTED,
                      "an externref is reachable, and slh_image_options.encode is NULL");
  status = options->encode(options->context, SLH_HOST_DATA, tables->host.entries[id].data, &bytes,
                           &size);
  if (status != SLH_OK)
    return slhi_error(f->error, status, "slh_image_options.encode: %s", slh_status_text(status));
  text = slhi_image_add(f->image, &f->image->externrefs, sizeof *text);
  if (!text || !slhi_image_add_text(f->image, bytes, size, text))
    return no_memory(f);
  slhi_store_word(at + SLHI_EXTERN_ID_OFFSET, f->image->externrefs.count - 1);
  return SLH_OK;
}

/* ---- objects ---- */

static slh_status scan_word(struct freezer *f, char *at)
{
  slh_ref ref = {slhi_load_word(at)};
  slh_status status = reach(f, &ref);

  slhi_store_word(at, ref.bits);
  return status;
}

/* What lies between the fields is not the store's: it goes nowhere. */
static slh_status scan_struct(struct freezer *f, const slh_type *type, char *at)
{
  slh_status status = SLH_OK;
  uint32_t end = 4;

  for (uint32_t i = 0; i < type->field_count && status == SLH_OK; i++) {
    const slh_field *field = &type->fields[i];

    if (field->offset != end)
      memset(at + end, 0, field->offset - end);
    end = field->offset + slh_storage_size(field->storage);

    if (field->storage == SLH_REF)
      status = scan_word(f, at + field->offset);
    else if (field->storage == SLH_FUNCREF)
      status = freeze_function(f, at + field->offset);
  }
  if (end != type->size)
    memset(at + end, 0, type->size - end);
  return status;
}

static slh_status scan_array(struct freezer *f, const slh_type *type, char *at)
{
  slh_storage storage = type->fields[0].storage;
  uint32_t length = slhi_load_word(at + SLH_ARRAY_LENGTH_OFFSET);
  uint64_t end = SLH_ARRAY_DATA_OFFSET + (uint64_t)length * type->size;
  slh_status status = SLH_OK;

  memset(at + end, 0, slhi_align_object(end) - end);
  if (storage != SLH_REF && storage != SLH_FUNCREF)
    return SLH_OK;
  at += SLH_ARRAY_DATA_OFFSET;
  for (uint32_t i = 0; i < length && status == SLH_OK; i++, at += 4)
    status = storage == SLH_REF ? scan_word(f, at) : freeze_function(f, at);
  return status;
}

/* All that was copied, and what that leads to. */
static slh_status scan(struct freezer *f)
{
  slh_status status = SLH_OK;

  while (f->scan < f->free && status == SLH_OK) {
    char *at = f->to + f->scan;
    uint32_t header = slhi_load_word(at);
    const slh_type *type = slh_runtime_type(f->heap->data.runtime, header >> SLHI_INDEX_SHIFT);

    /* Checked when it was copied, and out of anyone's reach since then. */
    f->scan += slhi_object_bytes(slhi_shape_of(f->shapes, header), slhi_load_word(at + 4));
    switch (type->kind) {
    case SLH_KIND_ARRAY:
      status = scan_array(f, type, at);
      break;
    case SLH_KIND_EXTERN:
      status = freeze_externref(f, at);
      break;
    default:
      status = scan_struct(f, type, at);
    }
  }
  return status;
}

/* ---- what goes with them ---- */

static slh_status freeze_root(struct freezer *f, const slh_image_root *root, size_t number)
{
  struct image_root *out = slhi_image_add(f->image, &f->image->roots, sizeof *out);
  struct image_text text = {SLHI_NO_NAME, 0};
  struct object object;

  if (!out)
    return no_memory(f);
  *out = (struct image_root){SLHI_NO_NAME, root->ref};
  if (!is_small(root->ref) && slhi_find_object(f->heap, root->ref, &object) != SLH_OK)
    return slhi_error(f->error, SLH_E_INVALID, "root %zu (%s) is %#x, where no object is", number,
                      root->name ? root->name : "no name", (unsigned)root->ref.bits);
  if (root->name) {
    if (!slhi_image_add_text(f->image, root->name, strlen(root->name), &text))
      return no_memory(f);
    out->name = text.at;
  }
  return reach(f, &out->ref);
}

/* One pass over the entries of those tables that go with the image: those whose
 * keys were reached meanwhile. `numbers` has the tables' numbers in the image,
 * plus 1; `taken` a bit for each entry. */
static slh_status freeze_entries(struct freezer *f, const uint32_t *numbers, uint64_t *taken,
                                 bool *more)
{
  const struct ephemerons *all = &slhi_heap_tables(f->heap)->ephemerons;
  slh_status status = SLH_OK;

  for (uint32_t i = 0; i < all->count && status == SLH_OK; i++) {
    struct image_entry entry = {numbers[all->entries[i].table] - 1, all->entries[i].key,
                                all->entries[i].value};
    struct image_entry *out;

    if (numbers[all->entries[i].table] == 0 || slhi_bitmap_has(taken, i) || !find(f, &entry.key))
      continue;
    slhi_bitmap_set(taken, i);
    *more = true;
    out = slhi_image_add(f->image, &f->image->entries, sizeof *out);
    if (!out)
      return no_memory(f);
    status = reach(f, &entry.value);
    *out = entry;
  }
  return status;
}

/* Values can lead to further keys. */
static slh_status freeze_ephemerons(struct freezer *f, const slh_image_contents *contents)
{
  const struct tables *tables = slhi_heap_tables(f->heap);
  const slh_allocator *allocator = &f->image->runtime->allocator;
  size_t taken_bytes, numbers_bytes;
  uint32_t *numbers;
  uint64_t *taken;
  slh_status status = SLH_OK;
  bool more = true;

  if (contents->ephemerons_count == 0)
    return SLH_OK;
  for (size_t i = 0; i < contents->ephemerons_count; i++)
    (void)slhi_handle_locate(tables ? &tables->ephemerons.tables.at : NULL,
                             contents->ephemerons[i].stamp, contents->ephemerons[i].number,
                             "slh_image_freeze");
  taken_bytes = slhi_bitmap_bytes(tables->ephemerons.count + UINT64_C(1));
  numbers_bytes = tables->ephemerons.tables.at.count * sizeof *numbers;
  taken = slhi_allocate(allocator, taken_bytes + numbers_bytes);
  if (!taken)
    return no_memory(f);
  memset(taken, 0, taken_bytes + numbers_bytes);
  numbers = (uint32_t *)(void *)((char *)taken + taken_bytes);
  for (size_t i = 0; i < contents->ephemerons_count; i++) {
    uint32_t *number = &numbers[contents->ephemerons[i].number];

    if (*number != 0)
      status = slhi_error(f->error, SLH_E_INVALID, "ephemeron tables %u and %zu are the same",
                          (unsigned)(*number - 1), i);
    *number = (uint32_t)i + 1;
  }
  f->image->ephemerons = (uint32_t)contents->ephemerons_count;
  while (more && status == SLH_OK) {
    more = false;
    status = freeze_entries(f, numbers, taken, &more);
    if (status == SLH_OK)
      status = scan(f);
  }
  slhi_free(allocator, taken);
  return status;
}

static slh_status freeze_weak(struct freezer *f, slh_weak weak)
{
  const struct tables *tables = slhi_heap_tables(f->heap);
  slh_ref ref = *slhi_handle_locate(tables ? &tables->weak.at : NULL, weak.stamp, weak.number,
                                    "slh_image_freeze");
  slh_ref *out = slhi_image_add(f->image, &f->image->weak, sizeof *out);

  if (!out)
    return no_memory(f);
  *out = find(f, &ref) ? ref : SLH_NULL;
  return SLH_OK;
}

static slh_status check_finalizers(const struct freezer *f)
{
  const struct tables *tables = slhi_heap_tables(f->heap);
  uint32_t count = 0;

  if (!tables || f->image->options.without_finalizers)
    return SLH_OK;
  for (uint32_t i = 0; i < tables->finalizers.count; i++) {
    slh_ref ref = tables->finalizers.refs[i];

    count += find(f, &ref);
  }
  for (uint32_t i = tables->queue.first; i < tables->queue.count; i++) {
    slh_ref ref = tables->queue.refs[i];

    count += find(f, &ref);
  }
  return count == 0 ? SLH_OK
                    : slhi_error(f->error, SLH_E_UNSUPPORTED,
                                 "%u objects have finalizers, which an image cannot; see "
                                 "slh_image_options.without_finalizers",
                                 (unsigned)count);
}

static slh_status freeze(struct freezer *f, const slh_image_contents *contents)
{
  slh_status status = SLH_OK;

  for (size_t i = 0; i < contents->root_count && status == SLH_OK; i++)
    status = freeze_root(f, &contents->roots[i], i);
  if (status == SLH_OK)
    status = slhi_image_index_names(f->image, SLH_E_INVALID, f->error);
  if (status == SLH_OK)
    status = scan(f);
  if (status == SLH_OK)
    status = freeze_ephemerons(f, contents);
  for (size_t i = 0; i < contents->weak_count && status == SLH_OK; i++)
    status = freeze_weak(f, contents->weak[i]);
  if (status == SLH_OK)
    status = check_finalizers(f);
  if (status == SLH_OK)
    status = slhi_image_seal(f->image, f->free, f->error);
  return status;
}

/* ---- the call ---- */

/* What it needs besides the image. */
static slh_status prepare(struct freezer *f)
{
  const struct tables *tables = slhi_heap_tables(f->heap);
  size_t functions = tables ? tables->functions.count * sizeof *f->numbers : 0;
  uint64_t places = (f->end - f->first) / SLHI_OBJECT_ALIGN + 1;
  void *memory;
  int failed;

  f->moved_bytes = slhi_round_up(places * sizeof *f->moved + functions, slhi_os_page_size());
  failed = slhi_os_map(f->moved_bytes, &memory);
  if (failed)
    return slhi_error_errno(f->error, SLH_E_NOMEM, failed, "mapping %zu bytes for freezing a heap",
                            f->moved_bytes);
  f->moved = memory;
  f->numbers = f->moved + places;
  return SLH_OK;
}

/* Callbacks of the host run meanwhile. */
static void set_busy(const slh_heap *heap, enum busy busy)
{
  slhi_heap_set_busy((slh_heap *)(uintptr_t)heap, busy);
}

slh_status slh_image_freeze(const slh_heap *heap, const slh_image_contents *contents,
                            const slh_image_options *given, slh_image **out, slh_error *error)
{
  slh_runtime *runtime = heap->data.runtime;
  struct freezer f = {.heap = heap, .error = error};
  slh_image_options options;
  slh_status status;

  slhi_require_idle(heap, "slh_image_freeze");
  if (heap->corrupt)
    return slhi_error(error, SLH_E_CORRUPT, "a collection found the heap corrupt");
  status = slhi_image_options(given, &options, error);
  if (status != SLH_OK)
    return status;
  options.kind = slh_heap_pool(heap)->plan.kind;
  f.shapes = slhi_shapes(runtime);
  f.first = slhi_heap_first(heap);
  f.end = slhi_heap_end(heap);
  status = prepare(&f);
  if (status != SLH_OK)
    return status;
  status = slhi_image_new(runtime, &options, f.end, &f.image, error);
  if (status == SLH_OK) {
    f.to = slhi_image_base(f.image);
    f.free = f.scan = f.first;
    set_busy(heap, BUSY_FREEZING);
    status = freeze(&f, contents);
    set_busy(heap, BUSY_NOT);
    if (status == SLH_OK)
      *out = f.image;
    else
      slh_image_free(f.image);
  }
  slhi_os_unmap(f.moved, f.moved_bytes);
  return status;
}
