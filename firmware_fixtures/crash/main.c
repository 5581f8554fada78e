/* crash: runs for half a second, then faults in the way that `crash_kind` says.
 *
 * Logs `crash N after reset M`, M being the wake reason, before it does. Kinds whose fault is not precise on silicon are
 * followed by a barrier, so that it is taken before anything else is done.
 */
#include "board.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

enum {
    UNDEFINED_INSTRUCTION = 1, /* UsageFault UNDEFINSTR */
    READ_OUTSIDE = 2,          /* BusFault PRECISERR */
    WRITE_OUTSIDE = 3,         /* BusFault */
    WRITE_TO_FLASH = 4,        /* BusFault or MemManage: flash is not written by stores */
    JUMP_OUTSIDE = 5,          /* BusFault IBUSERR */
    JUMP_TO_ARM_STATE = 6,     /* UsageFault INVSTATE: bit 0 of the target is clear */
    DIVIDE_BY_ZERO = 7,        /* UsageFault DIVBYZERO, trapping enabled */
    UNALIGNED = 8,             /* UsageFault UNALIGNED, by a multiple load */
    BREAKPOINT = 9,            /* HardFault where no debugger is attached */
    BAD_EXCEPTION_RETURN = 10, /* UsageFault INVPC */
    SVC_WHILE_MASKED = 11,     /* HardFault: SVC can't be taken */
    SECURE_CALL = 12,          /* SecureFault: secure code that is no veneer */
    RETURN_FROM_MAIN = 13,     /* no fault: spins in default_handler */
};

SETTING uint32_t crash_kind = UNDEFINED_INSTRUCTION;
SETTING uint32_t crash_after_ms = 500;

volatile uint32_t survived_count; /* the fault did not come */

#define NOWHERE 0x90000000u
#define SCB_CCR REGISTER(0xe000ed14u)
#define CCR_DIV_0_TRP (1u << 4)

__attribute__((noinline)) static void divide_by_zero(void)
{
    volatile uint32_t zero = 0;
    uint32_t quotient;

    SCB_CCR |= CCR_DIV_0_TRP;
    synchronise();
    __asm volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(1u), "r"(zero));
}

__attribute__((noinline)) static void bad_exception_return(void)
{
    /* Pends nothing: from inside SVC, the handler returns to an EXC_RETURN with reserved bits. */
    __asm volatile("svc 1" ::: "memory");
}

__attribute__((naked)) void svc_handler(void)
{
    __asm volatile(
        "ldr r0, =0xffffff01\n\t"
        "bx r0\n\t"
        ".ltorg");
}

__attribute__((noinline)) static void crash(uint32_t kind)
{
    uint32_t scratch = 0;

    switch (kind) {
    case UNDEFINED_INSTRUCTION:
        __asm volatile("udf #0");
        break;
    case READ_OUTSIDE:
        scratch = REGISTER(NOWHERE);
        break;
    case WRITE_OUTSIDE:
        REGISTER(NOWHERE) = 1u;
        break;
    case WRITE_TO_FLASH:
        REGISTER(0x08000000u) = 1u;
        break;
    case JUMP_OUTSIDE:
        __asm volatile("bx %0" ::"r"(NOWHERE | 1u));
        break;
    case JUMP_TO_ARM_STATE:
        __asm volatile("bx %0" ::"r"((uint32_t)crash & ~1u));
        break;
    case DIVIDE_BY_ZERO:
        divide_by_zero();
        break;
    case UNALIGNED:
        __asm volatile("ldmia %0, {r2, r3}" ::"r"((uint32_t)&scratch | 1u) : "r2", "r3");
        break;
    case BREAKPOINT:
        __asm volatile("bkpt #0");
        break;
    case BAD_EXCEPTION_RETURN:
        bad_exception_return();
        break;
    case SVC_WHILE_MASKED:
        mask_interrupts();
        __asm volatile("svc 2");
        break;
    case SECURE_CALL:
        __asm volatile("blx %0" ::"r"(0x0c000001u) : "lr", "r0", "r1", "r2", "r3", "r12", "memory");
        break;
    default:
        break;
    }
    synchronise();
    survived_count++;
}

int main(void)
{
    struct text text = {.length = 0};
    MvWakeReason reason = 0xff;

    log_start();
    millis_start();
    mvGetWakeReason(&reason);
    text_add(&text, "crash ");
    text_add_number(&text, crash_kind);
    text_add(&text, " after reset ");
    text_add_number(&text, reason);
    log_text(&text);
    sleep_ms(crash_after_ms);
    if (crash_kind == RETURN_FROM_MAIN) {
        return 0;
    }
    crash(crash_kind);
    log_string("survived");
    for (;;) {
        wait_for_interrupt();
    }
}
