"""What waits on an MQTT channel until the application reads it: responses and messages, in order.

Messages take room in the application's receive buffer. One that finds none now waits in the cloud; one that would never
fit is lost, and the application is told so. Too many that wait are a flood, and the cloud gives the connection up.

The application hears of an item when it is the next to be read, not before: published applications ask on each event
what is next, and read it later. Were they told of a second item meanwhile, they would take it for the first once more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from harness.virtual.board.kernel.enums import MvMqttReadableDataType, MvMqttRequestState
from harness.virtual.internet.mqtt_seams import MqttMessage

MAX_WAITING = 128
"""Messages that the cloud keeps for a device which does not read them."""

OVERHEAD = 16
"""Bytes of the receive buffer that a message takes besides topic and payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What became of a request; the fields that its kind has not are 0 or empty."""

    state: MvMqttRequestState
    correlation: int = 0
    codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to read; ``size`` is what it takes of the receive buffer."""

    kind: MvMqttReadableDataType
    response: Response | None = None
    message: MqttMessage | None = None
    correlation: int = 0
    size: int = 0


class Inbox:
    """The queue of one channel.

    Args:
        capacity: of the receive buffer, in bytes.
        readable: called for each item as it becomes the next to be read.
    """

    def __init__(self, capacity: int, readable: Callable[[], None]) -> None:
        self._capacity = capacity
        self._readable = readable
        self._items: deque[Item] = deque()
        self._waiting: deque[Item] = deque()
        self._used = 0

    def __repr__(self) -> str:
        return f"Inbox({len(self._items)} readable, {len(self._waiting)} waiting)"

    @property
    def is_flooded(self) -> bool:
        """Whether more waits than the cloud keeps."""
        return len(self._waiting) > MAX_WAITING

    def put_response(self, kind: MvMqttReadableDataType, response: Response) -> None:
        """Queue what became of a request; there is always room."""
        self._put(Item(kind=kind, response=response))

    def put_message(self, message: MqttMessage, correlation: int) -> bool:
        """Queue a message; return False if it would never fit and is lost."""
        size = OVERHEAD + len(message.topic) + len(message.payload)
        if size > self._capacity:
            self._put(Item(kind=MvMqttReadableDataType.MESSAGELOST, message=message))
            return False
        item = Item(kind=MvMqttReadableDataType.MESSAGERECEIVED, message=message, correlation=correlation, size=size)
        if self._waiting or self._used + size > self._capacity:
            self._waiting.append(item)
        else:
            self._put(item)
        return True

    def head(self) -> Item | None:
        """Return what is to be read next."""
        return self._items[0] if self._items else None

    def take(self) -> None:
        """Forget what was read; what waits for the room moves up."""
        self._used -= self._items.popleft().size
        if self._items:
            self._readable()
        while self._waiting and self._used + self._waiting[0].size <= self._capacity:
            self._put(self._waiting.popleft())

    def drop_waiting(self) -> None:
        """Forget what waits in the cloud."""
        self._waiting.clear()

    def _put(self, item: Item) -> None:
        self._used += item.size
        self._items.append(item)
        if len(self._items) == 1:
            self._readable()
