/* mqtt-echo: takes its broker from the configuration, publishes a reading every five seconds, echoes every command.
 *
 * Device configs `broker-host`, `broker-port`, `root-CA` and `cert` and device secret `private_key`, certificates and
 * key in DER or PEM form; without the last three it connects without TLS. The client id is the device SID. It subscribes
 * to command/device/SID and publishes to sensor/device/SID, all with QoS 1.
 */
#include "board.h"
#include "config.h"
#include "events.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define MQTT_TAG 3u
#define PERIOD_MS 5000u
#define RETRY_MS 10000u

volatile uint32_t published;
volatile uint32_t echoed;

enum { HOST, PORT, ROOT_CA, CERT, KEY, ITEMS };

static uint8_t host[128], port[8], root_ca[2048], cert[2048], key[2048];

#define ITEM(a_store, name, buffer)                                                                              \
    {.key = {.scope = MV_CONFIGKEYFETCHSCOPE_DEVICE, .store = (a_store), .key = STRING(name)},                   \
     .value = (buffer),                                                                                          \
     .size = sizeof(buffer)}

static struct config_item items[ITEMS] = {
    [HOST] = ITEM(MV_CONFIGKEYFETCHSTORE_CONFIG, "broker-host", host),
    [PORT] = ITEM(MV_CONFIGKEYFETCHSTORE_CONFIG, "broker-port", port),
    [ROOT_CA] = ITEM(MV_CONFIGKEYFETCHSTORE_CONFIG, "root-CA", root_ca),
    [CERT] = ITEM(MV_CONFIGKEYFETCHSTORE_CONFIG, "cert", cert),
    [KEY] = ITEM(MV_CONFIGKEYFETCHSTORE_SECRET, "private_key", key),
};

static uint8_t receive_buffer[1024] __attribute__((aligned(512)));
static uint8_t send_buffer[1024] __attribute__((aligned(512)));
static uint8_t sid[MV_DEVICE_ID_SIZE];
static MvChannelHandle channel;
static uint32_t correlation;

static struct MvSizedString device_topic(struct text *text, const char *prefix)
{
    text->length = 0;
    text_add(text, prefix);
    for (uint32_t i = 0; i < sizeof sid; i++) {
        text->bytes[text->length++] = (char)sid[i];
    }
    return (struct MvSizedString){.data = (const uint8_t *)text->bytes, .length = text->length};
}

static void mqtt_connect(void)
{
    static const struct MvSizedString nothing = {0};
    const struct MvSizedString ca = {root_ca, items[ROOT_CA].length};
    const struct MvSizedString own = {cert, items[CERT].length};
    const struct MvTlsCredentials tls = {
        .cacert = {.num_certs = 1, .certs = &ca},
        .clientcert = {.chain = {.num_certs = items[CERT].length != 0u, .certs = &own},
                       .key = {key, items[KEY].length}}};
    uint16_t number = 0;

    for (uint32_t i = 0; i < items[PORT].length; i++) {
        number = (uint16_t)(number * 10u + (port[i] - (uint8_t)'0'));
    }
    const struct MvMqttConnectRequest request = {
        .protocol_version = MV_MQTTPROTOCOLVERSION_V5,
        .host = {host, items[HOST].length},
        .port = number,
        .clientid = {sid, sizeof sid},
        .authentication = {.method = 0, .username = nothing, .password = nothing},
        .tls_credentials = items[ROOT_CA].length != 0u ? &tls : NULL,
        .keepalive = 60,
        .clean_start = 1,
        .will = NULL};
    MvStatus status = mvMqttRequestConnect(channel, &request);

    if (status != MV_STATUS_OKAY) {
        log_number("connect refused: status ", status);
    }
}

static void mqtt_subscribe(void)
{
    struct text topic;
    const struct MvMqttSubscription subscription = {.topic = device_topic(&topic, "command/device/"), .desired_qos = 1};
    const struct MvMqttSubscribeRequest request = {
        .correlation_id = ++correlation, .subscriptions = &subscription, .num_subscriptions = 1};
    MvStatus status = mvMqttRequestSubscribe(channel, &request);

    if (status != MV_STATUS_OKAY) {
        log_number("subscribe refused: status ", status);
    }
}

static void mqtt_publish(const uint8_t *payload, uint32_t length)
{
    struct text topic;
    const struct MvMqttPublishRequest request = {.correlation_id = ++correlation,
                                                 .topic = device_topic(&topic, "sensor/device/"),
                                                 .payload = {payload, length},
                                                 .desired_qos = 1};
    MvStatus status = mvMqttRequestPublish(channel, &request);

    if (status != MV_STATUS_OKAY) {
        log_number("publish refused: status ", status);
    }
}

static void receive(void)
{
    uint8_t topic[96], payload[256], retain = 0;
    uint32_t id = 0, qos = 0, topic_length = 0, payload_length = 0;
    struct text text = {.length = 0};
    const struct MvMqttMessage message = {.correlation_id = &id,
                                          .topic = {topic, sizeof topic, &topic_length},
                                          .payload = {payload, sizeof payload, &payload_length},
                                          .qos = &qos,
                                          .retain = &retain};

    MvStatus status = mvMqttReceiveMessage(channel, &message);
    if (status != MV_STATUS_OKAY) {
        log_number("message refused: status ", status);
        return;
    }
    text_add(&text, "echo: ");
    for (uint32_t i = 0; i < payload_length && text.length < sizeof text.bytes; i++) {
        text.bytes[text.length++] = (char)payload[i];
    }
    log_text(&text);
    if (qos != 0u) {
        mvMqttAcknowledgeMessage(channel, id);
    }
    mqtt_publish((const uint8_t *)text.bytes, text.length);
    echoed++;
}

static uint32_t read_connect_response(void)
{
    struct MvMqttConnectResponse response = {.request_state = 99};

    if (mvMqttReadConnectResponse(channel, &response) == MV_STATUS_OKAY && response.request_state == 0u &&
        response.reason_code == 0u) {
        log_string("connected");
        return 1;
    }
    log_number("connect failed: state ", response.request_state);
    return 0;
}

static void read_subscribe_response(void)
{
    uint32_t state = 99, id = 0, codes[1] = {99}, count = 0;
    const struct MvMqttSubscribeResponse response = {.request_state = &state,
                                                     .correlation_id = &id,
                                                     .reason_codes = codes,
                                                     .reason_codes_size = 1,
                                                     .reason_codes_len = &count};

    mvMqttReadSubscribeResponse(channel, &response);
    log_number("subscribed: code ", state == 0u && count == 1u ? codes[0] : 1000u + state);
}

/* Read all that is there; return whether the connection is still worth having. */
static uint32_t read_all(void)
{
    uint32_t type = MV_MQTTREADABLEDATATYPE_NONE;

    while (mvMqttGetNextReadableDataType(channel, &type) == MV_STATUS_OKAY && type != MV_MQTTREADABLEDATATYPE_NONE) {
        struct MvMqttPublishResponse response = {.request_state = 99};

        switch (type) {
        case MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE:
            if (read_connect_response() == 0u) {
                return 0;
            }
            mqtt_subscribe();
            break;
        case MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE:
            read_subscribe_response();
            break;
        case MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE:
            if (mvMqttReadPublishResponse(channel, &response) == MV_STATUS_OKAY && response.request_state == 0u) {
                published++;
            }
            break;
        case MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED:
            receive();
            break;
        default:
            log_number("leaving: data of type ", type);
            return 0;
        }
    }
    return 1;
}

static void serve(void)
{
    uint32_t last = millis();

    mqtt_connect();
    for (;;) {
        switch (event_take(MQTT_TAG, EVENT(MV_EVENTTYPE_CHANNELDATAREADABLE) | EVENT(MV_EVENTTYPE_CHANNELNOTCONNECTED))) {
        case MV_EVENTTYPE_CHANNELDATAREADABLE:
            if (read_all() == 0u) {
                return;
            }
            break;
        case MV_EVENTTYPE_CHANNELNOTCONNECTED:
            return;
        default:
            wait_for_interrupt();
            break;
        }
        if (millis() - last >= PERIOD_MS) {
            last = millis();
            mqtt_publish((const uint8_t *)"21.5", 4);
        }
    }
}

int main(void)
{
    const struct channel_buffers buffers = {receive_buffer, sizeof receive_buffer, send_buffer, sizeof send_buffer};
    const struct MvSizedString endpoint = STRING("");

    log_start();
    millis_start();
    mvGetDeviceId(sid, sizeof sid);
    MvNotificationHandle centre = events_start();
    for (;;) {
        uint32_t start = millis();
        MvNetworkHandle network = network_start(centre);

        if (config_fetch(centre, network, items, ITEMS) != 0u && items[HOST].length != 0u) {
            channel = channel_open(centre, MQTT_TAG, network, MV_CHANNELTYPE_MQTT, endpoint, &buffers);
            if (channel != 0u) {
                serve();
                channel_close(&channel);
            }
        }
        mvReleaseNetwork(&network);
        while (millis() - start < RETRY_MS) {
            wait_for_interrupt();
        }
    }
}
