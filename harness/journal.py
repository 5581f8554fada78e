"""One structured journal: every layer writes one past-tense event per fact, and every report reads it.

Equal runs write equal journals, so nothing that differs between equal runs (descriptor numbers, ephemeral ports, pty
names, real durations) may be written. Secrets that were announced with :meth:`Journal.redact` never get in.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from harness.clock import NANOSECONDS

Plain: TypeAlias = str | int | float | bool | list["Plain"] | dict[str, "Plain"] | None
"""What an event may carry: JSON values. Bytes are written as lower-case hex."""

Fact: TypeAlias = Plain | bytes | tuple["Fact", ...]

_SECRET = "***"
_HEAD = 5  # what comes before the facts in a row
_AS_THEY_ARE = frozenset({int, float, bool, type(None)})

_Row: TypeAlias = tuple[Any, ...]
"""Sequence number, time, source, event and device of an entry, then the names of its facts, then their values."""


class Entry(NamedTuple):
    """One fact.

    Attributes:
        seq: position in the journal, from 0.
        t: time in nanoseconds since the world began.
        source: the layer that tells it: ``cloud``, ``network``, ``modem``, ``board``, ``kernel``, ``driver``, ``test``.
        event: what happened, in the past tense: ``sms_command_created``.
        device: name or SID of the device it is about; empty if about none.
        data: the facts.
    """

    seq: int
    t: int
    source: str
    event: str
    device: str
    data: Mapping[str, Plain]

    def to_json(self) -> str:
        """Return the entry as one line of JSON; equal entries give equal lines."""
        return json.dumps({"t": self.t, "source": self.source, "event": self.event, "device": self.device,
                           **({"data": dict(self.data)} if self.data else {})}, sort_keys=True, ensure_ascii=False)

    def __str__(self) -> str:
        facts = " ".join(f"{name}={value!r}" for name, value in self.data.items())
        return f"{self.t / NANOSECONDS:12.6f} {self.source:8} {self.device or '-':12} {self.event} {facts}".rstrip()


def _entry(row: _Row) -> Entry:
    first = (len(row) + _HEAD) // 2  # the names and the values are as many
    return Entry._make((*row[:_HEAD], dict(zip(row[_HEAD:first], row[first:], strict=True))))


class Journal:
    """Entries in the order they were written; safe to write from any thread.

    Args:
        now: where time stamps come from.
        limit: entries kept; older ones are dropped and counted in :attr:`dropped`.

        >>> journal = Journal(now=lambda: 1_500_000_000)
        >>> journal.record("modem", "sms_received", device="modem-1", text="LED ON")
        >>> print(journal.last("sms_received"))
            1.500000 modem    modem-1      sms_received text='LED ON'
    """

    def __init__(self, *, now: Callable[[], int], limit: int = 1_000_000) -> None:
        self._now = now
        # An entry is one flat tuple until somebody reads it: the garbage collector loses sight of such, so that a
        # million of them do not slow a server down.
        self._rows: deque[_Row] = deque(maxlen=limit)
        self._written = 0
        self._secrets: list[str] = []
        self._shortest = sys.maxsize  # length of the shortest secret: nothing below it can hold one
        self._listeners: list[Callable[[Entry], None]] = []
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Journal({len(self._rows)} entries, {self.dropped} dropped)"

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            rows = tuple(self._rows)
        return map(_entry, rows)

    @property
    def dropped(self) -> int:
        """How many of the oldest entries had to go."""
        return self._written - len(self._rows)

    @property
    def written(self) -> int:
        """How many entries were ever written: a cursor for :meth:`since`."""
        return self._written

    def record(self, source: str, event: str, /, *, device: str = "", t: int | None = None, **data: Fact) -> None:
        """Write one fact; ``t`` only where it is older than now."""
        self.write(source, event, device, data, t)

    def write(self, source: str, event: str, device: str, data: dict[str, Fact], t: int | None = None) -> None:
        """Write one fact as :meth:`record` does; ``data`` is the journal's from now on."""
        plain: dict[str, Any] = data
        with self._lock:
            for name, value in plain.items():
                kind = type(value)
                if kind is str:
                    if len(value) >= self._shortest:
                        for secret in self._secrets:
                            if secret in value:
                                plain[name] = value = value.replace(secret, _SECRET)
                elif kind not in _AS_THEY_ARE:
                    plain[name] = self._clean(value)
            row = (self._written, self._now() if t is None else t, source, event, device, *plain, *plain.values())
            self._written += 1
            self._rows.append(row)
            if self._listeners:
                entry = _entry(row)
                for listener in tuple(self._listeners):
                    listener(entry)

    def redact(self, secret: str) -> None:
        """Replace ``secret`` by ``***`` in everything written from now on."""
        with self._lock:
            if secret and secret not in self._secrets:
                self._secrets.append(secret)
                self._shortest = min(self._shortest, len(secret))

    def subscribe(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call ``listener`` with every further entry; return what ends that. Listeners must not write."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def since(self, cursor: int) -> list[Entry]:
        """Return the entries from position ``cursor`` on."""
        with self._lock:
            # from the end, so that following a long journal costs what is new and not what is old
            newest = list(itertools.islice(reversed(self._rows), max(0, self._written - max(0, cursor))))
        return list(map(_entry, reversed(newest)))

    def select(self, *events: str, source: str | None = None, device: str | None = None) -> list[Entry]:
        """Return the entries of these events (all if none is named), of one source or device if given."""
        return [entry for entry in self if (not events or entry.event in events)
                and (source is None or entry.source == source) and (device is None or entry.device == device)]

    def last(self, *events: str, device: str | None = None) -> Entry | None:
        """Return the newest entry of these events, or None."""
        found = self.select(*events, device=device)
        return found[-1] if found else None

    def digest(self, *, without: Iterable[str] = ()) -> str:
        """Return the SHA-256 of all entries, time stamps included: equal runs have equal digests.

        Args:
            without: sources to leave out.
        """
        hidden = frozenset(without)
        total = hashlib.sha256()
        for entry in self:
            if entry.source not in hidden:
                total.update(entry.to_json().encode() + b"\n")
        return total.hexdigest()

    def _clean(self, value: Fact) -> Plain:
        if isinstance(value, str):
            if len(value) < self._shortest:
                return str(value)
            for secret in self._secrets:
                value = value.replace(secret, _SECRET)
            return value
        if isinstance(value, bytes | bytearray):
            return self._clean(bytes(value).hex())
        if isinstance(value, dict):
            return {name: self._clean(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return value
