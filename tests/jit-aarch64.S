/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* See jit.h. */
#if defined __aarch64__

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
	mov x20, x1			// the target
	mov w21, w2			// nodes to make
	mov x22, x3			// where the list is
	mov x23, x4			// the slow path
.Lnext:
	mov w0, #0
	cbz w21, .Ldone
.Lallocate:
	ldr x4, [x20, #BUMP]
	ldr x0, [x19, x4]
	ldr x1, [x20, #BYTES]
	add x1, x0, x1
	ldr x2, [x20, #LIMIT]
	ldr x2, [x19, x2]
	cmp x1, x2
	b.hi .Lslow
	str x1, [x19, x4]
	ldr x2, [x20, #BASE]
	ldr x2, [x19, x2]
	add x2, x2, x0			// where the node is
	ldr w3, [x20, #HEADER]
	str w3, [x2]
	ldr w3, [x22]
	ldr x4, [x20, #NEXT]
	str w3, [x2, x4]
	ldr x4, [x20, #OTHER]
	str wzr, [x2, x4]
	ldr x4, [x20, #VALUE]
	str w21, [x2, x4]
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
	ldr x3, [x1, #BASE]
	ldr x3, [x0, x3]
	ldr x4, [x1, #NEXT]
	ldr x5, [x1, #VALUE]
	mov x0, #0
	b .Ltest
.Ladd:
	add x6, x3, w2, uxtw
	ldr w7, [x6, x5]
	add x0, x0, w7, uxtw
	ldr w2, [x6, x4]
.Ltest:
	cbnz w2, .Ladd
	ret
	.size jit_sum, . - jit_sum

	.globl jit_load
	.type jit_load, %function
jit_load:
	ldr x4, [x1, #BASE]
	ldr x4, [x0, x4]
	add x4, x4, w2, uxtw
	ldr w0, [x4, w3, uxtw]
	ret
	.size jit_load, . - jit_load

	.globl jit_store
	.type jit_store, %function
jit_store:
	ldr x5, [x1, #BASE]
	ldr x5, [x0, x5]
	add x5, x5, w2, uxtw
	str w4, [x5, w3, uxtw]
	ret
	.size jit_store, . - jit_store

#endif

	.section .note.GNU-stack, "", %progbits
