/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Options as text: each by its name and at its bounds, text that is none, random text. */
#include <inttypes.h>
#include <stdio.h>

#include "tests/helper.h"

#define ROOM 512 /* bytes of any option struct, and of what a newer host has */

/* A struct of options, whichever. */
struct options {
  _Alignas(8) unsigned char bytes[ROOM];
};

static const struct kind {
  slh_option_struct of;
  size_t size;
} kinds[] = {
    {SLH_OPTION_OF_POOL, sizeof(slh_pool_options)},
    {SLH_OPTION_OF_RUNTIME, sizeof(slh_runtime_options)},
    {SLH_OPTION_OF_HEAP, sizeof(slh_heap_options)},
};

#define EACH_KIND(kind)                                                                            \
  const struct kind *kind = kinds;                                                                 \
  kind < kinds + 3;                                                                                \
  kind++
#define EACH_OPTION(option, kind)                                                                  \
  const slh_option *option = slh_option_next((kind)->of, NULL);                                    \
  option;                                                                                          \
  option = slh_option_next((kind)->of, option)

static bool is_number(const slh_option *option)
{
  return option->kind < SLH_OPTION_SWITCH;
}

/* Initialised, with a pattern where text does not reach. */
static struct options fresh(const struct kind *kind)
{
  struct options options;

  memset(&options, 0x5a, sizeof options);
  memcpy(options.bytes, &kind->size, sizeof kind->size);
  for (EACH_OPTION(option, kind))
    memset(options.bytes + option->offset, 0, option->field_bytes);
  return options;
}

static slh_status parse(const struct kind *kind, struct options *options, const char *text,
                        slh_error *error)
{
  switch (kind->of) {
  case SLH_OPTION_OF_POOL:
    return slh_pool_options_parse((slh_pool_options *)(void *)options, text, error);
  case SLH_OPTION_OF_RUNTIME:
    return slh_runtime_options_parse((slh_runtime_options *)(void *)options, text, error);
  default:
    return slh_heap_options_parse((slh_heap_options *)(void *)options, text, error);
  }
}

static uint64_t field(const struct options *options, const slh_option *option)
{
  uint64_t value = 0;

  for (size_t i = option->field_bytes; i-- > 0;)
    value = value << 8 | options->bytes[option->offset + i];
  return value;
}

/* Sets this field, and nothing else. */
static void sets_field(const struct kind *kind, const slh_option *option, const char *text,
                       uint64_t value)
{
  struct options before = fresh(kind), after = before;
  char line[100];

  snprintf(line, sizeof line, "%s=%s", option->name, text);
  assert_int_equal(parse(kind, &after, line, NULL), SLH_OK);
  if (field(&after, option) != value)
    fail_msg("%s: %" PRIu64 " in place of %" PRIu64, line, field(&after, option), value);
  memcpy(before.bytes + option->offset, after.bytes + option->offset, option->field_bytes);
  assert_memory_equal(&before, &after, sizeof before);
}

static void expect_number(const struct kind *kind, const slh_option *option, uint64_t value)
{
  char text[24];

  snprintf(text, sizeof text, "%" PRIu64, value);
  sets_field(kind, option, text, value);
}

/* An error that mentions what is expected (NULL: nothing), and changes nothing. */
static void expect_refusal(const struct kind *kind, const char *text, const char *mentioned,
                           const char *too)
{
  struct options before = fresh(kind), after = before;
  slh_error error = {0};

  assert_int_equal(parse(kind, &after, text, &error), SLH_E_INVALID);
  assert_int_equal(parse(kind, &after, text, NULL), SLH_E_INVALID);
  assert_memory_equal(&before, &after, sizeof before);
  assert_int_equal(error.status, SLH_E_INVALID);
  if ((mentioned && !strstr(error.message, mentioned)) || (too && !strstr(error.message, too)))
    fail_msg("'%s' gives '%s' without '%s' or '%s'", text, error.message, mentioned, too);
}

static void refuse_number(const struct kind *kind, const slh_option *option, const char *value)
{
  char line[100], quoted[60], range[60];

  snprintf(line, sizeof line, "%s=%s", option->name, value);
  snprintf(quoted, sizeof quoted, "%s is '%.24s'", option->name, value);
  snprintf(range, sizeof range, "allowed are %" PRIu64 " to %" PRIu64, option->least, option->most);
  expect_refusal(kind, line, quoted, range);
}

/* ---- each option ---- */

static void test_numbers(const struct kind *kind, const slh_option *option)
{
  uint64_t all = UINT64_MAX >> (64 - 8 * option->field_bytes);
  char text[24];

  assert_true(option->least >= 1 && option->least <= option->most && option->most <= all);
  assert_true(option->initial == 0 ||
              (option->initial >= option->least && option->initial <= option->most));
  expect_number(kind, option, 0);
  expect_number(kind, option, option->least);
  expect_number(kind, option, option->most);
  if (option->least > 1) {
    snprintf(text, sizeof text, "%" PRIu64, option->least - 1);
    refuse_number(kind, option, text);
  }
  if (option->most < UINT64_MAX) {
    snprintf(text, sizeof text, "%" PRIu64, option->most + 1);
    refuse_number(kind, option, text);
  }
  refuse_number(kind, option, "18446744073709551616");
  refuse_number(kind, option, "-1");
  refuse_number(kind, option, "yes");
  refuse_number(kind, option, "1KB");
  refuse_number(kind, option, "0x10");
  if (option->words) {
    sets_field(kind, option, option->words[0], all);
    assert_null(option->words[1]);
  }
}

static void test_words(const struct kind *kind, const slh_option *option)
{
  char line[100];

  snprintf(line, sizeof line, "%s=nonsense", option->name);
  for (uint64_t i = 0; option->words[i]; i++) {
    sets_field(kind, option, option->words[i], i);
    expect_refusal(kind, line, option->name, option->words[i]);
    assert_true(i <= option->most);
  }
  snprintf(line, sizeof line, "%s=%sx", option->name, option->words[0]);
  expect_refusal(kind, line, option->name, option->words[0]);
  snprintf(line, sizeof line, "%s=0", option->name);
  expect_refusal(kind, line, option->name, option->words[0]);
}

static void test_switches(const struct kind *kind, const slh_option *option)
{
  static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
  char line[100];

  for (uint64_t i = 0; i < 8; i++) {
    sets_field(kind, option, words[i], i & 1);
    snprintf(line, sizeof line, "%s=x%s", option->name, words[i]);
    expect_refusal(kind, line, option->name, words[i]);
  }
}

static void test_each(void **state)
{
  (void)state;
  for (EACH_KIND(kind)) {
    for (EACH_OPTION(option, kind)) {
      if (is_number(option))
        test_numbers(kind, option);
      else if (option->kind == SLH_OPTION_CHOICE)
        test_words(kind, option);
      else
        test_switches(kind, option);
    }
  }
  assert_null(slh_option_next((slh_option_struct)3, NULL));
  assert_null(slh_option_next((slh_option_struct)-1, NULL));
}

static void test_units(void **state)
{
  static const char units[] = "KMGT";
  slh_pool_options options = SLH_POOL_OPTIONS_INIT;

  (void)state;
  for (unsigned i = 0; i < 4; i++) {
    uint64_t expected = UINT64_C(3) << 10 * (i + 1);
    const char forms[][4] = {{units[i]}, {(char)(units[i] | 0x20)}, {units[i], 'i', 'B'}};

    for (size_t j = 0; j < 3; j++) {
      char text[60];

      snprintf(text, sizeof text, "keep_resident_bytes=3%s", forms[j]);
      assert_int_equal(slh_pool_options_parse(&options, text, NULL), SLH_OK);
      assert_int_equal(options.keep_resident_bytes, expected);
    }
  }
  assert_int_equal(slh_pool_options_parse(&options, "decay_ms=7ms", NULL), SLH_OK);
  assert_int_equal(options.decay_ms, 7);
  assert_int_equal(slh_pool_options_parse(&options, "decay_ms=7s", NULL), SLH_OK);
  assert_int_equal(options.decay_ms, 7000);
  refuse_number(kinds, slh_option_next(SLH_OPTION_OF_POOL, NULL), "1K");
  expect_refusal(kinds, "decay_ms=1K", "decay_ms is '1K'", NULL);
  expect_refusal(kinds, "budget_bytes=1s", "budget_bytes is '1s'", NULL);
  expect_refusal(kinds, "budget_bytes=16777216T", "budget_bytes is '16777216T'", NULL);
  expect_refusal(kinds, "budget_bytes=K", "budget_bytes is 'K'", NULL);
}

/* Their places are the enumerations'. */
static void test_enumerations(void **state)
{
  slh_pool_options pool = SLH_POOL_OPTIONS_INIT;
  slh_runtime_options runtime = SLH_RUNTIME_OPTIONS_INIT;

  (void)state;
  assert_int_equal(slh_pool_options_parse(
                       &pool, "isolation=none kind=dense decommit=uring huge_pages=large", NULL),
                   SLH_OK);
  assert_int_equal(pool.isolation, SLH_ISOLATION_NONE);
  assert_int_equal(pool.kind, SLH_POOL_DENSE);
  assert_int_equal(pool.decommit, SLH_DECOMMIT_URING);
  assert_int_equal(pool.huge_pages, SLH_HUGE_LARGE);
  assert_int_equal(slh_pool_options_parse(&pool, "isolation=strict huge_pages=never", NULL),
                   SLH_OK);
  assert_int_equal(pool.isolation, SLH_ISOLATION_STRICT);
  assert_int_equal(pool.huge_pages, SLH_HUGE_NEVER);
  for (int i = 0; i < SLH_DECOMMIT_ENGINES; i++) {
    char text[40];

    snprintf(text, sizeof text, "decommit=%s", slh_decommit_name((slh_decommit)i));
    assert_int_equal(slh_pool_options_parse(&pool, text, NULL), SLH_OK);
    assert_int_equal(pool.decommit, i);
  }
  for (int i = 0; i < 4; i++) {
    static const slh_collector collectors[] = {SLH_COLLECTOR_COPYING, SLH_COLLECTOR_NULL,
                                               SLH_COLLECTOR_GENERATIONAL, SLH_COLLECTOR_DRC};
    static const char *const texts[] = {"collector=copying", "collector=null",
                                        "collector=generational", "collector=drc"};

    assert_int_equal(slh_runtime_options_parse(&runtime, texts[i], NULL), SLH_OK);
    assert_int_equal(runtime.collector, collectors[i]);
  }
  assert_int_equal(slh_runtime_options_parse(&runtime, "zeal=never", NULL), SLH_OK);
  assert_int_equal(runtime.zeal, SLH_ZEAL_NEVER);
}

/* ---- defaults and ranges are those of what is made ---- */

static void test_defaults(void **state)
{
  slh_heap_options options = SLH_HEAP_OPTIONS_INIT;
  slh_pool_options pool_options = helper_pool_options(1);
  slh_pool_plan plan;
  slh_heap_stats stats;
  slh_pool *pool = helper_pool(&pool_options);
  slh_heap *heap;

  (void)state;
  assert_int_equal(slh_pool_plan_new(NULL, NULL, &plan, NULL), SLH_OK);
  options.runtime = helper_runtime(NULL);
  assert_int_equal(slh_heap_acquire(pool, &options, &heap), SLH_OK);
  slh_heap_get_stats(heap, &stats);
  for (EACH_KIND(kind)) {
    for (EACH_OPTION(option, kind)) {
      const struct {
        const char *name;
        uint64_t value;
      } come_to[] = {{"slots", plan.slots},
                     {"keep_resident_bytes", plan.keep_resident_bytes},
                     {"max_collections", plan.evacuation_spaces},
                     {"keep_evacuation_bytes", plan.keep_evacuation_bytes},
                     {"budget_bytes", plan.budget_bytes},
                     {"resident_budget_bytes", plan.resident_budget_bytes},
                     {"decay_ms", plan.decay_ms},
                     {"initial_bytes", stats.soft_limit},
                     {"max_host_bytes", stats.max_host}};
      bool found = false;

      for (size_t i = 0; i < sizeof come_to / sizeof *come_to; i++) {
        if (strcmp(come_to[i].name, option->name) == 0) {
          assert_int_equal(come_to[i].value, option->initial);
          found = true;
        }
      }
      assert_int_equal(found, option->initial != 0);
    }
  }
  slh_heap_release(heap);
  slh_pool_free(pool);
  slh_runtime_free(options.runtime);
}

/* ---- text ---- */

static void test_form(void **state)
{
  static const char *const same[] = {
      "slots=7,decay_ms=9,populate=yes",
      "slots=7 decay_ms=9 populate=yes",
      "\n slots = 7\r\n\tdecay_ms\t=9 ,, populate=\tyes\n\n",
      "# of the pool\nslots=7 # seven\ndecay_ms=9#ms\npopulate=yes#",
      "slots=1,decay_ms=9,slots=7,populate=no,populate=yes",
      ",,slots=7,decay_ms=9,populate=yes,",
  };
  slh_pool_options before = SLH_POOL_OPTIONS_INIT, after;

  (void)state;
  before.guard_bytes = 1 << 20;
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    after = before;
    assert_int_equal(slh_pool_options_parse(&after, same[i], NULL), SLH_OK);
    assert_int_equal(after.slots, 7);
    assert_int_equal(after.decay_ms, 9);
    assert_true(after.populate);
    assert_int_equal(after.guard_bytes, 1 << 20);
  }
  after = before;
  assert_int_equal(slh_pool_options_parse(&after, NULL, NULL), SLH_OK);
  assert_int_equal(slh_pool_options_parse(&after, "", NULL), SLH_OK);
  assert_int_equal(slh_pool_options_parse(&after, " ,\n # slots=7", NULL), SLH_OK);
  assert_memory_equal(&before, &after, sizeof before);
}

static void test_malformed(void **state)
{
  static const char *const bad[] = {
      "slots",    "slots=7 decay_ms", "=7",      "slots 7",       "slots=7=8", "slots=",
      "slots= ,", "slots=\n7",        "slots==", "slots=7;",      "slots=7 x", "slots=7,\"",
      "slots=#7", "Slots=7",          "x\x01=1", "\xff\xff=\xff", "populate",  "slots=7 7",
  };

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    expect_refusal(kinds, bad[i], NULL, NULL);
  expect_refusal(kinds, "slots=7 decay_ms", "at 'decay_ms'", "NAME=VALUE");
  expect_refusal(kinds, "slots=", "slots is ''", "allowed are 1 to 2147483648");
  /* The last one is wrong: none is set. */
  expect_refusal(kinds, "slots=7,populate=yes,isolation=good", "isolation is 'good'",
                 "scrub, strict, none");
}

static void test_unknown_names(void **state)
{
  char text[600];

  (void)state;
  expect_refusal(kinds, "slot=7", "no option 'slot': is it slots?", "slots, max_heap_bytes");
  expect_refusal(kinds, "slot_byte=7", "is it slot_bytes?", NULL);
  expect_refusal(kinds, "huge-pages=never", "is it huge_pages?", " more");
  expect_refusal(kinds, "=7", NULL, "NAME=VALUE");
  expect_refusal(kinds + 1, "colector=drc", "is it collector?", "There are collector, zeal");
  expect_refusal(kinds + 1, "slots=7", "no option 'slots'", "There are collector, zeal");
  expect_refusal(kinds + 2, "tags=7", "is it tag?", "resume");
  memset(text, 'x', sizeof text);
  memcpy(text + sizeof text - 3, "=1", 3);
  expect_refusal(kinds, text, "no option 'xxxxxxxxxxxxxxxxxxxxxxxx'", "more");
}

/* ---- hosts of other versions ---- */

static void test_versions(void **state)
{
  (void)state;
  for (EACH_KIND(kind)) {
    for (EACH_OPTION(option, kind)) {
      struct options before = fresh(kind), after;
      slh_error error = {0};
      size_t size = option->offset & ~(size_t)7; /* the host's ends before it */
      char text[60];

      memcpy(before.bytes, &size, sizeof size);
      after = before;
      snprintf(text, sizeof text, "%s=%s", option->name,
               option->kind == SLH_OPTION_CHOICE ? option->words[0] : "0");
      assert_int_equal(parse(kind, &after, text, &error), SLH_E_INVALID);
      assert_non_null(strstr(error.message, option->name));
      assert_non_null(strstr(error.message, "older headers"));
      assert_memory_equal(&before, &after, sizeof before);
    }
    for (size_t size = 0; size <= kind->size + 16; size += 4) {
      struct options options = fresh(kind), untouched;

      memset(options.bytes + kind->size, 0, 64);
      memcpy(options.bytes, &size, sizeof size);
      untouched = options;
      assert_int_equal(parse(kind, &options, "", NULL),
                       size != 0 && size % 8 == 0 ? SLH_OK : SLH_E_INVALID);
      assert_memory_equal(&options, &untouched, sizeof options);
    }
  }
}

/* ---- random text ---- */

static size_t add(char *text, size_t length, const char *more)
{
  size_t count = strlen(more);

  memcpy(text + length, more, count + 1);
  return length + count;
}

static const slh_option *random_option(const struct kind *kind, uint64_t *seed)
{
  const slh_option *option = NULL;

  for (uint64_t left = 1 + helper_below(seed, 16); left > 0; left--)
    option = slh_option_next(kind->of, option);
  return option ? option : slh_option_next(kind->of, NULL);
}

/* "name=value", mostly good. */
static size_t add_assignment(const struct kind *kind, uint64_t *seed, char *text, size_t length)
{
  static const char *const values[] = {"0", "1", "65535", "512", "4G", "3K", "yes", "off", "x", ""};
  const slh_option *option = random_option(kind, seed);
  char number[24];

  length = add(text, length, option->name);
  length = add(text, length, helper_one_in(seed, 20) ? " " : "=");
  if (option->words && helper_one_in(seed, 2))
    return add(text, length, option->words[0]);
  if (helper_one_in(seed, 4))
    return add(text, length, values[helper_below(seed, 10)]);
  snprintf(number, sizeof number, "%" PRIu64, helper_random(seed) >> helper_below(seed, 64));
  return add(text, length, number);
}

/* Letters are changed, left out, or end the text. */
static void damage(uint64_t *seed, char *text, size_t length)
{
  for (uint64_t i = helper_below(seed, 4); i > 0 && length > 0; i--)
    text[helper_below(seed, length)] =
        helper_one_in(seed, 2) ? (char)helper_random(seed) : " ,=#\n0K"[helper_below(seed, 7)];
}

static void test_random(void **state)
{
  uint64_t seed = helper_seed();
  uint64_t taken = 0;

  (void)state;
  for (uint64_t i = helper_rounds(100000); i > 0; i--) {
    const struct kind *kind = &kinds[helper_below(&seed, 3)];
    struct options before = fresh(kind), after = before, one_by_one = before;
    char texts[3][200];
    char all[600] = "";
    slh_error error = {0};
    slh_status each = SLH_OK;

    for (size_t j = 0; j < 3; j++) {
      damage(&seed, texts[j], add_assignment(kind, &seed, texts[j], 0));
      strcat(strcat(all, texts[j]), "\n"); /* ends a comment, too */
      if (each == SLH_OK)
        each = parse(kind, &one_by_one, texts[j], NULL);
    }
    if (parse(kind, &after, all, &error) == SLH_OK) {
      taken++;
      assert_int_equal(each, SLH_OK);
      assert_memory_equal(&after, &one_by_one, sizeof after);
    } else {
      assert_int_not_equal(each, SLH_OK);
      assert_memory_equal(&before, &after, sizeof after);
      assert_true(strlen(error.message) > 20);
      assert_null(strpbrk(error.message, "\n\t\r"));
    }
  }
  assert_true(taken > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each),          cmocka_unit_test(test_units),
      cmocka_unit_test(test_enumerations),  cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_form),          cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_unknown_names), cmocka_unit_test(test_versions),
      cmocka_unit_test(test_random),
  };

  return helper_run(tests, NULL, NULL);
}
