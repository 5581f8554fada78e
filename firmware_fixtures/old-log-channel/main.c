/* old-log-channel: logs through a channel of opaque bytes to the endpoint "log", as applications of 2021 and 2022 do.
 *
 * One line a second, of which every third comes in two writes; mvServerLoggingInit is never called.
 */
#include "board.h"
#include "channels.h"
#include "events.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define LOG_TAG 1u

volatile uint32_t lines;

static uint8_t receive_buffer[16];
static uint8_t send_buffer[512] __attribute__((aligned(512)));

static void write_all(MvChannelHandle channel, const char *bytes, uint32_t length)
{
    while (length != 0u) {
        uint32_t written = 0;

        if (mvWriteChannelStream(channel, (const uint8_t *)bytes, length, &written) != MV_STATUS_OKAY) {
            return;
        }
        bytes += written;
        length -= written;
        if (length != 0u) {
            event_wait(LOG_TAG, EVENT(MV_EVENTTYPE_CHANNELDATAWRITESPACE) | EVENT(MV_EVENTTYPE_CHANNELNOTCONNECTED));
        }
    }
}

int main(void)
{
    const struct channel_buffers buffers = {receive_buffer, sizeof receive_buffer, send_buffer, sizeof send_buffer};
    const struct MvSizedString endpoint = STRING("log");
    MvNotificationHandle centre = events_start();
    MvChannelHandle channel = 0;

    millis_start();
    MvNetworkHandle network = network_start(centre);
    for (;;) {
        uint32_t start = millis();
        struct text text = {.length = 0};

        if (channel == 0u) {
            network_start(centre);
            channel = channel_open(centre, LOG_TAG, network, MV_CHANNELTYPE_OPAQUEBYTES, endpoint, &buffers);
        }
        text_add(&text, "old line ");
        text_add_number(&text, ++lines);
        text_add(&text, "\n");
        uint32_t first = lines % 3u == 0u ? 4u : text.length;
        write_all(channel, text.bytes, first);
        write_all(channel, text.bytes + first, text.length - first);
        if (event_take(LOG_TAG, EVENT(MV_EVENTTYPE_CHANNELNOTCONNECTED)) != MV_EVENTTYPE_NOEVENT) {
            mvCloseChannel(&channel);
        }
        while (millis() - start < 1000u) {
            wait_for_interrupt();
        }
    }
}
