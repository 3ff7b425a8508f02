/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* See jit.h. */
#if defined __aarch64__

#define BASE 0
#define BUMP 8
#define LIMIT 16

	.text
	.p2align 2

	.globl jit_push
	.type jit_push, %function
jit_push:
	stp x29, x30, [sp, #-64]!
	mov x29, sp
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	str x23, [sp, #48]
	mov x19, x0			// the heap
	mov w20, w1			// the header
	mov w21, w2			// nodes to make
	mov x22, x3			// where the list is
	mov x23, x4			// the slow path
.Lnext:
	mov w0, #0
	cbz w21, .Ldone
.Lallocate:
	ldr x0, [x19, #BUMP]
	add x1, x0, #16
	ldr x2, [x19, #LIMIT]
	cmp x1, x2
	b.hi .Lslow
	str x1, [x19, #BUMP]
	ldr x2, [x19, #BASE]
	ldr w3, [x22]
	add x2, x2, x0
	stp w20, w3, [x2]
	stp wzr, w21, [x2, #8]
	str w0, [x22]
	sub w21, w21, #1
	b .Lnext
.Lslow:
	mov x0, x19
	blr x23
	cbz w0, .Lallocate
.Ldone:
	ldr x23, [sp, #48]
	ldp x21, x22, [sp, #32]
	ldp x19, x20, [sp, #16]
	ldp x29, x30, [sp], #64
	ret
	.size jit_push, . - jit_push

	.globl jit_sum
	.type jit_sum, %function
jit_sum:
	ldr x2, [x0, #BASE]
	mov x0, #0
	b .Ltest
.Ladd:
	add x3, x2, w1, uxtw
	ldr w4, [x3, #12]
	add x0, x0, w4, uxtw
	ldr w1, [x3, #4]
.Ltest:
	cbnz w1, .Ladd
	ret
	.size jit_sum, . - jit_sum

	.globl jit_load
	.type jit_load, %function
jit_load:
	ldr x3, [x0, #BASE]
	add x3, x3, w1, uxtw
	ldr w0, [x3, w2, uxtw]
	ret
	.size jit_load, . - jit_load

	.globl jit_store
	.type jit_store, %function
jit_store:
	ldr x4, [x0, #BASE]
	add x4, x4, w1, uxtw
	str w3, [x4, w2, uxtw]
	ret
	.size jit_store, . - jit_store

#endif

	.section .note.GNU-stack, "", %progbits
