@ A multiply-and-mix loop, 14 instructions a round in one block, and a call each 16 rounds.
.include "vectors.inc"
vectors systick=systick
reset:
    ldr r0, =0x20000000
    ldr r4, =1664525
    ldr r5, =1013904223
    movs r1, #1
    movs r2, #0
    movs r3, #0
loop:
    mul r1, r1, r4
    add r1, r5
    eor r2, r2, r1, lsr #7
    add r3, r2
    ror r2, r3
    str r2, [r0, #4]
    ldr r6, [r0, #4]
    add r3, r6
    umull r6, r7, r1, r2
    eor r3, r7
    add r8, #1
    ands r6, r8, #15
    bne loop
    bl leaf
    b loop
leaf:
    add r9, #1
    bx lr
systick:
    bx lr
