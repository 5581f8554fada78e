/* Milliseconds since millis_start, counted by SysTick. */
#ifndef MILLIS_H
#define MILLIS_H

#include <stdint.h>

void millis_start(void);
uint32_t millis(void);

/* Sleep in WFI until this many milliseconds have passed. */
void sleep_ms(uint32_t milliseconds);

#endif
