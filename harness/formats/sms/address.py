"""Address fields: who sent a message, whom it is for, and the service centre (3GPP TS 23.040 clause 9.1.2.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from harness.errors import PduError
from harness.formats.sms import gsm7

__all__ = ["Address", "NumberingPlan", "TypeOfNumber", "encode_sca", "split_sca"]

_SEMI_OCTETS = "0123456789*#abc"
_NUMERIC = re.compile(r"[0-9*#a-c]*")
_DIALLED = re.compile(r"[0-9*#]*")
_MAX_SEMI_OCTETS = 20


class TypeOfNumber(IntEnum):
    """Type-of-number of an address; EXTENSION is reserved."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6
    EXTENSION = 7


class NumberingPlan(IntEnum):
    """Numbering-plan-identification of an address; the values that are missing here are reserved."""

    UNKNOWN = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    SERVICE_CENTRE_SPECIFIC = 5
    SERVICE_CENTRE_SPECIFIC_2 = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A telephone number, short code or name.

    Attributes:
        number: digits, ``*``, ``#`` and ``a`` to ``c``, without a plus sign; free text where ``ton`` is ALPHANUMERIC.
        ton: type of number.
        npi: numbering plan, 0 to 15 (:class:`NumberingPlan`).

    >>> Address.parse("+447700900123")
    Address('+447700900123')
    >>> Address.parse("000").encode().hex()
    '038100f0'
    """

    number: str
    ton: TypeOfNumber = TypeOfNumber.UNKNOWN
    npi: int = NumberingPlan.ISDN

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address people mean by ``text``: ``+`` and digits, plain digits, or a name.

        Raises:
            PduError: it is empty, too long, or a name with characters outside the GSM 7-bit alphabet.
        """
        if text.startswith("+") and _DIALLED.fullmatch(text, 1):
            address = cls(number=text[1:], ton=TypeOfNumber.INTERNATIONAL)
        elif _DIALLED.fullmatch(text):
            address = cls(number=text)
        else:
            address = cls(number=text, ton=TypeOfNumber.ALPHANUMERIC, npi=NumberingPlan.UNKNOWN)
        if not address.number:
            raise PduError("an address needs at least one character")
        address.encode()
        return address

    @classmethod
    def from_type_octet(cls, number: str, toa: int) -> Address:
        """Return the address of ``number`` as AT commands give it, with its type octet (3GPP TS 27.005 ``<toda>``).

        A leading plus sign belongs to the type octet, so it is taken off the number.
        """
        return cls(number=number.removeprefix("+"), ton=TypeOfNumber(toa >> 4 & 7), npi=toa & 15)

    @property
    def type_octet(self) -> int:
        """The type-of-address octet, 128 to 255: what ``<toda>`` and ``<tooa>`` show."""
        return 0x80 | self.ton << 4 | self.npi

    @property
    def is_alphanumeric(self) -> bool:
        """Whether ``number`` is a name in the GSM 7-bit alphabet."""
        return self.ton is TypeOfNumber.ALPHANUMERIC

    def __str__(self) -> str:
        return f"+{self.number}" if self.ton is TypeOfNumber.INTERNATIONAL else self.number

    def __repr__(self) -> str:
        usual = NumberingPlan.UNKNOWN if self.is_alphanumeric else NumberingPlan.ISDN
        plain = (TypeOfNumber.UNKNOWN, TypeOfNumber.INTERNATIONAL, TypeOfNumber.ALPHANUMERIC)
        if self.npi == usual and self.ton in plain:
            return f"Address({str(self)!r})"
        return f"Address({self.number!r}, ton={self.ton.name}, npi={int(self.npi)})"

    def encode(self) -> bytes:
        """Return the field: length in semi-octets, type octet, value.

        Raises:
            PduError: a character the field has no code for, more than 20 semi-octets, or a number out of range.
        """
        return bytes((self._semi_octets(), self._checked_type())) + self._value()

    def _checked_type(self) -> int:
        if not 0 <= self.npi <= 15:
            raise PduError(f"a numbering plan is 0 to 15, not {self.npi} (3GPP TS 23.040 clause 9.1.2.5)")
        return self.type_octet

    def _semi_octets(self) -> int:
        length = -(-7 * gsm7.septet_count(self.number) // 4) if self.is_alphanumeric else len(self.number)
        if length > _MAX_SEMI_OCTETS:
            raise PduError(
                f"an address holds at most 20 digits or 11 characters, {self.number!r} is longer"
                " (3GPP TS 23.040 clause 9.1.2.5)"
            )
        return length

    def _value(self) -> bytes:
        if self.is_alphanumeric:
            return gsm7.pack(gsm7.encode(self.number))
        if _NUMERIC.fullmatch(self.number) is None:
            raise PduError(
                f"an address that is not alphanumeric holds 0-9 * # a b c, not {self.number!r}"
                " (3GPP TS 23.040 clause 9.1.2.3)"
            )
        nibbles = [_SEMI_OCTETS.index(digit) for digit in self.number]
        if len(nibbles) % 2:
            nibbles.append(0xF)
        return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))

    @classmethod
    def decode(cls, length: int, field: bytes) -> tuple[Address, tuple[str, ...]]:
        """Return the address in a type octet and value, and what was odd about them.

        Args:
            length: number of useful semi-octets, as the length octet of a TPDU address gives it.
            field: type octet and the ``(length + 1) // 2`` octets of the value.

        Raises:
            PduError: the field is shorter than its length says.
        """
        if len(field) < 1 + (length + 1) // 2:
            raise PduError(f"the address field ends before its {length} semi-octets (3GPP TS 23.040 clause 9.1.2.5)")
        toa, value = field[0], field[1 : 1 + (length + 1) // 2]
        defects = []
        if not toa & 0x80:
            defects.append(f"bit 7 of the type-of-address octet 0x{toa:02x} is 0")
        if length > _MAX_SEMI_OCTETS:
            defects.append(f"the address has {length} semi-octets, at most 20 are allowed")
        ton = TypeOfNumber(toa >> 4 & 7)
        if ton is TypeOfNumber.ALPHANUMERIC:
            number = gsm7.decode(gsm7.unpack(value, length * 4 // 7))
        else:
            number, odd = decode_digits(value, length)
            defects += odd
        return cls(number=number, ton=ton, npi=toa & 15), tuple(defects)


def decode_digits(value: bytes, length: int) -> tuple[str, list[str]]:
    """Return ``length`` semi-octets of ``value`` as digits, and what was odd; 0xF among them ends the number."""
    nibbles = [nibble for octet in value for nibble in (octet & 15, octet >> 4)]
    defects = []
    if length % 2 and nibbles[length] != 0xF:
        defects.append(f"the filler after an odd number of digits is 0x{nibbles[length]:x}, not 0xf")
    digits = nibbles[:length]
    if 0xF in digits:
        defects.append("a filler stands among the digits of an address and ends it")
        digits = digits[: digits.index(0xF)]
    return "".join(_SEMI_OCTETS[nibble] for nibble in digits), defects


def encode_sca(address: Address | None) -> bytes:
    """Return the service centre address that AT commands put before a TPDU (3GPP TS 27.005 clause 3.1 ``<pdu>``).

    None gives a single zero octet, which means: the one stored in the module (``+CSCA``).

    Raises:
        PduError: the address is alphanumeric, empty or does not fit.
    """
    if address is None:
        return b"\x00"
    if address.is_alphanumeric or not address.number:
        raise PduError("a service centre address is a number (3GPP TS 24.011 clause 8.2.5.1)")
    field = address.encode()[1:]
    return bytes((len(field),)) + field


def split_sca(pdu: bytes) -> tuple[Address | None, bytes]:
    """Return the service centre address before a TPDU (None: the stored one) and the TPDU itself.

    Raises:
        PduError: there is no length octet, it counts past the end, or it is longer than an address can be.
    """
    if not pdu:
        raise PduError("a PDU starts with the length of the service centre address; this one is empty")
    length, rest = pdu[0], pdu[1:]
    if length == 0:
        return None, rest
    if length > len(rest):
        raise PduError(f"the service centre address has {length} octets, but {len(rest)} follow")
    if length > 1 + _MAX_SEMI_OCTETS // 2:
        raise PduError(f"a service centre address has at most 11 octets, not {length} (3GPP TS 24.011 clause 8.2.5.1)")
    field, tpdu = rest[:length], rest[length:]
    digits = 2 * (length - 1)
    if digits and field[-1] >> 4 == 0xF:
        digits -= 1
    address, _ = Address.decode(digits, field)
    return address, tpdu
