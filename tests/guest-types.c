/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The types of guests. */
#include "tests/guest.h"

#define BIG_FIELDS 300

struct description {
  const char *name;
  int supertype; /* or -1 */
  int after;     /* a type that is equal, and registered before this one; or -1 */
  uint32_t count;
  slh_field fields[10];
};

static const struct description descriptions[GUEST_TYPES] = {
    [GUEST_NODE] =
        {"node", -1, -1, 3, {{"left", SLH_REF, 0}, {"right", SLH_REF, 0}, {"value", SLH_I32, 0}}},
    [GUEST_ALL] = {"all",
                   -1,
                   -1,
                   9,
                   {{"a", SLH_I8, 0},
                    {NULL, SLH_I16, 0},
                    {"", SLH_I32, 0},
                    {"d", SLH_I64, 0},
                    {"e", SLH_F32, 0},
                    {"f", SLH_F64, 0},
                    {"g", SLH_V128, 0},
                    {NULL, SLH_REF, 0},
                    {"i", SLH_FUNCREF, 0}}},
    [GUEST_SUPER] = {"super", -1, -1, 2, {{"next", SLH_REF, 0}, {NULL, SLH_I32, 0}}},
    [GUEST_SUB] =
        {"sub",
         GUEST_SUPER,
         -1,
         4,
         {{"next", SLH_REF, 0}, {NULL, SLH_I32, 0}, {"f", SLH_F64, 0}, {"r", SLH_REF, 0}}},
    [GUEST_SUBSUB] = {"subsub",
                      GUEST_SUB,
                      -1,
                      5,
                      {{NULL, SLH_REF, 0},
                       {NULL, SLH_I32, 0},
                       {NULL, SLH_F64, 0},
                       {NULL, SLH_REF, 0},
                       {"v", SLH_V128, 0}}},
    [GUEST_TWIN] = {"twin", -1, -1, 2, {{"r", SLH_REF, 0}, {"n", SLH_I64, 0}}},
    [GUEST_OTHER_TWIN] = {"twin", -1, GUEST_TWIN, 2, {{"r", SLH_REF, 0}, {"n", SLH_I64, 0}}},
    [GUEST_TWIN_SUB] = {"twin sub",
                        GUEST_OTHER_TWIN,
                        -1,
                        3,
                        {{"r", SLH_REF, 0}, {"n", SLH_I64, 0}, {NULL, SLH_I8, 0}}},
    [GUEST_OTHER_TWIN_SUB] = {"twin sub",
                              GUEST_OTHER_TWIN,
                              GUEST_TWIN_SUB,
                              3,
                              {{"r", SLH_REF, 0}, {"n", SLH_I64, 0}, {NULL, SLH_I8, 0}}},
    [GUEST_UNNAMED] = {NULL, -1, -1, 0, {{0}}},
    [GUEST_EXN] =
        {"exn", -1, -1, 3, {{"payload", SLH_REF, 0}, {"f", SLH_FUNCREF, 0}, {NULL, SLH_I8, 0}}},
    [GUEST_BIG] = {"big", -1, -1, BIG_FIELDS, {{0}}},
    [GUEST_REFS] = {"refs", -1, -1, 1, {{NULL, SLH_REF, 0}}},
    [GUEST_FUNCREFS] = {"funcrefs", -1, -1, 1, {{NULL, SLH_FUNCREF, 0}}},
    [GUEST_BYTES] = {"bytes", -1, -1, 1, {{NULL, SLH_I8, 0}}},
    [GUEST_SHORTS] = {NULL, -1, -1, 1, {{NULL, SLH_I16, 0}}},
    [GUEST_LONGS] = {"longs", -1, -1, 1, {{NULL, SLH_I64, 0}}},
    [GUEST_FLOATS] = {"floats", -1, -1, 1, {{NULL, SLH_F32, 0}}},
    [GUEST_DOUBLES] = {"doubles", -1, -1, 1, {{NULL, SLH_F64, 0}}},
    [GUEST_VECTORS] = {"vectors", -1, -1, 1, {{NULL, SLH_V128, 0}}},
};

static void register_type(slh_runtime *runtime, int number, const slh_type **types)
{
  const struct description *is = &descriptions[number];
  slh_field fields[BIG_FIELDS] = {{0}};
  const slh_type *type = NULL;

  if (number == GUEST_BIG)
    for (int i = 0; i < BIG_FIELDS; i++)
      fields[i] = (slh_field){i % 7 ? NULL : "seventh", i % 3 ? SLH_REF : SLH_I16, 0};
  else
    memcpy(fields, is->fields, is->count * sizeof *fields);
  if (number >= GUEST_ARRAYS)
    assert_ok(slh_array_type_new(runtime, is->name, fields[0].storage, &type, NULL));
  else if (number == GUEST_EXN)
    assert_ok(slh_exn_type_new(runtime, is->name, fields, is->count, &type, NULL));
  else
    assert_ok(slh_struct_type_new(runtime, is->name,
                                  is->supertype >= 0 ? types[is->supertype] : NULL, fields,
                                  is->count, &type, NULL));
  types[number] = type;
}

/* Almost one of those that are looked for. */
static void register_another(slh_runtime *runtime, uint64_t *random)
{
  slh_field fields[] = {{"left", SLH_REF, 0}, {"right", SLH_REF, 0}, {"value", SLH_I32, 0}};
  const slh_type *type;

  switch (helper_below(random, 4)) {
  case 0:
    fields[2].storage = SLH_F32;
    break;
  case 1:
    fields[1].name = "write";
    break;
  case 2:
    fields[0].name = NULL;
    break;
  default:
    fields[0].storage = SLH_FUNCREF;
  }
  assert_ok(slh_struct_type_new(runtime, "node", NULL, fields, 3, &type, NULL));
}

static bool can_come(int number, const slh_type *const *types)
{
  const struct description *is = &descriptions[number];

  return !types[number] && (is->supertype < 0 || types[is->supertype]) &&
         (is->after < 0 || types[is->after]);
}

slh_runtime *guest_runtime(slh_collector collector, uint64_t order)
{
  slh_runtime_options options = SLH_RUNTIME_OPTIONS_INIT;
  const slh_type *types[GUEST_TYPES] = {0};
  slh_runtime *runtime;

  options.collector = collector;
  runtime = helper_runtime(&options);
  for (int left = GUEST_TYPES, next = 0; left > 0;) {
    if (order != 0)
      next = (int)helper_below(&order, GUEST_TYPES);
    if (order != 0 && helper_one_in(&order, 8))
      register_another(runtime, &order);
    if (can_come(next, types)) {
      register_type(runtime, next, types);
      left--;
    }
    next++;
  }
  return runtime;
}

static bool is_described(const slh_type *type, int number)
{
  const struct description *is = &descriptions[number];
  const char *name = is->name ? is->name : number < GUEST_ARRAYS ? "struct" : "array";

  /* The fields that register_another changes. */
  if (strcmp(type->name, name) != 0 || (type->kind == SLH_KIND_ARRAY) != (number >= GUEST_ARRAYS))
    return false;
  if (number != GUEST_NODE)
    return true;
  for (uint32_t i = 0; i < 3; i++) {
    if (type->fields[i].storage != is->fields[i].storage || !type->fields[i].name ||
        strcmp(type->fields[i].name, is->fields[i].name) != 0)
      return false;
  }
  return true;
}

bool guest_find_types(slh_runtime *runtime, const slh_type **types)
{
  bool all = true;

  for (int i = 0; i < GUEST_TYPES; i++) {
    const slh_type *type = NULL;
    uint32_t from = descriptions[i].after >= 0 && types[descriptions[i].after]
                        ? types[descriptions[i].after]->index + 1
                        : 0;

    /* The last of all that an index can be is far off. */
    for (types[i] = NULL; from < 1000 && !types[i]; from++) {
      type = slh_runtime_type(runtime, from);
      if (type && is_described(type, i))
        types[i] = type;
    }
    all = all && types[i];
  }
  return all;
}
