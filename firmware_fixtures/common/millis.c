#include "millis.h"

#include "board.h"
#include "support.h"

static volatile uint32_t count;

void systick_handler(void) { count++; }

void millis_start(void) { tick_start(1000u); }

uint32_t millis(void) { return count; }

void sleep_ms(uint32_t milliseconds)
{
    uint32_t start = count;

    while (count - start < milliseconds) {
        wait_for_interrupt();
    }
}
