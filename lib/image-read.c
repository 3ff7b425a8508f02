/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Images from files. The file is copied whole into memory of this process's
 * own, and checked there, part by part; what is in the image in the end was
 * put together from what has passed.
 */
#include "lib/image-read.h"
#include "pool/file.h"
#include "pool/os.h"

slh_status slhi_damaged(const struct reader *r, const char *what)
{
  return slhi_error(r->error, SLH_E_CORRUPT, "the image file is damaged: %s", what);
}

/* ---- the header ---- */

static slh_status check_kind(const struct reader *r, const struct format_header *header)
{
  if (memcmp(header->magic, SLHI_FORMAT_MAGIC, sizeof header->magic) != 0)
    return slhi_error(r->error, SLH_E_CORRUPT, "not an image file");
  if (header->byte_order == __builtin_bswap32(SLHI_FORMAT_BYTE_ORDER))
    return slhi_error(r->error, SLH_E_UNSUPPORTED,
                      "the image file is of a system with the other byte order");
  if (header->version > SLHI_FORMAT_VERSION)
    return slhi_error(r->error, SLH_E_UNSUPPORTED,
                      "the image file has version %u, this library reads up to %u",
                      (unsigned)header->version, (unsigned)SLHI_FORMAT_VERSION);
  if (header->byte_order != SLHI_FORMAT_BYTE_ORDER || header->version == 0)
    return slhi_damaged(r, "its version or byte order is none");
  return SLH_OK;
}

static slh_status check_sizes(const struct reader *r, const struct format_header *header)
{
  struct format_parts parts = slhi_format_parts(NULL, header);

  if (header->body_at != slhi_format_body_at(&parts) ||
      header->body_bytes % SLHI_OBJECT_ALIGN != 0 || header->body_bytes > UINT32_MAX ||
      header->file_bytes != header->body_at + header->body_bytes)
    return slhi_damaged(r, "its sizes do not add up");
  if (header->file_bytes > r->options.max_bytes)
    return slhi_error(r->error, SLH_E_TOO_LARGE,
                      "the image file has %llu bytes, slh_image_options.max_bytes is %llu",
                      (unsigned long long)header->file_bytes,
                      (unsigned long long)r->options.max_bytes);
  return SLH_OK;
}

/* ---- the copy ---- */

static slh_status read_some(const struct reader *r, int fd, char *to, uint64_t bytes,
                            uint64_t before, uint64_t all)
{
  size_t done;
  int failed = slhi_file_read(fd, to, bytes, &done);

  if (failed)
    return slhi_error_errno(r->error, SLH_E_SYSTEM, failed, "reading an image file");
  if (done < bytes)
    return slhi_error(r->error, SLH_E_CORRUPT, "the image file is truncated: %llu bytes of %llu",
                      (unsigned long long)(before + done), (unsigned long long)all);
  return SLH_OK;
}

/* The header comes first: it says how much there is. */
static slh_status copy_file(struct reader *r, int fd)
{
  struct format_header header;
  uint64_t rest;
  void *memory;
  int failed;
  slh_status status = read_some(r, fd, (char *)&header, sizeof header, 0, sizeof header);

  if (status == SLH_OK)
    status = check_kind(r, &header);
  if (status == SLH_OK)
    status = check_sizes(r, &header);
  if (status != SLH_OK)
    return status;
  rest = header.file_bytes - sizeof header;
  if (slhi_file_rest(fd) < rest)
    return slhi_error(r->error, SLH_E_CORRUPT, "the image file is truncated: %llu bytes of %llu",
                      (unsigned long long)(sizeof header + slhi_file_rest(fd)),
                      (unsigned long long)header.file_bytes);
  r->bytes = slhi_round_up(header.file_bytes, slhi_os_page_size());
  failed = slhi_os_map(r->bytes, &memory);
  if (failed)
    return slhi_error_errno(r->error, SLH_E_NOMEM, failed, "mapping %llu bytes for an image file",
                            (unsigned long long)r->bytes);
  r->file = memory;
  memcpy(r->file, &header, sizeof header);
  status = read_some(r, fd, r->file + sizeof header, rest, sizeof header, header.file_bytes);
  if (status != SLH_OK)
    return status;
  r->parts = slhi_format_parts(r->file, &header);
  r->body = r->file + header.body_at;
  if (header.checksum != slhi_format_checksum(r->file, header.body_at, r->body, header.body_bytes))
    return slhi_damaged(r, "its checksum is that of other bytes");
  return SLH_OK;
}

/* ---- what goes with the objects ---- */

bool slhi_read_name(struct reader *r, uint32_t name)
{
  if (name == SLHI_NO_NAME)
    return true;
  if (name >= r->parts.header->text_bytes)
    return false;
  /* Not within another: then what is written of the image can be read again. */
  if (name != 0 && r->parts.text[name - 1] != '\0')
    return false;
  r->names += strlen(r->parts.text + name) + 1;
  return r->names <= r->parts.header->text_bytes;
}

static slh_status read_roots(struct reader *r)
{
  for (uint32_t i = 0; i < r->parts.header->roots; i++) {
    struct format_root root = r->parts.roots[i];
    struct image_root *out = slhi_image_add(r->image, &r->image->roots, sizeof *out);

    if (!out)
      return slhi_read_no_memory(r);
    out->name = root.name;
    if (!slhi_read_name(r, root.name) || !slhi_read_reference(r, root.ref, &out->ref))
      return slhi_damaged(r, "a root is none");
  }
  return SLH_OK;
}

static slh_status read_weak(struct reader *r)
{
  for (uint32_t i = 0; i < r->parts.header->weak; i++) {
    slh_ref *out = slhi_image_add(r->image, &r->image->weak, sizeof *out);

    if (!out)
      return slhi_read_no_memory(r);
    if (!slhi_read_reference(r, r->parts.weak[i].ref, out))
      return slhi_damaged(r, "a weak reference is none");
  }
  return SLH_OK;
}

static slh_status read_entries(struct reader *r)
{
  r->image->ephemerons = r->parts.header->ephemerons;
  for (uint32_t i = 0; i < r->parts.header->entries; i++) {
    struct format_entry entry = r->parts.entries[i];
    struct image_entry *out = slhi_image_add(r->image, &r->image->entries, sizeof *out);

    if (!out)
      return slhi_read_no_memory(r);
    out->table = entry.table;
    if (entry.table >= r->image->ephemerons || !slhi_read_reference(r, entry.key, &out->key) ||
        !slhi_read_reference(r, entry.value, &out->value) || !slh_is_object(out->key))
      return slhi_damaged(r, "an entry of an ephemeron table is none");
  }
  return SLH_OK;
}

static bool has_text(const struct reader *r, struct format_text text)
{
  return text.at <= r->parts.header->text_bytes &&
         text.size <= r->parts.header->text_bytes - text.at;
}

static slh_status read_externrefs(struct reader *r)
{
  for (uint32_t i = 0; i < r->parts.header->externrefs; i++) {
    struct format_text text = r->parts.externrefs[i];
    struct image_text *out = slhi_image_add(r->image, &r->image->externrefs, sizeof *out);

    if (!out)
      return slhi_read_no_memory(r);
    if (!has_text(r, text))
      return slhi_damaged(r, "host data lies outside of its text");
    *out = (struct image_text){text.at, text.size};
  }
  return SLH_OK;
}

/* What roots and externrefs have of the text, which begins with that: the image has
 * its functions and types otherwise. */
static slh_status read_text(struct reader *r)
{
  const struct image_root *roots = r->image->roots.at;
  const struct image_text *externrefs = r->image->externrefs.at;
  uint32_t last = SLHI_NO_NAME, end = 0;
  struct image_text all;

  for (uint32_t i = 0; i < r->image->roots.count; i++) {
    if (roots[i].name != SLHI_NO_NAME && (last == SLHI_NO_NAME || roots[i].name > last))
      last = roots[i].name;
  }
  /* That it ends was seen with the types. */
  if (last != SLHI_NO_NAME)
    end = last + (uint32_t)strlen(r->parts.text + last);
  for (uint32_t i = 0; i < r->image->externrefs.count; i++) {
    if (externrefs[i].at + externrefs[i].size > end)
      end = externrefs[i].at + externrefs[i].size;
  }
  if (last == SLHI_NO_NAME && r->image->externrefs.count == 0)
    return SLH_OK;
  return slhi_image_add_text(r->image, r->parts.text, end, &all) ? SLH_OK : slhi_read_no_memory(r);
}

static slh_status read_functions(struct reader *r)
{
  const slh_image_options *options = &r->options;

  for (uint32_t i = 0; i < r->parts.header->functions; i++) {
    struct format_text text = r->parts.functions[i];
    const void **out = slhi_image_add(r->image, &r->image->functions, sizeof *out);
    slh_drop_fn *drop = NULL;
    void *function = NULL;
    slh_status status;

    if (!out)
      return slhi_read_no_memory(r);
    if (!has_text(r, text))
      return slhi_damaged(r, "a function lies outside of its text");
    status = options->decode(options->context, SLH_HOST_FUNCTION, r->parts.text + text.at,
                             text.size, &function, &drop);
    if (status != SLH_OK)
      return slhi_error(r->error, status, "slh_image_options.decode: %s", slh_status_text(status));
    *out = function;
  }
  return SLH_OK;
}

static slh_status index_names(struct reader *r)
{
  return slhi_image_index_names(r->image, SLH_E_CORRUPT, r->error);
}

static slh_status check_host_data(const struct reader *r)
{
  const struct format_header *header = r->parts.header;

  if ((header->externrefs == 0 && header->functions == 0) || r->options.decode)
    return SLH_OK;
  return slhi_error(r->error, SLH_E_UNSUPPORTED,
                    "the image file has host data, and slh_image_options.decode is NULL");
}

/* ---- the image ---- */

typedef slh_status part_fn(struct reader *r);

/* In an order in which each has what it needs. */
static part_fn *const parts[] = {
    slhi_read_types, slhi_read_objects, read_roots,  read_weak,      read_entries,
    read_externrefs, read_text,         index_names, read_functions,
};

static slh_status build(struct reader *r)
{
  uint32_t first = slhi_image_first(r->options.kind);
  uint64_t end = first + r->parts.header->body_bytes;
  slh_status status = check_host_data(r);

  if (status == SLH_OK && end > UINT32_MAX)
    status = slhi_error(r->error, SLH_E_TOO_LARGE, "no heap has room for the image");
  if (status == SLH_OK)
    status = slhi_image_new(r->runtime, &r->options, end, &r->image, r->error);
  for (size_t i = 0; i < sizeof parts / sizeof *parts && status == SLH_OK; i++)
    status = parts[i](r);
  if (status == SLH_OK)
    status = slhi_image_seal(r->image, end, r->error);
  return status;
}

/* [promise sound-image] */
slh_status slh_image_read(slh_runtime *runtime, int fd, const slh_image_options *options,
                          slh_image **out, slh_error *error)
{
  struct reader r = {.runtime = runtime, .error = error};
  slh_status status;

  slhi_check_runtime(runtime, "slh_image_read");
  status = slhi_image_options(options, &r.options, error);
  if (status != SLH_OK)
    return status;
  if (!slhi_format_is_there())
    return slhi_error(error, SLH_E_UNSUPPORTED, "slotheap was compiled without xxHash");
  status = copy_file(&r, fd);
  if (status == SLH_OK)
    status = build(&r);
  slhi_free(&runtime->allocator, r.types);
  slhi_free(&runtime->allocator, r.starts);
  if (r.file)
    slhi_os_unmap(r.file, r.bytes);
  if (status == SLH_OK)
    *out = r.image;
  else
    slh_image_free(r.image);
  return status;
}

slh_status slh_image_load(slh_runtime *runtime, const char *path, const slh_image_options *options,
                          slh_image **out, slh_error *error)
{
  slh_image *image = NULL;
  size_t more = 0;
  char byte;
  int failed, fd;
  slh_status status;

  slhi_check_runtime(runtime, "slh_image_load");
  failed = slhi_file_open(path, &fd);
  if (failed)
    return slhi_error_errno(error, SLH_E_SYSTEM, failed, "opening %s", path);
  status = slh_image_read(runtime, fd, options, &image, error);
  if (status == SLH_OK) {
    failed = slhi_file_read(fd, &byte, 1, &more);
    if (failed)
      status = slhi_error_errno(error, SLH_E_SYSTEM, failed, "reading the end of %s", path);
    else if (more != 0)
      status = slhi_error(error, SLH_E_CORRUPT, "there are bytes behind the image in %s", path);
  }
  if (status == SLH_OK)
    *out = image;
  else
    slh_image_free(image);
  slhi_file_close(fd);
  return status;
}
