/* sleep-wake: saves power with the network up, which is refused, then with it down, and ends in deep sleep.
 *
 * Logs the wake reason, each refusal, how often it tried until power saving was granted, and `deep sleep` before it
 * goes. After a deep sleep it starts over, so the next wake reason tells what ended it.
 */
#include "board.h"
#include "events.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

SETTING uint32_t power_saving_mode = MV_POWERSAVINGMODE_SLEEP;
SETTING uint32_t deep_sleep_mode = MV_DEEPSLEEPMODE_STANDBY;
SETTING uint32_t awake_ms = 2000;

volatile uint32_t try_count;

int main(void)
{
    MvWakeReason reason = 0xff;
    MvStatus status;

    log_start();
    millis_start();
    mvGetWakeReason(&reason);
    log_number("wake reason ", reason);

    MvNotificationHandle centre = events_start();
    MvNetworkHandle network = network_start(centre);

    log_number("power saving with the network up: status ", mvPowerSave((MvPowerSavingMode)power_saving_mode));
    sleep_ms(awake_ms);
    mvReleaseNetwork(&network);
    do {
        sleep_ms(100);
        try_count++;
        status = mvPowerSave((MvPowerSavingMode)power_saving_mode);
    } while (status == MV_STATUS_MICROVISORBUSY);

    struct text text = {.length = 0};
    text_add(&text, "power saving at try ");
    text_add_number(&text, try_count);
    text_add(&text, ": status ");
    text_add_number(&text, status);
    log_text(&text);

    /* The log leaves with the network, so it comes back once before the long sleep. */
    network = network_start(centre);
    log_string("deep sleep");
    sleep_ms(awake_ms);
    mvReleaseNetwork(&network);
    do {
        sleep_ms(100);
        status = mvDeepSleep((MvDeepSleepMode)deep_sleep_mode);
    } while (status == MV_STATUS_MICROVISORBUSY);
    log_number("no deep sleep: status ", status);
    for (;;) {
        wait_for_interrupt();
    }
}
