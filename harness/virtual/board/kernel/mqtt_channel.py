"""MQTT channels: the cloud is the client of the broker, and this is what it does for one channel.

Requests leave the device one relay delay after the call and take room in the send buffer until then; a call that finds
no room is rate limited. What became of each request is queued as a response, in the order in which answers come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harness.virtual.board.kernel.channels import RELAY_DELAY, Channel, Setup
from harness.virtual.board.kernel.enums import (
    MvChannelType,
    MvEventType,
    MvMqttReadableDataType,
    MvMqttRequestState,
    MvStatus,
)
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused
from harness.virtual.board.kernel.mqtt_arguments import ConnectArguments
from harness.virtual.board.kernel.mqtt_inbox import Inbox, Response
from harness.virtual.board.kernel.notifications import Notifications
from harness.virtual.internet.mqtt_seams import MqttFailure, MqttMessage, MqttSession, MqttSubscription

T = TypeVar("T")

REQUEST_OVERHEAD = 16
"""Bytes of the send buffer that a request takes besides its strings."""

_Kind = MvMqttReadableDataType
_State = MvMqttRequestState
_FAILURES = {MqttFailure.INVALID: _State.INVALIDPARAMETERS, MqttFailure.UNKNOWN_HOST: _State.NXDOMAIN,
             MqttFailure.UNKNOWN_CA: _State.UNKNOWNCA, MqttFailure.CERTIFICATE_EXPIRED: _State.CERTIFICATEEXPIRED,
             MqttFailure.SOCKET: _State.SOCKETERROR}


class MqttChannel(Channel):
    """One connection to a broker. Implements ``MqttListener``."""

    kind = MvChannelType.MQTT

    def __init__(self, host: KernelHost, notifications: Notifications, setup: Setup) -> None:
        self.inbox = Inbox(setup.receive_size, self._readable)
        self.connect_sent = False
        self.subscribe_due = False
        self.unsubscribe_due = False
        self.disconnect_due = False
        self._session: MqttSession | None = None
        self._connected = False
        self._used = 0
        self._numbers: dict[int, tuple[MvMqttReadableDataType, int, int]] = {}  # kind, correlation, elements
        self._unacknowledged: dict[int, MqttMessage] = {}
        self._correlation = 0
        super().__init__(host, notifications, setup)

    # -- requests: refused at once, or left to the cloud --------------------------------------------------------------

    def submit(self, size: int, action: Callable[[], None]) -> None:
        """Let the cloud do something that takes this many bytes of the send buffer until it has left."""
        size += REQUEST_OVERHEAD
        if self._used + size > self.setup.send_size:
            raise Refused(MvStatus.RATELIMITED)
        self._used += size

        def leave() -> None:
            self._used -= size
            if not self.is_closed:
                action()

        self.host.call_later(RELAY_DELAY, leave, "mqtt request")

    def connect(self, arguments: ConnectArguments) -> None:
        """Connect to the broker."""
        request = arguments.resolve()
        internet = self.host.internet
        if request is None:
            self._respond(_Kind.CONNECTRESPONSE, _State.INVALIDPARAMETERS)
        elif internet is None:
            self._respond(_Kind.CONNECTRESPONSE, _State.NXDOMAIN)
        else:
            self._session = internet.mqtt(request, _Arrivals(self, self.host))

    def subscribe(self, correlation: int, subscriptions: tuple[MqttSubscription, ...] | None) -> None:
        """Subscribe; None for filters that are none."""
        self._request(_Kind.SUBSCRIBERESPONSE, correlation, subscriptions,
                      lambda session, wanted: session.subscribe(wanted))

    def unsubscribe(self, correlation: int, topics: tuple[str, ...] | None) -> None:
        """Unsubscribe; None for filters that are none."""
        self._request(_Kind.UNSUBSCRIBERESPONSE, correlation, topics,
                      lambda session, wanted: session.unsubscribe(wanted))

    def publish(self, correlation: int, topic: str | None, payload: bytes, qos: int, retain: bool) -> None:
        """Publish; None for a topic that is none."""
        self._request(_Kind.PUBLISHRESPONSE, correlation, None if topic is None else (topic,),
                      lambda session, wanted: session.publish(wanted[0], payload, qos, retain))

    def acknowledge(self, correlation: int) -> None:
        """Tell the broker that a message was taken; nothing happens for one that is not known."""
        message = self._unacknowledged.pop(correlation, None)
        if message is not None and self._session is not None:
            self._session.acknowledge(message)

    def disconnect(self) -> None:
        """Leave the broker."""
        if self._session is None or not self._connected:
            self.disconnect_due = False
            self._respond(_Kind.DISCONNECTRESPONSE, _State.NOTCONNECTED, codes=(0,))
        else:
            self._session.disconnect()

    # -- MqttListener -------------------------------------------------------------------------------------------------

    def mqtt_connected(self, failure: MqttFailure | None, code: int) -> None:
        self._connected = failure is None and code == 0
        state = _State.REQUESTCOMPLETED if failure is None else _FAILURES[failure]
        self._respond(_Kind.CONNECTRESPONSE, state, codes=(code,))

    def mqtt_subscribed(self, number: int, codes: tuple[int, ...]) -> None:
        self._answered(number, codes)

    def mqtt_unsubscribed(self, number: int, codes: tuple[int, ...]) -> None:
        self._answered(number, codes)

    def mqtt_published(self, number: int, code: int) -> None:
        self._answered(number, (code,))

    def mqtt_message(self, message: MqttMessage) -> None:
        self._correlation += 1
        if not self.inbox.put_message(message, self._correlation):
            self.host.record("mqtt_message_lost", topic=message.topic.decode("utf-8", "replace"),
                             octets=len(message.payload))
            if message.qos and self._session is not None:
                self._session.acknowledge(message)  # or the broker would send it again and again
            return
        if message.qos:
            self._unacknowledged[self._correlation] = message
        if self.inbox.is_flooded and self._session is not None:
            self.host.record("mqtt_flooded")
            self._session.abandon()
            self._lost(_State.CONNECTIONCIRCUITBREAKER, 0)

    def mqtt_disconnected(self, code: int, *, asked: bool) -> None:
        self._lost(_State.REQUESTCOMPLETED if asked or code else _State.NOTCONNECTED, code)

    # -- inside -------------------------------------------------------------------------------------------------------

    def released(self) -> None:
        if self._session is not None:
            self._session.abandon()
            self._session = None
        self._connected = False

    def _request(self, kind: MvMqttReadableDataType, correlation: int, wanted: tuple[T, ...] | None,
                 ask: Callable[[MqttSession, tuple[T, ...]], int | None]) -> None:
        if self._session is None or not self._connected:
            self._respond(kind, _State.NOTCONNECTED, correlation)
            return
        number = ask(self._session, wanted) if wanted is not None else None
        if number is None:
            self._respond(kind, _State.INVALIDPARAMETERS, correlation)
        else:
            self._numbers[number] = kind, correlation, len(wanted or ())

    def _answered(self, number: int, codes: tuple[int, ...]) -> None:
        kind, correlation, elements = self._numbers.pop(number, (None, 0, 0))
        if kind is not None:
            padded = (*codes, *(0,) * elements)[:elements]
            self._respond(kind, _State.REQUESTCOMPLETED, correlation, padded)

    def _lost(self, state: MvMqttRequestState, code: int) -> None:
        if not self._connected:
            return
        self._connected = False
        self._session = None
        self.disconnect_due = False
        self.inbox.drop_waiting()
        numbers, self._numbers = self._numbers, {}
        for kind, correlation, _ in numbers.values():
            self._respond(kind, _State.NOTCONNECTED, correlation)
        self._respond(_Kind.DISCONNECTRESPONSE, state, codes=(code,))

    def _respond(self, kind: MvMqttReadableDataType, state: MvMqttRequestState, correlation: int = 0,
                 codes: tuple[int, ...] = ()) -> None:
        if kind is _Kind.SUBSCRIBERESPONSE:
            self.subscribe_due = False
        elif kind is _Kind.UNSUBSCRIBERESPONSE:
            self.unsubscribe_due = False
        self.host.record("mqtt_response", kind=kind.name, state=state.name, codes=list(codes))
        self.inbox.put_response(kind, Response(state=state, correlation=correlation, codes=codes))

    def _readable(self) -> None:
        self.notify(MvEventType.CHANNELDATAREADABLE)


class _Arrivals:
    """Brings what the internet says to a channel of a board: in a turn of the board's, while the channel is open."""

    def __init__(self, channel: MqttChannel, host: KernelHost) -> None:
        def bring(action: Callable[[], None]) -> None:
            if not channel.is_closed:
                action()

        self._channel = channel
        self._bring = host.arriving(bring)

    def mqtt_connected(self, failure: MqttFailure | None, code: int) -> None:
        self._bring(lambda: self._channel.mqtt_connected(failure, code))

    def mqtt_subscribed(self, number: int, codes: tuple[int, ...]) -> None:
        self._bring(lambda: self._channel.mqtt_subscribed(number, codes))

    def mqtt_unsubscribed(self, number: int, codes: tuple[int, ...]) -> None:
        self._bring(lambda: self._channel.mqtt_unsubscribed(number, codes))

    def mqtt_published(self, number: int, code: int) -> None:
        self._bring(lambda: self._channel.mqtt_published(number, code))

    def mqtt_message(self, message: MqttMessage) -> None:
        self._bring(lambda: self._channel.mqtt_message(message))

    def mqtt_disconnected(self, code: int, *, asked: bool) -> None:
        self._bring(lambda: self._channel.mqtt_disconnected(code, asked=asked))
