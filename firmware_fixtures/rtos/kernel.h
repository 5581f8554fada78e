/* A small preemptive kernel in the manner of those that applications use: priorities, a bounded queue, a mutex with
 * priority inheritance, and critical sections by BASEPRI.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

#define TASKS 5u /* by rising priority; the first is the idle task */
#define FOREVER 0xffffffffu

struct task;

struct queue {
    uint32_t *items;
    uint32_t length, head, count;
};

struct mutex {
    struct task *owner;
};

extern volatile uint32_t tick_count; /* milliseconds */
extern volatile uint32_t switch_count;

/* Raise BASEPRI so that the kernel's interrupts wait; more urgent ones still come. Sections nest. */
uint32_t critical_enter(void);
void critical_leave(uint32_t before);

/* Make a task, from main. Priorities 1 to TASKS - 1, one task each. */
void task_create(uint32_t priority, void (*entry)(void));

/* Let the tasks run; does not come back. */
_Noreturn void kernel_start(void);

void task_sleep(uint32_t milliseconds);

/* Put an item in, or take one out, and wait for room or for an item at most this long. 1 if that worked. */
uint32_t queue_send(struct queue *queue, uint32_t item, uint32_t milliseconds);
uint32_t queue_receive(struct queue *queue, uint32_t *item, uint32_t milliseconds);

/* A task that waits lends its priority to the owner. */
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#endif
