@ Threads on the process stack: an SVC with the stack aligned and not, the IT state at an SVC, floating-point context.
.include "vectors.inc"
vectors svc=svc
reset:
    ldr r0, =0x20008000
    msr psp, r0
    movs r0, #2
    msr control, r0
    isb
    ldr r0, =0x11111111
    ldr r1, =0x22222222
    ldr r2, =0x33333333
    ldr r3, =0x44444444
    ldr r12, =0x55555555
    ldr lr, =0x66666666
    svc #0                          @ aligned
after_0:
    sub sp, #4
    svc #1                          @ not aligned
after_1:
    add sp, #4
    cmp r0, r0
    itt eq
    svceq #2
    addeq r4, #1                    @ must still be in the IT block after the return
    vmov.f32 s0, #1.5
    vmov.f32 s15, #2.5
    vmov.f32 s16, #3.5
    vmrs r6, fpscr
    svc #3                          @ with floating-point context
after_3:
    mrs r5, control
done:
    b done
svc:
    mov r7, lr
    mrs r8, psp
    mrs r9, control
    tst r7, #0x10
    bne 1f
    vmov.f32 s0, #4.0               @ the handler has a context of its own
    vmov.f32 s15, #4.0
1:  adds r10, #1
stop:
    bx lr
