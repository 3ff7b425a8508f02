/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A virtual machine for a language like Forth. What it works on is a stack of
 * values; a program is a list of numbers, which are pushed, and of names, which
 * are run. ": name ... ;" defines a word.
 */
#ifndef EXAMPLES_EMBEDDING_VM_H
#define EXAMPLES_EMBEDDING_VM_H

#include "language.h"

#define VM_STACK 256
#define VM_CALLS 64

struct vm {
  const struct language *language;
  slh_heap *heap;
  FILE *out;
  slh_ref stack[VM_STACK];
  slh_ref calls[VM_CALLS]; /* what is left to do of each word that runs */
  slh_ref words;           /* a list of definitions, each a name and what it does */
  uint32_t depth;          /* of the stack */
  uint32_t callers;        /* of the calls */
  uint64_t steps;          /* that may still be made */
  const char *error;       /* why the program was stopped */
};

/* Begins a store: fills in what the heap is acquired with. */
void vm_begin(struct vm *vm, const struct language *language, slh_heap_options *options);

/* Reads a program and runs it. False: vm->error says why not, and the stack is empty. */
bool vm_run(struct vm *vm, const char *program);

#endif
