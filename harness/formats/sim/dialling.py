"""Records of the phone book files: a name and a number (3GPP TS 31.102 clauses 4.4.2.3 and 4.4.2.4).

A record has an alpha identifier of any length, then 14 octets: how many octets of the number follow, its type, ten
octets of digits, a record of a capability file, and a record of an extension file, where the digits beyond the
twentieth stand. EF_ADN, EF_FDN, EF_MSISDN, EF_SDN and the lists of calls all have this form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import CardFileError
from harness.formats.sim.alpha import decode_alpha, encode_alpha

__all__ = [
    "EXTENSION_OCTETS",
    "FIXED_OCTETS",
    "MAX_DIGITS",
    "RECORD_DIGITS",
    "DiallingNumber",
    "decode_extension",
    "decode_record",
    "encode_extension",
    "encode_record",
    "extension_of",
    "is_free",
]

FIXED_OCTETS = 14
"""Octets of a record behind the alpha identifier."""
EXTENSION_OCTETS = 13
"""Octets of a record of an extension file."""
RECORD_DIGITS = 20
"""Digits that a record holds, and an extension as well."""
MAX_DIGITS = 80
"""The longest number that is followed through extensions."""

UNKNOWN, INTERNATIONAL = 0x81, 0x91
"""Types of number in the ISDN numbering plan."""

_NONE = 0xFF
_ADDITIONAL = 2  # type of an extension: more digits
_DIGITS = "0123456789*#p?e"
_SPELLINGS = str.maketrans({"P": "p", ",": "p", "W": "?", "w": "?", "E": "e", "-": "", " ": "", "(": "", ")": "",
                            ".": "", "/": ""})
_NUMBER = re.compile(r"\+?[0-9*#p?e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiallingNumber:
    """A name with a number.

    Attributes:
        digits: 0 to 9, ``*``, ``#``, ``p`` before digits that are sent as tones, ``?`` for any digit, ``e`` for the
            expansion digit; without a plus sign.
        name: the alpha identifier.
        type_octet: type of number and numbering plan, 128 to 255 (3GPP TS 24.008 clause 10.5.4.7).
        capability: record of the capability file, 255 for none.

    >>> DiallingNumber.parse("+44 7700 900123", name="Ann")
    DiallingNumber('+447700900123', name='Ann')
    """

    digits: str
    name: str = ""
    type_octet: int = UNKNOWN
    capability: int = _NONE

    @classmethod
    def parse(cls, number: str, *, name: str = "", type_octet: int | None = None) -> DiallingNumber:
        """Return an entry for a number as people write it: a plus sign makes it international, whatever its type says.

        Raises:
            CardFileError: it has a character that can't be dialled.
        """
        plain = number.translate(_SPELLINGS)
        if _NUMBER.fullmatch(plain) is None:
            raise CardFileError(f"a number to dial has 0-9 * # p ? and a plus sign in front, not {number!r}"
                                " (3GPP TS 31.102 clause 4.4.2.3)")
        kind = type_octet if type_octet is not None else UNKNOWN
        if plain.startswith("+") and kind >> 4 & 7 != 1:
            kind = INTERNATIONAL
        return cls(digits=plain.removeprefix("+"), name=name, type_octet=kind)

    @property
    def is_international(self) -> bool:
        """Whether the type of number says so."""
        return self.type_octet >> 4 & 7 == 1

    @property
    def number(self) -> str:
        """The number as people write it, with a plus sign if it is international."""
        return f"+{self.digits}" if self.is_international and self.digits else self.digits

    def __repr__(self) -> str:
        usual = INTERNATIONAL if self.is_international else UNKNOWN
        kind = "" if self.type_octet == usual else f", type_octet=0x{self.type_octet:02x}"
        return f"DiallingNumber({self.number!r}, name={self.name!r}{kind})"


def encode_record(entry: DiallingNumber | None, octets: int, *, extension: int = _NONE) -> bytes:
    """Return a record of so many octets; None frees it. Digits beyond the twentieth belong into ``extension``.

    Raises:
        CardFileError: the name does not fit, there is more than a record holds and no extension, the type is out of
            range, or the record is too short for any number.
    """
    if octets < FIXED_OCTETS:
        raise CardFileError(f"a record with a number has at least {FIXED_OCTETS} octets, not {octets}")
    if entry is None:
        return b"\xff" * octets
    if len(entry.digits) > RECORD_DIGITS and extension == _NONE:
        raise CardFileError(f"a record holds {RECORD_DIGITS} digits, and there is no extension for the others")
    if not 0x80 <= entry.type_octet <= 0xFF or not 0 <= entry.capability <= 0xFF:
        raise CardFileError("the type of a number is 128 to 255, and a capability record 0 to 255")
    head = encode_alpha(entry.name, octets - FIXED_OCTETS)
    first = _encode_digits(entry.digits[:RECORD_DIGITS])
    kind = bytes((1 + len(first), entry.type_octet)) if first else bytes((_NONE, _NONE))
    return head + kind + first.ljust(10, b"\xff") + bytes((entry.capability, extension))


def decode_record(record: bytes, extension: Callable[[int], bytes | None] | None = None) -> DiallingNumber | None:
    """Return the entry in a record, None if the record is free.

    Args:
        extension: returns a record of the extension file by number, None for one that there is not.

    Raises:
        CardFileError: the record is shorter than any with a number.
    """
    if len(record) < FIXED_OCTETS:
        raise CardFileError(f"a record with a number has at least {FIXED_OCTETS} octets, not {len(record)}")
    if is_free(record):
        return None
    name, fixed = record[:-FIXED_OCTETS], record[-FIXED_OCTETS:]
    length = 0 if fixed[0] == _NONE else min(fixed[0], 11)
    digits = _decode_digits(fixed[2:1 + length]) if length > 1 else ""
    number, seen = extension_of(record), {_NONE, 0}
    while extension is not None and number not in seen and len(digits) < MAX_DIGITS:
        seen.add(number)
        body = extension(number)
        if body is None:
            break
        more, number = decode_extension(body)
        digits += more
    return DiallingNumber(digits=digits, name=decode_alpha(name),
                          type_octet=fixed[1] | 0x80 if digits and fixed[1] != _NONE else UNKNOWN,
                          capability=fixed[12])


def is_free(record: bytes) -> bool:
    """Tell whether a record holds neither a name nor a number."""
    name, fixed = record[:-FIXED_OCTETS], record[-FIXED_OCTETS:]
    return name.strip(b"\xff") == b"" and (fixed[0] in (0, _NONE) or fixed[2:12].strip(b"\xff") == b"")


def extension_of(record: bytes) -> int:
    """Return which record of the extension file a record continues in; 255 or 0: in none."""
    return record[-1]


def encode_extension(digits: str, *, following: int = _NONE) -> bytes:
    """Return a record of an extension file with up to 20 digits, and where still more of them are.

    Raises:
        CardFileError: more digits than that, or a character that is none.
    """
    if len(digits) > RECORD_DIGITS:
        raise CardFileError(f"an extension holds {RECORD_DIGITS} digits, not {len(digits)}")
    body = _encode_digits(digits)
    return bytes((_ADDITIONAL, len(body))) + body.ljust(10, b"\xff") + bytes((following,))


def decode_extension(record: bytes) -> tuple[str, int]:
    """Return the digits of an extension and the number of the next; none where it holds something else, or nothing."""
    if len(record) != EXTENSION_OCTETS or record[0] != _ADDITIONAL:
        return "", _NONE
    return _decode_digits(record[2:2 + min(record[1], 10)]), record[-1]


def _encode_digits(digits: str) -> bytes:
    try:
        nibbles = [_DIGITS.index(digit) for digit in digits]
    except ValueError:
        raise CardFileError(f"a number has 0-9 * # p ? e, not {digits!r} (3GPP TS 31.102 clause 4.4.2.3)") from None
    if len(nibbles) % 2:
        nibbles.append(0xF)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _decode_digits(octets: bytes) -> str:
    nibbles = [nibble for octet in octets for nibble in (octet & 15, octet >> 4)]
    if 0xF in nibbles:
        nibbles = nibbles[:nibbles.index(0xF)]
    return "".join(_DIGITS[nibble] for nibble in nibbles)
