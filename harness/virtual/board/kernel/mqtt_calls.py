"""The calls on MQTT channels.

A call that reads takes what is next in the channel's queue, and is refused with WRONGDATAREQUESTED if that is something
else: mvMqttGetNextReadableDataType tells what it is. Nothing is taken from the queue by a call that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.channels import Channels, late
from harness.virtual.board.kernel.enums import (
    MvChannelType,
    MvMqttLostMessageReason,
    MvMqttReadableDataType,
    MvStatus,
)
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused
from harness.virtual.board.kernel.mqtt_arguments import (
    MAX_QOS,
    read_connect,
    read_subscriptions,
    read_topics,
    resolve_subscriptions,
    resolve_topic,
    resolve_topics,
)
from harness.virtual.board.kernel.mqtt_channel import REQUEST_OVERHEAD, MqttChannel
from harness.virtual.board.kernel.mqtt_inbox import Item, Response

_Kind = MvMqttReadableDataType
_LATE = MvStatus.LATEFAULT
_WORD = 4


class MqttCalls:
    """The calls on MQTT channels."""

    def __init__(self, host: KernelHost, channels: Channels) -> None:
        self._host = host
        self._channels = channels
        channels.register(MvChannelType.MQTT, b"", MqttChannel)

    def __repr__(self) -> str:
        return f"MqttCalls({self._channels.of(MqttChannel)})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {
            "mvMqttGetNextReadableDataType": self.get_next_type, "mvMqttRequestConnect": self.connect,
            "mvMqttReadConnectResponse": self.read_connect_response, "mvMqttRequestSubscribe": self.subscribe,
            "mvMqttReadSubscribeResponse": self.read_subscribe_response, "mvMqttRequestUnsubscribe": self.unsubscribe,
            "mvMqttReadUnsubscribeResponse": self.read_unsubscribe_response, "mvMqttRequestPublish": self.publish,
            "mvMqttReadPublishResponse": self.read_publish_response, "mvMqttReceiveMessage": self.receive_message,
            "mvMqttReceiveLostMessageInfo": self.receive_lost_message_info,
            "mvMqttAcknowledgeMessage": self.acknowledge, "mvMqttRequestDisconnect": self.disconnect,
            "mvMqttReadDisconnectResponse": self.read_disconnect_response,
        }

    # -- requests --

    def connect(self, handle: int, request: int) -> MvStatus:
        channel = self._get(handle)
        if channel.connect_sent:
            return MvStatus.REQUESTALREADYSENT
        arguments = late(channel, lambda: read_connect(self._host.memory, request))
        channel.connect_sent = True
        channel.later(lambda: channel.connect(arguments))
        return MvStatus.OKAY

    def subscribe(self, handle: int, request: int) -> MvStatus:
        channel = self._get(handle)
        if channel.subscribe_due:
            return MvStatus.RATELIMITED
        memory = self._host.memory
        wanted = memory.unpack(structures.MvMqttSubscribeRequest, request)
        topics = late(channel, lambda: read_subscriptions(memory, wanted.subscriptions, wanted.num_subscriptions))
        channel.submit(sum(len(topic) for topic, _ in topics),
                       lambda: channel.subscribe(wanted.correlation_id, resolve_subscriptions(topics)))
        channel.subscribe_due = True
        return MvStatus.OKAY

    def unsubscribe(self, handle: int, request: int) -> MvStatus:
        channel = self._get(handle)
        if channel.unsubscribe_due:
            return MvStatus.RATELIMITED
        memory = self._host.memory
        wanted = memory.unpack(structures.MvMqttUnsubscribeRequest, request)
        topics = late(channel, lambda: read_topics(memory, wanted.topics, wanted.num_topics))
        channel.submit(sum(map(len, topics)),
                       lambda: channel.unsubscribe(wanted.correlation_id, resolve_topics(topics)))
        channel.unsubscribe_due = True
        return MvStatus.OKAY

    def publish(self, handle: int, request: int) -> MvStatus:
        channel = self._get(handle)
        memory = self._host.memory
        wanted = memory.unpack(structures.MvMqttPublishRequest, request)
        size = wanted.topic.length + wanted.payload.length
        if size + REQUEST_OVERHEAD > channel.setup.send_size:
            return MvStatus.PARAMETERFAULT  # it would never fit
        raw, payload = late(channel, lambda: (memory.string(wanted.topic, _LATE), memory.string(wanted.payload, _LATE)))
        topic = resolve_topic(raw) if wanted.desired_qos <= MAX_QOS and wanted.retain <= 1 else None
        channel.submit(size, lambda: channel.publish(wanted.correlation_id, topic, payload, wanted.desired_qos,
                                                     bool(wanted.retain)))
        return MvStatus.OKAY

    def acknowledge(self, handle: int, correlation_id: int) -> MvStatus:
        channel = self._get(handle)
        channel.submit(0, lambda: channel.acknowledge(correlation_id))
        return MvStatus.OKAY

    def disconnect(self, handle: int) -> MvStatus:
        channel = self._get(handle)
        if channel.disconnect_due:
            return MvStatus.RATELIMITED
        channel.submit(0, channel.disconnect)
        channel.disconnect_due = True
        return MvStatus.OKAY

    # -- what is to be read --

    def get_next_type(self, handle: int, data_type: int) -> MvStatus:
        head = self._get(handle).inbox.head()
        self._host.memory.write_uint(data_type, int(_Kind.NONE if head is None else head.kind))
        return MvStatus.OKAY

    def read_connect_response(self, handle: int, response_data: int) -> MvStatus:
        channel, response = self._response(handle, _Kind.CONNECTRESPONSE)
        self._host.memory.pack(structures.MvMqttConnectResponse, response_data, request_state=int(response.state),
                               reason_code=_code(response))
        channel.inbox.take()
        return MvStatus.OKAY

    def read_subscribe_response(self, handle: int, response_data: int) -> MvStatus:
        return self._read_codes(handle, _Kind.SUBSCRIBERESPONSE, structures.MvMqttSubscribeResponse, response_data)

    def read_unsubscribe_response(self, handle: int, response_data: int) -> MvStatus:
        return self._read_codes(handle, _Kind.UNSUBSCRIBERESPONSE, structures.MvMqttUnsubscribeResponse, response_data)

    def read_publish_response(self, handle: int, response_data: int) -> MvStatus:
        channel, response = self._response(handle, _Kind.PUBLISHRESPONSE)
        self._host.memory.pack(structures.MvMqttPublishResponse, response_data, request_state=int(response.state),
                               correlation_id=response.correlation, reason_code=_code(response))
        channel.inbox.take()
        return MvStatus.OKAY

    def read_disconnect_response(self, handle: int, response_data: int) -> MvStatus:
        channel, response = self._response(handle, _Kind.DISCONNECTRESPONSE)
        self._host.memory.pack(structures.MvMqttDisconnectResponse, response_data, request_state=int(response.state),
                               disconnect_code=_code(response))
        channel.inbox.take()
        return MvStatus.OKAY

    def receive_message(self, handle: int, message_data: int) -> MvStatus:
        channel, item = self._next(handle, _Kind.MESSAGERECEIVED)
        message = item.message
        assert message is not None
        memory = self._host.memory
        wanted = memory.unpack(structures.MvMqttMessage, message_data)

        def check() -> None:
            for address, size in ((wanted.correlation_id, _WORD), (wanted.qos, _WORD), (wanted.retain, 1)):
                memory.check_write(address, size, _LATE)
            self._check_buffer(wanted.topic)
            self._check_buffer(wanted.payload)

        check()
        if len(message.topic) > wanted.topic.size or len(message.payload) > wanted.payload.size:
            return MvStatus.INVALIDBUFFERSIZE
        memory.write_uint(wanted.correlation_id, item.correlation)
        memory.write_uint(wanted.qos, message.qos)
        memory.write_uint(wanted.retain, int(message.retain), 1)
        self._fill_buffer(wanted.topic, message.topic)
        self._fill_buffer(wanted.payload, message.payload)
        channel.inbox.take()
        return MvStatus.OKAY

    def receive_lost_message_info(self, handle: int, lost_message_info: int) -> MvStatus:
        channel, item = self._next(handle, _Kind.MESSAGELOST)
        message = item.message
        assert message is not None
        memory = self._host.memory
        wanted = memory.unpack(structures.MvMqttLostMessageInfo, lost_message_info)

        def check() -> None:
            memory.check_write(wanted.reason, _WORD, _LATE)
            memory.check_write(wanted.message_len, _WORD, _LATE)
            self._check_buffer(wanted.topic)

        check()
        if len(message.topic) > wanted.topic.size:
            return MvStatus.INVALIDBUFFERSIZE
        memory.write_uint(wanted.reason, int(MvMqttLostMessageReason.DEVICERECEIVEBUFFERTOOSMALL))
        memory.write_uint(wanted.message_len, len(message.payload))
        self._fill_buffer(wanted.topic, message.topic)
        channel.inbox.take()
        return MvStatus.OKAY

    # -- inside --

    def _get(self, handle: int) -> MqttChannel:
        return self._channels.get(handle, MqttChannel)

    def _next(self, handle: int, kind: MvMqttReadableDataType) -> tuple[MqttChannel, Item]:
        channel = self._get(handle)
        head = channel.inbox.head()
        if head is None or head.kind is not kind:
            raise Refused(MvStatus.WRONGDATAREQUESTED)
        return channel, head

    def _response(self, handle: int, kind: MvMqttReadableDataType) -> tuple[MqttChannel, Response]:
        channel, item = self._next(handle, kind)
        assert item.response is not None
        return channel, item.response

    def _read_codes(self, handle: int, kind: MvMqttReadableDataType, layout: Any, address: int) -> MvStatus:
        """Read a response with a code for each topic. The size of the buffer for them counts codes, not bytes.

        The header says bytes, but published applications give the number of codes.
        """
        channel, response = self._response(handle, kind)
        memory = self._host.memory
        wanted = memory.unpack(layout, address)

        def check() -> None:
            for pointer in (wanted.request_state, wanted.correlation_id, wanted.reason_codes_len):
                memory.check_write(pointer, _WORD, _LATE)
            if response.codes:
                memory.check_write(wanted.reason_codes, _WORD * min(len(response.codes), wanted.reason_codes_size),
                                   _LATE)

        check()
        if len(response.codes) > wanted.reason_codes_size:
            return MvStatus.INVALIDBUFFERSIZE
        memory.write_uint(wanted.request_state, int(response.state))
        memory.write_uint(wanted.correlation_id, response.correlation)
        for index, code in enumerate(response.codes):
            memory.write_uint(wanted.reason_codes + _WORD * index, code)
        memory.write_uint(wanted.reason_codes_len, len(response.codes))
        channel.inbox.take()
        return MvStatus.OKAY

    def _check_buffer(self, buffer: Any) -> None:
        self._host.memory.check_write(buffer.data, buffer.size, _LATE)
        self._host.memory.check_write(buffer.length, _WORD, _LATE)

    def _fill_buffer(self, buffer: Any, data: bytes) -> None:
        self._host.memory.write(buffer.data, data)
        self._host.memory.write_uint(buffer.length, len(data))


def _code(response: Response) -> int:
    return response.codes[0] if response.codes else 0
