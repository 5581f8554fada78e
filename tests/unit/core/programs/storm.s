@ Interrupts 0 to 3 at four priorities hash what they see into RAM; the thread does IT-heavy work and critical sections.
.include "vectors.inc"
vectors svc=svc, pendsv=pendsv, systick=systick, irq0=irq0, irq1=irq1, irq2=irq2, irq3=irq3
reset:
    ldr r8, =0x20000000
    store 0xE000E400, 0x104080C0
    store 0xE000E100, 0x0F
    store 0xE000ED20, 0x60F00000    @ SysTick 0x60, PendSV 0xF0
    store 0xE000E014, 211
    store 0xE000E018, 0
    store 0xE000E010, 7
    movs r4, #1
loop:
    adds r4, #1
    tst r4, #3
    itte ne
    eorne r5, r4
    addne r6, r5
    addeq r6, #5
    tst r4, #7
    bne 1f
    movs r0, #0x50
    msr basepri, r0
    ldr r0, [r8]
    add r0, r6
    str r0, [r8]
    movs r0, #0
    msr basepri, r0
1:  tst r4, #15
    bne 2f
    cpsid i
    adds r6, #1
    cpsie i
2:  tst r4, #31
    bne 3f
    svc #1
3:  tst r4, #63
    bne loop
    wfi
    b loop
.macro hash number
    ldr r0, =0x20000000
    ldr r1, [r0, #4]
    movs r2, #33
    muls r1, r2
    adds r1, #\number
    str r1, [r0, #4]
.endm
svc:
    hash 11
    ldr r3, =0xE000ED04
    ldr r2, =0x10000000
    str r2, [r3]
    bx lr
pendsv:
    hash 14
    bx lr
systick:
    hash 15
    bx lr
irq0:
    hash 16
    hash 16
    bx lr
irq1:
    push {r4, lr}
    hash 17
    vmov s1, r1
    vadd.f32 s1, s1, s1
    pop {r4, pc}
irq2:
    hash 18
    ldr r3, =0xE000E200
    movs r2, #1
    str r2, [r3]
    bx lr
irq3:
    hash 19
    bx lr
