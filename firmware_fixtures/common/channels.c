#include "channels.h"

#include "support.h"

MvChannelHandle channel_open(MvNotificationHandle centre, uint32_t tag, MvNetworkHandle network, uint32_t type,
                             struct MvSizedString endpoint, const struct channel_buffers *buffers)
{
    const struct MvOpenChannelParams params = {
        .version = 1,
        .v1 = {.notification_handle = centre,
               .notification_tag = tag,
               .network_handle = network,
               .receive_buffer = buffers->receive,
               .receive_buffer_len = buffers->receive_size,
               .send_buffer = buffers->send,
               .send_buffer_len = buffers->send_size,
               .channel_type = type,
               .endpoint = endpoint}};
    MvChannelHandle channel = 0;
    MvStatus status = mvOpenChannel(&params, &channel);

    if (status != MV_STATUS_OKAY) {
        log_number("channel refused: status ", status);
        return 0;
    }
    return channel;
}

void channel_close(MvChannelHandle *channel)
{
    uint32_t reason = 0;

    if (mvGetChannelClosureReason(*channel, &reason) == MV_STATUS_OKAY && reason != 0u) {
        log_number("channel closed: reason ", reason);
    }
    mvCloseChannel(channel);
}
