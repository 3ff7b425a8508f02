/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What an image has: figures, its roots by number or name, a walk over its objects. */
#ifndef SLOTHEAP_IMAGE_INFO_H
#define SLOTHEAP_IMAGE_INFO_H

#include <slotheap/base.h>
#include <slotheap/image.h>
#include <slotheap/inspect.h>
#include <slotheap/plan.h>
#include <slotheap/ref.h>

SLH_BEGIN_DECLS

/* What there is in an image. */
typedef struct slh_image_info {
  slh_pool_kind kind;  /* of pools that it is for */
  uint64_t bytes;      /* of objects */
  uint64_t objects;    /* a count, as all that follow */
  uint64_t types;      /* that objects have, and their supertypes */
  uint64_t roots;      /* see slh_image_root_at */
  uint64_t weak;       /* references, see slh_heap_image_weak */
  uint64_t ephemerons; /* tables */
  uint64_t entries;    /* of all of these */
  uint64_t externrefs; /* with their data encoded */
  uint64_t functions;  /* that funcrefs have the numbers of */
  bool mapped;         /* stores of a wide pool with default options get a mapping, unless
                          the system has none left; if not set, all stores get a copy */
} slh_image_info;

/* Any thread. Never fails. */
SLH_API void slh_image_get_info_sized(const slh_image *image, slh_image_info *out, size_t size);

/* The same, with the size that this header knows. */
static inline void slh_image_get_info(const slh_image *image, slh_image_info *out)
{
  slh_image_get_info_sized(image, out, sizeof *out);
}

/* Root `number`, which must be below info.roots: a reference in every heap that
 * began from the image, and until its first collection in one that was
 * resumed. `*name` (may be NULL) is NULL if it has none, else the image's. */
SLH_API slh_ref slh_image_root_at(const slh_image *image, size_t number, const char **name);

/* The root of that name. False: there is none. */
SLH_API bool slh_image_find_root(const slh_image *image, const char *name, slh_ref *out);

/* Visits all objects in address order; see slh_heap_walk. Cannot fail. */
SLH_API void slh_image_walk(const slh_image *image, slh_visit_object_fn *visit, void *context);

SLH_END_DECLS

#endif
