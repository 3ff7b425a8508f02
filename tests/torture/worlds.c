/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The runtimes that are tortured: one for each collector, with zeal and without. */
#include "tests/torture/torture.h"

static struct world worlds[WORLDS];

static const struct {
  slh_collector collector;
  uint32_t zeal;
} kinds[WORLDS] = {
    {SLH_COLLECTOR_COPYING, SLH_ZEAL_NEVER},
    {SLH_COLLECTOR_NULL, SLH_ZEAL_NEVER},
    {SLH_COLLECTOR_GENERATIONAL, SLH_ZEAL_NEVER},
    {SLH_COLLECTOR_COPYING, 9},
    {SLH_COLLECTOR_GENERATIONAL, 9},
    {SLH_COLLECTOR_DRC, SLH_ZEAL_NEVER},
    {SLH_COLLECTOR_DRC, 9},
};

static const slh_type *struct_type(struct world *world, const slh_type *super,
                                   const slh_storage *storages, size_t count, slh_storage rest,
                                   size_t more)
{
  static slh_field fields[1200];
  const slh_type *type = NULL;

  for (size_t i = 0; i < count + more; i++)
    fields[i] = (slh_field){NULL, i < count ? storages[i] : rest, 0};
  REQUIRE_EQUAL(slh_struct_type_new(world->runtime, NULL, super, fields, count + more, &type, NULL),
                SLH_OK);
  return type;
}

static const slh_type *array_type(struct world *world, slh_storage element)
{
  const slh_type *type = NULL;

  REQUIRE_EQUAL(slh_array_type_new(world->runtime, NULL, element, &type, NULL), SLH_OK);
  return type;
}

static const slh_type *exn_type(struct world *world)
{
  const slh_field payload[] = {{NULL, SLH_REF, 0}, {NULL, SLH_I64, 0}};
  const slh_type *type = NULL;

  REQUIRE_EQUAL(slh_exn_type_new(world->runtime, NULL, payload, 2, &type, NULL), SLH_OK);
  return type;
}

/* Of each kind that the collector knows, in each of the ways in which it finds
 * references. */
static void make_types(struct world *world)
{
  static const slh_storage node[] = {SLH_REF, SLH_REF, SLH_I32, SLH_REF, SLH_I8};
  static const slh_storage mixed[] = {SLH_FUNCREF, SLH_V128, SLH_I16, SLH_REF, SLH_F64};

  world->types[NODE] = struct_type(world, NULL, node, 3, SLH_REF, 0);
  world->types[REFS] = array_type(world, SLH_REF);
  world->types[BYTES] = array_type(world, SLH_I8);
  world->types[LONGS] = array_type(world, SLH_I64);
  world->types[VECTORS] = array_type(world, SLH_V128);
  world->types[MANY_REFS] = struct_type(world, NULL, NULL, 0, SLH_REF, 40);
  /* Larger than a collection copies in one piece. */
  world->types[HUNDREDS_OF_REFS] = struct_type(world, NULL, NULL, 0, SLH_REF, 1100);
  world->types[FUNCTIONS] = array_type(world, SLH_FUNCREF);
  world->types[8] = struct_type(world, NULL, mixed, 0, SLH_REF, 0);
  world->types[9] = struct_type(world, NULL, mixed, 5, SLH_REF, 0);
  world->types[10] = struct_type(world, world->types[NODE], node, 5, SLH_REF, 0);
  world->types[11] = exn_type(world);
  world->types[12] = array_type(world, SLH_I16);
  world->types[13] = array_type(world, SLH_F32);
  world->types[14] = struct_type(world, NULL, mixed, 5, SLH_REF, 8);
  world->types[15] = slh_externref_type(world->runtime);
}

struct world *torture_world(uint64_t number)
{
  struct world *world = &worlds[number % WORLDS];
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;

  if (world->runtime)
    return world;
  options.collector = kinds[number % WORLDS].collector;
  options.zeal = kinds[number % WORLDS].zeal;
  options.allocator = &torture_allocator;
  world->checks = options.zeal != SLH_ZEAL_NEVER;
  REQUIRE_EQUAL(slh_runtime_new(&options, &world->runtime, NULL), SLH_OK);
  make_types(world);
  return world;
}

void torture_close_worlds(void)
{
  for (int i = 0; i < WORLDS; i++) {
    slh_runtime_free(worlds[i].runtime);
    worlds[i] = (struct world){0};
  }
}
