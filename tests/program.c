/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The program's steps, in the model and in all worlds. What they come to is compared in
 * program-compare.c. */
#include "tests/program.h"

#include <stdlib.h>

#define EXN_PAYLOAD 12

static uint32_t below(struct program *p, uint32_t bound)
{
  return (uint32_t)helper_below(&p->random, bound);
}

#define EACH_WORLD(p, world)                                                                       \
  (struct world *world = (p)->worlds; world < (p)->worlds + PROGRAM_WORLDS; world++)

/* ---- opening and closing ---- */

static const slh_type *exn_type(struct store *store)
{
  const slh_field payload = {"payload", SLH_REF, 0};
  const slh_type *type = NULL;

  assert_ok(slh_exn_type_new(store->runtime, "exn", &payload, 1, &type, NULL));
  return type;
}

static void new_weak(struct world *world, uint32_t i, slh_ref ref)
{
  assert_status(slh_weak_new(world->store->heap, ref, &world->weak[i]),
                world->counts ? SLH_E_UNSUPPORTED : SLH_OK);
}

static void open_world(struct world *world, const char *name, slh_collector collector,
                       uint32_t zeal)
{
  struct store_options options = {collector, NULL, 0, 0};
  uint32_t configured = helper_zeal;

  helper_zeal = zeal;
  world->name = name;
  world->collects = collector != SLH_COLLECTOR_NULL;
  world->counts = collector == SLH_COLLECTOR_DRC;
  world->store = store_open(&options);
  helper_zeal = configured;
  for (int i = 0; i < PROGRAM_OWNED; i++)
    assert_ok(slh_owned_new(world->store->heap, SLH_NULL, &world->owned[i]));
  for (uint32_t i = 0; i < PROGRAM_WEAK; i++)
    new_weak(world, i, SLH_NULL);
}

struct program *program_open(uint64_t seed)
{
  struct program *p = calloc(1, sizeof *p);

  assert_non_null(p);
  p->random = seed;
  open_world(&p->worlds[0], "copying", SLH_COLLECTOR_COPYING, SLH_ZEAL_NEVER);
  open_world(&p->worlds[1], "null", SLH_COLLECTOR_NULL, SLH_ZEAL_NEVER);
  open_world(&p->worlds[2], "zeal 1", SLH_COLLECTOR_COPYING, 1);
  open_world(&p->worlds[3], "zeal 10", SLH_COLLECTOR_COPYING, 10);
  open_world(&p->worlds[4], "generational", SLH_COLLECTOR_GENERATIONAL, SLH_ZEAL_NEVER);
  open_world(&p->worlds[5], "generational, zeal 1", SLH_COLLECTOR_GENERATIONAL, 1);
  open_world(&p->worlds[6], "generational, zeal 10", SLH_COLLECTOR_GENERATIONAL, 10);
  open_world(&p->worlds[7], "drc", SLH_COLLECTOR_DRC, SLH_ZEAL_NEVER);
  open_world(&p->worlds[8], "drc, zeal 1", SLH_COLLECTOR_DRC, 1);
  open_world(&p->worlds[9], "drc, zeal 10", SLH_COLLECTOR_DRC, 10);
  open_world(&p->worlds[10], "drc, on stack", SLH_COLLECTOR_DRC, SLH_ZEAL_NEVER);
  p->worlds[10].store->on_stack = true;
  for (int i = 0; i < PROGRAM_WORLDS; i++)
    p->exn[i] = exn_type(p->worlds[i].store);
  return p;
}

void program_close(struct program *p)
{
  for
    EACH_WORLD(p, world)
    {
      for (uint32_t i = p->frames; i-- > 0;)
        slh_frame_close(&world->frames[i]);
      store_close(world->store);
      datum_all_dropped(world->data, p->externrefs);
    }
  while (p->things) {
    struct thing *next = p->things->next;

    free(p->things->links);
    free(p->things);
    p->things = next;
  }
  free(p);
}

/* ---- registers ---- */

void program_set_register(struct world *world, uint32_t number, slh_ref ref)
{
  slh_ref *place = &world->store->roots[number];

  if (world->store->on_stack)
    place->bits = slh_expose_ref(world->store->heap, ref);
  else
    slh_write_ref(world->store->heap, place, ref);
}

/* ---- new objects ---- */

static struct thing *new_thing(struct program *p, slh_kind kind, uint32_t count)
{
  struct thing *thing = calloc(1, sizeof *thing);

  assert_non_null(thing);
  thing->number = ++p->made;
  thing->kind = kind;
  thing->count = count;
  thing->links = calloc(count + 1, sizeof *thing->links);
  assert_non_null(thing->links);
  thing->next = p->things;
  p->things = thing;
  return thing;
}

/* What a register refers to, to be written into a new object. */
static slh_ref exposed(const struct store *store, uint32_t from)
{
  return (slh_ref){slh_expose_ref(store->heap, store->roots[from])};
}

/* Makes the object in a world, in register `to`, with references out of the
 * registers from `from` on. */
static void make_node(struct world *world, const struct thing *thing, uint32_t to, uint32_t from)
{
  struct store *store = world->store;
  slh_ref ref = SLH_NULL;

  assert_ok(slh_new_struct(store->heap, store->node, &ref));
  slh_init_ref(store->heap, ref, HELPER_LEFT, exposed(store, from));
  slh_init_ref(store->heap, ref, HELPER_RIGHT, exposed(store, (from + 1) % STORE_ROOTS));
  slh_set_u32(store->heap, ref, HELPER_VALUE, thing->number);
  program_set_register(world, to, ref);
}

static void new_node(struct program *p, uint32_t to, uint32_t from)
{
  struct thing *thing = new_thing(p, SLH_KIND_STRUCT, 2);

  thing->links[0] = p->registers[from];
  thing->links[1] = p->registers[(from + 1) % STORE_ROOTS];
  p->registers[to] = (struct link){thing, SLH_NULL};
  for
    EACH_WORLD(p, world)
  make_node(world, thing, to, from);
}

static void new_array(struct program *p, uint32_t to, uint32_t from)
{
  uint32_t length = helper_one_in(&p->random, 30) ? 1000 + below(p, 500) : below(p, 20);
  struct thing *thing = new_thing(p, SLH_KIND_ARRAY, length);

  if (length > 0)
    thing->links[length / 2] = p->registers[from];
  p->registers[to] = (struct link){thing, SLH_NULL};
  for
    EACH_WORLD(p, world)
    {
      struct store *store = world->store;
      slh_ref ref = SLH_NULL;

      assert_ok(slh_new_array(store->heap, store->refs, length, &ref));
      if (length > 0)
        assert_ok(slh_array_init_ref(store->heap, ref, length / 2, exposed(store, from)));
      program_set_register(world, to, ref);
    }
}

static void new_exn(struct program *p, uint32_t to, uint32_t from)
{
  struct thing *thing = new_thing(p, SLH_KIND_EXN, 1);

  thing->links[0] = p->registers[from];
  p->registers[to] = (struct link){thing, SLH_NULL};
  for
    EACH_WORLD(p, world)
    {
      struct store *store = world->store;
      slh_ref ref = SLH_NULL;

      assert_ok(slh_new_struct_uninit(store->heap, p->exn[world - p->worlds], &ref));
      slh_set_u32(store->heap, ref, SLH_EXN_TAG_INSTANCE_OFFSET, ~thing->number);
      slh_set_u32(store->heap, ref, SLH_EXN_TAG_INDEX_OFFSET, thing->number);
      slh_init_ref(store->heap, ref, EXN_PAYLOAD, exposed(store, from));
      program_set_register(world, to, ref);
    }
}

/* Its number is that of its datum. */
static void new_externref(struct program *p, uint32_t to, uint32_t unused)
{
  struct thing *thing;

  if (p->externrefs == PROGRAM_DATA)
    return;
  thing = new_thing(p, SLH_KIND_EXTERN, 0);
  thing->number = p->externrefs++;
  p->registers[to] = (struct link){thing, SLH_NULL};
  for
    EACH_WORLD(p, world)
  program_set_register(world, to, datum_externref(world->store, &world->data[thing->number]));
}

/* An object whose initialisation fails is given back: as the last one, or with
 * another behind it. */
static void fail_to_initialise(struct program *p, uint32_t to, uint32_t from)
{
  bool last = helper_one_in(&p->random, 2);
  uint32_t length = below(p, 40);
  struct thing *thing = last ? NULL : new_thing(p, SLH_KIND_STRUCT, 2);

  if (thing) {
    thing->links[0] = p->registers[from];
    thing->links[1] = p->registers[(from + 1) % STORE_ROOTS];
    p->registers[to] = (struct link){thing, SLH_NULL};
  }
  for
    EACH_WORLD(p, world)
    {
      slh_heap *heap = world->store->heap;
      slh_ref failed = SLH_NULL;

      slh_heap_enter_no_gc(heap);
      assert_ok(slh_new_array_uninit(heap, world->store->bytes, length, &failed));
      memset(slh_address(heap, failed, 8), 0x5a, length);
      if (thing)
        make_node(world, thing, to, from);
      assert_ok(slh_dealloc(heap, failed));
      slh_heap_leave_no_gc(heap);
    }
}

/* ---- references between objects ---- */

static uint32_t offset_of(const struct thing *thing, uint32_t link)
{
  return thing->kind == SLH_KIND_EXN ? EXN_PAYLOAD : link ? HELPER_RIGHT : HELPER_LEFT;
}

static void set_link(struct program *p, uint32_t in, uint32_t from)
{
  struct thing *thing = p->registers[in].thing;
  bool checked = helper_one_in(&p->random, 2);
  uint32_t i;

  if (!thing || thing->count == 0)
    return;
  i = below(p, thing->count);
  thing->links[i] = p->registers[from];
  for
    EACH_WORLD(p, world)
    {
      slh_heap *heap = world->store->heap;
      slh_ref object = world->store->roots[in], ref = world->store->roots[from];
      slh_value value = {SLH_REF, {.ref = ref}};

      if (thing->kind != SLH_KIND_ARRAY && checked)
        assert_ok(slh_struct_set(heap, object, thing->kind == SLH_KIND_EXN ? 2 : i, &value));
      else if (thing->kind != SLH_KIND_ARRAY)
        slh_set_ref(heap, object, offset_of(thing, i), ref);
      else if (checked)
        assert_ok(slh_array_set(heap, object, i, &value));
      else
        assert_ok(slh_array_set_ref(heap, object, i, ref));
    }
}

slh_ref program_link(const slh_heap *heap, const struct thing *thing, slh_ref at, uint32_t i)
{
  slh_ref ref = SLH_NULL;

  if (thing->kind != SLH_KIND_ARRAY)
    return slh_get_ref(heap, at, offset_of(thing, i));
  assert_ok(slh_array_get_ref(heap, at, i, &ref));
  return ref;
}

static void follow_link(struct program *p, uint32_t to, uint32_t in)
{
  struct thing *thing = p->registers[in].thing;
  uint32_t i;

  if (!thing || thing->count == 0)
    return;
  i = below(p, thing->count);
  p->registers[to] = thing->links[i];
  for
    EACH_WORLD(p, world)
  program_set_register(world, to,
                       program_link(world->store->heap, thing, world->store->roots[in], i));
}

/* Between two arrays, or within one. */
static void copy_links(struct program *p, uint32_t to, uint32_t from)
{
  struct thing *target = p->registers[to].thing, *source = p->registers[from].thing;
  uint32_t count, to_index, from_index;

  if (!target || !source || target->kind != SLH_KIND_ARRAY || source->kind != SLH_KIND_ARRAY)
    return;
  to_index = below(p, target->count + 1);
  from_index = below(p, source->count + 1);
  count = target->count - to_index;
  if (count > source->count - from_index)
    count = source->count - from_index;
  memmove(target->links + to_index, source->links + from_index, count * sizeof *target->links);
  for
    EACH_WORLD(p, world)
  assert_ok(slh_array_copy(world->store->heap, world->store->roots[to], to_index,
                           world->store->roots[from], from_index, count));
}

static void fill_links(struct program *p, uint32_t in, uint32_t from)
{
  struct thing *thing = p->registers[in].thing;
  uint32_t index, count;

  if (!thing || thing->kind != SLH_KIND_ARRAY)
    return;
  index = below(p, thing->count + 1);
  count = below(p, thing->count - index + 1);
  for (uint32_t i = 0; i < count; i++)
    thing->links[index + i] = p->registers[from];
  for
    EACH_WORLD(p, world)
    {
      slh_value value = {SLH_REF, {.ref = world->store->roots[from]}};

      assert_ok(slh_array_fill(world->store->heap, world->store->roots[in], index, count, &value));
    }
}

/* ---- roots ---- */

static void set_small(struct program *p, uint32_t to, uint32_t unused)
{
  slh_ref small = helper_one_in(&p->random, 2) ? SLH_NULL : slh_i31((int32_t)below(p, 1000));

  p->registers[to] = (struct link){NULL, small};
  for
    EACH_WORLD(p, world)
  program_set_register(world, to, small);
}

static void use_owned(struct program *p, uint32_t reg, uint32_t unused)
{
  uint32_t i = below(p, PROGRAM_OWNED), what = below(p, 3);

  if (what == 0)
    p->registers[reg] = p->owned[i];
  else
    p->owned[i] = p->registers[reg];
  for
    EACH_WORLD(p, world)
    {
      slh_heap *heap = world->store->heap;

      if (what == 0) {
        program_set_register(world, reg, slh_owned_get(heap, world->owned[i]));
      } else if (what == 1) {
        slh_owned_set(heap, world->owned[i], world->store->roots[reg]);
      } else {
        slh_owned_free(heap, world->owned[i]);
        assert_ok(slh_owned_new(heap, world->store->roots[reg], &world->owned[i]));
      }
    }
}

static void open_frame(struct program *p, uint32_t reg, uint32_t unused)
{
  uint32_t depth = p->frames;

  if (depth == PROGRAM_FRAMES)
    return;
  p->frames++;
  for (uint32_t i = 0; i < PROGRAM_LOCALS; i++)
    p->locals[depth][i] = p->registers[(reg + i) % STORE_ROOTS];
  for
    EACH_WORLD(p, world)
    {
      assert_ok(slh_frame_open(world->store->heap, &world->frames[depth]));
      for (uint32_t i = 0; i < PROGRAM_LOCALS; i++)
        assert_ok(slh_local_new(&world->frames[depth], world->store->roots[(reg + i) % STORE_ROOTS],
                                &world->locals[depth][i]));
    }
}

static void close_frame(struct program *p, uint32_t unused, uint32_t neither)
{
  if (p->frames == 0)
    return;
  p->frames--;
  for
    EACH_WORLD(p, world)
  slh_frame_close(&world->frames[p->frames]);
}

static void use_local(struct program *p, uint32_t reg, uint32_t unused)
{
  uint32_t depth, i = below(p, PROGRAM_LOCALS);
  bool get = helper_one_in(&p->random, 2);

  if (p->frames == 0)
    return;
  depth = below(p, p->frames);
  if (get)
    p->registers[reg] = p->locals[depth][i];
  else
    p->locals[depth][i] = p->registers[reg];
  for
    EACH_WORLD(p, world)
    {
      slh_heap *heap = world->store->heap;

      if (get)
        program_set_register(world, reg, slh_local_get(heap, world->locals[depth][i]));
      else
        slh_local_set(heap, world->locals[depth][i], world->store->roots[reg]);
    }
}

static void renew_weak(struct program *p, uint32_t reg, uint32_t unused)
{
  uint32_t i = below(p, PROGRAM_WEAK);

  p->weak[i] = p->registers[reg];
  for
    EACH_WORLD(p, world)
    {
      if (!world->counts)
        slh_weak_free(world->store->heap, world->weak[i]);
      new_weak(world, i, world->store->roots[reg]);
    }
}

/* Where there is no difference, it is a collection of all. */
static void collect_young(struct program *p, uint32_t unused, uint32_t neither)
{
  for
    EACH_WORLD(p, world)
  assert_ok(slh_heap_collect_young(world->store->heap, NULL));
}

/* ---- one of all these ---- */

typedef void step_fn(struct program *p, uint32_t to, uint32_t from);

/* Each as often as it stands here. */
static step_fn *const steps[] = {
    new_node,    new_node,      new_node,           new_node,   new_node,      new_array,
    new_exn,     new_externref, fail_to_initialise, set_link,   set_link,      follow_link,
    follow_link, copy_links,    fill_links,         set_small,  set_small,     use_owned,
    open_frame,  close_frame,   use_local,          renew_weak, collect_young,
};

void program_step(struct program *p)
{
  step_fn *step = steps[below(p, sizeof steps / sizeof *steps)];
  uint32_t to = below(p, STORE_ROOTS), from = below(p, STORE_ROOTS);

  step(p, to, from);
}
