/* spin-idle: an idle loop that spins without WFI under a 1 kHz tick, as the idle task of many applications does.
 *
 * Logs `spin N` every 500 ms.
 */
#include "board.h"
#include "support.h"

volatile uint32_t tick_count;
volatile uint32_t spin_count;

static volatile uint32_t due;

void systick_handler(void)
{
    tick_count++;
    if (tick_count % 500u == 0u) {
        due = 1;
    }
}

/* Writes nothing and calls nothing: only an interrupt can change what it looks at. */
__attribute__((noinline)) static void idle(void)
{
    while (due == 0u) {
    }
}

int main(void)
{
    log_start();
    tick_start(1000u);
    for (;;) {
        idle();
        due = 0;
        spin_count++;
        log_number("spin ", spin_count);
    }
}
