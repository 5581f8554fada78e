/* heartbeat: logs `beat N` and toggles PA5 once a second.
 *
 * SysTick at 10 Hz counts, the main loop sleeps in WFI between ticks. The network is requested at the start; beats do
 * not wait for it, because the kernel keeps log messages until it is online.
 */
#include "board.h"
#include "microvisor.h"
#include "support.h"

#define TICK_HZ 10u
#define NETWORK_TAG 1u
#define LED 5u

volatile uint32_t beat_count;
volatile uint32_t network_events;
volatile uint32_t network_connected;

static volatile uint32_t ticks;
static struct MvNotification notifications[8] __attribute__((aligned(64)));
static MvNotificationHandle centre;
static MvNetworkHandle network;

void systick_handler(void) { ticks++; }

/* The kernel wrote to the notification centre. Records come in ring order; zeroing event_type gives a slot back. */
void tim8_brk_handler(void)
{
    static uint32_t next;

    while (notifications[next].event_type != MV_EVENTTYPE_NOEVENT) {
        if (notifications[next].event_type == MV_EVENTTYPE_NETWORKSTATUSCHANGED && notifications[next].tag == NETWORK_TAG) {
            network_events++;
        }
        notifications[next].event_type = MV_EVENTTYPE_NOEVENT;
        next = (next + 1u) % (sizeof notifications / sizeof notifications[0]);
    }
}

static void led_start(void)
{
    mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOAEN, RCC_AHB2ENR1_GPIOAEN);
    GPIOA_MODER = (GPIOA_MODER & ~(3u << (2u * LED))) | (1u << (2u * LED));
}

static void led_toggle(void)
{
    GPIOA_BSRR = (GPIOA_ODR & (1u << LED)) != 0u ? 1u << (LED + 16u) : 1u << LED;
}

static void network_start(void)
{
    const struct MvNotificationSetup setup = {
        .irq = TIM8_BRK_IRQ, .buffer = notifications, .buffer_size = sizeof notifications};

    if (mvSetupNotifications(&setup, &centre) != MV_STATUS_OKAY) {
        log_string("no notification centre");
        return;
    }
    enable_interrupt(TIM8_BRK_IRQ);

    const struct MvRequestNetworkParams request = {
        .version = 1, .v1 = {.notification_handle = centre, .notification_tag = NETWORK_TAG}};

    if (mvRequestNetwork(&request, &network) != MV_STATUS_OKAY) {
        log_string("network refused");
    }
}

/* A notification says that something changed; what it is now is for mvGetNetworkStatus to tell. It is asked on every
 * pass, because there is no event for a network that was connected already when it was requested. */
static void network_check(void)
{
    uint32_t status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;

    if (network == 0u || mvGetNetworkStatus(network, &status) != MV_STATUS_OKAY) {
        return;
    }
    uint32_t connected = status == MV_NETWORKSTATUS_CONNECTED;
    if (connected != network_connected) {
        network_connected = connected;
        log_string(connected ? "network connected" : "network lost");
    }
}

static void beat(void)
{
    struct text text = {.length = 0};

    beat_count++;
    led_toggle();
    text_add(&text, "beat ");
    text_add_number(&text, beat_count);
    log_text(&text);
}

int main(void)
{
    log_start();
    led_start();
    network_start();

    uint32_t ticks_per_beat = TICK_HZ * tick_start(TICK_HZ);
    uint32_t due = ticks_per_beat;

    for (;;) {
        network_check();
        if ((int32_t)(ticks - due) >= 0) {
            due += ticks_per_beat;
            beat();
        }
        /* Masked, an interrupt still ends WFI: a tick between the question and the WFI is not slept through. */
        mask_interrupts();
        if ((int32_t)(ticks - due) < 0) {
            wait_for_interrupt();
        }
        unmask_interrupts();
    }
}
