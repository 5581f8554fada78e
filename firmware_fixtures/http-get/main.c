/* http-get: fetches https://api.example.com/todos/1 every ten seconds and logs status, first header and body.
 *
 * It works as published applications do: it asks for the network status with a handle it has not got yet, and takes the
 * refusal as the reason to request the network; it polls the status; and its interrupt handler copies a record and
 * clears the copy, so that the ring is never given back.
 */
#include "board.h"
#include "channels.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define NETWORK_TAG 1u
#define HTTP_TAG 2u
#define RECORDS 4u
#define PERIOD_MS 10000u
#define PATIENCE_MS 15000u

volatile uint32_t responses;
volatile uint32_t failures;

static struct MvNotification network_records[RECORDS] __attribute__((aligned(512)));
static struct MvNotification http_records[RECORDS] __attribute__((aligned(512)));
static uint8_t receive_buffer[2560] __attribute__((aligned(512)));
static uint8_t send_buffer[512] __attribute__((aligned(512)));
static MvNotificationHandle network_centre, http_centre;
static MvNetworkHandle network;
static volatile uint32_t readable, lost;

void tim8_brk_handler(void)
{
    /* Only the interrupt counts: the status is polled. */
}

void tim6_handler(void)
{
    static uint32_t next;
    volatile struct MvNotification record = http_records[next];

    next = (next + 1u) % RECORDS;
    if (record.tag == HTTP_TAG) {
        readable |= record.event_type == MV_EVENTTYPE_CHANNELDATAREADABLE;
        lost |= record.event_type == MV_EVENTTYPE_CHANNELNOTCONNECTED;
    }
    record.event_type = MV_EVENTTYPE_NOEVENT; /* of the copy: the slot keeps what it holds */
}

static MvNotificationHandle centre(uint32_t irq, struct MvNotification *records)
{
    const struct MvNotificationSetup setup = {
        .irq = irq, .buffer = records, .buffer_size = RECORDS * sizeof(struct MvNotification)};
    MvNotificationHandle handle = 0;

    if (mvSetupNotifications(&setup, &handle) != MV_STATUS_OKAY) {
        log_string("no notification centre");
    }
    enable_interrupt(irq);
    return handle;
}

static void connect(void)
{
    uint32_t network_status = MV_NETWORKSTATUS_DELIBERATELYOFFLINE;

    if (mvGetNetworkStatus(network, &network_status) == MV_STATUS_INVALIDHANDLE) {
        const struct MvRequestNetworkParams request = {
            .version = 1, .v1 = {.notification_handle = network_centre, .notification_tag = NETWORK_TAG}};

        log_string("requesting the network");
        if (mvRequestNetwork(&request, &network) != MV_STATUS_OKAY) {
            log_string("network refused");
        }
    }
    while (mvGetNetworkStatus(network, &network_status) == MV_STATUS_OKAY &&
           network_status != MV_NETWORKSTATUS_CONNECTED) {
        for (uint32_t i = 0; i < 50000u; i++) {
            __asm volatile("nop");
        }
    }
}

static void log_response(MvChannelHandle channel)
{
    struct MvHttpResponseData response = {.result = 99};
    struct text text = {.length = 0};
    uint8_t header[64] = {0};
    uint8_t part[32];

    MvStatus status = mvReadHttpResponseData(channel, &response);
    if (status != MV_STATUS_OKAY || response.result != MV_HTTPRESULT_OK) {
        failures++;
        log_number("request failed: result ", status == MV_STATUS_OKAY ? response.result : 100u + status);
        return;
    }
    text_add(&text, "status ");
    text_add_number(&text, response.status_code);
    text_add(&text, ", ");
    text_add_number(&text, response.num_headers);
    text_add(&text, " headers, ");
    text_add_number(&text, response.body_length);
    text_add(&text, " bytes");
    log_text(&text);
    if (response.num_headers != 0u && mvReadHttpResponseHeader(channel, 0, header, sizeof header - 1) == MV_STATUS_OKAY) {
        log_string((const char *)header);
    }
    text.length = 0;
    for (uint32_t offset = 0; offset < response.body_length; offset += sizeof part) {
        uint32_t left = response.body_length - offset;

        if (mvReadHttpResponseBody(channel, offset, part, sizeof part) != MV_STATUS_OKAY) {
            break;
        }
        for (uint32_t i = 0; i < left && i < sizeof part && text.length < sizeof text.bytes; i++) {
            text.bytes[text.length++] = (char)part[i];
        }
    }
    log_text(&text);
    responses++;
}

static void fetch(void)
{
    static const struct MvHttpHeader headers[] = {
        {.length = sizeof("Accept: application/json") - 1u, .data = (const uint8_t *)"Accept: application/json"}};
    static const struct MvHttpRequest request = {.method = STRING("GET"),
                                                 .url = STRING("https://api.example.com/todos/1"),
                                                 .num_headers = 1,
                                                 .headers = headers,
                                                 .timeout_ms = 10000};
    const struct channel_buffers buffers = {receive_buffer, sizeof receive_buffer, send_buffer, sizeof send_buffer};
    const struct MvSizedString endpoint = STRING("");

    readable = lost = 0;
    MvChannelHandle channel = channel_open(http_centre, HTTP_TAG, network, MV_CHANNELTYPE_HTTP, endpoint, &buffers);
    if (channel == 0u) {
        return;
    }
    MvStatus status = mvSendHttpRequest(channel, &request);
    if (status != MV_STATUS_OKAY) {
        log_number("request refused: status ", status);
    }
    uint32_t start = millis();
    while (readable == 0u && lost == 0u && millis() - start < PATIENCE_MS) {
        wait_for_interrupt();
    }
    if (readable != 0u) {
        log_response(channel);
    }
    channel_close(&channel);
}

int main(void)
{
    log_start();
    millis_start();
    network_centre = centre(TIM8_BRK_IRQ, network_records);
    http_centre = centre(TIM6_IRQ, http_records);
    for (;;) {
        uint32_t start = millis();

        connect();
        fetch();
        while (millis() - start < PERIOD_MS) {
            wait_for_interrupt();
        }
    }
}
