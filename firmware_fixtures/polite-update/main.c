/* polite-update: asks to be told of a downloaded update, finishes what it does, and then lets it in.
 *
 * Logs `working N` every second, `update is waiting` when one was downloaded, and after `finish_ms` `restarting`.
 */
#include "board.h"
#include "events.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define UPDATE_TAG 1u

SETTING uint32_t finish_ms = 3000;

volatile uint32_t work_count;

int main(void)
{
    MvWakeReason reason = 0xff;
    MvSystemEventHandle updates = 0;

    log_start();
    millis_start();
    mvGetWakeReason(&reason);
    log_number("wake reason ", reason);

    const struct MvOpenSystemNotificationParams params = {
        .notification_handle = events_start(),
        .notification_tag = UPDATE_TAG,
        .notification_source = MV_SYSTEMNOTIFICATIONSOURCE_UPDATE,
    };
    MvStatus status = mvOpenSystemNotification(&params, &updates);

    if (status != MV_STATUS_OKAY) {
        log_number("no update notifications: status ", status);
    }
    while (event_take(UPDATE_TAG, EVENT(MV_EVENTTYPE_UPDATEDOWNLOADED)) == MV_EVENTTYPE_NOEVENT) {
        if (millis() / 1000u > work_count) {
            work_count++;
            log_number("working ", work_count);
        }
        wait_for_interrupt();
    }
    log_string("update is waiting");
    sleep_ms(finish_ms);
    log_string("restarting");
    sleep_ms(1000); /* for the log to leave */
    log_number("not restarted: status ", mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE));
    for (;;) {
        wait_for_interrupt();
    }
}
