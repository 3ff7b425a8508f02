/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* See jit.h. */
#if defined __x86_64__

/* struct jit_target */
#define BASE 0
#define BUMP 8
#define LIMIT 16
#define HEADER 24
#define BYTES 32
#define NEXT 40
#define OTHER 48
#define VALUE 56

	.text

	.globl jit_push
	.type jit_push, @function
jit_push:
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rdi, %rbx			/* the heap */
	movq %rsi, %r15			/* the target */
	movl %edx, %r12d		/* nodes to make */
	movq %rcx, %r13			/* where the list is */
	movq %r8, %r14			/* the slow path */
.Lnext:
	xorl %eax, %eax
	testl %r12d, %r12d
	jz .Ldone
.Lallocate:
	movq BUMP(%r15), %rsi
	movq (%rbx, %rsi), %rax
	movq BYTES(%r15), %rdx
	addq %rax, %rdx
	movq LIMIT(%r15), %rcx
	cmpq (%rbx, %rcx), %rdx
	ja .Lslow
	movq %rdx, (%rbx, %rsi)
	movq BASE(%r15), %rcx
	movq (%rbx, %rcx), %rcx
	addq %rax, %rcx			/* where the node is */
	movl HEADER(%r15), %edx
	movl %edx, (%rcx)
	movl (%r13), %edx
	movq NEXT(%r15), %rsi
	movl %edx, (%rcx, %rsi)
	movq OTHER(%r15), %rsi
	movl $0, (%rcx, %rsi)
	movq VALUE(%r15), %rsi
	movl %r12d, (%rcx, %rsi)
	movl %eax, (%r13)
	decl %r12d
	jmp .Lnext
.Lslow:
	movq %rbx, %rdi
	call *%r14
	testl %eax, %eax
	jz .Lallocate
.Ldone:
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	ret
	.size jit_push, . - jit_push

	.globl jit_sum
	.type jit_sum, @function
jit_sum:
	movq BASE(%rsi), %rcx
	movq (%rdi, %rcx), %rcx
	movq NEXT(%rsi), %r8
	movq VALUE(%rsi), %r9
	xorl %eax, %eax
	jmp .Ltest
.Ladd:
	addq %rcx, %rdx
	movl (%rdx, %r9), %r10d
	addq %r10, %rax
	movl (%rdx, %r8), %edx
.Ltest:
	movl %edx, %edx			/* clears the upper half */
	testl %edx, %edx
	jnz .Ladd
	ret
	.size jit_sum, . - jit_sum

	.globl jit_load
	.type jit_load, @function
jit_load:
	movl %edx, %edx
	movl %ecx, %ecx
	addq %rcx, %rdx
	movq BASE(%rsi), %rsi
	addq (%rdi, %rsi), %rdx
	movl (%rdx), %eax
	ret
	.size jit_load, . - jit_load

	.globl jit_store
	.type jit_store, @function
jit_store:
	movl %edx, %edx
	movl %ecx, %ecx
	addq %rcx, %rdx
	movq BASE(%rsi), %rsi
	addq (%rdi, %rsi), %rdx
	movl %r8d, (%rdx)
	ret
	.size jit_store, . - jit_store

#endif

	.section .note.GNU-stack, "", %progbits
