"""Sequence numbers in ascending order, cheap at both ends: what is new comes last, what is old goes first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from harness.errors import InternalError

_GAP = 1_024  # removed numbers that stay before the first one at least, until it is worth while to close up


class Ascending:
    """A set of numbers in ascending order.

        >>> numbers = Ascending((1, 2, 5))
        >>> numbers.add(3)
        >>> numbers.remove(1)
        >>> list(numbers), list(numbers.below(5)), list(numbers.above(2))
        ([2, 3, 5], [3, 2], [3, 5])
    """

    __slots__ = ("_first", "_numbers")

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = sorted(numbers)
        self._first = 0  # what lies before it was removed

    def __repr__(self) -> str:
        return f"Ascending({len(self)} numbers)"

    def __len__(self) -> int:
        return len(self._numbers) - self._first

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers[self._first:])

    @property
    def least(self) -> int:
        """The first number; there must be one."""
        return self._numbers[self._first]

    def add(self, number: int) -> None:
        """Take in a number that is not there yet."""
        numbers = self._numbers
        if not numbers or number > numbers[-1]:
            numbers.append(number)
        else:
            insort(numbers, number, self._first)

    def remove(self, number: int) -> None:
        """Take a number out.

        Raises:
            InternalError: it is not there.
        """
        numbers, first = self._numbers, self._first
        position = bisect_left(numbers, number, first)
        if position == len(numbers) or numbers[position] != number:
            raise InternalError(f"record {number} is not where it was")
        if position != first:
            del numbers[position]
            return
        self._first = first + 1
        if self._first >= _GAP and 2 * self._first > len(numbers):
            del numbers[:self._first]
            self._first = 0

    def below(self, number: int | None, *, skip: int = 0) -> Iterator[int]:
        """Return the numbers below ``number``, all if it is None, the greatest first, without so many of those."""
        numbers = self._numbers
        top = len(numbers) if number is None else bisect_left(numbers, number, self._first)
        return map(numbers.__getitem__, range(top - 1 - skip, self._first - 1, -1))

    def above(self, number: int) -> Iterator[int]:
        """Return the numbers above ``number``, the least first."""
        numbers = self._numbers
        return map(numbers.__getitem__, range(bisect_right(numbers, number, self._first), len(numbers)))
