@ Corner cases of exceptions, as the same code on our cores and on QEMU's mps2-an505, where code and RAM lie elsewhere.
@ Each handler logs seven words: tag and IPSR, what of EXC_RETURN both have, the stacked xPSR, the stacked PC as distance
@ from `reset`, ICSR, SHCSR, and MSP as distance from its top. Fault handlers log CFSR and HFSR too, clear them, and go on at r10.
.syntax unified
.thumb
.ifdef QEMU
.equ RAM, 0x30000000
.equ THREAD, 0xFFFFFFF9            @ EXC_RETURN: Secure there, Non-secure here
.else
.equ RAM, 0x20000000
.equ THREAD, 0xFFFFFFB8
.endif
.equ TOP, RAM + 0x7000
.equ LOG, RAM + 0x1000
.equ PROCESS, RAM + 0x6000
    .word TOP, reset + 1, other + 1, fault + 1, other + 1, fault + 1, fault + 1, 0, 0, 0, 0
    .word svc + 1, 0, 0, pendsv + 1, other + 1, irq0 + 1, irq1 + 1, irq2 + 1, irq3 + 1
.macro entry tag                    @ at the very start of a handler
    mrs r0, ipsr
    add r0, r0, #(\tag << 16)
    str r0, [r11], #4
    and r0, lr, #0x1C
    str r0, [r11], #4
    tst lr, #4
    ite eq
    mrseq r1, msp
    mrsne r1, psp
    ldr r0, [r1, #28]
    bic r0, #0x00100000             @ SFPA, which only the Secure world has
    str r0, [r11], #4
    ldr r0, [r1, #24]
    ldr r2, =reset
    subs r0, r0, r2
    str r0, [r11], #4
    ldr r3, =0xE000ED04
    ldr r0, [r3]
    str r0, [r11], #4
    ldr r0, [r3, #0x20]
    str r0, [r11], #4
    mrs r0, msp
    ldr r2, =TOP
    subs r0, r2, r0
    str r0, [r11], #4
.endm
.macro mark number                  @ in between, where the thread is
    movw r0, #\number
    movt r0, #0xAAAA
    str r0, [r11], #4
.endm
.macro poke address, value
    ldr r0, =\address
    ldr r1, =\value
    str r1, [r0]
.endm
.macro pend mask
    poke 0xE000E200, \mask
    dsb
    isb
.endm
.macro resume label
    adr.w r10, \label
.endm
reset:
    ldr r11, =LOG
    ldr r9, =RAM
    movs r4, #0
    movs r5, #0
    movs r6, #0
    movs r7, #0
    poke 0xE000ED88, 0x00F00000     @ CPACR
    poke 0xE000EF34, 0x80000000     @ FPCCR: ASPEN without LSPEN, so that stacking is eager there too
    poke 0xE000E400, 0x404080C0     @ interrupts 0 to 3
    poke 0xE000ED1C, 0x20000000     @ SVC
    poke 0xE000ED20, 0x00E00000     @ PendSV
    poke 0xE000E100, 0xF
    mark 1                          @ all at once: by priority, then by number, each chained to the one before
    cpsid i
    pend 0xF
    cpsie i
    isb
    mark 2                          @ BASEPRI holds back what is not more urgent
    movs r0, #0x80
    msr basepri, r0
    pend 0x7
    mark 3
    movs r0, #0
    msr basepri, r0
    isb
    mark 4                          @ preemption: 0 pends 2, and itself
    movs r4, #1
    pend 0x1
    movs r4, #0
    mark 5                          @ SVC, PendSV pended in it
    movs r5, #1
    svc #3
    movs r5, #0
    mark 6                          @ SVC within an interrupt
    movs r4, #2
    pend 0x1
    movs r4, #0
    mark 7                          @ SVC in an IT block, first and second place
    cmp r7, r7
    itt eq
    svceq #1
    moveq r6, #1
    cmp r7, r7
    itte eq
    moveq r6, #2
    svceq #1
    movne r6, #3
    mark 8                          @ an undefined instruction, UsageFault off: escalated
    resume 1f
    udf #0
1:  mark 9                          @ and on
    poke 0xE000ED24, 0x00070000
    resume 1f
    udf #0
1:  mark 10                         @ a load from nowhere, in an IT block
    ldr r8, =0xA0000000
    resume 1f
    cmp r7, r7
    itt eq
    ldreq r0, [r8]
    moveq r6, #4
1:  mark 11                         @ a store to nowhere
    resume 1f
    str r0, [r8, #8]
1:  mark 12                         @ no Thumb state
    resume 1f
    ldr r0, =reset
    bx r0
1:  mark 13                         @ execution where nothing is
    resume 1f
    ldr r0, =reset + 0x00A00001
    bx r0
1:  mark 14                         @ a stack that is not aligned to eight bytes
    sub sp, #4
    pend 0x2
    add sp, #4
    mark 15                         @ the process stack
    ldr r0, =PROCESS
    msr psp, r0
    movs r0, #2
    msr control, r0
    isb
    pend 0x2
    svc #2
    movs r0, #0
    msr control, r0
    isb
    mark 16                         @ priority groups: 2 and 1 do not preempt each other, but 2 goes first
    poke 0xE000ED0C, 0x05FA0600
    movs r4, #3
    pend 0x2
    movs r4, #0
    poke 0xE000ED0C, 0x05FA0000
    mark 17                         @ FAULTMASK ends with the handler that set it
    movs r4, #4
    pend 0x1
    movs r4, #0
    mrs r0, faultmask
    str r0, [r11], #4
    mark 18                         @ a fault in a handler more urgent than the fault: escalated
    poke 0xE000ED18, 0x00E0E0E0
    movs r4, #5
    pend 0x4
    movs r4, #0
    poke 0xE000ED18, 0
    mark 19                         @ floating-point context
    vmov.f32 s0, #1.5
    vmov.f32 s15, #2.5
    movs r4, #6
    pend 0x1
    movs r4, #0
    vmov r0, s0
    vmov r1, s15
    stmia r11!, {r0, r1}
    mrs r0, control
    str r0, [r11], #4
    movs r0, #0
    msr control, r0
    isb
    mark 20                         @ the stack limit
    resume 1f
    sub r0, sp, #40
    msr msplim, r0
    push {r0-r10, r12}
1:  movs r0, #0
    msr msplim, r0
    ldr r0, =TOP
    mov sp, r0
    mark 21                         @ an EXC_RETURN value that is none
    movs r4, #7
    resume 1f
    pend 0x1
1:  movs r4, #0
    mark 22                         @ PRIMASK holds back SVC: HardFault
    cpsid i
    resume 1f
    svc #4
1:  cpsie i
    mark 23                         @ pended and withdrawn; pended by STIR
    cpsid i
    poke 0xE000E200, 4
    poke 0xE000E280, 4
    poke 0xE000EF00, 3
    dsb
    cpsie i
    isb
    mark 24                         @ what the thread has left
    mrs r0, apsr
    str r0, [r11], #4
    stmia r11!, {r4-r7}
.ifdef QEMU
    b.w tell
.else
    b.w end
.endif
end:
    wfi
    b end
.ltorg
irq0:
    entry 0
    cmp r4, #1
    bne 1f
    movs r4, #0
    pend 0x5
    mark 0x100
1:  cmp r4, #2
    bne 1f
    movs r4, #0
    push {r4, lr}
    svc #9
    mark 0x101
    pop {r4, lr}
1:  cmp r4, #4
    bne 1f
    cpsid f
    pend 0x8
    mark 0x102
1:  cmp r4, #6
    bne 1f
    mrs r0, control
    str r0, [r11], #4
    vmov.f32 s0, #3.5
    vmov.f32 s15, #4.5
1:  cmp r4, #7
    bne 1f
    ldr r0, =0xFFFFFFE3
    bx r0
1:  bx lr
.ltorg
irq1:
    entry 1
    cmp r4, #3
    bne 1f
    movs r4, #0
    pend 0xC
    mark 0x103
1:  bx lr
irq2:
    entry 2
    cmp r4, #5
    bne 1f
    resume 1f
    udf #1
1:  bx lr
irq3:
    entry 3
    bx lr
.ltorg
svc:
    entry 11
    cmp r5, #1
    bne 1f
    poke 0xE000ED04, 0x10000000
    dsb
    isb
    mark 0x104
1:  bx lr
pendsv:
    entry 14
    bx lr
.ltorg
fault:
    entry 0xF
    ldr r3, =0xE000ED28
    ldrd r0, r2, [r3]
    strd r0, r2, [r11], #8
    strd r0, r2, [r3]
    tst r0, #0x8000
    it ne
    ldrne r0, [r3, #16]
    str r0, [r11], #4
    str r10, [r1, #24]
    ldr r0, [r1, #28]
    ldr r2, =0xF9FF03FF
    and r0, r2
    orr r0, #0x01000000
    str r0, [r1, #28]
    cmp r4, #7
    it eq
    ldreq lr, =THREAD
    bx lr
other:
    entry 0xE
    b other
.ltorg
.ifdef QEMU
tell:                               @ the log, by semihosting
    ldr r0, =LOG
    sub r2, r11, r0
    str r2, [r9, #8]
    str r0, [r9, #4]
    adr.w r0, name
    str r0, [r9, #16]
    movs r0, #4
    str r0, [r9, #20]
    movs r0, #3
    str r0, [r9, #24]
    add r1, r9, #16
    movs r0, #1                     @ SYS_OPEN
    bkpt #0xAB
    str r0, [r9]
    mov r1, r9
    movs r0, #5                     @ SYS_WRITE
    bkpt #0xAB
    movs r0, #0x18                  @ SYS_EXIT
    ldr r1, =0x20026
    bkpt #0xAB
.align 2
name:
    .asciz ":tt"
.ltorg
.endif
