"""Resource identifiers: two letters that name the kind, then 32 hexadecimal digits.

The letters below are those the Super SIM, Programmable Wireless and Microvisor APIs use in their published
specifications and event schemas. Nothing is drawn at random here: the caller brings the digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.errors import SidError

__all__ = ["PREFIXES", "check_sid", "is_sid", "make_sid"]

PREFIXES: Final[Mapping[str, str]] = MappingProxyType({
    "AC": "account",
    "SK": "API key",
    "HS": "Super SIM Sim",
    "HF": "Super SIM Fleet",
    "HA": "Super SIM network access profile",
    "HW": "Super SIM network",
    "HC": "Super SIM SMS Command",
    "HG": "Super SIM IP Command",
    "HP": "Super SIM eSIM profile",
    "HB": "Super SIM billing period",
    "OB": "Super SIM settings update",
    "DE": "Programmable Wireless Sim",
    "DC": "Programmable Wireless Command",
    "WP": "Programmable Wireless rate plan",
    "WN": "Programmable Wireless data session",
    "KA": "Microvisor app",
    "UV": "Microvisor device",
    "CV": "Microvisor Config or Secret: ours, the API knows them by key only",
    "PI": "data session of a connection event",
    "EZ": "event",
    "DG": "event sink",
    "NO": "debugger notification",
})
"""Two-letter prefix to what it identifies."""

_DIGITS = re.compile(r"[0-9a-fA-F]{32}")


def is_sid(text: str, prefix: str) -> bool:
    """Tell whether ``text`` is a resource identifier of the kind that ``prefix`` names.

    >>> is_sid("HS" + 32 * "0", "HS"), is_sid("HS" + 32 * "0", "HF"), is_sid("HS0", "HS")
    (True, False, False)
    """
    return text[:2] == prefix and _DIGITS.fullmatch(text, 2) is not None


def check_sid(text: str, *prefixes: str) -> str:
    """Return ``text`` if it is an identifier of one of the kinds named, or of any known kind if none is named.

    Raises:
        SidError: it is not; the message tells what was expected.
    """
    allowed = prefixes or tuple(PREFIXES)
    if any(is_sid(text, prefix) for prefix in allowed):
        return text
    shown = text if len(text) <= 40 else text[:40] + "..."
    kinds = " or ".join(f"{prefix} ({PREFIXES.get(prefix, 'unknown kind')})" for prefix in prefixes) or "a known prefix"
    raise SidError(f"{shown!r} is not an identifier: expected {kinds} and 32 hexadecimal digits")


def make_sid(prefix: str, random_hex: str) -> str:
    """Return the identifier made of ``prefix`` and 32 hexadecimal digits, in lower case.

    Raises:
        SidError: the prefix is not one of :data:`PREFIXES`, or ``random_hex`` is not 32 hexadecimal digits.
    """
    if prefix not in PREFIXES:
        raise SidError(f"{prefix!r} is not a known prefix; known are {', '.join(PREFIXES)}")
    if _DIGITS.fullmatch(random_hex) is None:
        raise SidError(f"an identifier needs exactly 32 hexadecimal digits, got {random_hex[:40]!r}")
    return prefix + random_hex.lower()
