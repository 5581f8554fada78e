"""The numbers of a module: IMEI with its check digit (3GPP TS 23.003 clause 6.2 and annex B), and serial number."""

from __future__ import annotations

from typing import Final

from harness.clock import RandomStream
from harness.errors import UsageError

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def draw_imei(tac: str, stream: RandomStream) -> str:
    """Return an IMEI of a type (its first eight digits) with a drawn serial number and the right check digit."""
    body = tac + "".join(str(stream.randrange(10)) for _ in range(6))
    return body + check_digit(body)


def checked_imei(imei: str) -> str:
    """Return an IMEI as it came.

    Raises:
        UsageError: it has not 15 digits, or its check digit is wrong.
    """
    if not (imei.isascii() and imei.isdigit() and len(imei) == 15):
        raise UsageError(f"an IMEI has 15 digits: not {imei!r}")
    if check_digit(imei[:14]) != imei[14]:
        raise UsageError(f"the check digit of IMEI {imei!r} must be {check_digit(imei[:14])}")
    return imei


def check_digit(digits: str) -> str:
    """Return the check digit that belongs behind the first 14 digits."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def serial_number(imei: str) -> str:
    """Return what a maker would have printed on the module beside its IMEI: letters and digits, another for each."""
    number = int(imei[8:14])
    return f"{_LETTERS[number % 24]}{_LETTERS[number // 24 % 24]}{imei[4:8]}{number:06d}"
