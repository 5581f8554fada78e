"""Parameters of operations: declared as data, parsed from text, refused with the rule that was broken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from harness.errors import InternalError
from harness.formats.sid import is_sid
from harness.virtual.cloud.records import NOBODY, Callback
from harness.virtual.cloud.refusals import INVALID_PARAMETER, UNKNOWN_PARAMETER, Refused, invalid

EmptyUrl: TypeAlias = Literal["clear", "clear-set", "refuse"]
Value: TypeAlias = str | int | bool | datetime | tuple[str, ...]

UNIQUE_NAME_LENGTH = 64
"""Longest unique name in characters, as documented for rate plans."""

URL_LENGTH = 2_048
"""Longest callback URL in characters."""

_FIRST_YEAR, _LAST_YEAR = 1970, 9_998
_INTEGER = re.compile(r"-?[0-9]{1,12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
                   r"(?:[Zz]|[+ -][0-9]{2}:?[0-9]{2})?)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


class Kind(StrEnum):
    """What a parameter's text means."""

    TEXT = "text"
    NAME = "unique name"
    REFERENCE = "SID or unique name"
    SID = "SID"
    SIDS = "SIDs, one per repetition of the name"
    ENUM = "one of a list"
    FLAG = "true or false"
    NUMBER = "whole number"
    URL = "http or https URL"
    ENUMS = "values of a list, one per repetition of the name"
    DATE = "date or date and time, ISO 8601"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A parameter of an operation.

    Attributes:
        name: as it is written on the wire; case counts.
        required: whether it must be given, and not be empty.
        prefix: letters of the SID it names, or that a unique name must not look like.
        values: what is allowed, for an ENUM.
        minimum, maximum: bounds of a NUMBER, or of the length of a TEXT in characters.
        attribute: attribute of the record that a list filter of this name looks at.
        missing: error code where it is required and absent.
        invalid: error code where its value breaks a rule.
        format: what OpenAPI calls the kind of text it is, if it has a name for it.
        aliases: names that older clients use for it.
        may_be_empty: for a URL, whether an empty value is let through, for the model to judge.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    prefix: str = ""
    values: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    attribute: str = ""
    missing: int = UNKNOWN_PARAMETER
    invalid: int = INVALID_PARAMETER
    format: str = ""
    aliases: tuple[str, ...] = ()
    may_be_empty: bool = False

    def parse(self, texts: list[str]) -> Value:
        """Return the value of what was given, once or, for SIDS, as often as one likes.

        Raises:
            Refused: it breaks a rule of the declaration.
        """
        try:
            return self._parse(texts)
        except Refused as refused:
            if self.invalid == INVALID_PARAMETER:
                raise
            raise Refused(self.invalid, refused.message) from None

    def _parse(self, texts: list[str]) -> Value:
        if self.kind is Kind.SIDS:
            return tuple(dict.fromkeys(self._sid(text) for text in texts))
        if self.kind is Kind.ENUMS:
            return tuple(dict.fromkeys(self._one_of(text) for text in texts))
        if len(texts) > 1:
            raise invalid(self.name, f"given {len(texts)} times")
        text = texts[0]
        if text == "" and (self.required or self.kind in _NEVER_EMPTY):
            raise invalid(self.name, "must not be empty")
        return _PARSERS[self.kind](self, text)

    def _flag(self, text: str) -> bool:
        if (value := _BOOLEANS.get(text.lower())) is None:
            raise invalid(self.name, "must be true or false")
        return value

    def _url(self, text: str) -> str:
        return text if text == "" and self.may_be_empty else _url(self.name, text)

    def _date(self, text: str) -> datetime:
        return _date(self.name, text)

    def _one_of(self, text: str) -> str:
        if text not in self.values:
            raise invalid(self.name, f"must be one of {', '.join(self.values)}")
        return text

    def _text(self, text: str) -> str:
        if self.minimum is not None and len(text) < self.minimum:
            raise invalid(self.name, f"must have at least {self.minimum} characters")
        if self.maximum is not None and len(text) > self.maximum:
            raise invalid(self.name, f"must have at most {self.maximum} characters")
        return text

    def _number(self, text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise invalid(self.name, "must be a whole number")
        value = int(text)
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise invalid(self.name, f"must be between {self.minimum} and {self.maximum}")
        return value

    def _sid(self, text: str) -> str:
        if not is_sid(text, self.prefix):
            raise invalid(self.name, f"must be a SID: {self.prefix} and 32 hexadecimal digits")
        return text

    def _unique_name(self, text: str) -> str:
        if len(text) > UNIQUE_NAME_LENGTH:
            raise invalid(self.name, f"must have at most {UNIQUE_NAME_LENGTH} characters")
        if _CONTROL.search(text):
            raise invalid(self.name, "must not hold control characters")
        if self.prefix and is_sid(text, self.prefix):
            raise invalid(self.name, "must not look like a SID")
        return text


# No member is SIDS or ENUMS: those take several texts.
_PARSERS: Mapping[Kind, Callable[[Param, str], Value]] = {
    Kind.FLAG: Param._flag, Kind.NUMBER: Param._number, Kind.ENUM: Param._one_of, Kind.DATE: Param._date,
    Kind.SID: Param._sid, Kind.URL: Param._url, Kind.NAME: Param._unique_name, Kind.TEXT: Param._text,
    Kind.REFERENCE: Param._text,
}
_NEVER_EMPTY = frozenset({Kind.FLAG, Kind.NUMBER, Kind.ENUM, Kind.SID, Kind.DATE})


class Arguments:
    """The values of one call, by parameter name; asking for another kind than was declared is a bug of ours."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def __repr__(self) -> str:
        return f"Arguments({sorted(self._values)})"

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """Return a text, None if it was not given."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise InternalError(f"{name} is no text")
        return value

    def required(self, name: str) -> str:
        """Return a text that was declared as required."""
        value = self.text(name)
        if value is None:
            raise InternalError(f"{name} was not declared as required")
        return value

    def number(self, name: str, default: int) -> int:
        """Return a number."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InternalError(f"{name} is no number")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise InternalError(f"{name} is no boolean")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a repeated parameter."""
        value = self._values.get(name, ())
        if not isinstance(value, tuple):
            raise InternalError(f"{name} is no list")
        return value

    def moment(self, name: str, default: datetime) -> datetime:
        """Return a date and time in UTC."""
        value = self._values.get(name, default)
        if not isinstance(value, datetime):
            raise InternalError(f"{name} is no date")
        return value

    def callback(self) -> Callback:
        """Return what CallbackUrl and CallbackMethod say."""
        if "CallbackUrl" not in self._values and "CallbackMethod" not in self._values:
            return NOBODY
        return Callback(url=self.text("CallbackUrl") or None, method=self.text("CallbackMethod") or "POST")

    def url(self, name: str, now: str | None, *, empty: EmptyUrl, code: int = INVALID_PARAMETER) -> str | None:
        """Return the URL that a resource will have instead of ``now``; None if it is taken back.

        Raises:
            Refused: an empty value that ``empty`` does not let through.
        """
        text = self.text(name) or None
        if text is None and (empty == "refuse" or (empty == "clear-set" and now is None)):
            raise Refused(code, f"Invalid parameter {name}: must be an http or https URL; there is none to take back")
        return text

    def given(self, name: str) -> bool:
        """Return whether it was given and is not empty."""
        return bool(self._values.get(name))


def parse_arguments(params: tuple[Param, ...], pairs: Iterable[tuple[str, str]], *,
                    aliases: bool = True) -> tuple[Arguments, int]:
    """Return the values of the declared parameters and how many pairs nobody declared.

    Args:
        aliases: whether names that older clients use count.

    Raises:
        Refused: a required parameter is missing, or a value breaks a rule.
    """
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    values: dict[str, Value] = {}
    for param in params:
        given = texts.pop(param.name, None)
        for alias in param.aliases if aliases else ():
            other = texts.pop(alias, None)
            given = given if given is not None else other
        if given is not None:
            values[param.name] = param.parse(given)
        elif param.required:
            raise Refused(param.missing, f"Missing required parameter {param.name}")
    return Arguments(values), sum(map(len, texts.values()))


def _url(name: str, text: str) -> str:
    if len(text) > URL_LENGTH or not _URL.fullmatch(text):
        raise invalid(name, f"must be an http or https URL of at most {URL_LENGTH} characters")
    try:
        parts = urlsplit(text)
        reachable = parts.hostname is not None and parts.port != 0
    except ValueError:
        reachable = False
    if not reachable:
        raise invalid(name, "must be an http or https URL with a host")
    return text


def _date(name: str, text: str) -> datetime:
    """Return a date (midnight) or a date and time in UTC; without an offset it is UTC, as with one of ``Z``."""
    rule = "must be a date and time like 2026-01-31T12:00:00Z"
    if not _DATE.fullmatch(text):
        raise invalid(name, rule)
    try:
        value = datetime.fromisoformat(text.upper().replace(" ", "+"))
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(name, rule) from None
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:  # a month before and after it there still is a calendar
        raise invalid(name, f"must be in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value
