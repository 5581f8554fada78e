@ An SVC handler returns with the EXC_RETURN value at 0x20000000; the UsageFault handler logs it.
.include "vectors.inc"
vectors svc=svc, hard=fault, usage=fault, bus=fault
reset:
    ldr r11, =0x20000100
    store 0xE000ED24, 0x00070000
    ldr r0, =0x20008000
    msr psp, r0
    svc #0
    note 0x55
    mrs r10, control
done:
    b done
svc:
    ldr r0, =0x20000000
    ldr r1, [r0, #4]                @ where to put a copy of the frame, 0 for nowhere
    cmp r1, #0
    beq 1f
    mov r2, sp
    movs r4, #8
2:  ldr r3, [r2], #4
    str r3, [r1], #4
    subs r4, #1
    bne 2b
1:  ldr r1, [r0, #8]                @ the new stacked xPSR, 0 for none
    cmp r1, #0
    beq 3f
    str r1, [sp, #28]
3:  ldr r1, [r0]
    bx r1
fault:
    mrs r0, ipsr
    strb r0, [r11], #1
    ldr r0, =0xE000ED28
    ldr r7, [r0]
    mov r8, lr
halted:
    b halted
