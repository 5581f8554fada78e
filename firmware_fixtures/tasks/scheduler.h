/* The smallest scheduler that switches as an RTOS does: PSP, EXC_RETURN, PendSV at the lowest priority. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <stdint.h>

#define TICK_HZ 1000u

/* Run two tasks for ever; `high` runs before `low` whenever it can. */
_Noreturn void scheduler_start(void (*low)(void), void (*high)(void));

/* Let the calling task sleep until this many milliseconds after the start. */
void sleep_until(uint32_t milliseconds);

extern volatile uint32_t tick_count;
extern volatile uint32_t switch_count;

#endif
