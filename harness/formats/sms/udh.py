"""User data headers: the information elements before the text (3GPP TS 23.040 clause 9.2.3.24).

Elements this module knows become objects of their own; every other one is kept as :class:`RawElement`, octet for octet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from harness.errors import PduError
from harness.formats.sms.alphabets import LOCKING_SHIFT, Language

__all__ = [
    "Concatenation",
    "InformationElement",
    "NationalLanguage",
    "Ports",
    "RawElement",
    "decode_header",
    "encode_header",
]

_CONCATENATION_8, _CONCATENATION_16 = 0x00, 0x08
_PORTS_8, _PORTS_16 = 0x04, 0x05
_SINGLE_SHIFT, _LOCKING_SHIFT = 0x24, 0x25


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation:
    """This message is part ``sequence`` (from 1) of ``total`` (clauses 9.2.3.24.1 and 9.2.3.24.8).

    Attributes:
        reference: number shared by the parts of one message, 0 to 255, or to 65535 with ``wide``.
        wide: whether the reference has 16 bits.
    """

    reference: int
    total: int
    sequence: int
    wide: bool = False

    @property
    def identifier(self) -> int:
        """The information element identifier."""
        return _CONCATENATION_16 if self.wide else _CONCATENATION_8

    def value(self) -> bytes:
        """Return the element's data octets; PduError where a number does not fit."""
        octets = 2 if self.wide else 1
        if not 0 <= self.reference < 1 << 8 * octets:
            raise PduError(f"a {8 * octets}-bit concatenation reference cannot be {self.reference}")
        if not 1 <= self.sequence <= self.total <= 255:
            raise PduError(
                f"part {self.sequence} of {self.total} is outside 1 to 255 (3GPP TS 23.040 clause 9.2.3.24.1)"
            )
        return self.reference.to_bytes(octets, "big") + bytes((self.total, self.sequence))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The message is for an application's port (clauses 9.2.3.24.3 and 9.2.3.24.4).

    Attributes:
        wide: whether ports have 16 bits; with 8 only 240 to 255 are meant for use, though any can be written.
    """

    destination: int
    source: int
    wide: bool = True

    @property
    def identifier(self) -> int:
        """The information element identifier."""
        return _PORTS_16 if self.wide else _PORTS_8

    def value(self) -> bytes:
        """Return the element's data octets; PduError where a port does not fit."""
        octets = 2 if self.wide else 1
        for port in (self.destination, self.source):
            if not 0 <= port < 1 << 8 * octets:
                raise PduError(f"a {8 * octets}-bit application port cannot be {port}")
        return self.destination.to_bytes(octets, "big") + self.source.to_bytes(octets, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalLanguage:
    """The text uses a national language table (clauses 9.2.3.24.15 and 9.2.3.24.16).

    Attributes:
        locking: True for the locking shift table, False for the single shift table.
    """

    language: Language
    locking: bool = False

    @property
    def identifier(self) -> int:
        """The information element identifier."""
        return _LOCKING_SHIFT if self.locking else _SINGLE_SHIFT

    def value(self) -> bytes:
        """Return the element's data octet; PduError where the language has no such table."""
        if self.language is Language.DEFAULT or (self.locking and self.language not in LOCKING_SHIFT):
            raise PduError(f"{self.language.name} is no national language table (3GPP TS 23.038 clause 6.2.1.2.4)")
        return bytes((self.language,))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawElement:
    """An information element without a meaning to this module: identifier and data octets."""

    identifier: int
    data: bytes = b""

    def value(self) -> bytes:
        """Return the element's data octets."""
        return self.data


InformationElement: TypeAlias = Concatenation | Ports | NationalLanguage | RawElement
"""One element of a user data header."""


def encode_header(elements: Iterable[InformationElement]) -> bytes:
    """Return the user data header with its length octet.

    Raises:
        PduError: an identifier or an element does not fit its octets, or the whole is over 140 octets.
    """
    block = bytearray()
    for element in elements:
        value = element.value()
        if not 0 <= element.identifier <= 255 or len(value) > 255:
            raise PduError("an information element has one octet of identifier and at most 255 of data")
        block += bytes((element.identifier, len(value))) + value
    if len(block) > 139:
        raise PduError(f"the user data header takes {1 + len(block)} of 140 octets (3GPP TS 23.040 clause 9.2.3.24)")
    return bytes((len(block),)) + bytes(block)


def decode_header(block: bytes) -> tuple[tuple[InformationElement, ...], tuple[str, ...]]:
    """Return the elements in ``block`` (the header without its length octet) and what was odd about them."""
    elements: list[InformationElement] = []
    defects: list[str] = []
    at = 0
    while at < len(block):
        if at + 2 > len(block) or at + 2 + block[at + 1] > len(block):
            defects.append(f"information element 0x{block[at]:02x} runs past the user data header")
            break
        identifier, length = block[at], block[at + 1]
        element, defect = _decode_element(identifier, block[at + 2 : at + 2 + length])
        elements.append(element)
        if defect:
            defects.append(defect)
        at += 2 + length
    return tuple(elements), tuple(defects)


def _decode_element(identifier: int, data: bytes) -> tuple[InformationElement, str]:
    raw = RawElement(identifier=identifier, data=data)
    wide = identifier in (_CONCATENATION_16, _PORTS_16)
    if identifier in (_CONCATENATION_8, _CONCATENATION_16):
        if len(data) != 3 + wide:
            return raw, f"concatenation element of {len(data)} octets ignored"
        reference, total, sequence = int.from_bytes(data[:-2], "big"), data[-2], data[-1]
        if not 1 <= sequence <= total:
            return raw, f"concatenation element for part {sequence} of {total} ignored"
        return Concatenation(reference=reference, total=total, sequence=sequence, wide=wide), ""
    if identifier in (_PORTS_8, _PORTS_16):
        half = 1 + wide
        if len(data) != 2 * half:
            return raw, f"application port element of {len(data)} octets ignored"
        destination, source = int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")
        return Ports(destination=destination, source=source, wide=wide), ""
    if identifier in (_SINGLE_SHIFT, _LOCKING_SHIFT):
        locking = identifier == _LOCKING_SHIFT
        if len(data) != 1 or not 0 < data[0] < len(Language) or (locking and data[0] not in LOCKING_SHIFT):
            return raw, f"national language element {data.hex()} names no table; ignored"
        return NationalLanguage(language=Language(data[0]), locking=locking), ""
    return raw, ""
