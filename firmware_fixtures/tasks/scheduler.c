#include "scheduler.h"

#include "board.h"
#include "support.h"

#define TASKS 3u /* by rising priority: idle, low, high */
#define STACK_WORDS 256u
#define EXC_RETURN_THREAD_PSP 0xffffffbcu /* non-secure, Thread mode, process stack, no floating point context */
#define XPSR_THUMB 0x01000000u

/* SHPR3: PendSV at the lowest priority, so that it switches when no handler is active; SysTick above it. */
#define PRIORITIES ((0xf0u << 16) | (0x80u << 24))

struct task {
    uint32_t *stack; /* top of the saved frame; the switch expects it first */
    uint32_t *limit; /* lowest address of the stack, for PSPLIM */
    uint32_t due;
    uint32_t asleep;
};

volatile uint32_t tick_count;
volatile uint32_t switch_count;

static struct task tasks[TASKS];
static uint32_t stacks[TASKS][STACK_WORDS] __attribute__((aligned(8)));
static uint32_t ticks_per_millisecond;

struct task *current_task __attribute__((used));

static void idle(void)
{
    for (;;) {
        wait_for_interrupt();
    }
}

/* Lay out the frame that the first switch to this task will pop: PSPLIM and EXC_RETURN, r4-r11, then what the
 * exception return takes: r0-r3, r12, lr, pc, xpsr. */
static void task_prepare(struct task *task, uint32_t *stack, void (*entry)(void))
{
    uint32_t *top = stack + STACK_WORDS;

    *--top = XPSR_THUMB;
    *--top = (uint32_t)entry & ~1u;
    top -= 6 + 8;
    *--top = EXC_RETURN_THREAD_PSP;
    *--top = (uint32_t)stack;
    task->stack = top;
    task->limit = stack;
}

void scheduler_switch(void) __attribute__((used));
void scheduler_switch(void)
{
    struct task *next = &tasks[TASKS - 1u];

    while (next->asleep) {
        next--;
    }
    if (next != current_task) {
        switch_count++;
    }
    current_task = next;
}

void systick_handler(void)
{
    uint32_t ready = 0;

    tick_count++;
    for (struct task *task = &tasks[1]; task < &tasks[TASKS]; task++) {
        if (task->asleep && (int32_t)(tick_count - task->due) >= 0) {
            task->asleep = 0;
            ready = 1;
        }
    }
    if (ready) {
        SCB_ICSR = ICSR_PENDSVSET;
    }
}

void sleep_until(uint32_t milliseconds)
{
    mask_interrupts();
    current_task->due = milliseconds * ticks_per_millisecond;
    if ((int32_t)(tick_count - current_task->due) < 0) {
        current_task->asleep = 1;
        SCB_ICSR = ICSR_PENDSVSET;
        synchronise();
    }
    unmask_interrupts(); /* the switch happens here */
}

__attribute__((naked)) void pendsv_handler(void)
{
    __asm volatile(
        "mrs r0, psp\n\t"
        "mrs r1, psplim\n\t"
        "mov r2, lr\n\t"
        "stmdb r0!, {r1, r2, r4-r11}\n\t"
        "ldr r3, =current_task\n\t"
        "ldr r1, [r3]\n\t"
        "str r0, [r1]\n\t"
        "push {r3, lr}\n\t"
        "cpsid i\n\t"
        "bl scheduler_switch\n\t"
        "cpsie i\n\t"
        "pop {r3, lr}\n\t"
        "ldr r1, [r3]\n\t"
        "ldr r0, [r1]\n\t"
        "ldmia r0!, {r1, r2, r4-r11}\n\t"
        "msr psplim, r1\n\t"
        "msr psp, r0\n\t"
        "bx r2\n\t"
        ".ltorg");
}

/* The first task starts like any other: by an exception return. Main's stack is given back to the handlers. */
__attribute__((naked)) void svc_handler(void)
{
    __asm volatile(
        "ldr r3, =current_task\n\t"
        "ldr r1, [r3]\n\t"
        "ldr r0, [r1]\n\t"
        "ldmia r0!, {r1, r2, r4-r11}\n\t"
        "msr psplim, r1\n\t"
        "msr psp, r0\n\t"
        "ldr r3, =stack_top\n\t"
        "msr msp, r3\n\t"
        "bx r2\n\t"
        ".ltorg");
}

_Noreturn void scheduler_start(void (*low)(void), void (*high)(void))
{
    task_prepare(&tasks[0], stacks[0], idle);
    task_prepare(&tasks[1], stacks[1], low);
    task_prepare(&tasks[2], stacks[2], high);
    current_task = &tasks[TASKS - 1u];

    SCB_SHPR3 = PRIORITIES;
    mask_interrupts();
    ticks_per_millisecond = tick_start(TICK_HZ);
    unmask_interrupts();
    __asm volatile("svc 0" ::: "memory");
    for (;;) { /* the SVC does not come back */
    }
}
