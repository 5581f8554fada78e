#include "kernel.h"

#include "board.h"
#include "support.h"

#define STACK_WORDS 256u
#define EXC_RETURN_THREAD_PSP 0xffffffbcu
#define XPSR_THUMB 0x01000000u
#define KERNEL_PRIORITY 0xa0u /* BASEPRI in a critical section */

/* SHPR3: PendSV and SysTick at the lowest priority, as the ports of the known kernels have them. */
#define PRIORITIES ((0xf0u << 16) | (0xf0u << 24))

struct task {
    uint32_t *stack; /* top of the saved frame; the switch expects it first */
    const void *waiting; /* a queue or a mutex; NULL for time only */
    uint32_t priority; /* its own, or one lent to it */
    uint32_t home; /* its own priority */
    uint32_t due; /* FOREVER, or when its wait ends */
    uint32_t ready;
    uint32_t used;
};

volatile uint32_t tick_count;
volatile uint32_t switch_count;

static struct task tasks[TASKS];
static uint32_t stacks[TASKS][STACK_WORDS] __attribute__((aligned(8)));
static uint32_t ticks_per_millisecond, sub_ticks;

struct task *current_task __attribute__((used));

uint32_t critical_enter(void)
{
    uint32_t before;

    __asm volatile("mrs %0, basepri\n\tmsr basepri, %1\n\tisb\n\tdsb"
                   : "=&r"(before)
                   : "r"(KERNEL_PRIORITY)
                   : "memory");
    return before;
}

void critical_leave(uint32_t before) { __asm volatile("msr basepri, %0\n\tisb" : : "r"(before) : "memory"); }

static void idle(void)
{
    for (;;) {
        wait_for_interrupt();
    }
}

static void yield(void)
{
    SCB_ICSR = ICSR_PENDSVSET;
    synchronise();
}

void task_create(uint32_t priority, void (*entry)(void))
{
    struct task *task = &tasks[priority];
    uint32_t *top = stacks[priority] + STACK_WORDS;

    *--top = XPSR_THUMB;
    *--top = (uint32_t)entry & ~1u;
    top -= 6 + 8;
    *--top = EXC_RETURN_THREAD_PSP;
    *--top = (uint32_t)stacks[priority];
    task->stack = top;
    task->priority = task->home = priority;
    task->ready = task->used = 1;
}

/* Choose who runs: the highest priority, lent ones included; among equals the one whose own is higher. */
void kernel_switch(void) __attribute__((used));
void kernel_switch(void)
{
    struct task *best = &tasks[0];

    for (struct task *task = &tasks[1]; task < &tasks[TASKS]; task++) {
        if (task->used && task->ready && task->priority >= best->priority) {
            best = task;
        }
    }
    if (best != current_task) {
        switch_count++;
    }
    current_task = best;
}

/* Wait for something, inside a critical section; whoever comes back looks again. 0 if the time is over. */
static uint32_t block(const void *reason, uint32_t due)
{
    if (due != FOREVER && (int32_t)(tick_count - due) >= 0) {
        return 0;
    }
    current_task->waiting = reason;
    current_task->due = due;
    current_task->ready = 0;
    yield();
    critical_leave(0); /* the switch happens here */
    critical_enter();
    return 1;
}

static void wake(const void *reason)
{
    for (struct task *task = &tasks[1]; task < &tasks[TASKS]; task++) {
        if (!task->ready && task->waiting == reason) {
            task->ready = 1;
            task->waiting = 0;
            yield();
        }
    }
}

void systick_handler(void)
{
    uint32_t before = critical_enter();

    if (++sub_ticks >= ticks_per_millisecond) {
        sub_ticks = 0;
        tick_count++;
        for (struct task *task = &tasks[1]; task < &tasks[TASKS]; task++) {
            if (!task->ready && task->due != FOREVER && (int32_t)(tick_count - task->due) >= 0) {
                task->ready = 1;
                task->waiting = 0;
                SCB_ICSR = ICSR_PENDSVSET;
            }
        }
    }
    critical_leave(before);
}

static uint32_t deadline(uint32_t milliseconds)
{
    return milliseconds == FOREVER ? FOREVER : tick_count + milliseconds;
}

void task_sleep(uint32_t milliseconds)
{
    uint32_t before = critical_enter();
    uint32_t due = deadline(milliseconds);

    while (block(0, due)) {
    }
    critical_leave(before);
}

uint32_t queue_send(struct queue *queue, uint32_t item, uint32_t milliseconds)
{
    uint32_t before = critical_enter();
    uint32_t due = deadline(milliseconds);
    uint32_t sent = 1;

    while (queue->count == queue->length && (sent = block(queue, due)) != 0u) {
    }
    if (sent) {
        queue->items[(queue->head + queue->count) % queue->length] = item;
        queue->count++;
        wake(queue);
    }
    critical_leave(before);
    return sent;
}

uint32_t queue_receive(struct queue *queue, uint32_t *item, uint32_t milliseconds)
{
    uint32_t before = critical_enter();
    uint32_t due = deadline(milliseconds);
    uint32_t received = 1;

    while (queue->count == 0u && (received = block(queue, due)) != 0u) {
    }
    if (received) {
        *item = queue->items[queue->head];
        queue->head = (queue->head + 1u) % queue->length;
        queue->count--;
        wake(queue);
    }
    critical_leave(before);
    return received;
}

void mutex_lock(struct mutex *mutex)
{
    uint32_t before = critical_enter();

    while (mutex->owner != 0) {
        if (mutex->owner->priority < current_task->priority) {
            mutex->owner->priority = current_task->priority;
        }
        block(mutex, FOREVER);
    }
    mutex->owner = current_task;
    critical_leave(before);
}

void mutex_unlock(struct mutex *mutex)
{
    uint32_t before = critical_enter();

    mutex->owner = 0;
    current_task->priority = current_task->home;
    wake(mutex);
    critical_leave(before);
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
        "mov r0, #0xa0\n\t" /* KERNEL_PRIORITY */
        "msr basepri, r0\n\t"
        "dsb\n\t"
        "isb\n\t"
        "bl kernel_switch\n\t"
        "mov r0, #0\n\t"
        "msr basepri, r0\n\t"
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
        "mov r0, #0\n\t"
        "msr basepri, r0\n\t"
        "ldr r3, =stack_top\n\t"
        "msr msp, r3\n\t"
        "bx r2\n\t"
        ".ltorg");
}

_Noreturn void kernel_start(void)
{
    task_create(0, idle);
    kernel_switch();
    SCB_SHPR3 = PRIORITIES;
    mask_interrupts();
    ticks_per_millisecond = tick_start(1000u);
    unmask_interrupts();
    __asm volatile("svc 0" ::: "memory");
    for (;;) { /* the SVC does not come back */
    }
}
