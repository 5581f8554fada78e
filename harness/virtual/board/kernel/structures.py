"""Argument structures of the Microvisor calls as they lie in guest memory (little endian, pointers of four bytes).

Versioned structures hold their version 1 members directly: their ``v1`` has no wrapper here. Offsets follow the C rules
for natural alignment; padding is written out where the compiler puts it.
"""

from __future__ import annotations

from construct import Int8ul, Int16ul, Int32ul, Int64ul, Padding, Struct

U8, U16, U32, U64 = Int8ul, Int16ul, Int32ul, Int64ul
POINTER = Int32ul

MvNotification = Struct("microseconds" / U64, "event_type" / U32, "tag" / U32)
MvNotificationSetup = Struct("irq" / U32, "buffer" / POINTER, "buffer_size" / U32)
MvRequestNetworkParams = Struct("version" / U32, "notification_handle" / U32, "notification_tag" / U32)

MvSizedString = Struct("data" / POINTER, "length" / U32)
MvSizedStringBuffer = Struct("data" / POINTER, "size" / U32, "length" / POINTER)

MvOpenChannelParams = Struct(
    "version" / U32, "notification_handle" / U32, "notification_tag" / U32, "network_handle" / U32,
    "receive_buffer" / POINTER, "receive_buffer_len" / U32, "send_buffer" / POINTER, "send_buffer_len" / U32,
    "channel_type" / U32, "endpoint" / MvSizedString)

MvHttpHeader = Struct("length" / U32, "data" / POINTER)
MvHttpRequest = Struct("method" / MvSizedString, "url" / MvSizedString, "num_headers" / U32, "headers" / POINTER,
                       "body" / MvSizedString, "timeout_ms" / U32)
MvHttpResponseData = Struct("result" / U32, "status_code" / U32, "num_headers" / U32, "body_length" / U32)

MvConfigKeyToFetch = Struct("scope" / U32, "store" / U32, "key" / MvSizedString)
MvConfigKeyFetchParams = Struct("num_items" / U32, "keys_to_fetch" / POINTER)
MvConfigResponseData = Struct("result" / U32, "num_items" / U32)
MvConfigResponseReadItemParams = Struct("item_index" / U32, "result" / POINTER, "buf" / MvSizedStringBuffer)

MvUsernamePassword = Struct("username" / MvSizedString, "password" / MvSizedString)
MvMqttAuthentication = Struct("method" / U8, Padding(3), "username_password" / MvUsernamePassword)
MvTlsCertificateChain = Struct("num_certs" / U32, "certs" / POINTER)
MvOwnTlsCertificateChain = Struct("chain" / MvTlsCertificateChain, "key" / MvSizedString)
MvTlsCredentials = Struct("cacert" / MvTlsCertificateChain, "clientcert" / MvOwnTlsCertificateChain)
MvMqttWill = Struct("topic" / MvSizedString, "payload" / MvSizedString, "qos" / U32, "retain" / U8, Padding(3))
MvMqttConnectRequest = Struct(
    "protocol_version" / U32, "host" / MvSizedString, "port" / U16, Padding(2), "clientid" / MvSizedString,
    "authentication" / MvMqttAuthentication, "tls_credentials" / POINTER, "keepalive" / U32, "clean_start" / U8,
    Padding(3), "will" / POINTER)
MvMqttConnectResponse = Struct("request_state" / U32, "reason_code" / U32)
MvMqttSubscription = Struct("topic" / MvSizedString, "desired_qos" / U32, "nl" / U32, "rap" / U32, "rh" / U32)
MvMqttSubscribeRequest = Struct("correlation_id" / U32, "subscriptions" / POINTER, "num_subscriptions" / U32)
MvMqttSubscribeResponse = Struct("request_state" / POINTER, "correlation_id" / POINTER, "reason_codes" / POINTER,
                                 "reason_codes_size" / U32, "reason_codes_len" / POINTER)
MvMqttUnsubscribeRequest = Struct("correlation_id" / U32, "topics" / POINTER, "num_topics" / U32)
MvMqttUnsubscribeResponse = Struct("request_state" / POINTER, "correlation_id" / POINTER, "reason_codes" / POINTER,
                                   "reason_codes_size" / U32, "reason_codes_len" / POINTER)
MvMqttPublishRequest = Struct("correlation_id" / U32, "topic" / MvSizedString, "payload" / MvSizedString,
                              "desired_qos" / U32, "retain" / U32)
MvMqttPublishResponse = Struct("request_state" / U32, "correlation_id" / U32, "reason_code" / U32)
MvMqttMessage = Struct("correlation_id" / POINTER, "topic" / MvSizedStringBuffer, "payload" / MvSizedStringBuffer,
                       "qos" / POINTER, "retain" / POINTER)
MvMqttLostMessageInfo = Struct("reason" / POINTER, "topic" / MvSizedStringBuffer, "message_len" / POINTER)
MvMqttDisconnectResponse = Struct("request_state" / U32, "disconnect_code" / U32)

MvOpenSystemNotificationParams = Struct("notification_handle" / U32, "notification_tag" / U32,
                                        "notification_source" / U32)
MvExternalFlashInfo = Struct("version" / U32, "chip_id" / U32, "size" / U32, "num_handles" / U32)
MvWifiConfig = Struct("version" / U32, "config_mode" / U8, Padding(3), "wifi_ssid" / MvSizedString,
                      "wifi_password" / MvSizedString)
MvWifiConfigOut = Struct("version" / U32, "ssid" / MvSizedStringBuffer, "has_encryption" / POINTER)

STRUCT_SIZES: dict[str, int] = {name: int(value.sizeof()) for name, value in tuple(globals().items())
                                if name.startswith("Mv")}
"""Bytes of each structure in guest memory."""
