/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* How a store begins with an image. */
#include "lib/image.h"
#include "lib/growth.h"
#include "lib/hide.h"
#include "lib/policy.h"
#include "lib/tables.h"
#include "pool/os.h"

/*
 * What the two ways cost from start to release, in units of a page that is copied
 * to a slot that keeps its memory, and scrubbed there: 0.13 us where
 * doc/images.md measured all this, with pages of 4 KiB.
 */
#define COST_UNCACHED 3 /* such a page beyond CACHED */
#define COST_COLD 16    /* a copied page that the slot does not keep */
#define COST_MAPPING 7  /* a mapping of which nothing is written */
#define COST_WRITTEN 18 /* a page of it that is */

#define CACHED (UINT64_C(4) << 20)

/* The default of slh_pool_options.keep_resident_bytes. */
#define USUAL_KEEP (UINT64_C(1) << 20)

static uint64_t cost_of_copy(uint64_t bytes, uint64_t keep, uint64_t page)
{
  uint64_t kept = slhi_at_most(bytes, keep);
  uint64_t cached = slhi_at_most(kept, CACHED);

  return (cached + (kept - cached) * COST_UNCACHED + (bytes - kept) * COST_COLD) / page;
}

static uint64_t cost_of_mapping(uint64_t bytes, uint32_t written_percent, uint64_t page)
{
  return COST_MAPPING + (bytes / page * written_percent + 99) / 100 * COST_WRITTEN;
}

static bool is_for_mapping(const slh_image *image, uint64_t keep)
{
  uint64_t page = slhi_os_page_size();

  if (image->options.start != SLH_IMAGE_AUTO)
    return image->options.start == SLH_IMAGE_MAP;
  return cost_of_mapping(image->body.bytes, image->options.written_percent, page) <
         cost_of_copy(image->body.bytes, keep, page);
}

bool slhi_image_is_for_mapping(const slh_image *image)
{
  return is_for_mapping(image, USUAL_KEEP);
}

static bool is_mapped(const slh_image *image, const slh_pool *pool)
{
  return is_for_mapping(image, pool->plan.keep_resident_bytes) &&
         slhi_template_can_be_mapped(&image->body, pool);
}

/* ---- before there is a slot ---- */

/* Bytes of the largest heap. */
static uint64_t room(const slh_pool *pool, bool fixed)
{
  uint64_t most = pool->plan.max_heap_bytes;

  return fixed && slhi_pool_is_dense(pool) ? pool->heaps[0].max - SLH_DENSE_FIRST : most;
}

slh_status slhi_image_begin_check(slh_pool *pool, const slh_heap_options *options, slh_error *error)
{
  const slh_image *image = options->image;
  uint64_t bytes;

  slhi_check_image(image, "slh_heap_acquire or slh_heap_acquire_within");
  bytes = image->end - image->first;
  if (image->runtime != options->runtime)
    return slhi_error(error, SLH_E_INVALID, "slh_heap_options.image is of another runtime");
  if (image->options.kind != pool->plan.kind)
    return slhi_error(error, SLH_E_INVALID, "slh_heap_options.image is for %s pools, this is a %s",
                      image->options.kind == SLH_POOL_WIDE ? "wide" : "dense",
                      slhi_pool_is_dense(pool) ? "dense one" : "wide one");
  if (options->runtime->collector->counts && (image->weak.count != 0 || image->ephemerons != 0))
    return slhi_error(error, SLH_E_UNSUPPORTED,
                      "the image has weak references or ephemerons, which drc has not");
  if (bytes > room(pool, options->fixed))
    return slhi_error(error, SLH_E_TOO_LARGE,
                      "the image has %llu bytes, heaps of this pool at most %llu",
                      (unsigned long long)bytes, (unsigned long long)room(pool, options->fixed));
  if (options->resume && options->max_bytes != 0 && bytes > options->max_bytes)
    return slhi_error(error, SLH_E_LIMIT, "the image has %llu bytes, max_bytes is %llu",
                      (unsigned long long)bytes, (unsigned long long)options->max_bytes);
  return SLH_OK;
}

uint32_t slhi_image_begin_tag(const slh_heap_options *options)
{
  return options->tag ^ slhi_hash(options->image->body.id);
}

/* ---- the objects ---- */

/* The slot's first bytes are those of the image. */
static slh_status load(slh_heap *heap, const slh_image *image)
{
  struct slot *slot = slhi_heap_slot(heap);
  uint64_t bytes = image->end - (uint64_t)slot->slab->gap;
  bool map = is_mapped(image, slh_heap_pool(heap));
  bool is_there = map && slhi_slot_begins_with(slot, image->body.id);
  uint32_t stale = slot->slab->gap + slot->stale;
  slh_status status;

  if (slot->has_front && !is_there)
    slhi_slot_blank_front(slot);
  /* Nothing is there yet that would have to move. */
  heap->data.bump = image->first;
  heap->data.dirty = stale > image->first ? stale : image->first;
  status = slhi_heap_access(heap, image->end);
  if (status != SLH_OK) {
    heap->data.bump = heap->data.start;
    return status == SLH_E_LIMIT ? SLH_E_TOO_LARGE : status;
  }
  slhi_show_free(heap);
  if (!is_there)
    slhi_slot_begin_with(slhi_slot_memory(slot), &image->body, bytes, map);
  heap->data.bump = image->end;
  return SLH_OK;
}

/* Has the image's objects be those that the store has allocated. */
static slh_status adopt(slh_heap *heap, const slh_image *image)
{
  slh_status status = SLH_OK;

  if (image->end > heap->max)
    return SLH_E_LIMIT;
  heap->live = image->end - image->first;
  if (heap->data.bump + SLHI_NURSERY_BYTES > heap->soft)
    status = slhi_heap_move_soft(heap, heap->data.bump + heap->initial, heap->live);
  /* Room for more is a wish. */
  if (status != SLH_OK)
    status = heap->data.bump > heap->soft ? slhi_heap_move_soft(heap, heap->data.bump, heap->live)
                                          : SLH_OK;
  if (status == SLH_OK && heap->data.runtime->collector->generational)
    heap->data.young = image->end;
  return status;
}

/* ---- what goes with them ---- */

static slh_status decode(slh_heap *heap, const slh_image *image, const struct image_text *text)
{
  slh_drop_fn *drop = NULL;
  void *data = NULL;
  slh_status status =
      image->options.decode(image->options.context, SLH_HOST_DATA, image->texts.bytes + text->at,
                            text->size, &data, &drop);

  if (status == SLH_OK)
    slhi_host_data_add(&slhi_heap_tables(heap)->host, data, drop);
  return status;
}

static slh_status make_host_values(slh_heap *heap, const slh_image *image)
{
  const struct image_text *texts = image->externrefs.at;
  const void *const *functions = image->functions.at;
  slh_status status = SLH_OK;

  if (image->externrefs.count != 0) {
    /* A heap of host data that was frozen here can be without a way back. */
    if (!image->options.decode)
      return SLH_E_UNSUPPORTED;
    status = slhi_host_data_open(heap, image->externrefs.count);
  }
  for (uint32_t i = 0; i < image->externrefs.count && status == SLH_OK; i++)
    status = decode(heap, image, &texts[i]);
  for (uint32_t i = 0; i < image->functions.count && status == SLH_OK; i++)
    status = slhi_function_add(heap, functions[i]);
  return status;
}

static slh_status make_weak(slh_heap *heap, struct tables *tables, const slh_image *image)
{
  const slh_ref *refs = image->weak.at;
  slh_status status = SLH_OK;
  slh_weak weak;

  slhi_align_stamps(tables, image->weak.count);
  for (uint32_t i = 0; i < image->weak.count && status == SLH_OK; i++) {
    status = slh_weak_new(heap, refs[i], &weak);
    if (i == 0 && status == SLH_OK)
      tables->image.weak = weak.stamp;
  }
  tables->image.weak_count = image->weak.count;
  return status;
}

static slh_status make_ephemerons(slh_heap *heap, struct tables *tables, const slh_image *image)
{
  const struct image_entry *entries = image->entries.at;
  slh_status status = SLH_OK;
  slh_ephemerons table;

  slhi_align_stamps(tables, image->ephemerons);
  for (uint32_t i = 0; i < image->ephemerons && status == SLH_OK; i++) {
    status = slh_ephemerons_new(heap, &table);
    if (i == 0 && status == SLH_OK)
      tables->image.ephemerons = table.stamp;
  }
  tables->image.ephemerons_count = image->ephemerons;
  for (uint32_t i = 0; i < image->entries.count && status == SLH_OK; i++) {
    table.stamp = tables->image.ephemerons + entries[i].table;
    table.number = entries[i].table;
    status = slh_ephemerons_set(heap, table, entries[i].key, entries[i].value);
  }
  return status;
}

static bool has_tables(const slh_image *image)
{
  return image->externrefs.count != 0 || image->functions.count != 0 || image->weak.count != 0 ||
         image->ephemerons != 0;
}

static slh_status make_tables(slh_heap *heap, const slh_image *image, bool resume)
{
  struct tables *tables;
  slh_status status = slhi_tables(heap, &tables);

  if (status == SLH_OK)
    status = make_host_values(heap, image);
  if (status == SLH_OK)
    status = make_weak(heap, tables, image);
  if (status == SLH_OK)
    status = make_ephemerons(heap, tables, image);
  if (status != SLH_OK)
    return status;
  if (!resume)
    tables->host.image = tables->host.old = tables->host.used;
  if (heap->data.runtime->collector->generational) {
    tables->host.kept = tables->host.used;
    slhi_tables_promote(tables); /* nothing is young */
  }
  return SLH_OK;
}

slh_status slhi_image_begin(slh_heap *heap, const slh_heap_options *options)
{
  const slh_image *image = options->image;
  slh_status status;

  slhi_show_free(heap);
  if (!image) {
    slhi_slot_blank_front(slhi_heap_slot(heap));
    slhi_hide_free(heap);
    return SLH_OK;
  }
  status = load(heap, image);
  if (status == SLH_OK && options->resume)
    status = adopt(heap, image);
  else if (status == SLH_OK && !heap->data.runtime->collector->generational &&
           !slhi_heap_counts(heap))
    heap->data.young = image->first; /* no barrier: all of the image is looked through */
  if (status == SLH_OK && has_tables(image))
    status = make_tables(heap, image, options->resume);
  if (status == SLH_OK && options->resume && heap->data.runtime->collector->generational)
    slhi_heap_set_nursery(heap, slhi_policy_nursery(heap));
  slhi_heap_set_limit(heap);
  slhi_hide_free(heap);
  return status;
}

/* ---- handles ---- */

slh_weak slh_heap_image_weak(const slh_heap *heap, size_t number)
{
  const struct tables *tables = slhi_heap_tables(heap);

  if (!tables || number >= tables->image.weak_count)
    slhi_misuse("slh_heap_image_weak", "the heap began with no weak reference of number %zu",
                number);
  return (slh_weak){tables->image.weak + number, (uint32_t)number};
}

slh_ephemerons slh_heap_image_ephemerons(const slh_heap *heap, size_t number)
{
  const struct tables *tables = slhi_heap_tables(heap);

  if (!tables || number >= tables->image.ephemerons_count)
    slhi_misuse("slh_heap_image_ephemerons", "the heap began with no ephemeron table of number %zu",
                number);
  return (slh_ephemerons){tables->image.ephemerons + number, (uint32_t)number};
}
