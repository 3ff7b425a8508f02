/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The syntax tree, as objects of the heap. Nearly all that parsing makes lives
 * on, so there is nothing to collect: this uses the calls that never do, and
 * grows the heap instead. Nothing moves, and no reference needs a root before
 * the tree is done.
 */
#include "parse.h"

static bool make_room(struct parser *p, uint64_t bytes)
{
  if (p->status == SLH_OK)
    p->status = calc_spend(p->s, 1);
  if (p->status == SLH_OK)
    p->status = slh_heap_grow(p->s->heap, bytes);
  return p->status == SLH_OK;
}

static slh_ref tree_struct(struct parser *p, const slh_type *type)
{
  slh_ref made = SLH_NULL;

  if (make_room(p, type->size))
    p->status = slh_alloc_struct(p->s->heap, type, &made);
  return p->status == SLH_OK ? made : parser_fail(p, p->status);
}

slh_ref tree_string(struct parser *p, const char *bytes, size_t length)
{
  slh_ref made = SLH_NULL;

  /* Objects' sizes are multiples of 8. */
  if (make_room(p, SLH_ARRAY_DATA_OFFSET + length + 7))
    p->status = slh_alloc_array(p->s->heap, p->s->types->string, (uint32_t)length, &made);
  if (p->status != SLH_OK)
    return parser_fail(p, p->status);
  memcpy(slh_address(p->s->heap, made, SLH_ARRAY_DATA_OFFSET), bytes, length);
  return made;
}

slh_ref tree_node(struct parser *p, enum node_kind kind, slh_ref a)
{
  slh_ref made = tree_struct(p, p->s->types->node);

  if (slh_is_null(made))
    return made;
  slh_set_i32(p->s->heap, made, FIELD(node, kind), (int32_t)kind);
  slh_set_i32(p->s->heap, made, FIELD(node, line), p->s->line);
  slh_init_ref(p->s->heap, made, FIELD(node, a), a);
  return made;
}

void tree_set(struct parser *p, slh_ref node, uint32_t field, slh_ref value)
{
  if (p->status == SLH_OK)
    slh_set_ref(p->s->heap, node, field, value);
}

slh_ref tree_name(struct parser *p, const char *bytes, size_t length)
{
  slh_heap *heap = p->s->heap;
  slh_ref name, entry = p->names;

  for (; !slh_is_null(entry); entry = slh_get_ref(heap, entry, FIELD(pair, tail))) {
    uint32_t name_length;
    const char *name_bytes;

    name = slh_get_ref(heap, entry, FIELD(pair, head));
    name_bytes = calc_string(p->s, name, &name_length);
    if (name_length == length && memcmp(name_bytes, bytes, length) == 0)
      return name;
    if (calc_spend(p->s, 1) != SLH_OK)
      return parser_fail(p, SLH_E_INVALID);
  }
  name = tree_string(p, bytes, length);
  entry = tree_struct(p, p->s->types->pair);
  if (slh_is_null(entry))
    return entry;
  slh_init_ref(heap, entry, FIELD(pair, head), name);
  slh_init_ref(heap, entry, FIELD(pair, tail), p->names);
  p->names = entry;
  return name;
}

static slh_ref bind(struct parser *p, const char *name, slh_ref value, slh_ref outer)
{
  slh_ref interned = tree_name(p, name, strlen(name));
  slh_ref made = tree_struct(p, p->s->types->binding);

  if (slh_is_null(made))
    return made;
  slh_init_ref(p->s->heap, made, FIELD(binding, name), interned);
  slh_init_ref(p->s->heap, made, FIELD(binding, value), value);
  slh_init_ref(p->s->heap, made, FIELD(binding, outer), outer);
  return made;
}

/* No pointer is ever written into a heap; a funcref is the number of one. */
static slh_ref builtin(struct parser *p, const struct native *native)
{
  slh_ref made = tree_struct(p, p->s->types->builtin);
  uint32_t number;

  if (slh_is_null(made))
    return made;
  p->status = slh_funcref_intern(p->s->heap, native, &number);
  if (p->status != SLH_OK)
    return parser_fail(p, p->status);
  slh_set_u32(p->s->heap, made, FIELD(builtin, native), number);
  return made;
}

slh_ref tree_builtins(struct parser *p)
{
  slh_ref env = bind(p, "nil", SLH_NULL, SLH_NULL);

  for (const struct native *native = calc_natives; native->name; native++)
    env = bind(p, native->name, builtin(p, native), env);
  return env;
}
