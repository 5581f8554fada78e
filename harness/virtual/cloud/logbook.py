"""The log of one device as the cloud keeps it: the last entries, and who follows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

BACKLOG = 1_000
"""Entries that are kept for readers who come late."""

TEXT_LIMIT = 4_096
"""Longest text of an entry, in bytes as logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One message of a device.

    Attributes:
        sequence: counts from 1 without gaps.
        timestamp: when the cloud got it.
        origin: ``app`` or ``system``.
        microseconds: when the device logged it, since its kernel started; None for the cloud's own messages.
    """

    sequence: int
    timestamp: datetime
    origin: str
    text: str
    microseconds: int | None = None


class LogBook:
    """The last entries of one device's log."""

    def __init__(self, *, backlog: int = BACKLOG) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=backlog)
        self._followers: list[Callable[[LogEntry], None]] = []
        self._written = 0

    def __repr__(self) -> str:
        return f"LogBook({self._written} written, {len(self._entries)} kept, {len(self._followers)} followers)"

    def append(self, timestamp: datetime, origin: str, text: bytes, *, microseconds: int | None = None) -> LogEntry:
        """Take in a message; bytes that are no UTF-8 are shown as ``\\xNN``."""
        self._written += 1
        entry = LogEntry(sequence=self._written, timestamp=timestamp, origin=origin, microseconds=microseconds,
                         text=text[:TEXT_LIMIT].decode("utf-8", errors="backslashreplace"))
        self._entries.append(entry)
        for follower in tuple(self._followers):
            follower(entry)
        return entry

    def since(self, sequence: int) -> list[LogEntry]:
        """Return the kept entries after ``sequence``."""
        return [entry for entry in self._entries if entry.sequence > sequence]

    def follow(self, follower: Callable[[LogEntry], None]) -> Callable[[], None]:
        """Call ``follower`` with every further entry; return what ends that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower) if follower in self._followers else None
