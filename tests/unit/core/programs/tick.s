@ SysTick every 1000 cycles counts in RAM while the program sleeps; SVC, PendSV and two calls to Microvisor before.
.include "vectors.inc"
vectors svc=svc, pendsv=pendsv, systick=systick
reset:
    store 0xE000E014, 999
    store 0xE000E018, 0
    store 0xE000E010, 7
    movs r0, #1
    svc #3
    mov r8, r0
    store 0xE000ED04, 0x10000000    @ ICSR.PENDSVSET
    dsb
    isb
    mov r9, r7
    movs r0, #11
    movs r1, #12
    movs r2, #13
    movs r3, #14
    ldr r4, =0x0C1FE029             @ slot 5
    blx r4
    mov r10, r0
    ldr r4, =0x0C1FE249             @ slot 73
    blx r4
    store 0x40000404, 0x55
    ldr r0, =0x40000408
    ldr r6, [r0]
idle:
    wfi
    adds r5, #1
    b idle
svc:
    movs r0, #42                    @ returned by the stacked r0, not by this one
    str r0, [sp]
    bx lr
pendsv:
    movs r7, #99
    bx lr
systick:
    ldr r2, =0x20000000
    ldr r3, [r2]
    adds r3, #1
    str r3, [r2]
    bx lr
