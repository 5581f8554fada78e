"""Values of the cloud as JSON text and back, by the declared types of their fields. Pure.

Strict: a field that is not declared, one that is missing without a default, or a value of another type is an error,
never a guess. What is written is a plain object per value, so that migrations can be written against names.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from harness.errors import HarnessError, InternalError
from harness.formats.bundle import Bundle

Step: TypeAlias = "Callable[[Any], Any] | None"
"""One way of a conversion; None where the value is the same on both sides."""


class Undecodable(ValueError):
    """Text that is not what a codec writes."""


class Codec:
    """Writes and reads values of one declared type.

    >>> codec = Codec(tuple[datetime, ...])
    >>> codec.decode(codec.encode((datetime(2026, 1, 1),)))
    (datetime.datetime(2026, 1, 1, 0, 0),)
    """

    def __init__(self, kind: object) -> None:
        self._kind = kind
        self._out, self._back = _steps(kind)

    def __repr__(self) -> str:
        return f"Codec({self._kind!r})"

    def encode(self, value: Any) -> str:
        """Return a value as ASCII text."""
        return _dumps(value if self._out is None else self._out(value))

    def decode(self, text: str) -> Any:
        """Return the value of a text.

        Raises:
            Undecodable: it is not what :meth:`encode` writes.
        """
        try:
            plain = json.loads(text)
            return plain if self._back is None else self._back(plain)
        except (ValueError, TypeError, KeyError, AttributeError, HarnessError) as error:
            raise Undecodable(f"{type(error).__name__}: {error}") from None


_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def _steps(kind: Any) -> tuple[Step, Step]:
    """Return how values of a type become JSON values, and how they come back."""
    special = _SPECIAL.get(kind)
    if special is not None:
        return special
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind, arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is frozenset:
        return sorted, frozenset
    if origin is Literal or origin in (dict, Mapping):
        return None, _one_of(arguments) if origin is Literal else _checked(dict)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return None, kind
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return _fields(kind)
    if kind in (str, int, bool):
        return None, _checked(kind)
    if kind in (object, Any):
        return None, None
    raise InternalError(f"there is no codec for {kind!r}")


def _checked(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"a {type(value).__name__} is no {kind.__name__}")  # never the value: it may be secret
        return value

    return check


def _one_of(values: tuple[Any, ...]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in values:
            raise ValueError(f"{value!r} is none of {values}")
        return value

    return check


def _optional(kind: object, arguments: tuple[Any, ...]) -> tuple[Step, Step]:
    others = [argument for argument in arguments if argument is not type(None)]
    if len(others) != 1 or len(arguments) != 2:
        raise InternalError(f"there is no codec for {kind!r}: of a union only X | None")
    out, back = _steps(others[0])
    return (None if out is None else lambda value: None if value is None else out(value),
            None if back is None else lambda value: None if value is None else back(value))


def _tuple(arguments: tuple[Any, ...]) -> tuple[Step, Step]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        out, back = _steps(arguments[0])
        return (None if out is None else lambda values: [out(value) for value in values],
                lambda values: tuple(_list(values)) if back is None else tuple(back(value) for value in _list(values)))
    steps = [_steps(argument) for argument in arguments]

    def write(values: tuple[Any, ...]) -> list[Any]:
        return [value if out is None else out(value) for value, (out, _) in zip(values, steps, strict=True)]

    def read(values: Any) -> tuple[Any, ...]:
        return tuple(value if back is None else back(value)
                     for value, (_, back) in zip(_list(values), steps, strict=True))

    return write if any(out for out, _ in steps) else None, read


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__} is no list")
    return value


def _fields(kind: type) -> tuple[Step, Step]:
    hints = get_type_hints(kind)
    names = tuple(field.name for field in dataclasses.fields(kind))
    steps = {name: _steps(hints[name]) for name in names}
    outs = tuple((name, out) for name, (out, _) in steps.items() if out is not None)
    backs = {name: back for name, (_, back) in steps.items()}
    get: Callable[[Any], Any] = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)

    def write(value: Any) -> dict[str, Any]:
        plain = dict(zip(names, get(value), strict=True))
        for name, out in outs:
            plain[name] = out(plain[name])
        return plain

    def read(plain: Any) -> Any:
        if not isinstance(plain, dict):
            raise TypeError(f"a {type(plain).__name__} is no object")
        values = {}
        for name, value in plain.items():
            back = backs[name]
            values[name] = value if back is None else back(value)
        return kind(**values)

    return write, read


def _bundle_out(bundle: Bundle) -> dict[str, str]:
    return {name: base64.b64encode(content).decode("ascii") for name, content in bundle.members.items()}


def _bundle_back(members: dict[str, str]) -> Bundle:
    return Bundle.of_members({name: _bytes_back(text) for name, text in members.items()})


def _bytes_back(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_SPECIAL: Mapping[Any, tuple[Step, Step]] = {
    datetime: (datetime.isoformat, datetime.fromisoformat),
    bytes: (lambda data: base64.b64encode(data).decode("ascii"), _bytes_back),
    Bundle: (_bundle_out, _bundle_back),
}
