"""What an MQTT application says and reads, as words in its memory, and a broker that a test speaks for."""

from __future__ import annotations

from typing import Any

from harness.virtual.board.kernel.enums import (
    MvMqttReadableDataType,
    MvMqttRequestState,
    MvStatus,
)
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.mqtt_seams import (
    MqttConnect,
    MqttListener,
    MqttMessage,
    MqttSubscription,
)

MQTT = 1
NOWHERE = 0x4000_0000
Kind = MvMqttReadableDataType
State = MvMqttRequestState


class Broker(VirtualInternet):
    """An internet with one broker that a test speaks for. Its session keeps what it is asked."""

    listener: MqttListener

    def mqtt(self, request: MqttConnect, listener: MqttListener) -> Any:
        self.request = request
        self.listener = listener
        self.asked: list[tuple[Any, ...]] = []
        self.refuses = False
        return self

    def _ask(self, *what: Any) -> int | None:
        self.asked.append(what)
        return None if self.refuses else len(self.asked)

    def subscribe(self, subscriptions: tuple[MqttSubscription, ...]) -> int | None:
        return self._ask("subscribe", subscriptions)

    def unsubscribe(self, topics: tuple[str, ...]) -> int | None:
        return self._ask("unsubscribe", topics)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:
        return self._ask("publish", topic, payload, qos, retain)

    def acknowledge(self, message: MqttMessage) -> None:
        self._ask("acknowledge", message.number)

    def disconnect(self) -> None:
        self._ask("disconnect")

    def abandon(self) -> None:
        self._ask("abandon")


def connect(bench: Any, *, version: int = 0, host: bytes = b"broker.example.com", port: int = 8883,
            client_id: bytes = b"device", method: int = 0, username: bytes = b"", password: bytes = b"", tls: int = 0,
            keepalive: int = 60, clean_start: int = 1, will: int = 0) -> int:
    """Return the address of a connect request."""
    return int(bench.words(version, *bench.sized(host), port, *bench.sized(client_id), method | 0xEEEEEE00,
                           *bench.sized(username), *bench.sized(password), tls, keepalive, clean_start | 0xEEEEEE00,
                           will))


def credentials(bench: Any, trusted: tuple[bytes, ...] = (), chain: tuple[bytes, ...] = (), key: bytes = b"") -> int:
    def strings(items: tuple[bytes, ...]) -> int:
        return int(bench.words(*[word for item in items for word in bench.sized(item)])) if items else 0

    return int(bench.words(len(trusted), strings(trusted), len(chain), strings(chain), *bench.sized(key)))


def will(bench: Any, topic: bytes = b"gone", payload: bytes = b"x", qos: int = 1, retain: int = 1) -> int:
    return int(bench.words(*bench.sized(topic), *bench.sized(payload), qos, retain | 0xEEEEEE00))


def subscribe(bench: Any, *topics: bytes, correlation: int = 7, qos: int = 1, nl: int = 0, rap: int = 0,
              rh: int = 0) -> int:
    words = [word for topic in topics for word in (*bench.sized(topic), qos, nl, rap, rh)]
    return int(bench.words(correlation, bench.words(*words) if words else 0, len(topics)))


def unsubscribe(bench: Any, *topics: bytes, correlation: int = 8) -> int:
    words = [word for topic in topics for word in bench.sized(topic)]
    return int(bench.words(correlation, bench.words(*words) if words else 0, len(topics)))


def publish(bench: Any, topic: bytes = b"sensor", payload: bytes = b"21.5", *, correlation: int = 9, qos: int = 1,
            retain: int = 0) -> int:
    return int(bench.words(correlation, *bench.sized(topic), *bench.sized(payload), qos, retain))


def next_kind(bench: Any, handle: int) -> MvMqttReadableDataType:
    out = bench.words(99)
    assert bench.call("mvMqttGetNextReadableDataType", handle, out) is MvStatus.OKAY
    return Kind(bench.word(out))


def read_pair(bench: Any, handle: int, name: str) -> tuple[MvMqttRequestState, int]:
    out = bench.words(99, 99)
    assert bench.call(name, handle, out) is MvStatus.OKAY
    return State(bench.word(out)), bench.word(out + 4)


def read_published(bench: Any, handle: int) -> tuple[MvMqttRequestState, int, int]:
    out = bench.words(99, 99, 99)
    assert bench.call("mvMqttReadPublishResponse", handle, out) is MvStatus.OKAY
    return State(bench.word(out)), bench.word(out + 4), bench.word(out + 8)


def codes_out(bench: Any, size: int = 8) -> list[int]:
    return [bench.words(99), bench.words(99), bench.words(*[99] * 8), size, bench.words(99)]


def read_codes(bench: Any, handle: int, name: str, size: int = 8) -> tuple[MvMqttRequestState, int, list[int]]:
    out = codes_out(bench, size)
    assert bench.call(name, handle, bench.words(*out)) is MvStatus.OKAY
    count = bench.word(out[4])
    return State(bench.word(out[0])), bench.word(out[1]), [bench.word(out[2] + 4 * i) for i in range(count)]


def message_out(bench: Any, topic: int = 64, payload: int = 256) -> list[int]:
    return [bench.words(99), bench.room(topic), topic, bench.words(99), bench.room(payload), payload, bench.words(99),
            bench.words(99), bench.bytes_at(b"\xee\xee\xee\xee")]


def read_message(bench: Any, handle: int) -> tuple[int, bytes, bytes, int, int]:
    out = message_out(bench)
    assert bench.call("mvMqttReceiveMessage", handle, bench.words(*out)) is MvStatus.OKAY
    assert bench.core.read_memory(out[8] + 1, 3) == b"\xee\xee\xee"  # retain is one byte
    memory = bench.core.read_memory
    return (bench.word(out[0]), memory(out[1], bench.word(out[3])), memory(out[4], bench.word(out[6])),
            bench.word(out[7]), memory(out[8], 1)[0])


def arrive(bench: Any, payload: bytes = b"on", *, qos: int = 0, number: int = 1, retain: bool = False) -> None:
    bench.internet.listener.mqtt_message(MqttMessage(topic=b"command", payload=payload, qos=qos, retain=retain,
                                                     number=number))
