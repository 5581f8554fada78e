#include "config.h"

#include "channels.h"
#include "events.h"
#include "support.h"

static uint8_t receive_buffer[8192] __attribute__((aligned(512)));
static uint8_t send_buffer[512] __attribute__((aligned(512)));

static uint32_t read_items(MvChannelHandle channel, struct config_item *items, uint32_t count)
{
    struct MvConfigResponseData response = {.result = 99};
    MvStatus status = mvReadConfigFetchResponseData(channel, &response);

    if (status != MV_STATUS_OKAY || response.result != 0u || response.num_items != count) {
        log_number("no configuration: result ", status == MV_STATUS_OKAY ? response.result : 100u + status);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct MvConfigResponseReadItemParams params = {
            .item_index = i,
            .result = &items[i].result,
            .buf = {.data = items[i].value, .size = items[i].size, .length = &items[i].length}};

        status = mvReadConfigResponseItem(channel, &params);
        if (status != MV_STATUS_OKAY) {
            log_number("item refused: status ", status);
        }
    }
    return 1;
}

uint32_t config_fetch(MvNotificationHandle centre, MvNetworkHandle network, struct config_item *items, uint32_t count)
{
    const struct channel_buffers buffers = {receive_buffer, sizeof receive_buffer, send_buffer, sizeof send_buffer};
    const struct MvSizedString endpoint = STRING("");
    struct MvConfigKeyToFetch keys[MAX_ITEMS];
    const struct MvConfigKeyFetchParams request = {.num_items = count, .keys_to_fetch = keys};
    uint32_t answered = 0;

    MvChannelHandle channel = channel_open(centre, CONFIG_TAG, network, MV_CHANNELTYPE_CONFIGFETCH, endpoint, &buffers);
    if (channel == 0u) {
        return 0;
    }
    for (uint32_t i = 0; i < count && i < MAX_ITEMS; i++) {
        keys[i] = items[i].key;
    }
    MvStatus status = mvSendConfigFetchRequest(channel, &request);
    if (status != MV_STATUS_OKAY) {
        log_number("configuration refused: status ", status);
    } else if (event_wait(CONFIG_TAG, EVENT(MV_EVENTTYPE_CHANNELDATAREADABLE) |
                                          EVENT(MV_EVENTTYPE_CHANNELNOTCONNECTED)) == MV_EVENTTYPE_CHANNELDATAREADABLE) {
        answered = read_items(channel, items, count);
    }
    channel_close(&channel);
    return answered;
}
