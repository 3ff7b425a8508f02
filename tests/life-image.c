/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Images, in the life of a store: frozen, started from, saved and loaded. */
#include "tests/life.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DATUM "datum"

/* ---- host data ---- */

static slh_status encode(void *context, slh_host_kind kind, const void *value, const void **bytes,
                         size_t *size)
{
  REQUIRE(kind == SLH_HOST_DATA && value == context);
  *bytes = DATUM;
  *size = sizeof DATUM;
  return SLH_OK;
}

static slh_status decode(void *context, slh_host_kind kind, const void *bytes, size_t size,
                         void **value, slh_drop_fn **drop)
{
  struct life_store *store = context;

  REQUIRE(kind == SLH_HOST_DATA && size == sizeof DATUM && memcmp(bytes, DATUM, size) == 0);
  store->made++;
  *value = store;
  *drop = life_count_drop;
  return SLH_OK;
}

static slh_image_options image_options(struct life_store *store, slh_image_start start)
{
  slh_image_options options = SLH_IMAGE_OPTIONS_INIT;

  options.encode = encode;
  options.decode = decode;
  options.context = store;
  options.start = start;
  options.kind = store->life->pool_options.kind;
  return options;
}

/* ---- freezing ---- */

static void freeze(struct life_store *store, slh_image_start start)
{
  slh_image_options options = image_options(store, start);
  slh_image_root roots[2] = {{"list", SLH_NULL}, {"datum", SLH_NULL}};
  slh_ephemerons table;
  slh_weak weak;
  slh_image_contents contents = {roots, 2, NULL, 0, NULL, 0};

  life_make_externref(store, &roots[1].ref);
  if (life_has(store, COLLECTORS_HAVE_WEAK)) {
    contents = (slh_image_contents){roots, 2, &weak, 1, &table, 1};
    LIFE_TRY(store->life, slh_ephemerons_new(store->heap, &table));
    LIFE_TRY(store->life, slh_weak_new(store->heap, store->list, &weak));
    LIFE_TRY(store->life, slh_ephemerons_set(store->heap, table, store->list, roots[1].ref));
  }
  roots[0].ref = store->list;
  LIFE_MAKE(store->life, slh_image_freeze(store->heap, &contents, &options, &store->image, &error));
  if (life_has(store, COLLECTORS_HAVE_WEAK)) {
    slh_ephemerons_free(store->heap, table);
    slh_weak_free(store->heap, weak);
  }
}

/* ---- starting ---- */

static void list_root(void *host, slh_heap *heap, slh_roots *roots)
{
  struct life_store *store = host;

  (void)heap;
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &store->list, 1, "list");
}

static void acquire(struct life_store *store, const slh_image *image, bool resume)
{
  struct life *life = store->life;
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;

  options.runtime = store->runtime;
  options.enumerate_roots = list_root;
  options.host = store;
  options.image = image;
  options.resume = resume;
  LIFE_TRY_ERROR(life, slh_heap_acquire_within(life->pool, &options, 0, &store->heap, &error));
}

static void check_weak(const struct life_store *store, slh_ref datum)
{
  slh_ephemerons table = slh_heap_image_ephemerons(store->heap, 0);
  slh_ref value = SLH_NULL;

  REQUIRE_EQUAL(slh_weak_get(store->heap, slh_heap_image_weak(store->heap, 0)).bits,
                store->list.bits);
  REQUIRE(slh_ephemerons_get(store->heap, table, store->list, &value));
  REQUIRE_EQUAL(value.bits, datum.bits);
}

/* A store of its own, with what the image has. */
static void start(struct life_store *from, const slh_image *image, bool resume)
{
  struct life_store store = *from;
  slh_ref list = SLH_NULL, datum = SLH_NULL;
  void *data = NULL;

  store.list = store.array = SLH_NULL;
  acquire(&store, image, resume);
  from->started = store.heap;
  REQUIRE(slh_image_find_root(image, "list", &list));
  slh_write_ref(store.heap, &store.list, list);
  REQUIRE(slh_image_find_root(image, "datum", &datum));
  REQUIRE_EQUAL(slh_externref_data(store.heap, datum, &data), SLH_OK);
  REQUIRE(data == from);
  if (life_has(from, COLLECTORS_HAVE_WEAK))
    check_weak(&store, datum);
  life_check_store(&store);
  life_fill_store(&store, 30);
  slh_set_ref(store.heap, store.list, HELPER_RIGHT, store.list);
  LIFE_TRY(store.life, slh_heap_collect_young(store.heap, NULL));
  LIFE_TRY(store.life, slh_heap_collect(store.heap, NULL));
  life_check_store(&store);
  slh_heap_release(store.heap);
  from->started = NULL;
}

/* ---- files ---- */

/* In memory where there is that: there it costs little to synchronise. */
static void make_folder(char *folder, size_t bytes)
{
  snprintf(folder, bytes, "%s/slotheap-life-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  REQUIRE(mkdtemp(folder) != NULL);
}

static int count_files(const char *folder)
{
  DIR *dir = opendir(folder);
  int count = 0;

  REQUIRE(dir != NULL);
  while (readdir(dir))
    count++;
  closedir(dir);
  return count - 2; /* itself, and what it is in */
}

/* Whatever fails, there is the old file or the new one, and no other. */
static void save_and_load(struct life_store *store)
{
  slh_image_options options = image_options(store, SLH_IMAGE_AUTO);
  struct life *life = store->life;
  char path[80];

  make_folder(store->folder, sizeof store->folder);
  snprintf(path, sizeof path, "%s/image", store->folder);
  for (int i = 0; i < 2; i++) {
    LIFE_MAKE(life, slh_image_save(store->image, path, &error));
    REQUIRE_EQUAL(count_files(store->folder), 1);
  }
  LIFE_MAKE(life, slh_image_load(store->runtime, path, &options, &store->loaded, &error));
  start(store, store->loaded, true);
}

void life_end_images(struct life_store *store)
{
  char path[80];

  slh_heap_release(store->started);
  slh_image_free(store->image);
  slh_image_free(store->loaded);
  store->started = NULL;
  store->image = store->loaded = NULL;
  if (store->folder[0] == '\0')
    return;
  snprintf(path, sizeof path, "%s/image", store->folder);
  (void)unlink(path);
  REQUIRE_EQUAL(rmdir(store->folder), 0); /* there was nothing else */
  store->folder[0] = '\0';
}

void life_use_images(struct life_store *store)
{
  for (int i = SLH_IMAGE_COPY; i <= SLH_IMAGE_MAP; i++) {
    freeze(store, (slh_image_start)i);
    start(store, store->image, false);
    if (i == SLH_IMAGE_MAP) {
      start(store, store->image, false); /* in the same slot: it is there already */
      start(store, store->image, true);
      save_and_load(store);
    }
    life_end_images(store);
  }
}
