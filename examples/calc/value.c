/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* What a script's heap holds, and how it is made. */
#include "calc.h"

#include <math.h>

/* ---- types ---- */

/* Registers a struct, and checks that the layout is that of the C struct. */
static slh_status new_type(slh_runtime *runtime, const char *name, const slh_field *fields,
                           size_t count, const slh_type **out, slh_error *error)
{
  TRY(slh_struct_type_new(runtime, name, NULL, fields, count, out, error));
  for (size_t i = 0; i < count; i++)
    if ((*out)->fields[i].offset != fields[i].offset) {
      *error = (slh_error){SLH_E_UNSUPPORTED, 0, "a struct is not laid out as its C struct"};
      return SLH_E_UNSUPPORTED;
    }
  return SLH_OK;
}

#define REF(object, name) #name, SLH_REF, FIELD(object, name)
#define REGISTER(name)                                                                             \
  TRY(new_type(runtime, #name, name##_fields, sizeof name##_fields / sizeof *name##_fields,        \
               &out->name, error))

slh_status calc_register(slh_runtime *runtime, struct types *out, slh_error *error)
{
  static const slh_field node_fields[] = {{"kind", SLH_I32, FIELD(node, kind)},
                                          {"line", SLH_I32, FIELD(node, line)},
                                          {REF(node, a)},
                                          {REF(node, b)},
                                          {REF(node, c)},
                                          {"number", SLH_F64, FIELD(node, number)}};
  static const slh_field binding_fields[] = {
      {REF(binding, name)}, {REF(binding, value)}, {REF(binding, outer)}};
  static const slh_field closure_fields[] = {
      {REF(closure, parameters)}, {REF(closure, body)}, {REF(closure, env)}};
  static const slh_field number_fields[] = {{"value", SLH_F64, FIELD(number, value)}};
  static const slh_field pair_fields[] = {{REF(pair, head)}, {REF(pair, tail)}};
  static const slh_field builtin_fields[] = {{"native", SLH_FUNCREF, FIELD(builtin, native)}};

  REGISTER(node);
  REGISTER(binding);
  REGISTER(closure);
  REGISTER(number);
  REGISTER(pair);
  REGISTER(builtin);
  return slh_array_type_new(runtime, "string", SLH_I8, &out->string, error);
}

/* ---- numbers ---- */

bool calc_number(const struct session *s, slh_ref value, double *out)
{
  if (slh_is_i31(value))
    *out = slh_i31_signed(value);
  else if (calc_is(s, value, s->types->number))
    *out = slh_get_f64(s->heap, value, FIELD(number, value));
  else
    return false;
  return true;
}

slh_status calc_new_number(struct session *s, double value, slh_ref *out)
{
  if (value >= -0x1p30 && value < 0x1p30 && value == trunc(value)) {
    *out = slh_i31((int32_t)value);
    return SLH_OK;
  }
  TRY(slh_new_struct_uninit(s->heap, s->types->number, out));
  slh_set_f64(s->heap, *out, FIELD(number, value), value);
  return SLH_OK;
}

/* ---- strings ---- */

char *calc_string(const struct session *s, slh_ref string, uint32_t *length)
{
  void *bytes;

  /* The checked call: it finds no more bytes than the heap has, whatever a
   * wrong native function may have done to the length. */
  if (slh_array_data(s->heap, string, SLH_I8, &bytes, length) == SLH_OK)
    return bytes;
  *length = 0;
  return NULL;
}

/* A string of `length` bytes that are to be written at *bytes. */
static slh_status new_string(struct session *s, uint64_t length, char **bytes, slh_ref *out)
{
  uint32_t same;

  if (length > UINT32_MAX)
    return SLH_E_TOO_LARGE;
  TRY(calc_spend(s, length / CALC_BYTES_A_STEP));
  TRY(slh_new_array_uninit(s->heap, s->types->string, (uint32_t)length, out));
  *bytes = calc_string(s, *out, &same);
  return SLH_OK;
}

slh_status calc_new_string(struct session *s, const char *bytes, size_t length, slh_ref *out)
{
  char *to;

  TRY(new_string(s, length, &to, out));
  memcpy(to, bytes, length);
  return SLH_OK;
}

bool calc_text(const struct session *s, slh_ref value, struct text *out)
{
  double number;

  if (calc_number(s, value, &number)) {
    out->length = (uint32_t)snprintf(out->digits, sizeof out->digits, "%.14g", number);
    out->bytes = out->digits;
    return true;
  }
  if (!calc_is(s, value, s->types->string))
    return false;
  out->bytes = calc_string(s, value, &out->length);
  return true;
}

/* ---- operators ---- */

static double compute(enum node_kind kind, double a, double b)
{
  switch (kind) {
  case NODE_LESS:
    return a < b;
  case NODE_LESS_EQUAL:
    return a <= b;
  case NODE_MORE:
    return a > b;
  case NODE_MORE_EQUAL:
    return a >= b;
  case NODE_ADD:
    return a + b;
  case NODE_SUBTRACT:
    return a - b;
  case NODE_MULTIPLY:
    return a * b;
  case NODE_DIVIDE:
    return a / b;
  default:
    return fmod(a, b);
  }
}

static slh_status concatenate(struct session *s, slh_local left, slh_local right, slh_ref *out)
{
  struct text a, b;
  char *to;

  if (!calc_text(s, calc_get(s, left), &a) || !calc_text(s, calc_get(s, right), &b))
    return calc_fail(s, "only strings and numbers can be added");
  TRY(new_string(s, (uint64_t)a.length + b.length, &to, out));
  /* The strings may have moved, and their bytes with them. */
  (void)calc_text(s, calc_get(s, left), &a);
  (void)calc_text(s, calc_get(s, right), &b);
  memcpy(to, a.bytes, a.length);
  memcpy(to + a.length, b.bytes, b.length);
  return SLH_OK;
}

static slh_status equal(struct session *s, slh_ref left, slh_ref right, bool *out)
{
  struct text a, b;
  double x, y;

  *out = slh_ref_equal(left, right);
  if (*out)
    return SLH_OK;
  if (calc_number(s, left, &x) && calc_number(s, right, &y)) {
    *out = x == y;
  } else if (calc_is(s, left, s->types->string) && calc_is(s, right, s->types->string)) {
    (void)calc_text(s, left, &a);
    (void)calc_text(s, right, &b);
    TRY(calc_spend(s, a.length / CALC_BYTES_A_STEP));
    *out = a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
  }
  return SLH_OK;
}

slh_status calc_operate(struct session *s, enum node_kind kind, slh_local left, slh_local right,
                        slh_ref *out)
{
  double a, b;
  bool same;

  if (kind == NODE_EQUAL || kind == NODE_UNEQUAL) {
    TRY(equal(s, calc_get(s, left), calc_get(s, right), &same));
    *out = slh_i31(same == (kind == NODE_EQUAL));
    return SLH_OK;
  }
  if (calc_number(s, calc_get(s, left), &a) && calc_number(s, calc_get(s, right), &b))
    return calc_new_number(s, compute(kind, a, b), out);
  if (kind == NODE_ADD)
    return concatenate(s, left, right, out);
  return calc_fail(s, "only numbers can be computed with");
}
