"""Message stores: numbered slots, each with a status (3GPP TS 27.005 clause 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum


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
    """

    status: MessageStatus
    sca: bytes
    tpdu: bytes


class MessageStore:
    """One message storage.

    Args:
        name: ``SM``, ``ME`` or ``SR``.
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

    def add(self, message: StoredMessage) -> int | None:
        """Keep a message in the lowest free slot; return the slot, None if all are taken."""
        for index in range(self.first, self.first + self.capacity):
            if index not in self._slots:
                self._slots[index] = message
                return index
        return None

    def get(self, index: int) -> StoredMessage | None:
        """Return the message in a slot, None if it is empty."""
        return self._slots.get(index)

    def mark(self, index: int, status: MessageStatus) -> None:
        """Change the status of the message in a slot."""
        self._slots[index] = replace(self._slots[index], status=status)

    def delete(self, index: int) -> bool:
        """Empty a slot; return whether there was a message in it."""
        return self._slots.pop(index, None) is not None
