@ Interrupts 0 (lowest priority) to 3 (highest) log their begin (n) and end (0x10 + n). Interrupt 0 pends 2 while it
@ runs, 2 pends 3 and 1; 3 pends 0 again. Expected: 0 preempted by 2 preempted by 3; then 1 preempts 0; then 0 once more.
.include "vectors.inc"
vectors irq0=irq0, irq1=irq1, irq2=irq2, irq3=irq3, pendsv=pendsv
reset:
    ldr r11, =0x20000100
    store 0xE000E400, 0x104080C0    @ priorities of interrupts 3, 2, 1, 0
    store 0xE000E100, 0x0F
    store 0xE000ED20, 0x00F00000    @ PendSV lowest
    movs r7, #0
    store 0xE000E200, 1
    dsb
    isb
    note 0x77
idle:
    wfi
    b idle
irq0:
    note 0
    cmp r7, #0
    bne 1f
    movs r7, #1
    store 0xE000E200, 4
    dsb
    isb
1:  note 0x10
    bx lr
irq1:
    note 1
    store 0xE000ED04, 0x10000000
    dsb
    isb
    note 0x11
    bx lr
irq2:
    note 2
    store 0xE000E200, 0x0A
    dsb
    isb
    note 0x12
    bx lr
irq3:
    note 3
    store 0xE000E200, 1
    dsb
    isb
    note 0x13
    bx lr
pendsv:
    note 0x0E
    bx lr
