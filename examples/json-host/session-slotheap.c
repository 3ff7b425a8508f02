/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A store is suspended as an image, in memory, and resumed from one.
 *
 * The image has the document, the recent requests, the version, and the seed of the
 * hashes that its objects have; the prelude is made anew. Bytes come from
 * elsewhere: the library sees to it that they are objects of our types, whose references
 * are to such objects; is_ours, that these are what we would have made.
 */
#include "memory-slotheap.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prelude.h"

enum {
  DOCUMENT,
  RECENT,
  VERSION,
  SEED,
  TRUE,
  FALSE,
  ROOTS
};

static const char *const names[ROOTS] = {"document", "recent", "version", "seed", "true", "false"};

/* ---- bytes, by a file in memory ---- */

static bool read_all(struct store *store, int fd, struct bytes *out)
{
  struct stat status;
  size_t missing;

  if (fstat(fd, &status) != 0 || lseek(fd, 0, SEEK_SET) != 0)
    return store_fail(store, PROBLEM_INTERNAL, 0, "the image cannot be read back: %m");
  missing = (size_t)status.st_size;
  if (!bytes_reserve(out, missing))
    return store_fail(store, PROBLEM_BUSY, 0, "the machine has no memory for an image");
  while (missing > 0) {
    ssize_t got = read(fd, out->at + out->length, missing);

    if (got <= 0)
      return store_fail(store, PROBLEM_INTERNAL, 0, "the image cannot be read back: %m");
    out->length += (size_t)got;
    missing -= (size_t)got;
  }
  return true;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);

    if (written <= 0)
      return false;
    bytes += written;
    length -= (size_t)written;
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

/* ---- suspending ---- */

static bool freeze(struct store *store, slh_image **out)
{
  slh_image_contents contents = {.root_count = ROOTS};
  slh_image_root roots[ROOTS];
  slh_error error;

  contents.roots = roots;
  if (!push_integer(store, (int64_t)store->version) || !push_integer(store, (int64_t)store->seed))
    return false;
  for (int i = 0; i < ROOTS; i++)
    roots[i].name = names[i];
  roots[DOCUMENT].ref = store->roots[ROOT_DOCUMENT];
  roots[RECENT].ref = store->roots[ROOT_RECENT];
  roots[VERSION].ref = store->stack[store->count - 2];
  roots[SEED].ref = store->stack[store->count - 1];
  roots[TRUE].ref = store->memory.yes;
  roots[FALSE].ref = store->memory.no;
  store->count -= 2;
  if (slh_image_freeze(store->memory.heap, &contents, NULL, out, &error) == SLH_OK)
    return true;
  return store_fail(store, error.status == SLH_E_NOMEM ? PROBLEM_BUSY : PROBLEM_INTERNAL, 0, "%s",
                    error.message);
}

static bool write_image(struct store *store, const slh_image *image, struct bytes *out)
{
  int fd = memfd_create("session", MFD_CLOEXEC);
  slh_error error;
  bool good;

  if (fd < 0)
    return store_fail(store, PROBLEM_BUSY, 0, "there is no memory for an image: %m");
  good = slh_image_write(image, fd, &error) == SLH_OK;
  good = good ? read_all(store, fd, out) : store_fail(store, PROBLEM_BUSY, 0, "%s", error.message);
  close(fd);
  return good;
}

bool memory_suspend(struct store *store, struct bytes *out)
{
  slh_image *image;
  bool good;

  if (!freeze(store, &image))
    return false;
  good = write_image(store, image, out);
  slh_image_free(image);
  return good;
}

/* ---- resuming ---- */

static bool damaged(struct problem *problem, const char *why)
{
  *problem = (struct problem){PROBLEM_INTERNAL, 0, ""};
  snprintf(problem->message, sizeof problem->message, "the session is damaged: %.200s", why);
  return false;
}

static bool read_image(struct engine *engine, const void *bytes, size_t length, slh_image **out,
                       struct problem *problem)
{
  int fd = memfd_create("session", MFD_CLOEXEC);
  slh_error error;
  slh_status status;

  *problem = (struct problem){PROBLEM_BUSY, 0, "there is no memory for an image"};
  if (fd < 0)
    return false;
  if (!write_all(fd, bytes, length)) {
    close(fd);
    return false;
  }
  status = slh_image_read(engine->runtime, fd, NULL, out, &error);
  if (status == SLH_OK && lseek(fd, 0, SEEK_CUR) != (off_t)length) {
    slh_image_free(*out);
    status = SLH_E_CORRUPT;
    snprintf(error.message, sizeof error.message, "there are bytes behind it");
  }
  close(fd);
  if (status == SLH_E_NOMEM)
    return false;
  return status == SLH_OK || damaged(problem, error.message);
}

/* Whether an object of the heap is as we would have made it: keys are strings, and a
 * table has as many words as its count says. */
static bool is_ours(const struct store *store, slh_ref it, const slh_type *type)
{
  const struct types *types = &store->memory.types;
  uint64_t words = type->kind == SLH_KIND_ARRAY ? slh_array_length(store->memory.heap, it) : 0;
  uint32_t count;

  if (type == types->object) {
    if (words % 2 != 0 || words > 2 * OBJECT_SMALL)
      return false;
  } else if (type == types->table) {
    value first = words > 0 ? value_word(&store->memory, it, 0) : SLH_NULL;

    count = slh_i31_unsigned(first);
    if (!slh_is_i31(first) || count <= OBJECT_SMALL || count > words / 2 ||
        words != 1 + UINT64_C(2) * count + object_slots(count))
      return false;
  } else {
    return type == types->string || type == types->list || type == types->integer ||
           type == types->real || type == types->yes || type == types->no;
  }
  count = object_length(store, it);
  for (uint32_t i = 0; i < count; i++) {
    value key = object_key(store, it, i);

    if (!slh_is_object(key) || !slh_has_type(store->memory.heap, key, types->string))
      return false;
  }
  return true;
}

struct check {
  const struct store *store;
  bool good;
};

static bool visit(void *context, slh_ref it, const slh_type *type, uint64_t size)
{
  struct check *check = context;

  check->good = is_ours(check->store, it, type);
  return check->good;
}

static bool is_integer(const struct store *store, value it)
{
  return value_kind(store, it) == KIND_INTEGER;
}

/* The recent requests: id, version, id, version, ... */
static bool is_recent(const struct store *store, value it)
{
  uint32_t length;

  if (value_kind(store, it) == KIND_NULL)
    return true;
  if (value_kind(store, it) != KIND_LIST)
    return false;
  length = list_length(store, it);
  if (length % 2 != 0 || length > 2 * STORE_RECENT_MAX)
    return false;
  for (uint32_t i = 0; i < length; i += 2)
    if (value_kind(store, list_item(store, it, i)) != KIND_STRING ||
        !is_integer(store, list_item(store, it, i + 1)))
      return false;
  return true;
}

/* Takes the roots out of the image, if they are what they should be. */
static bool take_roots(struct store *store, const slh_image *image)
{
  struct check check = {store, true};
  value roots[ROOTS];

  for (int i = 0; i < ROOTS; i++)
    if (!slh_image_find_root(image, names[i], &roots[i]))
      return false;
  if (slh_heap_walk(store->memory.heap, visit, &check) != SLH_OK || !check.good ||
      !is_recent(store, roots[RECENT]) || !is_integer(store, roots[VERSION]) ||
      !is_integer(store, roots[SEED]) || value_kind(store, roots[TRUE]) != KIND_TRUE ||
      value_kind(store, roots[FALSE]) != KIND_FALSE)
    return false;
  store->roots[ROOT_DOCUMENT] = store->roots[ROOT_ANSWER] = roots[DOCUMENT];
  store->roots[ROOT_RECENT] = roots[RECENT];
  store->version = (uint64_t)value_integer(store, roots[VERSION]);
  store->seed = (uint64_t)value_integer(store, roots[SEED]);
  store->memory.yes = roots[TRUE];
  store->memory.no = roots[FALSE];
  return true;
}

bool memory_resume(struct engine *engine, const void *bytes, size_t length, struct store **out,
                   struct problem *problem)
{
  struct store *store;
  slh_image *image;
  bool good;

  if (!read_image(engine, bytes, length, &image, problem))
    return false;
  good = memory_take(engine, image, true, &store, problem);
  if (!good) {
    slh_image_free(image);
    return false;
  }
  good = store_begin(store, problem);
  good = good &&
         (take_roots(store, image) || damaged(problem, "its objects are not those of a session"));
  slh_image_free(image);
  good = store_end(store, good && prelude_make(store));
  if (good)
    *out = store;
  else
    memory_release(store);
  return good;
}
