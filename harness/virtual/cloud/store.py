"""Collections of records in memory: unique keys, filters by index, pages in constant time.

Every record has a sequence number; a list is walked from the newest down. A page begins below (or ends above) a
sequence number, so that it costs the same wherever it lies and however much the collection grows meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

from harness.errors import InternalError
from harness.virtual.cloud.ascending import Ascending
from harness.virtual.cloud.kept import Watcher
from harness.virtual.cloud.records import Record
from harness.virtual.cloud.refusals import CONFLICT, Refused

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R]):
    """Part of a list, newest first.

    Attributes:
        older: whether there are matches below the last record.
        newer: whether there are matches above the first one.
    """

    records: list[R]
    older: bool
    newer: bool


class Collection(Generic[R]):
    """Records of one kind.

    Args:
        unique: names of attributes whose value no two records share; records whose value is None are not in the way.
        indexed: names of attributes that lists can be filtered by.
        limit: how many records it holds.
        evict: whether the oldest record goes when it is full; otherwise it refuses to grow.

        >>> sims = Collection("Sims", unique=("iccid",), indexed=("status",))
    """

    def __init__(self, name: str, *, unique: tuple[str, ...] = (), indexed: tuple[str, ...] = (),
                 limit: int = 1_000_000, evict: bool = False) -> None:
        self.name = name
        self.limit = limit
        self.watcher: Watcher | None = None
        self._evict = evict
        self._by_sid: dict[str, R] = {}
        self._by_seq: dict[int, R] = {}
        self._order = Ascending()
        self._next = 0
        self._unique: dict[str, dict[str, R]] = {attribute: {} for attribute in unique}
        self._index: dict[str, dict[object, Ascending]] = {attribute: {} for attribute in indexed}

    def __repr__(self) -> str:
        return f"Collection({self.name!r}, {len(self)} records)"

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[R]:
        return iter([self._by_seq[seq] for seq in self._order])

    def get(self, sid: str) -> R | None:
        """Return the record with this SID, or None."""
        return self._by_sid.get(sid)

    def by(self, attribute: str, value: str) -> R | None:
        """Return the record whose unique attribute has this value, or None."""
        return self._unique[attribute].get(value)

    def find(self, key: str) -> R | None:
        """Return the record with this SID or, where records have one, this unique name."""
        found = self._by_sid.get(key)
        if found is None and "unique_name" in self._unique:
            found = self._unique["unique_name"].get(key)
        return found

    def add(self, record: R) -> R:
        """Take in a record whose unique values were checked with :meth:`check`.

        Raises:
            Refused: the collection is full.
            InternalError: a unique value is taken.
        """
        if len(self._order) >= self.limit:
            if not self._evict:
                raise Refused(CONFLICT, f"there can't be more than {self.limit} {self.name}")
            self.remove(self._by_seq[self._order.least])
        if record.sid in self._by_sid:
            raise InternalError(f"{record.sid} exists already")
        for attribute, taken in self._unique.items():
            value = getattr(record, attribute)
            if value is not None:
                if value in taken:
                    raise InternalError(f"{attribute} {value!r} is taken")
                taken[value] = record
        record.seq = self._next
        self._next += 1
        self._by_sid[record.sid] = record
        self._by_seq[record.seq] = record
        self._order.add(record.seq)
        for attribute in self._index:
            self._enter(attribute, getattr(record, attribute), record.seq)
        if self.watcher is not None:
            self.watcher(record.seq)
        return record

    def remove(self, record: R) -> None:
        """Forget a record."""
        del self._by_sid[record.sid], self._by_seq[record.seq]
        self._order.remove(record.seq)
        for attribute, taken in self._unique.items():
            if getattr(record, attribute) is not None:
                del taken[getattr(record, attribute)]
        for attribute in self._index:
            self._unindex(attribute, getattr(record, attribute), record.seq)
        if self.watcher is not None:
            self.watcher(record.seq)

    def check(self, attribute: str, value: str | None, *, code: int, but: R | None = None) -> None:
        """Check that no record other than ``but`` has this value.

        Raises:
            Refused: one has.
        """
        if value is not None:
            holder = self._unique[attribute].get(value)
            if holder is not None and holder is not but:
                raise Refused(code, f"{attribute} {value!r} is taken by {holder.sid}")

    def change(self, record: R, now: datetime, **values: object) -> R:
        """Set attributes of a record, keep the indexes true and count the change."""
        for attribute, value in values.items():
            old = getattr(record, attribute)
            if old == value:
                continue
            if attribute in self._unique:
                taken = self._unique[attribute]
                if old is not None:
                    del taken[old]
                if value is not None:
                    taken[str(value)] = record
            if attribute in self._index:
                self._unindex(attribute, old, record.seq)
                self._enter(attribute, value, record.seq)
            setattr(record, attribute, value)
        record.date_updated = now
        self.touch(record)
        return record

    def touch(self, record: R) -> None:
        """Count a change of what clients can't see: attributes that are neither unique nor indexed, set directly."""
        record.revision += 1
        if self.watcher is not None:
            self.watcher(record.seq)

    # -- written down and taken up again -------------------------------------------------------------------------------

    @property
    def following(self) -> int:
        """The sequence number of the next new record."""
        return self._next

    def kept_keys(self) -> Iterable[int]:
        """Return the sequence numbers of all records, the oldest first."""
        return self._order

    def value(self, key: int) -> R | None:
        """Return the record with this sequence number, None if there is none any more."""
        return self._by_seq.get(key)

    def restore(self, values: Iterable[tuple[int, R]], following: int) -> None:
        """Forget everything and take up these records, the oldest first.

        Raises:
            InternalError: two of them share a SID or a unique value.
        """
        for mapping in (self._by_sid, self._by_seq, *self._unique.values(), *self._index.values()):
            mapping.clear()  # type: ignore[attr-defined]
        self._order = Ascending()
        watcher, self.watcher = self.watcher, None
        for seq, record in values:
            self._next = seq
            self.add(record)
        self._next = following
        self.watcher = watcher

    def page(self, filters: Mapping[str, object], *, size: int, below: int | None = None,
             above: int | None = None, skip: int = 0) -> Page[R]:
        """Return up to ``size`` matching records, newest first.

        Args:
            below: only records older than this sequence number.
            above: the records next newer than this sequence number.
            skip: matches to leave out at the beginning.
        """
        driver, others = self._driver(filters)
        if above is not None:
            picked = self._pick(driver.above(above), others, size, 0)
            picked.reverse()
        else:
            at_once = 0 if others else skip
            picked = self._pick(driver.below(below, skip=at_once), others, size, skip - at_once)
        if not picked:
            return Page(records=[], older=False, newer=False)
        older = self._pick(driver.below(picked[-1].seq), others, 1, 0)
        newer = self._pick(driver.above(picked[0].seq), others, 1, 0)
        return Page(records=picked, older=bool(older), newer=bool(newer))

    def count(self, filters: Mapping[str, object]) -> int:
        """Return how many records match."""
        driver, others = self._driver(filters)
        return len(driver) if not others else len(self._pick(driver.below(None), others, len(driver), 0))

    def _driver(self, filters: Mapping[str, object]) -> tuple[Ascending, list[tuple[str, object]]]:
        """Choose the shortest index to walk; the other filters are checked record by record."""
        if not filters:
            return self._order, []
        lists = {attribute: self._matches(attribute, value) for attribute, value in filters.items()}
        best = min(lists, key=lambda attribute: len(lists[attribute]))
        return lists[best], [(attribute, value) for attribute, value in filters.items() if attribute != best]

    def _matches(self, attribute: str, value: object) -> Ascending:
        if attribute in self._unique:
            found = self._unique[attribute].get(str(value))
            return Ascending() if found is None else Ascending((found.seq,))
        return self._index[attribute].get(value) or Ascending()

    def _pick(self, numbers: Iterator[int], others: list[tuple[str, object]], size: int, skip: int) -> list[R]:
        if not others:
            return [self._by_seq[number] for number in islice(numbers, size)]
        picked: list[R] = []
        for number in numbers:
            record = self._by_seq[number]
            if all(getattr(record, attribute) == value for attribute, value in others):
                if skip:
                    skip -= 1
                    continue
                picked.append(record)
                if len(picked) == size:
                    break
        return picked

    def _enter(self, attribute: str, value: object, seq: int) -> None:
        index = self._index[attribute]
        numbers = index.get(value)
        if numbers is None:
            numbers = index[value] = Ascending()
        numbers.add(seq)

    def _unindex(self, attribute: str, value: object, seq: int) -> None:
        index = self._index[attribute]
        numbers = index[value]
        numbers.remove(seq)
        if not numbers:
            del index[value]
