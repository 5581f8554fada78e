/* notify-ring: fills a notification ring of four records in order, then past its end.
 *
 * Logs `ring: N in order, M not` after twenty records taken one by one, and `overrun: T T T T` with the tags that are in
 * the four slots after six records were written and none was taken.
 */
#include "board.h"
#include "microvisor.h"
#include "support.h"

#define SLOTS 4u
#define ROUNDS 20u
#define OVERRUN 6u
#define FIRST_OVERRUN_TAG 101u

volatile uint32_t received_count;
volatile uint32_t disorder_count;

static struct MvNotification ring[SLOTS] __attribute__((aligned(64)));
static MvNotificationHandle centre;

void tim8_brk_handler(void)
{
    static uint32_t next;
    static uint64_t last;

    while (ring[next].event_type != MV_EVENTTYPE_NOEVENT) {
        received_count++;
        if (ring[next].tag != received_count || ring[next].microseconds < last ||
            ring[next].event_type != MV_EVENTTYPE_CHANNELDATAREADABLE) {
            disorder_count++;
        }
        last = ring[next].microseconds;
        ring[next].event_type = MV_EVENTTYPE_NOEVENT;
        next = (next + 1u) % SLOTS;
    }
}

int main(void)
{
    const struct MvNotificationSetup setup = {.irq = TIM8_BRK_IRQ, .buffer = ring, .buffer_size = sizeof ring};
    struct text text = {.length = 0};

    log_start();
    if (mvSetupNotifications(&setup, &centre) != MV_STATUS_OKAY) {
        log_string("no notification centre");
    }
    enable_interrupt(TIM8_BRK_IRQ);
    for (uint32_t tag = 1; tag <= ROUNDS; tag++) {
        mvTempTriggerNotification(centre, MV_EVENTTYPE_CHANNELDATAREADABLE, tag);
        mask_interrupts();
        while (received_count < tag) {
            wait_for_interrupt();
            unmask_interrupts();
            mask_interrupts();
        }
        unmask_interrupts();
    }
    text_add(&text, "ring: ");
    text_add_number(&text, received_count - disorder_count);
    text_add(&text, " in order, ");
    text_add_number(&text, disorder_count);
    text_add(&text, " not");
    log_text(&text);

    disable_interrupt(TIM8_BRK_IRQ);
    for (uint32_t tag = FIRST_OVERRUN_TAG; tag < FIRST_OVERRUN_TAG + OVERRUN; tag++) {
        mvTempTriggerNotification(centre, MV_EVENTTYPE_CHANNELDATAREADABLE, tag);
    }
    text.length = 0;
    text_add(&text, "overrun:");
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        text_add(&text, " ");
        text_add_number(&text, ring[slot].tag);
    }
    log_text(&text);
    for (;;) {
        wait_for_interrupt();
    }
}
