@ One fault of each kind, chosen by the word at 0x20000000; each handler logs the exception number and CFSR, then sleeps.
@ The word at 0x20000004 goes to SHCSR.
.include "vectors.inc"
vectors nmi=nmi, hard=fault, mem=fault, bus=fault, usage=fault, svc=svc
reset:
    ldr r11, =0x20000100
    ldr r0, =0x20000000
    ldr r1, [r0, #4]
    ldr r2, =0xE000ED24
    str r1, [r2]
    ldr r1, [r0]
    ldr r0, =kinds
    ldr r4, =0x60000000             @ nothing there
    ldr r5, =0x08000000
    ldr pc, [r0, r1, lsl #2]
.align 2
kinds:
    .word read + 1, write + 1, flash + 1, fetch + 1, execute_never + 1, undefined + 1, arm_state + 1, no_coprocessor + 1
    .word unaligned + 1, hole + 1, refused + 1, break + 1, masked_svc + 1, in_it + 1, return + 1, stack_limit + 1
    .word stacking + 1, double + 1, nmi_fault + 1, reset_request + 1, vector + 1, faultmask + 1
read:
    ldr r0, [r4]
    b wrong
write:
    str r0, [r4]
    b wrong
flash:
    str r0, [r5]
    b wrong
fetch:
    ldr r0, =0x10000001
    bx r0
execute_never:
    ldr r0, =0x40000001
    bx r0
undefined:
    udf #0
    b wrong
arm_state:
    ldr r0, =wrong
    bx r0
no_coprocessor:
    mcr p0, #0, r0, c0, c0
    b wrong
unaligned:
    ldr r0, =0x20000001
    ldrex r1, [r0]
    b wrong
hole:
    ldr r4, =0x50000000
    ldr r0, [r4, #8]
    b wrong
refused:
    ldr r4, =0x40000400
    ldr r0, [r4]
    ldr r0, [r4, #0x20]
    b after_refused
after_refused:
    b wrong
break:
    bkpt #0
    b wrong
masked_svc:
    cpsid i
    svc #0
    b wrong
in_it:
    cmp r0, r0
    itt eq
    ldreq r0, [r4]
    beq wrong
return:
    ldr r0, =0xFFFFFFBD
    bx r0
stack_limit:
    ldr r0, =0x2000FF00
    msr msplim, r0
    ldr r0, =0x2000FF08
    mov sp, r0
    push {r0-r7}
    b wrong
stacking:
    ldr r0, =0x1FFFFFF0
    mov sp, r0
    svc #0
    b wrong
double:
    movs r6, #1
    udf #1
    b wrong
nmi_fault:
    store 0xE000ED04, 0x80000000
    dsb
    isb
    b wrong
reset_request:
    store 0xE000ED0C, 0x05FA0004
    dsb
    b .
vector:
    store 0xE000ED08, 0x10000000
    svc #0
    b wrong
faultmask:
    cpsid f
    udf #2
    b wrong
wrong:
    note 0xEE
    b .
fault:
    mrs r0, ipsr
    strb r0, [r11], #1
    cmp r6, #1
    bne 1f
    udf #3
1:  ldr r0, =0xE000ED28
    ldr r7, [r0]
    ldr r8, [r0, #4]
    ldr r9, [r0, #16]
halted:
    b halted
nmi:
    note 2
    udf #4
svc:
    note 0x0B
    b .
