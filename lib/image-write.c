/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images to files: all that is not the body is put together in memory first. */
#include <stdlib.h>

#include "lib/bitmap.h"
#include "lib/image-format.h"
#include "lib/image-types.h"
#include "pool/file.h"
#include "pool/new-file.h"

struct writer {
  const slh_image *image;
  struct known_types known;
  struct image_list types;     /* const slh_type *: supertypes first, then by index */
  uint64_t *chosen;            /* a bit for the index of each */
  struct image_texts texts;    /* a copy, which becomes longer */
  struct image_list functions; /* struct image_text */
  struct format_parts parts;   /* of `file` */
  char *file;                  /* all before the body */
  uint64_t bytes;              /* of that */
  slh_error *error;
};

static const slh_type **types_of(const struct writer *w)
{
  return w->types.at;
}

static slh_status no_memory(const struct writer *w)
{
  return slhi_error(w->error, SLH_E_NOMEM, "no memory for writing an image");
}

/* ---- types ---- */

static bool choose(struct writer *w, const slh_type *type)
{
  const slh_type **entry;

  if (slhi_bitmap_has(w->chosen, type->index))
    return true;
  slhi_bitmap_set(w->chosen, type->index);
  entry = slhi_list_add(&w->image->runtime->allocator, &w->types, sizeof *entry);
  if (entry)
    *entry = type;
  return entry != NULL;
}

/* What a type cannot be told without: its supertype, and those equal to it that come
 * first. A runtime that registers them all has them in the same order. */
static bool choose_more(struct writer *w, const slh_type *type)
{
  uint32_t count;
  const struct known_type *equal =
      slhi_known_types_find(&w->known, slhi_type_fingerprint(type), &count);
  bool chosen = !type->supertype || choose(w, type->supertype);

  for (uint32_t i = 0; i < count && equal[i].type != type && chosen; i++)
    chosen = choose(w, equal[i].type);
  return chosen;
}

static int compare(const void *a, const void *b)
{
  const slh_type *first = *(const slh_type *const *)a, *second = *(const slh_type *const *)b;

  if (first->depth != second->depth)
    return first->depth < second->depth ? -1 : 1;
  return first->index < second->index ? -1 : first->index > second->index;
}

static slh_status gather_types(struct writer *w)
{
  const slh_runtime *runtime = w->image->runtime;
  size_t bytes = slhi_bitmap_bytes(slhi_shapes(runtime).count);
  const slh_type *const *used = w->image->types.at;
  bool chosen = true;

  w->chosen = slhi_allocate(&runtime->allocator, bytes);
  if (!w->chosen)
    return no_memory(w);
  memset(w->chosen, 0, bytes);
  for (uint32_t i = 0; i < w->image->types.count && chosen; i++)
    chosen = choose(w, used[i]);
  for (uint32_t i = 0; i < w->types.count && chosen; i++)
    chosen = choose_more(w, types_of(w)[i]);
  if (!chosen)
    return no_memory(w);
  if (w->types.count != 0)
    qsort((void *)types_of(w), w->types.count, sizeof(slh_type *), compare);
  return SLH_OK;
}

/* ---- text ---- */

static bool add_name(struct writer *w, const char *name)
{
  struct image_text text;

  return !name ||
         slhi_texts_add(&w->image->runtime->allocator, &w->texts, name, strlen(name), &text);
}

/* In the order in which they are asked for again. */
static slh_status add_type_names(struct writer *w)
{
  bool added = true;

  for (uint32_t i = 0; i < w->types.count && added; i++) {
    const slh_type *type = types_of(w)[i];

    added = add_name(w, type->name);
    for (uint32_t j = 0; j < type->field_count && added; j++)
      added = add_name(w, type->fields[j].name);
  }
  return added ? SLH_OK : no_memory(w);
}

static slh_status add_functions(struct writer *w)
{
  const slh_image_options *options = &w->image->options;
  const void *const *functions = w->image->functions.at;
  const slh_allocator *allocator = &w->image->runtime->allocator;

  if (w->image->functions.count != 0 && !options->encode)
    return slhi_error(w->error, SLH_E_UNSUPPORTED,
                      "the image has functions, and slh_image_options.encode is NULL");
  for (uint32_t i = 0; i < w->image->functions.count; i++) {
    struct image_text *text = slhi_list_add(allocator, &w->functions, sizeof *text);
    const void *bytes = NULL;
    size_t size = 0;
    slh_status status =
        options->encode(options->context, SLH_HOST_FUNCTION, functions[i], &bytes, &size);

    if (status != SLH_OK)
      return slhi_error(w->error, status, "slh_image_options.encode: %s", slh_status_text(status));
    if (!text || !slhi_texts_add(allocator, &w->texts, bytes, size, text))
      return no_memory(w);
  }
  return SLH_OK;
}

static slh_status gather_text(struct writer *w)
{
  const struct image_texts *texts = &w->image->texts;
  struct image_text all;
  slh_status status = SLH_OK;

  /* In one piece: what the image says of places in it stays true. */
  if (texts->size != 0 && !slhi_texts_add(&w->image->runtime->allocator, &w->texts, texts->bytes,
                                          texts->size - 1, &all))
    status = no_memory(w);
  if (status == SLH_OK)
    status = add_type_names(w);
  if (status == SLH_OK)
    status = add_functions(w);
  return status;
}

/* ---- parts ---- */

static uint32_t number_of(const struct writer *w, const slh_type *type)
{
  const slh_type **found =
      bsearch((const void *)&type, (const void *)types_of(w), w->types.count, sizeof type, compare);

  return (uint32_t)(found - types_of(w)) + 1;
}

static uint32_t rank_of(const struct writer *w, const slh_type *type, uint64_t fingerprint)
{
  uint32_t count, rank = 0;
  const struct known_type *known = slhi_known_types_find(&w->known, fingerprint, &count);

  while (rank < count && known[rank].type != type)
    rank++;
  return rank;
}

/* The names follow one another from `*text` on. */
static uint32_t next_name(uint32_t *text, const char *name)
{
  uint32_t at = *text;

  if (!name)
    return SLHI_NO_NAME;
  *text += (uint32_t)strlen(name) + 1;
  return at;
}

static void write_types(const struct writer *w)
{
  uint32_t text = w->image->texts.size, next_field = 0;

  for (uint32_t i = 0; i < w->types.count; i++) {
    const slh_type *type = types_of(w)[i];
    struct format_type *out = &w->parts.types[i];

    out->fingerprint = slhi_type_fingerprint(type);
    out->rank = rank_of(w, type, out->fingerprint);
    out->header = type->header;
    out->supertype = type->supertype ? number_of(w, type->supertype) : 0;
    out->name = next_name(&text, type->name);
    out->first_field = next_field;
    out->field_count = type->field_count;
    for (uint32_t j = 0; j < type->field_count; j++) {
      struct format_field *field = &w->parts.fields[next_field++];

      field->name = next_name(&text, type->fields[j].name);
      field->storage = (uint32_t)type->fields[j].storage;
    }
  }
}

static void write_references(const struct writer *w)
{
  const slh_image *image = w->image;
  const struct image_root *roots = image->roots.at;
  const slh_ref *weak = image->weak.at;
  const struct image_entry *entries = image->entries.at;

  for (uint32_t i = 0; i < image->roots.count; i++)
    w->parts.roots[i] = (struct format_root){roots[i].name, roots[i].ref.bits};
  for (uint32_t i = 0; i < image->weak.count; i++)
    w->parts.weak[i] = (struct format_weak){weak[i].bits, 0};
  for (uint32_t i = 0; i < image->entries.count; i++)
    w->parts.entries[i] =
        (struct format_entry){entries[i].table, entries[i].key.bits, entries[i].value.bits, 0};
}

static void write_texts(struct format_text *out, const struct image_list *list)
{
  const struct image_text *texts = list->at;

  for (uint32_t i = 0; i < list->count; i++)
    out[i] = (struct format_text){texts[i].at, texts[i].size};
}

static struct format_header make_header(const struct writer *w)
{
  const slh_image *image = w->image;
  struct format_header header = {
      .magic = SLHI_FORMAT_MAGIC,
      .version = SLHI_FORMAT_VERSION,
      .byte_order = SLHI_FORMAT_BYTE_ORDER,
      .body_bytes = image->end - image->first,
      .objects = image->objects,
      .first = image->first,
      .types = w->types.count,
      .roots = image->roots.count,
      .weak = image->weak.count,
      .ephemerons = image->ephemerons,
      .entries = image->entries.count,
      .externrefs = image->externrefs.count,
      .functions = image->functions.count,
      .text_bytes = w->texts.size,
  };

  for (uint32_t i = 0; i < w->types.count; i++)
    header.fields += types_of(w)[i]->field_count;
  return header;
}

static const char *body_of(const slh_image *image)
{
  return slhi_image_objects(image);
}

static slh_status build(struct writer *w)
{
  const slh_image *image = w->image;
  struct format_header header = make_header(w);

  w->parts = slhi_format_parts(NULL, &header);
  w->bytes = slhi_format_body_at(&w->parts);
  header.body_at = w->bytes;
  header.file_bytes = w->bytes + header.body_bytes;
  w->file = slhi_allocate(&image->runtime->allocator, w->bytes);
  if (!w->file)
    return no_memory(w);
  memset(w->file, 0, w->bytes);
  w->parts = slhi_format_parts(w->file, &header);
  write_types(w);
  write_references(w);
  write_texts(w->parts.externrefs, &image->externrefs);
  write_texts(w->parts.functions, &w->functions);
  if (w->texts.size != 0)
    memcpy(w->parts.text, w->texts.bytes, w->texts.size);
  *w->parts.header = header;
  w->parts.header->checksum =
      slhi_format_checksum(w->file, w->bytes, body_of(image), header.body_bytes);
  return SLH_OK;
}

/* ---- writing ---- */

static slh_status write_pieces(const struct writer *w, int fd)
{
  const slh_image *image = w->image;
  int failed = slhi_file_write(fd, w->file, w->bytes);

  if (!failed)
    failed = slhi_file_write(fd, body_of(image), image->end - image->first);
  return failed ? slhi_error_errno(w->error, SLH_E_SYSTEM, failed, "writing an image") : SLH_OK;
}

slh_status slh_image_write(const slh_image *image, int fd, slh_error *error)
{
  const slh_allocator *allocator = &image->runtime->allocator;
  struct writer w = {.image = image, .error = error};
  slh_status status;

  slhi_check_image(image, "slh_image_write");
  if (!slhi_format_is_there())
    return slhi_error(error, SLH_E_UNSUPPORTED, "slotheap was compiled without xxHash");
  status = slhi_known_types_new(image->runtime, &w.known);
  if (status != SLH_OK)
    status = no_memory(&w);
  if (status == SLH_OK)
    status = gather_types(&w);
  if (status == SLH_OK)
    status = gather_text(&w);
  if (status == SLH_OK)
    status = build(&w);
  if (status == SLH_OK)
    status = write_pieces(&w, fd);
  slhi_known_types_free(image->runtime, &w.known);
  slhi_free(allocator, w.types.at);
  slhi_free(allocator, w.chosen);
  slhi_free(allocator, w.texts.bytes);
  slhi_free(allocator, w.functions.at);
  slhi_free(allocator, w.file);
  return status;
}

slh_status slh_image_save(const slh_image *image, const char *path, slh_error *error)
{
  struct new_file file;
  slh_status status;

  slhi_check_image(image, "slh_image_save");
  status = slhi_new_file_open(&image->runtime->allocator, path, &file, error);
  if (status != SLH_OK)
    return status;
  status = slh_image_write(image, file.fd, error);
  if (status == SLH_OK)
    return slhi_new_file_keep(&file, error);
  slhi_new_file_drop(&file);
  return status;
}
