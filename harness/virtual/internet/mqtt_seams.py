"""MQTT for those who do not speak it themselves: boards, whose kernel asks the cloud to be their client."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsCredentials:
    """What a client trusts and who it is; certificates in DER or PEM form.

    Attributes:
        trusted: certificates of authorities; the far end's own or the system's if empty.
        chain: the client's certificate and those between it and its authority; empty if it has none.
        key: the private key of the first of the chain.
    """

    trusted: tuple[bytes, ...] = ()
    chain: tuple[bytes, ...] = ()
    key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttWill:
    """What the broker publishes when the client is lost."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConnect:
    """A connection to a broker.

    Attributes:
        version: 4 for MQTT 3.1.1, 5 for MQTT 5.
        keepalive: in seconds.
        tls: None if the client names no credentials.
    """

    host: str
    port: int
    client_id: str
    version: int = 4
    username: str | None = None
    password: str | None = None
    tls: TlsCredentials | None = None
    keepalive: int = 60
    clean_start: bool = True
    will: MqttWill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSubscription:
    """A topic filter and how it is subscribed to; the last three count for MQTT 5 only."""

    topic: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttMessage:
    """A message that came; ``number`` is what :meth:`MqttSession.acknowledge` takes."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    number: int


class MqttFailure(Enum):
    """Why there is no connection."""

    INVALID = "invalid parameters"
    UNKNOWN_HOST = "unknown host"
    UNKNOWN_CA = "unknown certificate authority"
    CERTIFICATE_EXPIRED = "certificate expired"
    SOCKET = "socket error"


class MqttListener(Protocol):
    """The client's side that hears. All calls come in turns of the world, later than the call that led to them."""

    def mqtt_connected(self, failure: MqttFailure | None, code: int) -> None:
        """Learn once what became of the attempt; ``code`` is that of CONNACK, 0 on success and without CONNACK."""

    def mqtt_subscribed(self, number: int, codes: tuple[int, ...]) -> None:
        """Learn the codes of SUBACK in the order of the filters."""

    def mqtt_unsubscribed(self, number: int, codes: tuple[int, ...]) -> None:
        """Learn the codes of UNSUBACK in the order of the filters; all 0 in MQTT 3.1.1, which has none."""

    def mqtt_published(self, number: int, code: int) -> None:
        """Learn that a message went out (QoS 0) or was taken by the broker; the code is 0 in MQTT 3.1.1."""

    def mqtt_message(self, message: MqttMessage) -> None:
        """Take a message."""

    def mqtt_disconnected(self, code: int, *, asked: bool) -> None:
        """Learn that a connection that was open is over: ``asked`` for here, or not; the broker's code or 0."""


class MqttSession(Protocol):
    """The client's side that acts. Requests return a number that comes back with the answer."""

    def subscribe(self, subscriptions: tuple[MqttSubscription, ...]) -> int | None:
        """Subscribe; None if the library refuses a filter."""

    def unsubscribe(self, topics: tuple[str, ...]) -> int | None:
        """Unsubscribe; None if the library refuses a filter."""

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:
        """Publish; None if the library refuses the message."""

    def acknowledge(self, message: MqttMessage) -> None:
        """Tell the broker that a message of QoS 1 or 2 has arrived."""

    def disconnect(self) -> None:
        """Say farewell to the broker and close."""

    def abandon(self) -> None:
        """Close without a farewell, so that the broker publishes the will; the listener hears nothing more."""
