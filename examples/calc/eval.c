/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A tree to a value. */
#include "calc.h"

static slh_ref field(const struct session *s, slh_local object, uint32_t offset)
{
  return slh_get_ref(s->heap, calc_get(s, object), offset);
}

/* Evaluates the part at `offset` of a node. */
static slh_status eval_part(struct session *s, slh_local node, uint32_t offset, slh_local env,
                            slh_ref *out)
{
  return calc_eval(s, field(s, node, offset), calc_get(s, env), out);
}

/* The same, and roots the value. */
static slh_status root_part(struct session *s, slh_frame *frame, slh_local node, uint32_t offset,
                            slh_local env, slh_local *out)
{
  slh_ref value;

  TRY(eval_part(s, node, offset, env, &value));
  return slh_local_new(frame, value, out);
}

/* ---- variables ---- */

static slh_status find(struct session *s, slh_local node, slh_local env, slh_ref *out)
{
  slh_ref name = field(s, node, FIELD(node, a));
  uint32_t length;
  const char *bytes;

  for (slh_ref at = calc_get(s, env); !slh_is_null(at);
       at = slh_get_ref(s->heap, at, FIELD(binding, outer))) {
    if (slh_ref_equal(slh_get_ref(s->heap, at, FIELD(binding, name)), name)) {
      *out = at;
      return SLH_OK;
    }
    TRY(calc_spend(s, 1));
  }
  bytes = calc_string(s, name, &length);
  return calc_fail(s, "there is no '%.*s'", (int)length, bytes);
}

static slh_status assign(struct session *s, slh_local node, slh_local env, slh_ref *out)
{
  slh_ref binding;

  TRY(eval_part(s, node, FIELD(node, b), env, out));
  TRY(find(s, node, env, &binding));
  slh_set_ref(s->heap, binding, FIELD(binding, value), *out);
  return SLH_OK;
}

/* Puts a new binding in front of *env before its value is known, so that a
 * function finds itself. */
static slh_status let(struct session *s, slh_local node, slh_local env)
{
  slh_ref binding, value;

  TRY(slh_new_struct(s->heap, s->types->binding, &binding));
  slh_init_ref(s->heap, binding, FIELD(binding, name), field(s, node, FIELD(node, a)));
  slh_init_ref(s->heap, binding, FIELD(binding, outer), calc_get(s, env));
  slh_local_set(s->heap, env, binding);
  TRY(eval_part(s, node, FIELD(node, b), env, &value));
  slh_set_ref(s->heap, calc_get(s, env), FIELD(binding, value), value);
  return SLH_OK;
}

/* ---- functions ---- */

static slh_status make_closure(struct session *s, slh_local node, slh_local env, slh_ref *out)
{
  TRY(slh_new_struct(s->heap, s->types->closure, out));
  slh_init_ref(s->heap, *out, FIELD(closure, parameters), field(s, node, FIELD(node, a)));
  slh_init_ref(s->heap, *out, FIELD(closure, body), field(s, node, FIELD(node, b)));
  slh_init_ref(s->heap, *out, FIELD(closure, env), calc_get(s, env));
  return SLH_OK;
}

/* Makes *env that of the closure's body. */
static slh_status enter(struct session *s, slh_local closure, const slh_local *arguments,
                        unsigned count, slh_local env)
{
  slh_heap *heap = s->heap;
  const slh_type *type = s->types->binding;
  slh_ref parameter, scope;

  /* Room for all bindings at once: while they are made, nothing moves. */
  TRY(slh_heap_make_room(heap, (uint64_t)count * type->size));
  parameter = field(s, closure, FIELD(closure, parameters));
  scope = field(s, closure, FIELD(closure, env));
  for (unsigned i = 0; i < count; i++) {
    slh_ref binding;

    if (slh_is_null(parameter))
      return calc_fail(s, "too many arguments");
    TRY(slh_alloc_struct(heap, type, &binding));
    slh_init_ref(heap, binding, FIELD(binding, name), slh_get_ref(heap, parameter, FIELD(node, a)));
    slh_init_ref(heap, binding, FIELD(binding, value), calc_get(s, arguments[i]));
    slh_init_ref(heap, binding, FIELD(binding, outer), scope);
    scope = binding;
    parameter = slh_get_ref(heap, parameter, FIELD(node, b));
  }
  if (!slh_is_null(parameter))
    return calc_fail(s, "too few arguments");
  slh_local_set(heap, env, scope);
  return SLH_OK;
}

static slh_status call_native(struct session *s, slh_local builtin, const slh_local *arguments,
                              unsigned count, slh_ref *out)
{
  uint32_t number = slh_get_u32(s->heap, calc_get(s, builtin), FIELD(builtin, native));
  const void *function;
  const struct native *native;

  TRY(slh_funcref_function(s->heap, number, &function));
  native = function;
  if (native->arguments != count)
    return calc_fail(s, "%s takes %u arguments", native->name, native->arguments);
  return native->call(s, arguments, out);
}

/* A native function is called. A closure is entered only: its body is what
 * remains to be evaluated, so a call in tail position takes no C stack. */
static slh_status call(struct session *s, slh_local node, slh_local env, slh_ref *next,
                       slh_ref *out)
{
  SLH_FRAME(frame, s->heap);
  slh_local function, argument, arguments[CALC_ARGUMENTS_MAX];
  unsigned count = 0;
  int line = s->line;

  TRY(root_part(s, &frame, node, FIELD(node, a), env, &function));
  TRY(slh_local_new(&frame, field(s, node, FIELD(node, b)), &argument));
  while (!slh_is_null(calc_get(s, argument))) {
    TRY(root_part(s, &frame, argument, FIELD(node, a), env, &arguments[count++]));
    slh_local_set(s->heap, argument, field(s, argument, FIELD(node, b)));
  }
  s->line = line;
  if (calc_is(s, calc_get(s, function), s->types->builtin))
    return call_native(s, function, arguments, count, out);
  if (!calc_is(s, calc_get(s, function), s->types->closure))
    return calc_fail(s, "only functions can be called");
  TRY(enter(s, function, arguments, count, env));
  *next = field(s, function, FIELD(closure, body));
  return SLH_OK;
}

/* ---- all of it ---- */

static slh_status operate(struct session *s, enum node_kind kind, slh_local node, slh_local env,
                          slh_ref *out)
{
  SLH_FRAME(frame, s->heap);
  slh_local left, right;
  int line = s->line;

  TRY(root_part(s, &frame, node, FIELD(node, a), env, &left));
  TRY(root_part(s, &frame, node, FIELD(node, b), env, &right));
  s->line = line;
  return calc_operate(s, kind, left, right, out);
}

/* One step: *next is what remains to be evaluated in *env, in place of `node`;
 * null: *out is the value. */
static slh_status step(struct session *s, slh_local node, slh_local env, slh_ref *next,
                       slh_ref *out)
{
  slh_ref at = calc_get(s, node);
  enum node_kind kind = (enum node_kind)slh_get_i32(s->heap, at, FIELD(node, kind));

  TRY(calc_spend(s, 1));
  s->line = slh_get_i32(s->heap, at, FIELD(node, line));
  *next = *out = SLH_NULL;
  switch (kind) {
  case NODE_NUMBER:
    return calc_new_number(s, slh_get_f64(s->heap, at, FIELD(node, number)), out);
  case NODE_STRING:
    *out = field(s, node, FIELD(node, a));
    return SLH_OK;
  case NODE_NAME:
    TRY(find(s, node, env, &at));
    *out = slh_get_ref(s->heap, at, FIELD(binding, value));
    return SLH_OK;
  case NODE_FN:
    return make_closure(s, node, env, out);
  case NODE_CALL:
    return call(s, node, env, next, out);
  case NODE_ASSIGN:
    return assign(s, node, env, out);
  case NODE_IF:
    TRY(eval_part(s, node, FIELD(node, a), env, out));
    *next = field(s, node, calc_truth(*out) ? FIELD(node, b) : FIELD(node, c));
    return SLH_OK;
  case NODE_LET:
    TRY(let(s, node, env));
    *next = field(s, node, FIELD(node, c));
    return SLH_OK;
  case NODE_THEN:
    if (slh_is_null(field(s, node, FIELD(node, c)))) {
      *next = field(s, node, FIELD(node, a));
      return SLH_OK;
    }
    TRY(eval_part(s, node, FIELD(node, a), env, out));
    *next = field(s, node, FIELD(node, c));
    return SLH_OK;
  default:
    return operate(s, kind, node, env, out);
  }
}

static slh_status eval_steps(struct session *s, slh_ref first, slh_ref scope, slh_ref *out)
{
  SLH_FRAME(frame, s->heap);
  slh_local node, env;
  slh_ref next;

  TRY(slh_local_new(&frame, first, &node));
  TRY(slh_local_new(&frame, scope, &env));
  for (;;) {
    TRY(step(s, node, env, &next, out));
    if (slh_is_null(next))
      return SLH_OK;
    slh_local_set(s->heap, node, next);
  }
}

slh_status calc_eval(struct session *s, slh_ref node, slh_ref env, slh_ref *out)
{
  slh_status status;

  if (s->depth == CALC_DEPTH_MAX)
    return calc_fail(s, "nested too deeply");
  s->depth++;
  status = eval_steps(s, node, env, out);
  s->depth--;
  return status;
}
