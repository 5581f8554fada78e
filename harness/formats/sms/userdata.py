"""User data: header and text or octets in one block, and the cursor that TPDUs are read with.

3GPP TS 23.040 clauses 9.2.3.16 (TP-UDL), 9.2.3.23 (TP-UDHI) and 9.2.3.24 (TP-UD). Encoding is strict. Decoding takes
what is there and tells in words what was odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.errors import PduError
from harness.formats.sms import gsm7
from harness.formats.sms.address import Address
from harness.formats.sms.alphabets import Language
from harness.formats.sms.coding import Alphabet, DataCoding
from harness.formats.sms.timestamp import TIMESTAMP_OCTETS, decode_timestamp
from harness.formats.sms.udh import (
    Concatenation,
    InformationElement,
    NationalLanguage,
    Ports,
    decode_header,
    encode_header,
)

__all__ = ["MAX_TPDU", "MAX_USER_DATA", "Cursor", "UserData", "encode_user_data", "languages", "octet"]

MAX_USER_DATA = 140
"""Octets of TP-UD in SMS-DELIVER and SMS-SUBMIT."""

MAX_TPDU = 164
"""Octets of the longest TPDU of any kind: the sizes in clause 9.2.2 all end there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """The part of a TPDU that carries content; every TPDU class has these fields.

    Attributes:
        text: the text, None where the user data is octets or there is none.
        data: the octets after the header where they are not text (8-bit or compressed), else empty.
        user_data_header: information elements before the content.
        defects: what was odd about the octets this was decoded from; empty for a sound one.
    """

    text: str | None = None
    data: bytes = b""
    user_data_header: tuple[InformationElement, ...] = ()
    defects: tuple[str, ...] = ()

    @property
    def concatenation(self) -> Concatenation | None:
        """Which part of a longer message this is, or None; the last element counts (clause 9.2.3.24)."""
        found = [element for element in self.user_data_header if isinstance(element, Concatenation)]
        return found[-1] if found else None

    @property
    def ports(self) -> Ports | None:
        """The application ports, or None; the last element counts."""
        found = [element for element in self.user_data_header if isinstance(element, Ports)]
        return found[-1] if found else None


def languages(header: Sequence[InformationElement]) -> tuple[Language, Language]:
    """Return the locking and the single shift table that a header selects; of several the last counts."""
    locking = single = Language.DEFAULT
    for element in header:
        if isinstance(element, NationalLanguage):
            if element.locking:
                locking = element.language
            else:
                single = element.language
    return locking, single


def encode_user_data(content: UserData, coding: DataCoding, *, limit: int = MAX_USER_DATA) -> bytes:
    """Return TP-UDL and TP-UD.

    Raises:
        PduError: text where octets belong or the other way round, a character outside the alphabet, or more than
            ``limit`` octets.
    """
    header = encode_header(content.user_data_header) if content.user_data_header else b""
    if coding.compressed or coding.alphabet is Alphabet.OCTETS:
        if content.text is not None:
            raise PduError(f"user data coded as {coding!r} is octets: give data, not text (3GPP TS 23.038 clause 4)")
        return _with_length(header + content.data, limit)
    if content.text is None or content.data:
        raise PduError(f"user data coded as {coding!r} is text: give text, not data (3GPP TS 23.038 clause 4)")
    if coding.alphabet is Alphabet.UCS2:
        try:
            return _with_length(header + content.text.encode("utf-16-be"), limit)
        except UnicodeEncodeError:
            raise PduError("the text holds half of a surrogate pair, which is no character") from None
    locking, single = languages(content.user_data_header)
    fill_bits = gsm7.fill_bits_after(len(header))
    septets = gsm7.encode(content.text, locking=locking, single=single)
    length = (8 * len(header) + fill_bits) // 7 + len(septets)
    if length > gsm7.septets_in(limit):
        raise PduError(
            f"the user data takes {length} septets, {gsm7.septets_in(limit)} fit (3GPP TS 23.040 clause 9.2.3.16)"
        )
    return bytes((length,)) + header + gsm7.pack(septets, fill_bits)


def _with_length(user_data: bytes, limit: int) -> bytes:
    if len(user_data) > limit:
        raise PduError(f"the user data takes {len(user_data)} octets, {limit} fit (3GPP TS 23.040 clause 9.2.3.16)")
    return bytes((len(user_data),)) + user_data


def octet(value: int, name: str) -> int:
    """Return ``value``; PduError if it does not fit an octet."""
    if not 0 <= value <= 255:
        raise PduError(f"{name} is one octet, not {value}")
    return value


class Cursor:
    """A place in a TPDU that is being read, and the defects met so far."""

    __slots__ = ("_at", "_tpdu", "defects")

    def __init__(self, tpdu: bytes) -> None:
        if not tpdu:
            raise PduError("a TPDU has at least one octet (3GPP TS 23.040 clause 9.2.2)")
        self._tpdu = bytes(tpdu)
        self._at = 0
        self.defects: list[str] = []
        if len(tpdu) > MAX_TPDU:
            self.defects.append(f"the TPDU has {len(tpdu)} octets, at most {MAX_TPDU} are possible")

    @property
    def remaining(self) -> int:
        """How many octets are left."""
        return len(self._tpdu) - self._at

    @property
    def room(self) -> int:
        """How many octets the longest TPDU has from here on."""
        return max(0, MAX_TPDU - self._at)

    def peek(self) -> int:
        """Return the next octet and stay before it; 0 at the end."""
        return self._tpdu[self._at] if self.remaining else 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` octets, or as many as there are."""
        field = self._tpdu[self._at : self._at + count]
        self._at += len(field)
        return field

    def octet(self, name: str) -> int:
        """Return the next octet; at the end 0, and a defect that names the field."""
        if self._at == len(self._tpdu):
            self.defects.append(f"the TPDU ends before {name}")
            return 0
        self._at += 1
        return self._tpdu[self._at - 1]

    def address(self, name: str) -> Address:
        """Return the address field here.

        Raises:
            PduError: it is cut off, so that nothing behind it can be told.
        """
        if not self.remaining:
            raise PduError(f"the TPDU ends before {name} (3GPP TS 23.040 clause 9.1.2.5)")
        length = self.octet(name)
        try:
            address, defects = Address.decode(length, self.take(1 + (length + 1) // 2))
        except PduError as error:
            raise PduError(f"{name}: {error}") from None
        self.defects += [f"{name}: {defect}" for defect in defects]
        return address

    def timestamp(self, name: str) -> datetime | None:
        """Return the time stamp here, None where it is no moment."""
        moment, defects = decode_timestamp(self.take(TIMESTAMP_OCTETS), name)
        self.defects += defects
        return moment

    def coding(self) -> DataCoding:
        """Return TP-DCS."""
        coding = DataCoding(self.octet("TP-DCS"))
        if coding.is_reserved:
            self.defects.append(f"TP-DCS 0x{coding.octet:02x} is reserved; read as the GSM 7-bit alphabet")
        return coding

    def user_data(self, coding: DataCoding, *, header: bool, limit: int = MAX_USER_DATA) -> UserData:
        """Return the user data, which is all that is left, with every defect met in the TPDU."""
        if not self.remaining:
            self.defects.append("the TPDU ends before TP-UDL")
            return UserData(text=None if _is_octets(coding) else "", defects=tuple(self.defects))
        length = self.octet("TP-UDL")
        field = self.take(self.remaining)
        block: bytes = b""
        elements: tuple[InformationElement, ...] = ()
        if header:
            block, elements = self.header(field)
        if _is_octets(coding) or coding.alphabet is Alphabet.UCS2:
            content = self._octets(field, length, limit)[len(block) :]
            text = None if _is_octets(coding) else self._ucs2(content, elements)
            data = content if text is None else b""
        else:
            text, data = self._septets(field, length, limit, block, elements), b""
        return UserData(text=text, data=data, user_data_header=elements, defects=tuple(self.defects))

    def header(self, field: bytes) -> tuple[bytes, tuple[InformationElement, ...]]:
        """Return the octets of the user data header that ``field`` begins with, and its elements."""
        if not field:
            self.defects.append("TP-UDHI announces a header, but there is no user data")
            return b"", ()
        block = field[: 1 + field[0]]
        if len(block) <= field[0]:
            self.defects.append(f"the user data header of {field[0]} octets ends after {len(block) - 1}")
        elements, defects = decode_header(block[1:])
        self.defects += defects
        return block, elements

    def _octets(self, field: bytes, length: int, limit: int) -> bytes:
        self._check_length(length, len(field), limit, len(field) - length, "octets")
        return field[:length]

    def _septets(
        self, field: bytes, length: int, limit: int, block: bytes, elements: tuple[InformationElement, ...]
    ) -> str:
        available = gsm7.septets_in(len(field))
        spare = len(field) - gsm7.octets_for(length)
        self._check_length(length, available, gsm7.septets_in(limit), spare, "septets")
        fill_bits = gsm7.fill_bits_after(len(block))
        count = min(length, available) - (8 * len(block) + fill_bits) // 7
        if count < 0:
            self.defects.append(f"TP-UDL {length} is shorter than the user data header")
            count = 0
        locking, single = languages(elements)
        return gsm7.decode(gsm7.unpack(field[len(block) :], count, fill_bits), locking=locking, single=single)

    def _check_length(self, length: int, available: int, limit: int, spare: int, unit: str) -> None:
        if length > available:
            self.defects.append(f"TP-UDL says {length} {unit}, {available} are there")
        if length > limit:
            self.defects.append(f"TP-UDL says {length} {unit}, at most {limit} are allowed")
        if spare > 0:
            self.defects.append(f"{spare} octets follow the user data")

    def _ucs2(self, content: bytes, elements: tuple[InformationElement, ...]) -> str:
        if len(content) % 2:
            self.defects.append(f"UCS2 user data has an odd number of octets, {len(content)}; the last is dropped")
            content = content[:-1]
        try:
            return content.decode("utf-16-be")
        except UnicodeDecodeError:
            # A sender may cut a surrogate pair between two parts. The halves are kept for whoever joins the parts;
            # where there is nothing to join they are no characters.
            parts = any(isinstance(element, Concatenation) for element in elements)
            self.defects.append("UCS2 user data holds half of a surrogate pair")
            return content.decode("utf-16-be", "surrogatepass" if parts else "replace")


def _is_octets(coding: DataCoding) -> bool:
    return coding.compressed or coding.alphabet is Alphabet.OCTETS
