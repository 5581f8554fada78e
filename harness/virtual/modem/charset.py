"""The TE character sets of +CSCS: how strings look on the line (3GPP TS 27.007 clause 5.5).

Strings on the line are kept as text with one character to the octet (Latin-1), as the line layer reads and writes them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from harness.formats.sms import gsm7

CHARACTER_SETS: Final = ("GSM", "IRA", "UCS2", "HEX", "8859-1")
"""Those there are; ``HEX`` is the GSM alphabet with each character written as two hexadecimal digits."""
_DIALLED: Final = frozenset("+0123456789*#abcABC")


def to_line(text: str, charset: str) -> str:
    """Return ``text`` as it is written on the line; what the character set lacks becomes a question mark."""
    if charset == "UCS2":
        return text.encode("utf-16-be", "surrogatepass").hex().upper()
    if charset == "IRA":
        return text.encode("ascii", "replace").decode("ascii")
    if charset == "8859-1":
        return text.encode("latin-1", "replace").decode("latin-1")
    if not gsm7.is_encodable(text):
        text = "".join(character if gsm7.is_encodable(character) else "?" for character in text)
    septets = gsm7.encode(text)
    return septets.hex().upper() if charset == "HEX" else septets.decode("latin-1")


def from_line(line: str, charset: str) -> str:
    """Return the text that stands on the line.

    Raises:
        ValueError: it is not in that character set.
    """
    if charset == "UCS2":
        return bytes.fromhex(line).decode("utf-16-be", "surrogatepass")
    if charset == "IRA":
        return line.encode("ascii").decode("ascii")
    if charset == "8859-1":
        return line.encode("latin-1").decode("latin-1")
    septets = bytes.fromhex(line) if charset == "HEX" else line.encode("latin-1")
    if any(septet > 0x7F for septet in septets):
        raise ValueError("an octet above 0x7F is no GSM septet")
    return gsm7.decode(septets)


def number_from_line(line: str, charset: str) -> str:
    """Return the telephone number that stands on the line; where texts are HEX, many clients write it as it is.

    Raises:
        ValueError: it is not in that character set.
    """
    if charset == "HEX":
        with suppress(ValueError):
            if _DIALLED.issuperset(number := from_line(line, charset)):
                return number
        return line
    return from_line(line, charset)
