"""What a kind of fault can be told: typed parameters with bounds, read from Python, TOML and JSON alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from harness.clock import to_ns
from harness.errors import UsageError

Value: TypeAlias = "str | int | float | bool | tuple[tuple[int, int], ...] | None"
"""A checked value: durations are nanoseconds, a curve is points of nanoseconds and dBm."""

Given: TypeAlias = object
"""A value as somebody wrote it."""

_MOST_POINTS: Final = 1_000
_LONGEST_TEXT: Final = 4_096


class Quantity(Enum):
    """What a parameter is."""

    DURATION = auto()
    NUMBER = auto()
    SHARE = auto()
    TEXT = auto()
    WORD = auto()
    DIGITS = auto()
    FLAG = auto()
    ADDRESS = auto()
    CURVE = auto()


class _Required(Enum):
    REQUIRED = auto()


REQUIRED: Final = _Required.REQUIRED
"""Default of a parameter that must be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter.

    Attributes:
        default: as it is written, :data:`REQUIRED`, or None where it may be left out without a value.
        low, high: bounds of a number, or of how many digits.
        words: what a word may be.
    """

    name: str
    quantity: Quantity
    about: str
    default: str | int | float | bool | _Required | None = REQUIRED
    low: int = 0
    high: int = 1_000_000
    words: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return how it is written: ``after = number from 0``."""
        if self.default is REQUIRED:
            return self.name
        default = self.default
        shown = "none" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        return f"{self.name}={shown}"

    def read(self, given: Given) -> Value:
        """Return the checked value of what somebody wrote; text of a number is read as one.

        Raises:
            UsageError: it breaks the parameter's rule; the message begins with its name.
        """
        if given is None and self.default is None:
            return None
        try:
            return _READERS[self.quantity](self, given)
        except (UsageError, ValueError, TypeError) as problem:
            why = str(problem) if isinstance(problem, UsageError) else self.rule()
            shown = "" if repr(given) in why else f", not {given!r}"
            raise UsageError(f"{self.name}: {why}{shown}") from None

    def rule(self) -> str:
        """Return what its value must be, in words."""
        rules = {
            Quantity.DURATION: "must be a duration such as '250ms' or '10s'",
            Quantity.NUMBER: f"must be a whole number from {self.low} to {self.high}",
            Quantity.SHARE: "must be a number from 0 to 1",
            Quantity.TEXT: f"must be a text of at most {_LONGEST_TEXT} characters of Latin-1",
            Quantity.WORD: f"must be one of {', '.join(self.words)}",
            Quantity.DIGITS: f"must be {self.low} to {self.high} digits",
            Quantity.FLAG: "must be true or false",
            Quantity.ADDRESS: "must be an IPv4 address such as '192.0.2.1'",
            Quantity.CURVE: "must be points such as [['0s', -70], ['10s', -110]], or 0s:-70,10s:-110, the times rising",
        }
        return rules[self.quantity]


def _duration(parameter: Parameter, given: Given) -> Value:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError
    return to_ns(given)


def _number(parameter: Parameter, given: Given) -> Value:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise ValueError
    value = int(given, 0) if isinstance(given, str) else given
    if not parameter.low <= value <= parameter.high:
        raise ValueError
    return value


def _share(parameter: Parameter, given: Given) -> Value:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError
    value = float(given)
    if not 0 <= value <= 1:
        raise ValueError
    return value


def _text(parameter: Parameter, given: Given) -> Value:
    if not isinstance(given, str) or len(given) > _LONGEST_TEXT:
        raise ValueError
    given.encode("latin-1")
    return given


def _word(parameter: Parameter, given: Given) -> Value:
    if given not in parameter.words:
        raise ValueError
    return str(given)


def _digits(parameter: Parameter, given: Given) -> Value:
    text = str(given) if isinstance(given, str) else ""
    if not (text.isascii() and text.isdigit() and parameter.low <= len(text) <= parameter.high):
        raise ValueError
    return text


def _flag(parameter: Parameter, given: Given) -> Value:
    if isinstance(given, str):
        given = {"true": True, "false": False}[given.lower()] if given.lower() in ("true", "false") else given
    if not isinstance(given, bool):
        raise ValueError
    return given


def _address(parameter: Parameter, given: Given) -> Value:
    if not isinstance(given, str):
        raise ValueError
    return str(IPv4Address(given))


def _curve(parameter: Parameter, given: Given) -> Value:
    if isinstance(given, str):  # from a command line: 0s:-70,10s:-110
        given = [(instant, int(dbm)) for instant, _, dbm in (point.partition(":") for point in given.split(","))]
    if not isinstance(given, Sequence) or not 1 <= len(given) <= _MOST_POINTS:
        raise ValueError
    points = []
    for instant, dbm in given:
        if isinstance(dbm, bool) or not isinstance(dbm, int) or not -150 <= dbm <= 0:
            raise UsageError("a signal is a whole number of dBm from -150 to 0")
        points.append((to_ns(instant), dbm))
    if [instant for instant, _ in points] != sorted({instant for instant, _ in points}):
        raise ValueError
    return tuple(points)


_READERS = {Quantity.DURATION: _duration, Quantity.NUMBER: _number, Quantity.SHARE: _share, Quantity.TEXT: _text,
            Quantity.WORD: _word, Quantity.DIGITS: _digits, Quantity.FLAG: _flag, Quantity.ADDRESS: _address,
            Quantity.CURVE: _curve}


def duration(name: str, default: str | _Required | None, about: str) -> Parameter:
    """Return a parameter that is a duration."""
    return Parameter(name=name, quantity=Quantity.DURATION, default=default, about=about)


def number(name: str, default: int | _Required | None, about: str, *, low: int = 0, high: int = 1_000_000) -> Parameter:
    """Return a parameter that is a whole number."""
    return Parameter(name=name, quantity=Quantity.NUMBER, default=default, about=about, low=low, high=high)


def word(name: str, default: str, about: str, *words: str) -> Parameter:
    """Return a parameter that is one of some words."""
    return Parameter(name=name, quantity=Quantity.WORD, default=default, about=about, words=words)


def text(name: str, default: str | _Required | None, about: str) -> Parameter:
    """Return a parameter that is a text."""
    return Parameter(name=name, quantity=Quantity.TEXT, default=default, about=about)


def digits(name: str, default: str | _Required | None, about: str, *, low: int, high: int) -> Parameter:
    """Return a parameter that is a string of digits."""
    return Parameter(name=name, quantity=Quantity.DIGITS, default=default, about=about, low=low, high=high)


def flag(name: str, default: bool, about: str) -> Parameter:
    """Return a parameter that is true or false."""
    return Parameter(name=name, quantity=Quantity.FLAG, default=default, about=about)


def address(name: str, default: str | _Required | None, about: str) -> Parameter:
    """Return a parameter that is an IPv4 address."""
    return Parameter(name=name, quantity=Quantity.ADDRESS, default=default, about=about)


def share(name: str, default: float, about: str) -> Parameter:
    """Return a parameter from 0 to 1."""
    return Parameter(name=name, quantity=Quantity.SHARE, default=default, about=about)


def curve(name: str, about: str) -> Parameter:
    """Return a parameter that is a signal over time."""
    return Parameter(name=name, quantity=Quantity.CURVE, about=about)
