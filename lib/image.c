/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images in memory: their making, their end, and what they have. */
#include "lib/image.h"

#include <slotheap/image-info.h>

#include <stdlib.h>

#include "lib/bitmap.h"
#include "lib/object.h"
#include "pool/options.h"

#define FIRST_CAPACITY 16
#define FIRST_TEXT 256

#define DEFAULT_WRITTEN 10

slh_status slhi_image_options(const slh_image_options *given, slh_image_options *out,
                              slh_error *error)
{
  slh_status status = slhi_read_options("slh_image_options", given, out, sizeof *out, error);

  if (status != SLH_OK)
    return status;
  if ((unsigned)out->start > SLH_IMAGE_MAP)
    return slhi_error(error, SLH_E_INVALID, "start is %d, allowed are 0 to %d", (int)out->start,
                      (int)SLH_IMAGE_MAP);
  if (out->written_percent > 100)
    return slhi_error(error, SLH_E_INVALID, "written_percent is %u, allowed are 0 to 100",
                      (unsigned)out->written_percent);
  if ((unsigned)out->kind > SLH_POOL_DENSE)
    return slhi_error(error, SLH_E_INVALID, "kind is %d, allowed are 0 to %d", (int)out->kind,
                      (int)SLH_POOL_DENSE);
  if (out->written_percent == 0)
    out->written_percent = DEFAULT_WRITTEN;
  if (out->max_bytes == 0)
    out->max_bytes = UINT64_C(1) << 32;
  return SLH_OK;
}

/* ---- making ---- */

slh_status slhi_image_new(slh_runtime *runtime, const slh_image_options *options, uint64_t end,
                          slh_image **out, slh_error *error)
{
  slh_image *image = slhi_allocate(&runtime->allocator, sizeof *image);
  slh_status status;

  if (!image)
    return slhi_error(error, SLH_E_NOMEM, "no memory for an image");
  memset(image, 0, sizeof *image);
  image->runtime = runtime;
  image->options = *options;
  image->first = slhi_image_first(options->kind);
  /* Sealed memory costs a descriptor. */
  status =
      slhi_template_open(&image->body, end - slhi_image_lead(image),
                         options->kind == SLH_POOL_WIDE && options->start != SLH_IMAGE_COPY, error);
  if (status != SLH_OK) {
    slhi_free(&runtime->allocator, image);
    return status;
  }
  atomic_fetch_add_explicit(&runtime->images, 1, memory_order_relaxed);
  slhi_sign(&image->signature, SLHI_SIGNATURE_IMAGE);
  *out = image;
  return SLH_OK;
}

slh_status slhi_image_seal(slh_image *image, uint64_t end, slh_error *error)
{
  slh_status status;

  image->end = (uint32_t)end;
  status = slhi_template_seal(&image->body, end - slhi_image_lead(image), error);
  if (status == SLH_OK && !slhi_image_is_for_mapping(image))
    slhi_template_keep_private(&image->body);
  return status;
}

void slh_image_free(slh_image *image)
{
  const slh_allocator *allocator;
  slh_runtime *runtime;

  if (!image)
    return;
  slhi_check_image(image, "slh_image_free");
  slhi_spoil_signature(&image->signature);
  runtime = image->runtime;
  allocator = &runtime->allocator;
  slhi_template_close(&image->body);
  slhi_free(allocator, image->is_used);
  slhi_free(allocator, image->types.at);
  slhi_free(allocator, image->texts.bytes);
  slhi_free(allocator, image->roots.at);
  slhi_free(allocator, image->names.at);
  slhi_free(allocator, image->weak.at);
  slhi_free(allocator, image->entries.at);
  slhi_free(allocator, image->externrefs.at);
  slhi_free(allocator, image->functions.at);
  slhi_free(allocator, image);
  atomic_fetch_sub_explicit(&runtime->images, 1, memory_order_release);
}

void *slhi_list_add(const slh_allocator *allocator, struct image_list *list, size_t each)
{
  if (list->count == list->capacity) {
    uint64_t capacity = list->capacity ? 2 * (uint64_t)list->capacity : FIRST_CAPACITY;
    void *at = capacity <= UINT32_MAX ? slhi_resize(allocator, list->at, capacity * each) : NULL;

    if (!at)
      return NULL;
    list->at = at;
    list->capacity = (uint32_t)capacity;
  }
  return (char *)list->at + each * list->count++;
}

void *slhi_image_add(slh_image *image, struct image_list *list, size_t each)
{
  return slhi_list_add(&image->runtime->allocator, list, each);
}

/* Room for all types that there are now. */
static bool know_types(slh_image *image)
{
  uint32_t count = slhi_shapes(image->runtime).count;
  size_t before = slhi_bitmap_bytes(image->known), bytes = slhi_bitmap_bytes(count);
  char *larger = slhi_resize(&image->runtime->allocator, image->is_used, bytes);

  if (!larger)
    return false;
  memset(larger + before, 0, bytes - before);
  image->is_used = (uint64_t *)(void *)larger;
  image->known = count;
  return true;
}

bool slhi_image_use_type(slh_image *image, const slh_type *type)
{
  /* All runtimes have it. */
  if (type->kind == SLH_KIND_EXTERN)
    return true;
  if (type->index < image->known && slhi_bitmap_has(image->is_used, type->index))
    return true;
  for (uint32_t depth = 0; depth <= type->depth; depth++) {
    const slh_type *used = type->display[depth], **entry;

    if (used->index >= image->known && !know_types(image))
      return false;
    if (slhi_bitmap_has(image->is_used, used->index))
      continue;
    entry = slhi_image_add(image, &image->types, sizeof *entry);
    if (!entry)
      return false;
    *entry = used;
    slhi_bitmap_set(image->is_used, used->index);
  }
  return true;
}

bool slhi_texts_add(const slh_allocator *allocator, struct image_texts *texts, const void *bytes,
                    size_t size, struct image_text *out)
{
  uint64_t end = slhi_saturating_add(texts->size + UINT64_C(1), size);

  if (end > texts->capacity) {
    uint64_t capacity = texts->capacity ? texts->capacity : FIRST_TEXT;
    char *larger;

    while (capacity < end && capacity < UINT32_MAX)
      capacity *= 2;
    capacity = slhi_at_most(capacity, UINT32_MAX);
    larger = end <= capacity ? slhi_resize(allocator, texts->bytes, capacity) : NULL;
    if (!larger)
      return false;
    texts->bytes = larger;
    texts->capacity = (uint32_t)capacity;
  }
  *out = (struct image_text){texts->size, (uint32_t)size};
  if (size != 0)
    memcpy(texts->bytes + texts->size, bytes, size);
  texts->bytes[texts->size + size] = '\0';
  texts->size = (uint32_t)end;
  return true;
}

bool slhi_image_add_text(slh_image *image, const void *bytes, size_t size, struct image_text *out)
{
  return slhi_texts_add(&image->runtime->allocator, &image->texts, bytes, size, out);
}

/* ---- names ---- */

static const char *name_of(const slh_image *image, const struct image_root *root)
{
  return root->name != SLHI_NO_NAME ? image->texts.bytes + root->name : NULL;
}

static int compare_names(const void *a, const void *b, void *context)
{
  const slh_image *image = context;
  const struct image_root *roots = image->roots.at;

  return strcmp(name_of(image, &roots[*(const uint32_t *)a]),
                name_of(image, &roots[*(const uint32_t *)b]));
}

slh_status slhi_image_index_names(slh_image *image, slh_status twice, slh_error *error)
{
  const struct image_root *roots = image->roots.at;
  const uint32_t *names;

  for (uint32_t i = 0; i < image->roots.count; i++) {
    uint32_t *number;

    if (!name_of(image, &roots[i]))
      continue;
    number = slhi_image_add(image, &image->names, sizeof *number);
    if (!number)
      return slhi_error(error, SLH_E_NOMEM, "no memory for an image");
    *number = i;
  }
  names = image->names.at;
  if (image->names.count != 0)
    qsort_r(image->names.at, image->names.count, sizeof *names, compare_names, image);
  for (uint32_t i = 1; i < image->names.count; i++) {
    if (compare_names(&names[i - 1], &names[i], image) == 0)
      return slhi_error(error, twice, "two roots are named %s", name_of(image, &roots[names[i]]));
  }
  return SLH_OK;
}

/* ---- looking ---- */

static slh_image_info info_of(const slh_image *image)
{
  return (slh_image_info){
      .kind = image->options.kind,
      .bytes = image->end - image->first,
      .objects = image->objects,
      .types = image->types.count,
      .roots = image->roots.count,
      .weak = image->weak.count,
      .ephemerons = image->ephemerons,
      .entries = image->entries.count,
      .externrefs = image->externrefs.count,
      .functions = image->functions.count,
      .mapped = image->body.fd >= 0,
  };
}

void slh_image_get_info_sized(const slh_image *image, slh_image_info *out, size_t size)
{
  slh_image_info info;

  slhi_check_image(image, "slh_image_get_info");
  info = info_of(image);
  slhi_write_figures(out, size, &info, sizeof info);
}

slh_ref slh_image_root_at(const slh_image *image, size_t number, const char **name)
{
  const struct image_root *root;

  slhi_check_image(image, "slh_image_root_at");
  if (number >= image->roots.count)
    slhi_misuse("slh_image_root_at", "the image has %u roots, and number %zu is asked for",
                (unsigned)image->roots.count, number);
  root = (const struct image_root *)image->roots.at + number;
  if (name)
    *name = name_of(image, root);
  return root->ref;
}

bool slh_image_find_root(const slh_image *image, const char *name, slh_ref *out)
{
  const struct image_root *roots = image->roots.at;
  const uint32_t *names = image->names.at;
  uint32_t low = 0, high = image->names.count;

  slhi_check_image(image, "slh_image_find_root");
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;

    if (strcmp(name_of(image, &roots[names[middle]]), name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == image->names.count || strcmp(name_of(image, &roots[names[low]]), name) != 0)
    return false;
  *out = roots[names[low]].ref;
  return true;
}

void slh_image_walk(const slh_image *image, slh_visit_object_fn *visit, void *context)
{
  struct shapes shapes = slhi_shapes(image->runtime);
  const char *base = slhi_image_base(image);
  struct object object;
  bool go_on = true;

  slhi_check_image(image, "slh_image_walk");
  for (uint64_t at = image->first; at < image->end && go_on; at += object.bytes) {
    slh_ref ref = {(uint32_t)at};

    /* Checked when it was made, and sealed since. */
    if (!slhi_object_read(shapes, base + at, image->end - at, &object))
      return;
    go_on = visit(context, ref,
                  slh_runtime_type(image->runtime, object.shape->header >> SLHI_INDEX_SHIFT),
                  object.bytes);
  }
}
