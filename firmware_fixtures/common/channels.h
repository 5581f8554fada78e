/* Data channels, and what of the interface only they need. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include "microvisor.h"

enum { MV_MQTTREQUESTSTATE_REQUESTCOMPLETED = 0 };
enum { MV_HTTPRESULT_OK = 0 };
enum { MV_CONFIGKEYFETCHRESULT_OK = 0 };

struct MvTlsCertificateChain {
    uint32_t num_certs;
    const struct MvSizedString *certs;
};

struct MvTlsCredentials {
    struct MvTlsCertificateChain cacert;
    struct {
        struct MvTlsCertificateChain chain;
        struct MvSizedString key;
    } clientcert;
};

MV_FUNCTION_4(34, mvReadHttpResponseHeader, MvChannelHandle, uint32_t, uint8_t *, uint32_t)
MV_FUNCTION_4(6, mvWriteChannel, MvChannelHandle, const uint8_t *, uint32_t, uint32_t *)

#define STRING(literal) {.data = (const uint8_t *)(literal), .length = sizeof(literal) - 1u}

/* Two buffers of a channel: their sizes are multiples of 512, and so are their addresses. */
struct channel_buffers {
    uint8_t *receive;
    uint32_t receive_size;
    uint8_t *send;
    uint32_t send_size;
};

/* Open a channel; 0 if it was refused, which is logged. */
MvChannelHandle channel_open(MvNotificationHandle centre, uint32_t tag, MvNetworkHandle network, uint32_t type,
                             struct MvSizedString endpoint, const struct channel_buffers *buffers);

/* Close a channel that something happened to; logs the reason if it was not us. */
void channel_close(MvChannelHandle *channel);

#endif
