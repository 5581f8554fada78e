"""What outlives a process, as those see it who write it down: numbered values, and a word whenever one changes.

Collections, logs, the ledger and the agenda all keep numbered (or named) values. None of them knows where they are
written; each tells a *watcher* the key of whatever was added, changed or removed, and can be filled again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

Key: TypeAlias = "int | str"

Watcher: TypeAlias = Callable[[Any], object]
"""Is told a key whose value was added, changed or removed."""

T = TypeVar("T")


class Kept(Protocol):
    """Values under keys that can be written down and taken up again."""

    watcher: Watcher | None

    def kept_keys(self) -> Iterable[Key]:
        """Return all keys, in the order in which :meth:`restore` wants them."""

    def value(self, key: Any) -> Any:
        """Return the value of a key, None if there is none (any more)."""

    @property
    def following(self) -> int:
        """The number of the next new value; 0 where keys are no numbers."""

    def restore(self, values: Iterable[tuple[Any, Any]], following: int) -> None:
        """Forget everything and take up these values, in the order of their keys; nobody is told."""


class Log(Generic[T]):
    """The last values of an endless list, numbered from 0 in the order in which they came.

    Args:
        limit: how many are kept; the oldest go first.

        >>> log = Log[str](limit=2)
        >>> for word in ("one", "two", "three"):
        ...     _ = log.append(word)
        >>> list(log), log.value(2)
        (['two', 'three'], 'three')
    """

    def __init__(self, *, limit: int) -> None:
        self.watcher: Watcher | None = None
        self._values: deque[T] = deque()
        self._limit = limit
        self._following = 0

    def __repr__(self) -> str:
        return f"Log({len(self._values)} kept of {self._following})"

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T]:
        return iter(self._values)

    def append(self, value: T) -> int:
        """Take in a value and return its number."""
        number = self._following
        self._following += 1
        self._values.append(value)
        if self.watcher is not None:
            self.watcher(number)
        if len(self._values) > self._limit:
            self.drop()
        return number

    def drop(self) -> None:
        """Forget the oldest value."""
        self._values.popleft()
        if self.watcher is not None:
            self.watcher(self._following - len(self._values) - 1)

    @property
    def following(self) -> int:
        return self._following

    def kept_keys(self) -> Iterable[int]:
        return range(self._following - len(self._values), self._following)

    def value(self, key: int) -> T | None:
        position = key - self._following + len(self._values)
        return self._values[position] if 0 <= position < len(self._values) else None

    def restore(self, values: Iterable[tuple[int, T]], following: int) -> None:
        self._values = deque(value for _, value in values)
        self._following = following


class Shelf(Generic[T]):
    """Values with a number each, put down and taken away in any order."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self._values: dict[int, T] = {}
        self._following = 0

    def __repr__(self) -> str:
        return f"Shelf({len(self._values)})"

    def __len__(self) -> int:
        return len(self._values)

    def put(self, value: T) -> int:
        """Keep a value and return its number."""
        number = self._following
        self._following += 1
        self._values[number] = value
        if self.watcher is not None:
            self.watcher(number)
        return number

    def take(self, number: int) -> None:
        """Forget a value; no error if it is not there."""
        if self._values.pop(number, None) is not None and self.watcher is not None:
            self.watcher(number)

    @property
    def following(self) -> int:
        return self._following

    def kept_keys(self) -> Iterable[int]:
        return list(self._values)

    def value(self, key: int) -> T | None:
        return self._values.get(key)

    def restore(self, values: Iterable[tuple[int, T]], following: int) -> None:
        self._values = dict(values)
        self._following = following
