/* stack-overflow: recurses until the stack limit register stops it.
 *
 * Thread mode uses the process stack with 1 KiB; PSPLIM guards its end if `use_limit` is set. Without the limit the
 * recursion overwrites `below_stack`, which is what the limit is for.
 */
#include "board.h"
#include "millis.h"
#include "support.h"

#define STACK_WORDS 256u
#define GUARD_WORDS 64u
#define PATTERN 0x5afe5afeu

SETTING uint32_t use_limit = 1;

volatile uint32_t depth_count;
volatile uint32_t overwritten_count;

/* One object, so that the compiler can't put anything between the guard and the stack above it. */
static struct {
    volatile uint32_t below_stack[GUARD_WORDS];
    uint32_t stack[STACK_WORDS];
} memory __attribute__((aligned(8)));

__attribute__((noinline)) static uint32_t recurse(uint32_t level)
{
    volatile uint32_t frame[8];

    frame[level % 8u] = level;
    depth_count = level;
    if (!use_limit && level >= 40u) {
        return frame[level % 8u]; /* past the end of the stack, but not of the guard */
    }
    return recurse(level + 1u) + frame[level % 8u];
}

__attribute__((noinline)) static void overflow(void)
{
    recurse(1);
    for (uint32_t i = 0; i < GUARD_WORDS; i++) {
        overwritten_count += memory.below_stack[i] != PATTERN;
    }
    log_number("overwritten words below the stack: ", overwritten_count);
    for (;;) {
        wait_for_interrupt();
    }
}

int main(void)
{
    log_start();
    millis_start();
    for (uint32_t i = 0; i < GUARD_WORDS; i++) {
        memory.below_stack[i] = PATTERN;
    }
    log_string(use_limit ? "recursing with a limit" : "recursing without a limit");
    sleep_ms(100);
    mask_interrupts(); /* handlers have the main stack, but their frame goes to this one */
    __asm volatile(
        "msr psp, %0\n\t"
        "msr psplim, %1\n\t"
        "mrs r0, control\n\t"
        "orr r0, r0, #2\n\t"
        "msr control, r0\n\t"
        "isb\n\t"
        "bx %2" ::"r"(memory.stack + STACK_WORDS),
        "r"(use_limit ? (uint32_t)memory.stack : 0u), "r"((uint32_t)overflow)
        : "r0", "memory");
    __builtin_unreachable();
}
