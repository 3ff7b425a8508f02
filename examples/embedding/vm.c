/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "vm.h"

#include <stdlib.h>
#include <string.h>

/* All that a store holds outside its heap. A collection rewrites it in place. */
static void list_roots(void *host, slh_heap *heap, slh_roots *roots)
{
  struct vm *vm = host;

  (void)slh_roots_add(roots, SLH_ROOT_STACK, vm->stack, vm->depth, "the stack");
  (void)slh_roots_add(roots, SLH_ROOT_STACK, vm->calls, vm->callers, "the calls");
  (void)slh_roots_add(roots, SLH_ROOT_OTHER, &vm->words, 1, "the words");
}

void vm_begin(struct vm *vm, const struct language *language, slh_heap_options *options)
{
  memset(vm, 0, sizeof *vm);
  vm->language = language;
  vm->out = stdout;
  vm->words = SLH_NULL;
  vm->steps = 10 * 1000 * 1000;
  options->runtime = language->runtime;
  options->enumerate_roots = list_roots;
  options->host = vm;
}

/* ---- the stack ---- */

static bool stop(struct vm *vm, const char *why)
{
  vm->error = why;
  return false;
}

static bool require(struct vm *vm, slh_status status)
{
  return status == SLH_OK || stop(vm, slh_status_text(status));
}

static bool push(struct vm *vm, slh_ref value)
{
  if (vm->depth == VM_STACK)
    return stop(vm, "the stack is full");
  vm->stack[vm->depth++] = value;
  return true;
}

/* The value that has `above` others above it. */
static slh_ref *top(struct vm *vm, uint32_t above)
{
  return &vm->stack[vm->depth - 1 - above];
}

static bool has(struct vm *vm, uint32_t count)
{
  return vm->depth >= count || stop(vm, "the stack is empty");
}

static bool has_numbers(struct vm *vm, uint32_t count)
{
  if (!has(vm, count))
    return false;
  while (count-- > 0)
    if (!slh_is_i31(*top(vm, count)))
      return stop(vm, "that is no number");
  return true;
}

static bool has_pair(struct vm *vm)
{
  return has(vm, 1) &&
         (slh_object_is(vm->heap, *top(vm, 0), vm->language->pair) || stop(vm, "that is no pair"));
}

/* ---- words ---- */

/* first rest -> pair */
static bool do_cons(struct vm *vm)
{
  slh_ref pair;

  if (!has(vm, 2) || !require(vm, slh_new_struct(vm->heap, vm->language->pair, &pair)))
    return false;
  /* That may have moved everything: what the pair is made of is looked up now. */
  slh_init_ref(vm->heap, pair, vm->language->first, *top(vm, 1));
  slh_init_ref(vm->heap, pair, vm->language->rest, *top(vm, 0));
  vm->depth--;
  *top(vm, 0) = pair;
  return true;
}

static bool do_first(struct vm *vm)
{
  if (!has_pair(vm))
    return false;
  *top(vm, 0) = slh_get_ref(vm->heap, *top(vm, 0), vm->language->first);
  return true;
}

static bool do_rest(struct vm *vm)
{
  if (!has_pair(vm))
    return false;
  *top(vm, 0) = slh_get_ref(vm->heap, *top(vm, 0), vm->language->rest);
  return true;
}

static bool do_nil(struct vm *vm)
{
  return push(vm, SLH_NULL);
}

static bool do_dup(struct vm *vm)
{
  return has(vm, 1) && push(vm, *top(vm, 0));
}

static bool do_drop(struct vm *vm)
{
  if (!has(vm, 1))
    return false;
  vm->depth--;
  return true;
}

static bool do_swap(struct vm *vm)
{
  slh_ref upper;

  if (!has(vm, 2))
    return false;
  upper = *top(vm, 0);
  *top(vm, 0) = *top(vm, 1);
  *top(vm, 1) = upper;
  return true;
}

static bool number(struct vm *vm, char operation)
{
  uint32_t a, b;

  if (!has_numbers(vm, 2))
    return false;
  a = slh_i31_unsigned(*top(vm, 1));
  b = slh_i31_unsigned(*top(vm, 0));
  vm->depth--;
  *top(vm, 0) = slh_i31((int32_t)(operation == '+' ? a + b : operation == '-' ? a - b : a * b));
  return true;
}

static bool do_add(struct vm *vm)
{
  return number(vm, '+');
}

static bool do_subtract(struct vm *vm)
{
  return number(vm, '-');
}

static bool do_multiply(struct vm *vm)
{
  return number(vm, '*');
}

static bool do_print(struct vm *vm)
{
  if (!has(vm, 1))
    return false;
  language_print(vm->out, vm->heap, vm->language, *top(vm, 0));
  putc('\n', vm->out);
  vm->depth--;
  return true;
}

/* Leaves the word that runs if there is a 0, which stays. */
static bool do_leave(struct vm *vm)
{
  if (!has_numbers(vm, 1))
    return false;
  if (slh_i31_signed(*top(vm, 0)) == 0 && vm->callers > 0)
    vm->calls[vm->callers - 1] = SLH_NULL;
  return true;
}

/* What lies at an offset of the heap, as compiled code would read it: unchecked. */
static bool do_peek(struct vm *vm)
{
  slh_ref at;

  if (!has_numbers(vm, 1))
    return false;
  at.bits = slh_i31_unsigned(*top(vm, 0)) & ~UINT32_C(7);
  *top(vm, 0) = slh_i31(slh_get_i32(vm->heap, at, 0));
  return true;
}

static const struct {
  const char *name;
  bool (*run)(struct vm *vm);
} built_in[] = {
    {"cons", do_cons},  {"first", do_first}, {"rest", do_rest},   {"nil", do_nil},
    {"dup", do_dup},    {"drop", do_drop},   {"swap", do_swap},   {"+", do_add},
    {"-", do_subtract}, {"*", do_multiply},  {"print", do_print}, {"leave-at-0", do_leave},
    {"peek", do_peek},
};

/* ---- running ---- */

static bool call(struct vm *vm, slh_ref body)
{
  /* Of a word that has nothing left to do nobody has to know: loops are calls. */
  if (vm->callers > 0 && slh_is_null(vm->calls[vm->callers - 1]))
    vm->callers--;
  if (vm->callers == VM_CALLS)
    return stop(vm, "too many calls");
  vm->calls[vm->callers++] = body;
  return true;
}

/* The bytes of a text. They lie in the heap: nothing may be allocated meanwhile. */
static bool same_text(struct vm *vm, slh_ref text, const void *bytes, uint32_t length)
{
  void *other;
  uint32_t other_length;

  return slh_array_data(vm->heap, text, SLH_I8, &other, &other_length) == SLH_OK &&
         other_length == length && memcmp(other, bytes, length) == 0;
}

/* Runs one item of a program: a number or a name. Does not allocate before it has
 * found out what the name stands for. */
static bool run_item(struct vm *vm, slh_ref item)
{
  const struct language *language = vm->language;
  void *bytes;
  uint32_t length;

  if (slh_array_data(vm->heap, item, SLH_I8, &bytes, &length) != SLH_OK)
    return push(vm, item);
  for (slh_ref at = vm->words; slh_is_object(at); at = slh_get_ref(vm->heap, at, language->rest)) {
    slh_ref word = slh_get_ref(vm->heap, at, language->first);

    if (same_text(vm, slh_get_ref(vm->heap, word, language->first), bytes, length))
      return call(vm, slh_get_ref(vm->heap, word, language->rest));
  }
  for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
    if (same_text(vm, item, built_in[i].name, (uint32_t)strlen(built_in[i].name)))
      return built_in[i].run(vm);
  return stop(vm, "there is no such word");
}

static bool run(struct vm *vm)
{
  while (vm->callers > 0) {
    slh_ref *next = &vm->calls[vm->callers - 1], item;

    if (slh_is_null(*next)) {
      vm->callers--;
      continue;
    }
    if (vm->steps-- == 0)
      return stop(vm, "it takes too long");
    item = slh_get_ref(vm->heap, *next, vm->language->first);
    *next = slh_get_ref(vm->heap, *next, vm->language->rest);
    if (!run_item(vm, item))
      return false;
  }
  return true;
}

/* ---- reading ---- */

/* Pushes a number, or a name. */
static bool read_item(struct vm *vm, const char *from, uint32_t length)
{
  char *end;
  long value = strtol(from, &end, 10);
  slh_ref text;

  if (end == from + length)
    return push(vm, slh_i31((int32_t)value));
  return require(vm, slh_heap_make_room(vm->heap, slh_array_size(vm->language->text, length))) &&
         require(vm, language_text(vm->heap, vm->language, from, length, &text)) && push(vm, text);
}

/* Makes a list of what is on the stack from `bottom` on, and leaves it there. */
static bool make_list(struct vm *vm, uint32_t bottom)
{
  if (!do_nil(vm))
    return false;
  while (vm->depth > bottom + 1)
    if (!do_cons(vm))
      return false;
  return true;
}

/* What is on the stack from `bottom` on is a name and what it stands for. */
static bool define(struct vm *vm, uint32_t bottom)
{
  if (vm->depth == bottom)
    return stop(vm, "a definition without a name");
  if (!make_list(vm, bottom) || !push(vm, vm->words) || !do_cons(vm))
    return false;
  vm->words = *top(vm, 0);
  vm->depth--;
  return true;
}

/* Leaves the program on the stack, as a list. */
static bool read_program(struct vm *vm, const char *program)
{
  uint32_t bottom = vm->depth, definition = UINT32_MAX;

  for (;;) {
    uint32_t length;

    program += strspn(program, " \n");
    length = (uint32_t)strcspn(program, " \n");
    if (length == 0)
      break;
    if (length == 1 && *program == ':') {
      definition = vm->depth;
    } else if (length == 1 && *program == ';' && definition != UINT32_MAX) {
      if (!define(vm, definition))
        return false;
      definition = UINT32_MAX;
    } else if (!read_item(vm, program, length)) {
      return false;
    }
    program += length;
  }
  return make_list(vm, bottom);
}

bool vm_run(struct vm *vm, const char *program)
{
  vm->error = NULL;
  if (read_program(vm, program)) {
    slh_ref code = *top(vm, 0);

    vm->depth--;
    if (call(vm, code) && run(vm))
      return true;
  }
  vm->depth = vm->callers = 0;
  return false;
}
