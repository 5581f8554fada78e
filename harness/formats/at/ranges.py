"""Lists of numbers as commands take them and test forms tell them: ``0-5,50`` and ``(0-2),(0,2)``.

ITU-T V.250 clause 5.7.3 for the lists in parentheses, 3GPP TS 27.005 clause 3.1 for ``<mids>`` and ``<dcss>``.
"""

from __future__ import annotations

import re
from typing import Final

from harness.errors import AtSyntaxError

__all__ = ["parse_numbers", "parse_ranges"]

_ITEM: Final = re.compile(r" *([0-9]{1,9})(?: *- *([0-9]{1,9}))? *")
_GROUPS: Final = re.compile(r"\(([^()]*)\)(?:,(?=\()|$)")


def parse_numbers(text: str) -> tuple[range, ...]:
    """Return the numbers of ``0-5,50``; none for an empty text.

    Raises:
        AtSyntaxError: it is no such list.

    >>> parse_numbers("0-5,50")
    (range(0, 6), range(50, 51))
    """
    if not text.strip(" "):
        return ()
    found = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise AtSyntaxError(f"{item[:40]!r} is neither a number nor a range of numbers")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise AtSyntaxError(f"the range {item[:40]!r} ends before it begins")
        found.append(range(first, last + 1))
    return tuple(found)


def parse_ranges(text: str) -> tuple[tuple[range, ...], ...]:
    """Return the lists of ``(0-2),(0,2)``, one for each parameter.

    Raises:
        AtSyntaxError: it is not made of lists in parentheses.
    """
    groups, at = [], 0
    while at < len(text):
        match = _GROUPS.match(text, at)
        if match is None:
            raise AtSyntaxError(f"a list in parentheses must stand at {text[at:at + 20]!r} (ITU-T V.250 clause 5.7.3)")
        groups.append(parse_numbers(match[1]))
        at = match.end()
    return tuple(groups)
