@ An idle task as kernels have it: calls, pushes of the same values, list lengths, a critical section; no WFI. The tick
@ wakes a "task" every eighth time, by PendSV; for one tick in sixteen the idle task shares its priority and yields.
.include "vectors.inc"
vectors pendsv=pendsv, systick=systick, irq0=irq0, irq1=irq1
reset:
    ldr r8, =0x20000000             @ +0 deleted tasks, +4 length of the ready list, +8 ticks, +12 work, +16 interrupts
    store 0xE000E400, 0x0000C0A0
    store 0xE000E100, 3
    store 0xE000ED20, 0x80F00000    @ SysTick 0x80, PendSV 0xF0
    store 0xE000E014, 4999
    store 0xE000E018, 0
    store 0xE000E010, 7
    store 0x20000004, 1
    ldr sp, =0x20008000
idle:
    bl check
    bl critical
    ldr r3, =0x20000004
    ldr r3, [r3]
    cmp r3, #1
    bls idle
    ldr r3, =0xE000ED04
    mov.w r2, #0x10000000
    str r2, [r3]
    dsb
    isb
    b idle
check:                              @ are there tasks to clean up?
    push {r4, r5, r7, lr}
    sub sp, #8
    add r7, sp, #0
    movs r4, #0
    str r4, [r7, #4]
1:  ldr r5, [r7, #4]
    adds r5, #1
    str r5, [r7, #4]
    cmp r5, #4
    blt 1b
    movw r3, #0
    movt r3, #0x2000
    ldrd r2, r3, [r3]
    cmp r2, #0
    itt ne
    movne r4, #1
    strne r4, [r7]
    strd r4, r5, [r7]
    adds r7, #8
    mov sp, r7
    pop {r4, r5, r7, pc}
critical:
    mrs r1, basepri
    mov.w r0, #0x90
    msr basepri, r0
    isb
    dsb
    ldr r2, =0x20000008
    ldr r2, [r2]
    ubfx r3, r2, #2, #5
    lsl.w r3, r3, #2
    orr r3, r3, #1
    msr basepri, r1
    bx lr
pendsv:
    ldr r0, =0x2000000C
    ldr r1, [r0]
    adds r1, #1
    str r1, [r0]
    bx lr
systick:
    ldr r0, =0x20000008
    ldr r1, [r0]
    adds r1, #1
    str r1, [r0]
    and r2, r1, #15
    cmp r2, #7
    ite eq
    moveq r3, #2
    movne r3, #1
    str r3, [r0, #-4]
    tst r1, #7
    bne 1f
    ldr r0, =0xE000ED04
    mov.w r2, #0x10000000
    str r2, [r0]
1:  bx lr
irq0:
    ldr r0, =0x20000010
    ldr r1, [r0]
    adds r1, #3
    str r1, [r0]
    bx lr
irq1:
    ldr r0, =0x20000010
    ldr r1, [r0]
    lsls r1, #1
    str r1, [r0]
    bx lr
