"""The log of one device as the cloud keeps it: the last entries, and who follows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from harness.virtual.cloud.kept import Watcher

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

    def __init__(self, *, backlog: int = BACKLOG, changed: Callable[[int], object] = lambda sequence: None) -> None:
        self._backlog = backlog
        self._changed = changed
        self._entries: deque[LogEntry] = deque()
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
        self._changed(entry.sequence)
        if len(self._entries) > self._backlog:
            self._changed(self._entries.popleft().sequence)
        for follower in tuple(self._followers):
            follower(entry)
        return entry

    def since(self, sequence: int) -> list[LogEntry]:
        """Return the kept entries after ``sequence``."""
        return [entry for entry in self._entries if entry.sequence > sequence]

    def entry(self, sequence: int) -> LogEntry | None:
        """Return the entry with this number, None if it is not kept (any more)."""
        position = sequence - 1 - self._written + len(self._entries)
        return self._entries[position] if 0 <= position < len(self._entries) else None

    def follow(self, follower: Callable[[LogEntry], None]) -> Callable[[], None]:
        """Call ``follower`` with every further entry; return what ends that."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower) if follower in self._followers else None

    def refill(self, entries: Iterable[LogEntry]) -> None:
        """Hold these entries instead, oldest first; followers stay, and are told of none of them."""
        self._entries = deque(entries)
        self._written = self._entries[-1].sequence if self._entries else 0


class LogBooks:
    """The logs of all devices of an account, by SID; kept entry by entry."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self._books: dict[str, LogBook] = {}

    def __repr__(self) -> str:
        return f"LogBooks({len(self._books)})"

    def __getitem__(self, device_sid: str) -> LogBook:
        return self._books[device_sid]

    def add(self, device_sid: str) -> None:
        """Begin the log of a device."""
        def changed(sequence: int) -> None:
            if self.watcher is not None:
                self.watcher(f"{device_sid} {sequence}")

        self._books[device_sid] = LogBook(changed=changed)

    # -- written down and taken up again ------------------------------------------------------------------------------

    @property
    def following(self) -> int:
        """Each log counts for itself."""
        return 0

    def kept_keys(self) -> list[str]:
        """Return SID and sequence number of all entries, log by log, the oldest first."""
        return [f"{sid} {entry.sequence}" for sid, book in self._books.items() for entry in book.since(0)]

    def value(self, key: str) -> LogEntry | None:
        """Return an entry by SID and sequence number, None if it is not kept (any more)."""
        sid, _, sequence = key.partition(" ")
        book = self._books.get(sid)
        return None if book is None else book.entry(int(sequence))

    def restore(self, values: Iterable[tuple[str, LogEntry]], following: int) -> None:
        """Forget all entries and take up these; a log without a device begins with its first entry."""
        taken: dict[str, list[LogEntry]] = {}
        for key, entry in values:
            taken.setdefault(key.partition(" ")[0], []).append(entry)
        for sid in taken.keys() - self._books.keys():
            self.add(sid)
        for sid, book in self._books.items():
            book.refill(sorted(taken.get(sid, ()), key=lambda entry: entry.sequence))

    def match(self, device_sids: Iterable[str]) -> None:
        """Have a log for each of these devices and for no other; those that go are closed to their followers."""
        wanted = dict.fromkeys(device_sids)
        for sid in self._books.keys() - wanted.keys():
            del self._books[sid]
        for sid in wanted:
            if sid not in self._books:
                self.add(sid)
