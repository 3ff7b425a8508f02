/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* See jit.h. */
#if defined __x86_64__

#define BASE 0
#define BUMP 8
#define LIMIT 16

	.text

	.globl jit_push
	.type jit_push, @function
jit_push:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	movq %rdi, %rbx			/* the heap */
	movl %esi, %ebp			/* the header */
	movl %edx, %r12d		/* nodes to make */
	movq %rcx, %r13			/* where the list is */
	movq %r8, %r14			/* the slow path */
.Lnext:
	xorl %eax, %eax
	testl %r12d, %r12d
	jz .Ldone
.Lallocate:
	movq BUMP(%rbx), %rax
	leaq 16(%rax), %rdx
	cmpq LIMIT(%rbx), %rdx
	ja .Lslow
	movq %rdx, BUMP(%rbx)
	movq BASE(%rbx), %rcx
	movl (%r13), %edx
	movl %ebp, (%rcx, %rax)
	movl %edx, 4(%rcx, %rax)
	movl $0, 8(%rcx, %rax)
	movl %r12d, 12(%rcx, %rax)
	movl %eax, (%r13)
	decl %r12d
	jmp .Lnext
.Lslow:
	movq %rbx, %rdi
	call *%r14
	testl %eax, %eax
	jz .Lallocate
.Ldone:
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
	.size jit_push, . - jit_push

	.globl jit_sum
	.type jit_sum, @function
jit_sum:
	movq BASE(%rdi), %rcx
	xorl %eax, %eax
	jmp .Ltest
.Ladd:
	movl 12(%rcx, %rsi), %edx
	addq %rdx, %rax
	movl 4(%rcx, %rsi), %esi
.Ltest:
	movl %esi, %esi			/* clears the upper half */
	testl %esi, %esi
	jnz .Ladd
	ret
	.size jit_sum, . - jit_sum

	.globl jit_load
	.type jit_load, @function
jit_load:
	movl %esi, %esi
	movl %edx, %edx
	addq %rdx, %rsi
	addq BASE(%rdi), %rsi
	movl (%rsi), %eax
	ret
	.size jit_load, . - jit_load

	.globl jit_store
	.type jit_store, @function
jit_store:
	movl %esi, %esi
	movl %edx, %edx
	addq %rdx, %rsi
	addq BASE(%rdi), %rsi
	movl %ecx, (%rsi)
	ret
	.size jit_store, . - jit_store

#endif

	.section .note.GNU-stack, "", %progbits
