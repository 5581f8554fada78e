"""Requests of MQTT channels as they lie in the application's memory, read into plain values.

Bytes that are no UTF-8, levels of quality that do not exist and the like are found by the cloud, not by the call: what
is read here holds them as they are, and :meth:`ConnectArguments.resolve` and its like return None for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvMqttAuthenticationMethod, MvMqttProtocolVersion, MvStatus
from harness.virtual.board.kernel.memory import GuestMemory, Refused
from harness.virtual.internet.mqtt_seams import MqttConnect, MqttSubscription, MqttWill, TlsCredentials

MAX_CERTIFICATES = 8
MAX_TOPICS = 8
MAX_QOS = 2

_LATE = MvStatus.LATEFAULT
_STRING = structures.STRUCT_SIZES["MvSizedString"]
_SUBSCRIPTION = structures.STRUCT_SIZES["MvMqttSubscription"]
_LEVELS: dict[int, int] = {MvMqttProtocolVersion.V3_1_1: 4, MvMqttProtocolVersion.V5: 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectArguments:
    """A connect request."""

    version: int
    host: bytes
    port: int
    client_id: bytes
    login: tuple[bytes, bytes] | None
    tls: TlsCredentials | None
    keepalive: int
    clean_start: bool
    will: tuple[bytes, bytes, int, bool] | None

    def resolve(self) -> MqttConnect | None:
        """Return the request, None if it can't be one."""
        level = _LEVELS.get(self.version)
        host, client_id = _text(self.host), _text(self.client_id)
        username, password = (None, None) if self.login is None else map(_text, self.login)
        if level is None or host is None or client_id is None or not self.port or (
                self.login is not None and (username is None or password is None)):
            return None
        will = None
        if self.will is not None:
            topic = _text(self.will[0])
            if not is_topic(topic) or self.will[2] > MAX_QOS:
                return None
            will = MqttWill(topic=topic or "", payload=self.will[1], qos=self.will[2], retain=self.will[3])
        return MqttConnect(version=level, host=host, port=self.port, client_id=client_id, username=username,
                           password=password, tls=self.tls, keepalive=self.keepalive, clean_start=self.clean_start,
                           will=will)


def read_connect(memory: GuestMemory, address: int) -> ConnectArguments:
    """Return a connect request.

    Raises:
        Refused: as the call is documented to refuse it.
    """
    wanted = memory.unpack(structures.MvMqttConnectRequest, address)
    tls = None
    if wanted.tls_credentials:
        credentials = memory.unpack(structures.MvTlsCredentials, wanted.tls_credentials, _LATE)
        own = credentials.clientcert
        if max(credentials.cacert.num_certs, own.chain.num_certs) > MAX_CERTIFICATES:
            raise Refused(MvStatus.TOOMANYELEMENTS)
        tls = TlsCredentials(trusted=_chain(memory, credentials.cacert), chain=_chain(memory, own.chain),
                             key=memory.string(own.key, _LATE))
    will = memory.unpack(structures.MvMqttWill, wanted.will, _LATE) if wanted.will else None
    if not wanted.host.length or not wanted.clientid.length or (tls is not None and tls.chain and not tls.key) or (
            will is not None and not (will.topic.length and will.payload.length)):
        raise Refused(MvStatus.REQUIREDELEMENTMISSING)
    method = wanted.authentication.method
    has_login = method == MvMqttAuthenticationMethod.USERNAMEPASSWORD
    if method not in tuple(MvMqttAuthenticationMethod) or (has_login and tls is not None and tls.chain):
        raise Refused(MvStatus.INVALIDAUTHENTICATION)
    login = wanted.authentication.username_password
    return ConnectArguments(
        version=wanted.protocol_version, host=memory.string(wanted.host, _LATE), port=wanted.port,
        client_id=memory.string(wanted.clientid, _LATE),
        login=(memory.string(login.username, _LATE), memory.string(login.password, _LATE)) if has_login else None,
        tls=tls, keepalive=wanted.keepalive, clean_start=bool(wanted.clean_start),
        will=None if will is None else (memory.string(will.topic, _LATE), memory.string(will.payload, _LATE), will.qos,
                                        bool(will.retain)))


def read_subscriptions(memory: GuestMemory, address: int, count: int) -> list[tuple[bytes, Any]]:
    """Return topic filters with the structures they are in; refuse more than :data:`MAX_TOPICS`."""
    if count > MAX_TOPICS:
        raise Refused(MvStatus.TOOMANYELEMENTS)
    items = [memory.unpack(structures.MvMqttSubscription, address + index * _SUBSCRIPTION, _LATE)
             for index in range(count)]
    return [(memory.string(item.topic, _LATE), item) for item in items]


def resolve_subscriptions(wanted: list[tuple[bytes, Any]]) -> tuple[MqttSubscription, ...] | None:
    """Return subscriptions, None if one of them can't be one or there are none."""
    result = []
    for topic, item in wanted:
        text = _text(topic)
        if not text or item.desired_qos > MAX_QOS or item.nl > 1 or item.rap > 1 or item.rh > 2:
            return None
        result.append(MqttSubscription(topic=text, qos=item.desired_qos, no_local=bool(item.nl),
                                       retain_as_published=bool(item.rap), retain_handling=item.rh))
    return tuple(result) or None


def read_topics(memory: GuestMemory, address: int, count: int) -> list[bytes]:
    """Return topic filters; refuse more than :data:`MAX_TOPICS`."""
    if count > MAX_TOPICS:
        raise Refused(MvStatus.TOOMANYELEMENTS)
    return [memory.string(memory.unpack(structures.MvSizedString, address + index * _STRING, _LATE), _LATE)
            for index in range(count)]


def resolve_topics(wanted: list[bytes]) -> tuple[str, ...] | None:
    """Return topic filters as text, None if one of them is none or there are none."""
    topics = tuple(text for topic in wanted if (text := _text(topic)))
    return topics if topics and len(topics) == len(wanted) else None


def resolve_topic(wanted: bytes) -> str | None:
    """Return the topic of a message as text, None if nothing can be published to it."""
    text = _text(wanted)
    return text if is_topic(text) else None


def is_topic(text: str | None) -> bool:
    """Return whether a message can have this topic (MQTT 5, clause 4.7)."""
    return bool(text) and not any(character in (text or "") for character in "+#\0")


def _chain(memory: GuestMemory, chain: Any) -> tuple[bytes, ...]:
    return tuple(memory.string(memory.unpack(structures.MvSizedString, chain.certs + index * _STRING, _LATE), _LATE)
                 for index in range(chain.num_certs))


def _text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
