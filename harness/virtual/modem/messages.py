"""Message stores: numbered slots, each with a status (3GPP TS 27.005 clause 3.1).

A :class:`MessageStore` has slots of its own. A :class:`JoinedStore` ("MT") shows those of others under numbers of its
own, one store after the other: what is done through it is done to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias


class MessageStatus(IntEnum):
    """``<stat>`` of +CMGL and +CMGR in PDU mode."""

    REC_UNREAD = 0
    REC_READ = 1
    STO_UNSENT = 2
    STO_SENT = 3

    @property
    def text(self) -> str:
        """The form used in text mode."""
        return self.name.replace("_", " ")


STATUS_BY_TEXT = {status.text: status for status in MessageStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message in a slot.

    Attributes:
        sca: address of the SMS centre as octets with their length octet (TS 27.005 clause 3.1, ``<pdu>``).
        tpdu: the transport PDU.
        broadcast: whether that is a page of cell broadcast instead, which has no address.
    """

    status: MessageStatus
    sca: bytes
    tpdu: bytes
    broadcast: bool = False


class MessageStore:
    """One message storage.

    Args:
        name: ``SM``, ``ME``, ``SR`` or ``BM``.
        capacity: how many messages it holds.
        first: number of the first slot.
    """

    def __init__(self, name: str, capacity: int, *, first: int = 0) -> None:
        self.name = name
        self.capacity = capacity
        self.first = first
        self._slots: dict[int, StoredMessage] = {}

    def __repr__(self) -> str:
        return f"MessageStore({self.name!r}, {self.used}/{self.capacity})"

    def __iter__(self) -> Iterator[tuple[int, StoredMessage]]:
        return iter(sorted(self._slots.items()))

    @property
    def used(self) -> int:
        """How many slots are taken."""
        return len(self._slots)

    @property
    def full(self) -> bool:
        """Whether no slot is free."""
        return len(self._slots) >= self.capacity

    @property
    def indexes(self) -> list[int]:
        """The slots that are taken."""
        return sorted(self._slots)

    def valid(self, index: int) -> bool:
        """Tell whether there is such a slot."""
        return self.first <= index < self.first + self.capacity

    def add_anyway(self, message: StoredMessage) -> int:
        """Keep a message even if all slots are taken: the oldest then makes room; return the slot."""
        if self.full:
            self.delete(next(iter(self._slots)))  # a dictionary keeps the order in which messages came
        index = self.add(message)
        assert index is not None
        return index

    def add(self, message: StoredMessage) -> int | None:
        """Keep a message in the lowest free slot; return the slot, None if all are taken."""
        for index in range(self.first, self.first + self.capacity):
            if index not in self._slots:
                self._slots[index] = message
                return index
        return None

    def put(self, index: int, message: StoredMessage) -> None:
        """Keep a message in the place of the one that is in a slot."""
        self._slots[index] = message

    def get(self, index: int) -> StoredMessage | None:
        """Return the message in a slot, None if it is empty."""
        return self._slots.get(index)

    def mark(self, index: int, status: MessageStatus) -> None:
        """Change the status of the message in a slot."""
        self._slots[index] = replace(self._slots[index], status=status)

    def delete(self, index: int) -> bool:
        """Empty a slot; return whether there was a message in it."""
        return self._slots.pop(index, None) is not None


class JoinedStore:
    """Several message storages seen as one, as "MT" shows those of module and card.

    Args:
        name: ``MT``.
        parts: the storages; a message is kept in the first that has room, and the slots of each are numbered behind
            those of the one before.

        >>> both = JoinedStore("MT", (MessageStore("ME", 2), MessageStore("SM", 3)))
        >>> both.capacity, both.locate(1), both.locate(2), both.locate(5)
        (5, (MessageStore('ME', 0/2), 1), (MessageStore('SM', 0/3), 0), None)
    """

    def __init__(self, name: str, parts: tuple[MessageStore, ...]) -> None:
        self.name = name
        self._parts = parts

    def __repr__(self) -> str:
        return f"JoinedStore({self.name!r}, {self.used}/{self.capacity})"

    def __iter__(self) -> Iterator[tuple[int, StoredMessage]]:
        for offset, part in self._numbered():
            for index, message in part:
                yield offset + index, message

    def _numbered(self) -> Iterator[tuple[int, MessageStore]]:
        """Give each part with what its slots' own numbers are raised by."""
        start = 0
        for part in self._parts:
            yield start - part.first, part
            start += part.capacity

    @property
    def capacity(self) -> int:
        """How many messages they hold together."""
        return sum(part.capacity for part in self._parts)

    @property
    def used(self) -> int:
        """How many slots are taken."""
        return sum(part.used for part in self._parts)

    @property
    def full(self) -> bool:
        """Whether no slot is free in any of them."""
        return all(part.full for part in self._parts)

    @property
    def indexes(self) -> list[int]:
        """The slots that are taken."""
        return [index for index, _ in self]

    def locate(self, index: int) -> tuple[MessageStore, int] | None:
        """Return the storage a slot belongs to and its number there, None if there is no such slot."""
        for offset, part in self._numbered():
            if part.valid(index - offset):
                return part, index - offset
        return None

    def index_of(self, store: MessageStore, index: int) -> int:
        """Return the number that a slot of one of the parts has here."""
        return next(offset + index for offset, part in self._numbered() if part is store)

    def valid(self, index: int) -> bool:
        """Tell whether there is such a slot."""
        return self.locate(index) is not None

    def add(self, message: StoredMessage) -> int | None:
        """Keep a message in the lowest free slot; return the slot, None if all are taken."""
        for offset, part in self._numbered():
            if (index := part.add(message)) is not None:
                return offset + index
        return None

    def put(self, index: int, message: StoredMessage) -> None:
        """Keep a message in the place of the one that is in a slot."""
        if (found := self.locate(index)) is not None:
            found[0].put(found[1], message)

    def get(self, index: int) -> StoredMessage | None:
        """Return the message in a slot, None if it is empty."""
        found = self.locate(index)
        return found[0].get(found[1]) if found is not None else None

    def mark(self, index: int, status: MessageStatus) -> None:
        """Change the status of the message in a slot."""
        if (found := self.locate(index)) is not None:
            found[0].mark(found[1], status)

    def delete(self, index: int) -> bool:
        """Empty a slot; return whether there was a message in it."""
        found = self.locate(index)
        return found is not None and found[0].delete(found[1])


Store: TypeAlias = MessageStore | JoinedStore
