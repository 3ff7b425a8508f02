/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* slotheap inspect: what is in an image file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/image-format.h"
#include "tool/tool.h"

struct arguments {
  const char *path;
  bool json;
};

/* Objects of one type. */
struct tally {
  const slh_type *type;
  uint64_t objects;
  uint64_t bytes;
};

struct root {
  slh_ref ref;
  size_t number;
  const char *name;
  const slh_type *type;
};

struct contents {
  struct tally *tallies;
  size_t tally_count; /* one for each index of a type */
  struct root *roots;
  size_t root_count;
  size_t next; /* of the roots, which are in address order: the first not found yet */
};

/* Names come out of the file: whatever is no printable ASCII is escaped. */
static void print_name(const char *name, bool json)
{
  for (; *name; name++) {
    unsigned char c = (unsigned char)*name;

    if (c == '"' || c == '\\')
      printf("\\%c", c);
    else if (c >= ' ' && c < 0x7f)
      putchar(c);
    else
      printf(json ? "\\u%04x" : "\\x%02x", c);
  }
}

/* ---- looking through it ---- */

static bool visit(void *context, slh_ref object, const slh_type *type, uint64_t size)
{
  struct contents *contents = context;
  struct tally *tally = &contents->tallies[type->index];

  tally->type = type;
  tally->objects++;
  tally->bytes += size;
  while (contents->next < contents->root_count &&
         contents->roots[contents->next].ref.bits <= object.bits) {
    struct root *root = &contents->roots[contents->next++];

    if (slh_ref_equal(root->ref, object))
      root->type = type;
  }
  return true;
}

static int by_address(const void *a, const void *b)
{
  const struct root *first = a, *second = b;

  if (slh_is_object(first->ref) != slh_is_object(second->ref))
    return slh_is_object(first->ref) ? 1 : -1; /* no walk comes upon the others */
  return first->ref.bits < second->ref.bits ? -1 : first->ref.bits > second->ref.bits;
}

static int by_number(const void *a, const void *b)
{
  const struct root *first = a, *second = b;

  return first->number < second->number ? -1 : first->number > second->number;
}

static int by_bytes(const void *a, const void *b)
{
  const struct tally *first = a, *second = b;

  return first->bytes < second->bytes ? 1 : first->bytes > second->bytes ? -1 : 0;
}

static void look(const slh_image *image, size_t types, struct contents *out)
{
  slh_image_info info;

  slh_image_get_info(image, &info);
  out->tally_count = types;
  out->root_count = info.roots;
  out->next = 0;
  out->tallies = calloc(types, sizeof *out->tallies);
  out->roots = calloc(info.roots + 1, sizeof *out->roots);
  if (!out->tallies || !out->roots) {
    fputs("slotheap inspect: no memory\n", stderr);
    exit(EXIT_FAILURE);
  }
  for (size_t i = 0; i < info.roots; i++) {
    out->roots[i].number = i;
    out->roots[i].ref = slh_image_root_at(image, i, &out->roots[i].name);
  }
  qsort(out->roots, out->root_count, sizeof *out->roots, by_address);
  slh_image_walk(image, visit, out);
  qsort(out->roots, out->root_count, sizeof *out->roots, by_number);
  qsort(out->tallies, out->tally_count, sizeof *out->tallies, by_bytes);
}

/* ---- telling ---- */

/* Of a file that was found to be sound. */
static struct format_header read_header(const char *path)
{
  struct format_header header = {.version = 0};
  FILE *file = fopen(path, "re");

  if (!file || fread(&header, sizeof header, 1, file) != 1)
    header.version = 0;
  if (file)
    fclose(file);
  return header;
}

static void print_info(const slh_image_info *info, const struct format_header *header, bool json)
{
  const struct {
    const char *name;
    uint64_t value;
  } figures[] = {{"objects", info->objects},       {"types", info->types},
                 {"roots", info->roots},           {"weak", info->weak},
                 {"ephemerons", info->ephemerons}, {"entries", info->entries},
                 {"externrefs", info->externrefs}, {"functions", info->functions}};

  if (json)
    printf("{\"version\": %" PRIu32 ", \"checksum\": \"%016" PRIx64 "\", \"file_bytes\": %" PRIu64
           ", \"bytes\": %" PRIu64,
           header->version, header->checksum, header->file_bytes, info->bytes);
  else
    printf("An image, version %" PRIu32 ", checksum %016" PRIx64 ": %s, of which %s are objects\n",
           header->version, header->checksum, tool_words(header->file_bytes),
           tool_words(info->bytes));
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
    printf(json ? ", \"%s\": %" PRIu64 : "  %-12s%" PRIu64 "\n", figures[i].name, figures[i].value);
  puts(json ? "}" : "");
}

static void print_root(const struct root *root, bool json)
{
  const char *type = root->type               ? root->type->name
                     : slh_is_null(root->ref) ? "null"
                     : slh_is_i31(root->ref)  ? "i31"
                                              : "?";

  printf(json ? "{\"root\": %zu, \"name\": \"" : "  %-6zu", root->number);
  print_name(root->name ? root->name : "", json);
  printf(json ? "\", \"ref\": %" PRIu32 ", \"type\": \"" : "  %#" PRIx32 "  ", root->ref.bits);
  print_name(type, json);
  puts(json ? "\"}" : "");
}

static void print_tally(const struct tally *tally, bool json)
{
  if (json)
    printf("{\"objects\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"type\": \"", tally->objects,
           tally->bytes);
  else
    printf("  %10" PRIu64 "  %12" PRIu64 "  ", tally->objects, tally->bytes);
  print_name(tally->type->name, json);
  puts(json ? "\"}" : "");
}

static void print(const slh_image *image, const struct contents *contents,
                  const struct format_header *header, bool json)
{
  slh_image_info info;

  slh_image_get_info(image, &info);
  print_info(&info, header, json);
  if (!json && contents->root_count != 0)
    puts("Roots: number, name, reference, type");
  for (size_t i = 0; i < contents->root_count; i++)
    print_root(&contents->roots[i], json);
  if (!json)
    puts("\nTypes: objects, bytes, name");
  for (size_t i = 0; i < contents->tally_count && contents->tallies[i].objects != 0; i++)
    print_tally(&contents->tallies[i], json);
}

/* ---- the command ---- */

/* Types of a runtime have the indices below this. */
static size_t type_indices(const slh_runtime *runtime)
{
  size_t count = slh_externref_type(runtime)->index + 1u;

  while (slh_runtime_type(runtime, (uint32_t)count))
    count++;
  return count;
}

static int inspect(const struct arguments *arguments)
{
  struct contents contents;
  slh_runtime *runtime;
  slh_image *image;
  slh_error error;
  struct format_header header;
  slh_status status = tool_load(arguments->path, &runtime, &image, &error);

  if (status == SLH_OK) {
    header = read_header(arguments->path);
    look(image, type_indices(runtime), &contents);
    print(image, &contents, &header, arguments->json);
    free(contents.tallies);
    free(contents.roots);
    slh_image_free(image);
    slh_runtime_free(runtime);
  }
  if (status != SLH_OK)
    fprintf(stderr, "slotheap inspect: %s: %s\n", arguments->path, error.message);
  return status == SLH_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
  struct arguments *arguments = state->input;

  switch (key) {
  case 'j':
    arguments->json = true;
    return 0;
  default:
    return tool_file(key, text, state, &arguments->path);
  }
}

int tool_inspect(int argc, char **argv)
{
  static const struct argp_option options[] = {
      {"json", 'j', NULL, 0, "Print one JSON object a line", 0}, {0}};
  struct argp argp = {.options = options,
                      .parser = parse,
                      .args_doc = "FILE",
                      .doc =
                          "Checks an image file as a host that loads it would, and tells what is "
                          "in it: roots, and objects by type."};
  struct arguments arguments = {0};

  argp_parse(&argp, argc, argv, 0, NULL, &arguments);
  return inspect(&arguments);
}
