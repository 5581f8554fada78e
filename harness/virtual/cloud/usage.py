"""What was used: an entry for every report of the network, and the sums that usage records are.

Pure but for the list it keeps. Nothing is estimated: an entry says what the network carried, when, where and for whom.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from harness.virtual.cloud.kept import Watcher

KEPT = 2_000_000
"""Entries that are kept; the oldest go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one Sim used in one place, as of one report.

    Attributes:
        owner_sid: Fleet of a Super SIM at that time, rate plan of a Programmable Wireless Sim.
        plmn: MCC and MNC of the cell in digits.
        up, down: octets from and to the device.
        from_sim, to_sim: Commands.
    """

    moment: datetime
    sim_sid: str
    owner_sid: str | None
    network_sid: str | None
    iso_country: str
    plmn: str = ""
    up: int = 0
    down: int = 0
    from_sim: int = 0
    to_sim: int = 0


class Ledger:
    """The entries of one product, in the order of time."""

    def __init__(self, *, limit: int = KEPT) -> None:
        self.watcher: Watcher | None = None
        self.entries: list[Used] = []
        self._forgotten = 0
        self._by_sim: dict[str, list[Used]] = {}
        self._limit = limit

    def __repr__(self) -> str:
        return f"Ledger({len(self.entries)} entries)"

    def add(self, entry: Used) -> None:
        """Write an entry down; its time is not before that of the last one."""
        if len(self.entries) >= self._limit:
            self.forget(self.entries[self._limit // 10].moment + timedelta(microseconds=1))
        self.entries.append(entry)
        self._by_sim.setdefault(entry.sim_sid, []).append(entry)
        if self.watcher is not None:
            self.watcher(self.following - 1)

    def between(self, start: datetime, end: datetime, sim_sid: str | None = None) -> Iterator[Used]:
        """Give the entries from ``start`` to before ``end``, of all Sims or of one."""
        entries = self.entries if sim_sid is None else self._by_sim.get(sim_sid, [])
        for position in range(bisect_left(entries, start, key=_moment), len(entries)):
            if entries[position].moment >= end:
                return
            yield entries[position]

    def forget(self, before: datetime) -> int:
        """Forget what is older, and return how many entries that was."""
        gone = bisect_left(self.entries, before, key=_moment)
        if gone:
            touched = dict.fromkeys(entry.sim_sid for entry in self.entries[:gone])
            del self.entries[:gone]
            self._forgotten += gone
            if self.watcher is not None:
                for number in range(self._forgotten - gone, self._forgotten):
                    self.watcher(number)
            for sim_sid in touched:
                entries = self._by_sim[sim_sid]
                del entries[:bisect_left(entries, before, key=_moment)]
                if not entries:
                    del self._by_sim[sim_sid]
        return gone

    # -- written down and taken up again -------------------------------------------------------------------------------

    @property
    def following(self) -> int:
        """The number of the next entry, counted from 0."""
        return self._forgotten + len(self.entries)

    def kept_keys(self) -> range:
        """Return the numbers of all entries."""
        return range(self._forgotten, self.following)

    def value(self, key: int) -> Used | None:
        """Return the entry with this number, None if it is forgotten."""
        position = key - self._forgotten
        return self.entries[position] if 0 <= position < len(self.entries) else None

    def restore(self, values: Iterable[tuple[int, Used]], following: int) -> None:
        """Forget everything and take up these entries."""
        self.entries.clear()
        self._by_sim.clear()
        for _, entry in values:
            self.entries.append(entry)
            self._by_sim.setdefault(entry.sim_sid, []).append(entry)
        self._forgotten = following - len(self.entries)


def _moment(entry: Used) -> datetime:
    return entry.moment


class Granularity(StrEnum):
    """Length of the buckets of usage records."""

    HOUR = "hour"
    DAY = "day"
    ALL = "all"

    @property
    def step(self) -> timedelta | None:
        """Length of a bucket, None if there is only one."""
        return {Granularity.HOUR: timedelta(hours=1), Granularity.DAY: timedelta(days=1), Granularity.ALL: None}[self]


def floor(moment: datetime, step: timedelta) -> datetime:
    """Return the beginning of the UTC hour or day that a time lies in.

    >>> floor(datetime(2026, 1, 2, 3, 4, tzinfo=UTC), timedelta(days=1)).isoformat()
    '2026-01-02T00:00:00+00:00'
    """
    return moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % step


def ceiling(moment: datetime, step: timedelta) -> datetime:
    """Return the end of the UTC hour or day that a time lies in; a time on a boundary is its own."""
    low = floor(moment, step)
    return low if low == moment else low + step


@dataclass(slots=True, kw_only=True)
class Sum:
    """Sums of one bucket and one member of a group; ``billed`` counts the octets that have a price by now."""

    start: datetime
    end: datetime
    member: str | None
    up: int = 0
    down: int = 0
    billed: int = 0


def summarise(entries: Iterable[Used], start: datetime, end: datetime, granularity: Granularity,
              member: Callable[[Used], str | None], billed_before: datetime) -> list[Sum]:
    """Return the sums per bucket and member that have any traffic: newest bucket first, members in their order.

    Args:
        member: what an entry counts for within its bucket.
        billed_before: entries older than this have a price.
    """
    step = granularity.step
    sums: dict[tuple[datetime, str], Sum] = {}
    for entry in entries:
        if not entry.up and not entry.down:
            continue
        low = start if step is None else floor(entry.moment, step)
        who = member(entry)
        found = sums.get((low, who or ""))
        if found is None:
            found = sums[low, who or ""] = Sum(start=low, end=end if step is None else low + step, member=who)
        found.up += entry.up
        found.down += entry.down
        if entry.moment < billed_before:
            found.billed += entry.up + entry.down
    return [sums[key] for key in sorted(sums, key=lambda key: (-key[0].timestamp(), key[1]))]


def price(octets: int, per_megabyte: str, megabyte: int) -> Decimal:
    """Return what data costs, without digits that say nothing.

    >>> str(price(300_000, "0.10", 1_000_000)), str(price(0, "0.10", 1_000_000))
    ('0.03', '0')
    """
    amount = (Decimal(octets) * Decimal(per_megabyte) / megabyte).quantize(Decimal("0.000001"))
    return Decimal(f"{amount.normalize():f}")
