"""Ascending numbers are those of a sorted list, whatever comes and goes in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InternalError
from harness.virtual.cloud.ascending import Ascending


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=80), st.integers(-1, 41), st.integers(0, 5))
def test_it_is_a_sorted_list(steps: list[tuple[bool, int]], bound: int, skip: int) -> None:
    numbers, plain = Ascending(), list[int]()
    for comes, number in steps:
        if comes and number not in plain:
            numbers.add(number)
            plain = sorted([*plain, number])
        elif not comes and number in plain:
            numbers.remove(number)
            plain.remove(number)
    assert list(numbers) == plain
    assert len(numbers) == len(plain)
    assert list(numbers.below(bound, skip=skip)) == [n for n in reversed(plain) if n < bound][skip:]
    assert list(numbers.below(None)) == plain[::-1]
    assert list(numbers.above(bound)) == [n for n in plain if n > bound]


def test_many_may_go_from_the_front() -> None:
    numbers = Ascending(range(10_000))
    for number in range(9_000):
        numbers.remove(number)
    assert (numbers.least, len(numbers), list(numbers)) == (9_000, 1_000, list(range(9_000, 10_000)))
    numbers.add(5)
    assert (numbers.least, next(numbers.above(5))) == (5, 9_000)


def test_what_is_not_there_can_not_go() -> None:
    with pytest.raises(InternalError, match="record 3 is not where it was"):
        Ascending((1, 2, 4)).remove(3)
