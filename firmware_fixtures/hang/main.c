/* hang: counts for one second, then waits for ever for a flag that nothing sets, with interrupts masked.
 *
 * Logs `step N` every 100 ms and `hanging` as its last words. The place is the function wait_for_flag.
 */
#include "board.h"
#include "millis.h"
#include "support.h"

volatile uint32_t step_count;
volatile uint32_t flag;

__attribute__((noinline)) static void wait_for_flag(void)
{
    while (flag == 0u) {
    }
}

int main(void)
{
    log_start();
    millis_start();
    while (step_count < 10u) {
        sleep_ms(100);
        step_count++;
        log_number("step ", step_count);
    }
    log_string("hanging");
    mask_interrupts();
    wait_for_flag();
    log_string("the flag was set");
    for (;;) {
        wait_for_interrupt();
    }
}
