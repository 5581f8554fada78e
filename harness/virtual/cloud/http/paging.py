"""Pages of lists: parameters, tokens and the ``meta`` object (PageSize, Page, PageToken)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harness.virtual.cloud.refusals import INVALID_PARAMETER, PAGE_SIZE, Refused, invalid
from harness.virtual.cloud.resources import Items, Listing

DEFAULT_SIZE = 50
MAX_SIZE = 1_000
PAGING = ("PageSize", "Page", "PageToken")

_DIGITS = 12
_MAC = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page is asked for.

    Attributes:
        number: for the client's own counting; without a token, how many pages to skip.
        position: sequence number of the record beside the page, None if no token was given.
        backwards: whether the page ends above that record instead of beginning below it.
    """

    size: int = DEFAULT_SIZE
    number: int = 0
    position: int | None = None
    backwards: bool = False


class Tokens:
    """Page tokens that only this cloud can have issued: ``PA`` leads on, ``PB`` leads back.

    A token holds a position in a list and a MAC over it and the list's name.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Tokens()"

    def issue(self, kind: str, list_name: str, position: int) -> str:
        """Return the token for the page beside ``position``."""
        digits = f"{position:0{_DIGITS}x}"
        return kind + digits + self._mac(kind, list_name, digits)

    def position(self, token: str, list_name: str) -> tuple[str, int]:
        """Return kind and position of a token.

        Raises:
            Refused: we did not issue it for this list.
        """
        kind, digits, mac = token[:2], token[2:2 + _DIGITS], token[2 + _DIGITS:]
        if not token.isascii() or not hmac.compare_digest(mac, self._mac(kind, list_name, digits)):
            raise invalid("PageToken", "it was not issued for this list")
        return kind, int(digits, 16)

    def _mac(self, kind: str, list_name: str, digits: str) -> str:
        return hmac.digest(self._secret, f"{kind}{list_name}:{digits}".encode(), "sha256").hex()[:_MAC]


def page_request(pairs: Sequence[tuple[str, str]], tokens: Tokens, list_name: str) -> PageRequest:
    """Return which page a query asks for.

    Raises:
        Refused: a number out of range, or a token that is not ours.
    """
    given: dict[str, str] = {}
    for name, text in pairs:
        if name in PAGING:
            if name in given:
                raise invalid(name, "given 2 times")
            given[name] = text
    size = _number(given, "PageSize", DEFAULT_SIZE)
    if size > MAX_SIZE:
        raise Refused(PAGE_SIZE, f"PageSize must be at most {MAX_SIZE}")
    if size < 1:
        raise invalid("PageSize", "must be at least 1")
    number = _number(given, "Page", 0)
    if number < 0:
        raise invalid("Page", "must not be negative")
    if "PageToken" not in given:
        return PageRequest(size=size, number=number)
    kind, position = tokens.position(given["PageToken"], list_name)
    return PageRequest(size=size, number=number, position=position, backwards=kind == "PB")


def cut(result: Listing | Items, asked: PageRequest) -> tuple[list[Any], int | None, int | None]:
    """Return the records of a page, and the positions that the next page begins below and the previous ends above."""
    if isinstance(result, Items):
        start = asked.number * asked.size if asked.position is None else asked.position
        start = max(0, start - asked.size) if asked.backwards else start
        items = list(result.items[start:start + asked.size])
        more = start + asked.size < len(result.items)
        return items, start + asked.size if more else None, start if start > 0 and items else None
    page = result.collection.page(
        result.filters, size=asked.size, skip=asked.number * asked.size if asked.position is None else 0,
        below=None if asked.backwards else asked.position, above=asked.position if asked.backwards else None)
    return (page.records, page.records[-1].seq if page.older else None, page.records[0].seq if page.newer else None)


def meta(*, key: str, url: str, filters: Sequence[tuple[str, str]], asked: PageRequest, token: str | None,
         older: str | None, newer: str | None) -> dict[str, object]:
    """Return the ``meta`` object of a page; ``older`` and ``newer`` are tokens of the neighbours, None at the ends."""

    def link(number: int, token: str | None) -> str:
        query = [*filters, ("PageSize", str(asked.size)), ("Page", str(number))]
        return f"{url}?{urlencode(query + ([('PageToken', token)] if token else []))}"

    return {
        "page": asked.number, "page_size": asked.size, "first_page_url": link(0, None),
        "previous_page_url": link(max(0, asked.number - 1), newer) if newer else None,
        "url": link(asked.number, token), "next_page_url": link(asked.number + 1, older) if older else None, "key": key,
    }


def _number(given: dict[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise Refused(INVALID_PARAMETER, f"Invalid parameter {name}: must be a whole number")
    return int(text)
