@ Rounds of a loop that is mostly IT blocks. The test copies it to where a boundary of 1 KiB, at which the emulator
@ must split its blocks, falls on each of its instructions. The handler of interrupt 0 has no IT instruction and changes
@ the flags: it counts wrongly if IT state leaks into it, and the loop does if IT state is lost on the way back.
.include "vectors.inc"
vectors irq0=irq0
reset:
    store 0xE000E100, 1
    movs r4, #0
    movs r5, #0
    movs r6, #0
    movs r7, #10
loop:
.rept 3
    cmp r7, #5
    ittee gt
    addgt r4, #1
    addgt r5, #3
    addle r4, #7
    addle r6, #1
    cmp r7, #3
    itete lt
    addlt r6, #5
    addge r4, #11
    addwlt r5, r5, #13
    addwge r6, r6, #17
.endr
    eor r4, r4, r5, lsl #1
    subs r7, #1
    bne loop
done:
    b done
end:
irq0:
    ldr r0, =0x20000000
    ldr r1, [r0]
    adds r1, #1
    adds r1, #1
    adds r1, #1
    str r1, [r0]
    movs r2, #0
    cmp r2, #0
    bx lr
