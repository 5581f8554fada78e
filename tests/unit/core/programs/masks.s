@ What is held back by PRIMASK, BASEPRI and FAULTMASK comes as soon as it is let go. Interrupt 1 has priority 0x40, 2 has 0xA0.
.include "vectors.inc"
vectors irq1=irq1, irq2=irq2, hard=svc
reset:
    ldr r11, =0x20000100
    store 0xE000E400, 0x00A04000
    store 0xE000E100, 0x0F
    cpsid i
    bl pend
    note 0x20
    cpsie i
    isb
    note 0x21
    movs r0, #0x80
    msr basepri, r0
    isb
    bl pend                         @ 1 comes, 2 is held back
    note 0x22
    movs r0, #0
    msr basepri, r0
    isb
    note 0x23
    cpsid f
    bl pend
    note 0x24
    cpsie f
    isb
    note 0x25
    movs r0, #0x40
    msr basepri_max, r0
    movs r0, #0xC0
    msr basepri_max, r0             @ can't lower it
    bl pend
    note 0x26
    movs r0, #0
    msr basepri, r0
    isb
    cpsid i                         @ WFI wakes though PRIMASK is set; the handlers run only after
    bl pend
    wfi
    note 0x27
    cpsie i
    isb
    note 0x28
    ldr r1, =0x20008000
    msr psp, r1
    cpsid i
    bl pend
    movs r0, #3                     @ unprivileged on the process stack: can't touch the masks
    msr control, r0
    isb
    cpsie i
    isb
    note 0x29
    svc #0                          @ PRIMASK is still set: this SVC escalates to HardFault
idle:
    b idle
pend:
    store 0xE000E200, 0x06
    dsb
    isb
    bx lr
irq1:
    note 1
    bx lr
irq2:
    note 2
    bx lr
svc:
    note 0x30
    bx lr
