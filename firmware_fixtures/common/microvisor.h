/* The Microvisor system calls our fixtures use: names, types and veneer addresses, declared by ourselves.
 *
 * A call is a branch to a veneer in the non-secure-callable window; slot n starts at MV_VENEERS + 8 * n. The window is
 * out of reach of BL, so a call goes through a register. Arguments are in r0-r3, the status comes back in r0.
 */
#ifndef MICROVISOR_H
#define MICROVISOR_H

#include <stddef.h>
#include <stdint.h>

#define MV_VENEERS 0x0c1fe000u
#define MV_CALL(slot, result, ...) ((result (*)(__VA_ARGS__))((MV_VENEERS + 8u * (slot)) | 1u))

typedef uint32_t MvNotificationHandle;
typedef uint32_t MvNetworkHandle;
typedef uint32_t MvChannelHandle;
typedef uint32_t MvSystemEventHandle;
typedef uint32_t MvExternalFlashHandle;
typedef uint32_t MvStatus;

enum {
    MV_STATUS_OKAY = 0,
    MV_STATUS_TIMENOTSET = 1,
    MV_STATUS_PARAMETERFAULT = 2,
    MV_STATUS_INVALIDBUFFERSIZE = 3,
    MV_STATUS_INVALIDHANDLE = 7,
    MV_STATUS_UNAVAILABLE = 10,
    MV_STATUS_MICROVISORBUSY = 36,
};

enum {
    MV_EVENTTYPE_NOEVENT = 0,
    MV_EVENTTYPE_NETWORKSTATUSCHANGED = 1,
    MV_EVENTTYPE_CHANNELDATAREADABLE = 2,
    MV_EVENTTYPE_CHANNELDATAWRITESPACE = 3,
    MV_EVENTTYPE_CHANNELNOTCONNECTED = 4,
    MV_EVENTTYPE_UPDATEDOWNLOADED = 5,
};

enum {
    MV_NETWORKSTATUS_DELIBERATELYOFFLINE = 0,
    MV_NETWORKSTATUS_CONNECTED = 1,
    MV_NETWORKSTATUS_CONNECTING = 2,
    MV_NETWORKSTATUS_DISCONNECTEDWITHLINKUP = 3,
};

enum { MV_CHANNELTYPE_OPAQUEBYTES = 0, MV_CHANNELTYPE_MQTT = 1, MV_CHANNELTYPE_HTTP = 2, MV_CHANNELTYPE_CONFIGFETCH = 3 };
enum { MV_CONFIGKEYFETCHSCOPE_ACCOUNT = 0, MV_CONFIGKEYFETCHSCOPE_DEVICE = 1 };
enum { MV_CONFIGKEYFETCHSTORE_SECRET = 0, MV_CONFIGKEYFETCHSTORE_CONFIG = 1 };
enum { MV_SYSTEMNOTIFICATIONSOURCE_NETWORK = 0, MV_SYSTEMNOTIFICATIONSOURCE_UPDATE = 1 };
enum { MV_RESTARTMODE_AUTOAPPLYUPDATE = 0 };
enum { MV_MQTTPROTOCOLVERSION_V3_1_1 = 0, MV_MQTTPROTOCOLVERSION_V5 = 1 };
enum {
    MV_MQTTREADABLEDATATYPE_NONE = 0,
    MV_MQTTREADABLEDATATYPE_MESSAGERECEIVED = 1,
    MV_MQTTREADABLEDATATYPE_MESSAGELOST = 2,
    MV_MQTTREADABLEDATATYPE_CONNECTRESPONSE = 3,
    MV_MQTTREADABLEDATATYPE_SUBSCRIBERESPONSE = 4,
    MV_MQTTREADABLEDATATYPE_UNSUBSCRIBERESPONSE = 5,
    MV_MQTTREADABLEDATATYPE_PUBLISHRESPONSE = 6,
    MV_MQTTREADABLEDATATYPE_DISCONNECTRESPONSE = 7,
};

/* These three are one byte wide in memory. */
typedef uint8_t MvWakeReason;
typedef uint8_t MvPowerSavingMode;
typedef uint8_t MvDeepSleepMode;
enum { MV_POWERSAVINGMODE_SLEEP = 0, MV_POWERSAVINGMODE_STOP2 = 3 };
enum { MV_DEEPSLEEPMODE_STANDBY = 0, MV_DEEPSLEEPMODE_SHUTDOWN = 1 };

#define MV_DEVICE_ID_SIZE 34u

struct MvSizedString {
    const uint8_t *data;
    uint32_t length;
};

struct MvSizedStringBuffer {
    uint8_t *data;
    uint32_t size;
    uint32_t *length;
};

struct MvNotification {
    uint64_t microseconds;
    uint32_t event_type;
    uint32_t tag;
};

struct MvNotificationSetup {
    uint32_t irq;
    struct MvNotification *buffer;
    uint32_t buffer_size;
};

struct MvRequestNetworkParams {
    uint32_t version;
    struct {
        MvNotificationHandle notification_handle;
        uint32_t notification_tag;
    } v1;
};

struct MvOpenChannelParams {
    uint32_t version;
    struct {
        MvNotificationHandle notification_handle;
        uint32_t notification_tag;
        MvNetworkHandle network_handle;
        uint8_t *receive_buffer;
        uint32_t receive_buffer_len;
        uint8_t *send_buffer;
        uint32_t send_buffer_len;
        uint32_t channel_type;
        struct MvSizedString endpoint;
    } v1;
};

struct MvHttpHeader {
    uint32_t length;
    const uint8_t *data;
};

struct MvHttpRequest {
    struct MvSizedString method;
    struct MvSizedString url;
    uint32_t num_headers;
    const struct MvHttpHeader *headers;
    struct MvSizedString body;
    uint32_t timeout_ms;
};

struct MvHttpResponseData {
    uint32_t result;
    uint32_t status_code;
    uint32_t num_headers;
    uint32_t body_length;
};

struct MvConfigKeyToFetch {
    uint32_t scope;
    uint32_t store;
    struct MvSizedString key;
};

struct MvConfigKeyFetchParams {
    uint32_t num_items;
    const struct MvConfigKeyToFetch *keys_to_fetch;
};

struct MvConfigResponseData {
    uint32_t result;
    uint32_t num_items;
};

struct MvConfigResponseReadItemParams {
    uint32_t item_index;
    uint32_t *result;
    struct MvSizedStringBuffer buf;
};

struct MvMqttConnectRequest {
    uint32_t protocol_version;
    struct MvSizedString host;
    uint16_t port;
    struct MvSizedString clientid;
    struct {
        uint8_t method; /* one byte; 0 is none, 1 user name and password */
        struct MvSizedString username;
        struct MvSizedString password;
    } authentication;
    const void *tls_credentials;
    uint32_t keepalive;
    uint8_t clean_start;
    const void *will;
};

struct MvMqttConnectResponse {
    uint32_t request_state;
    uint32_t reason_code;
};

struct MvMqttSubscription {
    struct MvSizedString topic;
    uint32_t desired_qos;
    uint32_t no_local;
    uint32_t retain_as_published;
    uint32_t retain_handling;
};

struct MvMqttSubscribeRequest {
    uint32_t correlation_id;
    const struct MvMqttSubscription *subscriptions;
    uint32_t num_subscriptions;
};

struct MvMqttSubscribeResponse {
    uint32_t *request_state;
    uint32_t *correlation_id;
    uint32_t *reason_codes;
    uint32_t reason_codes_size;
    uint32_t *reason_codes_len;
};

struct MvMqttPublishRequest {
    uint32_t correlation_id;
    struct MvSizedString topic;
    struct MvSizedString payload;
    uint32_t desired_qos;
    uint32_t retain;
};

struct MvMqttPublishResponse {
    uint32_t request_state;
    uint32_t correlation_id;
    uint32_t reason_code;
};

struct MvMqttMessage {
    uint32_t *correlation_id;
    struct MvSizedStringBuffer topic;
    struct MvSizedStringBuffer payload;
    uint32_t *qos;
    uint8_t *retain;
};

struct MvOpenSystemNotificationParams {
    MvNotificationHandle notification_handle;
    uint32_t notification_tag;
    uint32_t notification_source;
};

struct MvExternalFlashInfo {
    uint32_t version;
    struct {
        uint32_t chip_id;
        uint32_t size;
        uint32_t num_handles;
    } v1;
};

_Static_assert(sizeof(struct MvNotification) == 16, "MvNotification");
_Static_assert(sizeof(struct MvOpenChannelParams) == 44, "MvOpenChannelParams");
_Static_assert(sizeof(struct MvHttpRequest) == 36, "MvHttpRequest");
_Static_assert(sizeof(struct MvConfigResponseReadItemParams) == 20, "MvConfigResponseReadItemParams");
_Static_assert(sizeof(struct MvMqttConnectRequest) == 60, "MvMqttConnectRequest");
_Static_assert(sizeof(struct MvMqttSubscription) == 24, "MvMqttSubscription");
_Static_assert(sizeof(struct MvMqttMessage) == 36, "MvMqttMessage");
_Static_assert(sizeof(struct MvMqttPublishRequest) == 28, "MvMqttPublishRequest");
_Static_assert(sizeof(struct MvExternalFlashInfo) == 16, "MvExternalFlashInfo");

#define MV_FUNCTION_0(slot, name) \
    static inline MvStatus name(void) { return MV_CALL(slot, MvStatus, void)(); }
#define MV_FUNCTION_1(slot, name, A) \
    static inline MvStatus name(A a) { return MV_CALL(slot, MvStatus, A)(a); }
#define MV_FUNCTION_2(slot, name, A, B) \
    static inline MvStatus name(A a, B b) { return MV_CALL(slot, MvStatus, A, B)(a, b); }
#define MV_FUNCTION_3(slot, name, A, B, C) \
    static inline MvStatus name(A a, B b, C c) { return MV_CALL(slot, MvStatus, A, B, C)(a, b, c); }
#define MV_FUNCTION_4(slot, name, A, B, C, D) \
    static inline MvStatus name(A a, B b, C c, D d) { return MV_CALL(slot, MvStatus, A, B, C, D)(a, b, c, d); }

/* Clocks and identity */
MV_FUNCTION_1(2, mvGetMicroseconds, uint64_t *)
MV_FUNCTION_2(5, mvGetDeviceId, uint8_t *, uint32_t)
MV_FUNCTION_1(7, mvGetWallTime, uint64_t *)
MV_FUNCTION_1(17, mvGetPClk1, uint32_t *)
MV_FUNCTION_1(23, mvGetHClk, uint32_t *)

/* Registers the kernel owns: *address = (*address & ~mask) ^ xor */
MV_FUNCTION_3(21, mvPeriphPoke32, uint32_t, uint32_t, uint32_t)
MV_FUNCTION_2(30, mvPeriphPeek32, uint32_t, uint32_t *)

/* Fast interrupts */
MV_FUNCTION_1(0, mvEnableFastInterrupt, uint32_t)
MV_FUNCTION_1(11, mvSetFastInterrupt, uint32_t)
MV_FUNCTION_1(13, mvDisableFastInterrupt, uint32_t)
MV_FUNCTION_1(15, mvClearFastInterrupt, uint32_t)

/* Notifications */
MV_FUNCTION_1(10, mvCloseNotifications, MvNotificationHandle *)
MV_FUNCTION_2(16, mvSetupNotifications, const struct MvNotificationSetup *, MvNotificationHandle *)
MV_FUNCTION_3(28, mvTempTriggerNotification, MvNotificationHandle, uint32_t, uint32_t)

/* Network and channels */
MV_FUNCTION_2(8, mvRequestNetwork, const struct MvRequestNetworkParams *, MvNetworkHandle *)
MV_FUNCTION_1(26, mvReleaseNetwork, MvNetworkHandle *)
MV_FUNCTION_2(29, mvGetNetworkStatus, MvNetworkHandle, uint32_t *)
MV_FUNCTION_4(1, mvWriteChannelStream, MvChannelHandle, const uint8_t *, uint32_t, uint32_t *)
MV_FUNCTION_2(9, mvGetChannelClosureReason, MvChannelHandle, uint32_t *)
MV_FUNCTION_2(24, mvOpenChannel, const struct MvOpenChannelParams *, MvChannelHandle *)
MV_FUNCTION_1(31, mvCloseChannel, MvChannelHandle *)

/* HTTP */
MV_FUNCTION_2(32, mvSendHttpRequest, MvChannelHandle, const struct MvHttpRequest *)
MV_FUNCTION_4(33, mvReadHttpResponseBody, MvChannelHandle, uint32_t, uint8_t *, uint32_t)
MV_FUNCTION_2(35, mvReadHttpResponseData, MvChannelHandle, struct MvHttpResponseData *)

/* Server logging */
MV_FUNCTION_2(36, mvServerLoggingInit, uint8_t *, uint32_t)
MV_FUNCTION_2(37, mvServerLog, const uint8_t *, uint16_t)

/* Configs and secrets */
MV_FUNCTION_2(38, mvSendConfigFetchRequest, MvChannelHandle, const struct MvConfigKeyFetchParams *)
MV_FUNCTION_2(39, mvReadConfigFetchResponseData, MvChannelHandle, struct MvConfigResponseData *)
MV_FUNCTION_2(40, mvReadConfigResponseItem, MvChannelHandle, const struct MvConfigResponseReadItemParams *)

/* MQTT */
MV_FUNCTION_2(42, mvMqttAcknowledgeMessage, MvChannelHandle, uint32_t)
MV_FUNCTION_2(45, mvMqttReadConnectResponse, MvChannelHandle, struct MvMqttConnectResponse *)
MV_FUNCTION_2(46, mvMqttRequestPublish, MvChannelHandle, const struct MvMqttPublishRequest *)
MV_FUNCTION_2(47, mvMqttRequestSubscribe, MvChannelHandle, const struct MvMqttSubscribeRequest *)
MV_FUNCTION_2(48, mvMqttReadPublishResponse, MvChannelHandle, struct MvMqttPublishResponse *)
MV_FUNCTION_2(50, mvMqttReceiveMessage, MvChannelHandle, const struct MvMqttMessage *)
MV_FUNCTION_2(51, mvMqttGetNextReadableDataType, MvChannelHandle, uint32_t *)
MV_FUNCTION_2(53, mvMqttRequestConnect, MvChannelHandle, const struct MvMqttConnectRequest *)
MV_FUNCTION_2(54, mvMqttReadSubscribeResponse, MvChannelHandle, const struct MvMqttSubscribeResponse *)

/* Application testing */
MV_FUNCTION_1(55, mvTestingComplete, uint32_t)
MV_FUNCTION_2(56, mvTestLog, const uint8_t *, uint16_t)
MV_FUNCTION_2(57, mvTestLoggingInit, uint8_t *, uint32_t)

/* Power, restart and system notifications */
MV_FUNCTION_1(58, mvPowerSave, MvPowerSavingMode)
MV_FUNCTION_2(60, mvOpenSystemNotification, const struct MvOpenSystemNotificationParams *, MvSystemEventHandle *)
MV_FUNCTION_1(62, mvDeepSleep, MvDeepSleepMode)
MV_FUNCTION_1(63, mvGetWakeReason, MvWakeReason *)
MV_FUNCTION_1(64, mvRestart, uint32_t)

/* External flash */
MV_FUNCTION_1(65, mvExternalFlashClose, MvExternalFlashHandle *)
MV_FUNCTION_2(66, mvExternalFlashGetInfo, MvExternalFlashHandle, struct MvExternalFlashInfo *)
MV_FUNCTION_4(67, mvExternalFlashWriteBlocking, MvExternalFlashHandle, uint32_t, uint32_t, const uint8_t *)
MV_FUNCTION_1(68, mvExternalFlashOpen, MvExternalFlashHandle *)
MV_FUNCTION_3(69, mvExternalFlashEraseBlocking, MvExternalFlashHandle, uint32_t, uint32_t)
MV_FUNCTION_4(70, mvExternalFlashReadBlocking, MvExternalFlashHandle, uint32_t, uint32_t, uint8_t *)

#endif
