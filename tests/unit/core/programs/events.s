@ WFE and SEV: counts in r5 how far it got.
.include "vectors.inc"
vectors irq0=irq0
reset:
    store 0xE000E100, 1
    sev
    wfe                             @ falls through: the event is set
    movs r5, #1
    wfe                             @ sleeps until interrupt 0
    movs r5, #2
    wfe                             @ exception entry and return set the event
    movs r5, #3
    yield
    cpsid i
    store 0xE000ED10, 0x10          @ SCR.SEVONPEND
    wfe                             @ sleeps until interrupt 0 becomes pending, though it can't be taken
    movs r5, #4
    cpsie i
    isb
    store 0xE000ED10, 0x02          @ SCR.SLEEPONEXIT
    wfi
    movs r5, #5                     @ never reached: the handler returns to sleep
    b .
irq0:
    adds r6, #1
    bx lr
