#include "events.h"

#include "board.h"
#include "support.h"

#define RECORDS 16u
#define TAGS 8u

static struct MvNotification records[RECORDS] __attribute__((aligned(256)));
static volatile uint32_t seen[TAGS]; /* by tag, the types that have come, as EVENT bits */

/* Records come in ring order; zeroing event_type gives a slot back. */
void tim8_brk_handler(void)
{
    static uint32_t next;

    while (records[next].event_type != MV_EVENTTYPE_NOEVENT) {
        seen[records[next].tag % TAGS] |= EVENT(records[next].event_type);
        records[next].event_type = MV_EVENTTYPE_NOEVENT;
        next = (next + 1u) % RECORDS;
    }
}

MvNotificationHandle events_start(void)
{
    const struct MvNotificationSetup setup = {.irq = TIM8_BRK_IRQ, .buffer = records, .buffer_size = sizeof records};
    MvNotificationHandle centre = 0;
    MvStatus status = mvSetupNotifications(&setup, &centre);

    if (status != MV_STATUS_OKAY) {
        log_number("no notification centre: status ", status);
    }
    enable_interrupt(TIM8_BRK_IRQ);
    return centre;
}

uint32_t event_take(uint32_t tag, uint32_t types)
{
    uint32_t type = MV_EVENTTYPE_NOEVENT;

    mask_interrupts();
    uint32_t found = seen[tag] & types;
    if (found != 0u) {
        type = (uint32_t)__builtin_ctz(found);
        seen[tag] &= ~EVENT(type);
    }
    unmask_interrupts();
    return type;
}

uint32_t event_wait(uint32_t tag, uint32_t types)
{
    for (;;) {
        uint32_t type = event_take(tag, types);
        if (type != MV_EVENTTYPE_NOEVENT) {
            return type;
        }
        mask_interrupts();
        if ((seen[tag] & types) == 0u) {
            wait_for_interrupt();
        }
        unmask_interrupts();
    }
}

MvNetworkHandle network_start(MvNotificationHandle centre)
{
    const struct MvRequestNetworkParams request = {
        .version = 1, .v1 = {.notification_handle = centre, .notification_tag = NETWORK_TAG}};
    MvNetworkHandle network = 0;
    uint32_t network_status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;
    MvStatus status = mvRequestNetwork(&request, &network);

    if (status != MV_STATUS_OKAY) {
        log_number("network refused: status ", status);
        return 0;
    }
    /* There is no event if the network was connected already, so the question comes first. */
    while (mvGetNetworkStatus(network, &network_status) == MV_STATUS_OKAY &&
           network_status != MV_NETWORKSTATUS_CONNECTED) {
        event_wait(NETWORK_TAG, EVENT(MV_EVENTTYPE_NETWORKSTATUSCHANGED));
    }
    return network;
}
