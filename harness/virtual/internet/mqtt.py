"""MQTT connections to real brokers, by paho-mqtt without its threads.

Connecting, which blocks, happens outside the world's turns; from then on the library's socket is one of the world's
descriptors. Virtual time stands still while the broker owes an answer, and otherwise waits for it a little, as
:mod:`~harness.virtual.internet.patience` says.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from harness.virtual.internet.host import Host, Route
from harness.virtual.internet.mqtt_seams import (
    MqttConnect,
    MqttFailure,
    MqttListener,
    MqttMessage,
    MqttSubscription,
)
from harness.virtual.internet.patience import Patience
from harness.virtual.internet.tls import NamedContext, check_shown_chain, client_context, failure_of
from harness.virtual.world import Event, World

CONNECT_SECONDS = 10.0
"""Real time that connecting may take, and that virtual time waits for an answer the protocol demands."""

SETTLE_SECONDS = 0.05
"""Real time that virtual time waits for what may follow, but need not."""

MAX_KEEPALIVE = 65_535
_MISC_INTERVAL = 1_000_000_000
_NO_REASON_BELOW = 128  # codes of MQTT 5 from here on are errors

_CONNACK_V4 = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
"""Return codes of MQTT 3.1.1 (clause 3.2.2.3) by the reason codes of MQTT 5 that the library makes of them."""


class PahoSession:
    """Implements ``MqttSession``.

    Args:
        host: the broker's host.
        route: where it listens outside this process.
    """

    def __init__(self, world: World, patience: Patience, host: Host, route: Route, request: MqttConnect,
                 listener: MqttListener) -> None:
        self._world = world
        self._patience = patience
        self._host = host
        self._request = request
        self._listener: MqttListener | None = listener
        self._answers_due = 0
        self._connected = False
        self._told = False
        self._asked = False
        self._descriptor: int | None = None
        self._misc: Event | None = None
        self._client = self._make_client()
        world.call_at(world.now() + host.latency, lambda: self._begin(route), name="internet.mqtt connect")

    def __repr__(self) -> str:
        return f"PahoSession({self._request.client_id!r} at {self._request.host}:{self._request.port})"

    @property
    def is_open(self) -> bool:
        """Whether anybody listens."""
        return self._listener is not None

    # -- MqttSession --------------------------------------------------------------------------------------------------

    def subscribe(self, subscriptions: tuple[MqttSubscription, ...]) -> int | None:
        five = self._request.version == 5
        wanted: list[tuple[str, Any]] = [
            (item.topic, SubscribeOptions(qos=item.qos, noLocal=item.no_local, retainHandling=item.retain_handling,
                                          retainAsPublished=item.retain_as_published) if five else item.qos)
            for item in subscriptions]
        return self._ask(lambda: self._client.subscribe(wanted))

    def unsubscribe(self, topics: tuple[str, ...]) -> int | None:
        return self._ask(lambda: self._client.unsubscribe(list(topics)))

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:
        def publish() -> tuple[MQTTErrorCode, int | None]:
            info = self._client.publish(topic, payload, qos=qos, retain=retain)
            return info.rc, info.mid

        number = self._ask(publish, answered=qos > 0)
        self._linger()
        return number

    def acknowledge(self, message: MqttMessage) -> None:
        if self._descriptor is not None and message.qos > 0:
            self._client.ack(message.number, message.qos)
            self._write()
            self._linger()

    def disconnect(self) -> None:
        self._asked = True
        if self._descriptor is not None:
            self._client.disconnect()
            self._write()
        else:
            self._over(0)

    def abandon(self) -> None:
        self._listener = None
        self._release()
        with contextlib.suppress(OSError):
            if isinstance(sock := self._client.socket(), socket.socket):
                sock.close()

    # -- connecting ---------------------------------------------------------------------------------------------------

    def _make_client(self) -> paho.Client:
        request = self._request
        five = request.version == 5
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=request.client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else request.clean_start, reconnect_on_failure=False, manual_ack=True)
        client.connect_timeout = CONNECT_SECONDS
        if request.username is not None:
            client.username_pw_set(request.username, request.password)
        if request.will is not None:
            client.will_set(request.will.topic, request.will.payload, request.will.qos, request.will.retain)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = lambda *_: self._release()
        client.on_socket_register_write = lambda *_: self._watch()
        client.on_socket_unregister_write = lambda *_: self._watch()
        return client

    def _begin(self, route: Route) -> None:
        credentials = self._request.tls
        if self._listener is None:
            return
        if route.tls is None and credentials is not None and self._host.certificates:
            failure = check_shown_chain(self._host.certificates, credentials, self._request.host,
                                        self._world.calendar())
            if failure is not None:
                self._fail(failure)
                return
        self._world.outside(lambda: self._connect(route), self._came_back)

    def _connect(self, route: Route) -> MqttFailure | None:
        """Connect and send CONNECT; blocks."""
        request = self._request
        context: NamedContext | None = None
        try:
            if route.tls is not None:
                context = client_context(request.tls, route.tls, request.host)
                self._client.tls_set_context(context)
            if request.version == 5:
                self._client.connect(*route.address, request.keepalive, clean_start=request.clean_start)
            else:
                self._client.connect(*route.address, request.keepalive)
            if isinstance(sock := self._client.socket(), socket.socket):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.loop_write()
        except ssl.SSLError as error:
            if context is not None and context.wrapped is not None:
                context.wrapped.close()
            return failure_of(error)
        except (OSError, ValueError):
            return MqttFailure.SOCKET
        return None

    def _came_back(self, future: Future[MqttFailure | None]) -> None:
        failure = future.result()
        sock = self._client.socket()
        if failure is not None or sock is None:
            self._fail(failure or MqttFailure.SOCKET)
        elif self._listener is None:  # abandoned meanwhile
            sock.close()
        else:
            self._descriptor = sock.fileno()
            self._answers_due = 1
            self._patience.keep_pace()
            self._watch()
            self._patience.expect(self._descriptor, CONNECT_SECONDS)
            self._tick()

    def _fail(self, failure: MqttFailure, code: int = 0) -> None:
        if not self._told:
            self._told = True
            self._post(lambda listener: listener.mqtt_connected(failure, code))

    # -- what the library says ----------------------------------------------------------------------------------------

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._answered()
        code = int(reason.value)
        if self._request.version != 5:
            code = _CONNACK_V4.get(code, code)
        self._connected = code == 0 or (self._request.version == 5 and code < _NO_REASON_BELOW)
        self._told = True
        self._post(lambda listener: listener.mqtt_connected(None, code))

    def _on_subscribe(self, _client: Any, _data: Any, number: int, reasons: list[Any], _properties: Any) -> None:
        self._answered()
        codes = tuple(int(reason.value) for reason in reasons)
        self._post(lambda listener: listener.mqtt_subscribed(number, codes))

    def _on_unsubscribe(self, _client: Any, _data: Any, number: int, reasons: list[Any], _properties: Any) -> None:
        self._answered()
        codes = tuple(int(reason.value) for reason in reasons)
        self._post(lambda listener: listener.mqtt_unsubscribed(number, codes))

    def _on_publish(self, _client: Any, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        self._answered()
        code = int(reason.value) if self._request.version == 5 else 0
        self._post(lambda listener: listener.mqtt_published(number, code))

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        copy = MqttMessage(topic=message.topic.encode(), payload=bytes(message.payload), qos=message.qos,
                           retain=message.retain, number=message.mid)
        self._post(lambda listener: listener.mqtt_message(copy))

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self._release()
        if not self._told:
            self._fail(MqttFailure.SOCKET)
        elif self._connected:
            code = int(reason.value) if flags.is_disconnect_packet_from_server and reason is not None else 0
            self._over(code)

    def _over(self, code: int) -> None:
        asked, self._connected = self._asked, False
        self._post(lambda listener: listener.mqtt_disconnected(code, asked=asked))

    # -- the socket ---------------------------------------------------------------------------------------------------

    def _ask(self, request: Callable[[], tuple[MQTTErrorCode, int | None]], *, answered: bool = True) -> int | None:
        try:
            result, number = request()
        except (ValueError, TypeError):
            return None
        self._write()
        if number is None or result not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN,
                                            MQTTErrorCode.MQTT_ERR_QUEUE_SIZE):
            return None
        if answered and self._descriptor is not None:
            self._answers_due += 1
            self._patience.expect(self._descriptor, CONNECT_SECONDS)
        return number

    def _linger(self) -> None:
        if self._descriptor is not None and not self._answers_due:
            self._patience.expect(self._descriptor, SETTLE_SECONDS)

    def _answered(self) -> None:
        self._answers_due = max(0, self._answers_due - 1)

    def _readable(self) -> None:
        self._patience.active()
        while self._client.socket() is not None:
            self._client.loop_read()
            self._write()  # at once: virtual time waits for the answer before the reactor would have written
            sock = self._client.socket()
            if not isinstance(sock, ssl.SSLSocket) or not sock.pending():
                break
        if self._descriptor is not None:  # what the protocol demands, or what often follows
            self._patience.expect(self._descriptor, CONNECT_SECONDS if self._answers_due else SETTLE_SECONDS)

    def _watch(self) -> None:
        if self._descriptor is not None:
            self._world.reactor.add(self._descriptor, self._readable,
                                    self._write if self._client.want_write() else None)

    def _write(self) -> None:
        if self._client.want_write():
            self._client.loop_write()

    def _tick(self) -> None:
        """Let the library look after its keep-alive, which it counts in real time."""
        if self._descriptor is not None:
            self._client.loop_misc()
            self._misc = self._world.call_at(self._world.now() + _MISC_INTERVAL, self._tick, name="internet.mqtt misc")

    def _release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._patience.satisfied(descriptor)
            self._world.reactor.remove(descriptor)
            self._patience.release_pace()
            if self._misc is not None:
                self._misc.cancel()

    def _post(self, action: Callable[[MqttListener], None]) -> None:
        def arrive() -> None:
            if self._listener is not None:
                action(self._listener)

        self._world.call_at(self._world.now() + self._host.latency, arrive, name="internet.mqtt")


class FailedSession:
    """A session that does not come about. Implements ``MqttSession``."""

    def __init__(self, world: World, listener: MqttListener, failure: MqttFailure, after: int) -> None:
        self._listener: MqttListener | None = listener
        world.call_at(world.now() + after, lambda: self._fail(failure), name="internet.mqtt failure")

    def __repr__(self) -> str:
        return "FailedSession()"

    def _fail(self, failure: MqttFailure) -> None:
        if self._listener is not None:
            self._listener.mqtt_connected(failure, 0)

    def subscribe(self, subscriptions: tuple[MqttSubscription, ...]) -> int | None:
        return None

    def unsubscribe(self, topics: tuple[str, ...]) -> int | None:
        return None

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:
        return None

    def acknowledge(self, message: MqttMessage) -> None:
        """Nothing to tell."""

    def disconnect(self) -> None:
        """Nothing to close."""

    def abandon(self) -> None:
        self._listener = None
