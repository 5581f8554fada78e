"""TP-DCS, the data coding scheme: which alphabet the user data is in, and what is to become of the message.

3GPP TS 23.038 clause 4. All 256 values are legal on the air; those it reserves are read as the GSM 7-bit alphabet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from harness.errors import PduError

__all__ = ["GSM7", "Alphabet", "CodingGroup", "DataCoding", "Indication", "MessageClass"]


class Alphabet(IntEnum):
    """What the user data is written in; the values are those of bits 3 and 2 of the general groups."""

    GSM7 = 0
    OCTETS = 1
    UCS2 = 2


class MessageClass(IntEnum):
    """Where a message goes: shown at once, to the module, to the SIM card, to the terminal equipment."""

    IMMEDIATE = 0
    ME = 1
    SIM = 2
    TE = 3


class Indication(IntEnum):
    """What waits for the user, in a message waiting indication."""

    VOICEMAIL = 0
    FAX = 1
    EMAIL = 2
    OTHER = 3


class CodingGroup(Enum):
    """The coding groups of clause 4, told apart by bits 7 to 4."""

    GENERAL = "general"
    AUTOMATIC_DELETION = "automatic deletion"
    RESERVED = "reserved"
    WAITING_DISCARD = "message waiting, discard"
    WAITING_STORE = "message waiting, store"
    WAITING_STORE_UCS2 = "message waiting, store, UCS2"
    CLASS = "class"


_UPPER_GROUPS = {
    0xC: CodingGroup.WAITING_DISCARD,
    0xD: CodingGroup.WAITING_STORE,
    0xE: CodingGroup.WAITING_STORE_UCS2,
    0xF: CodingGroup.CLASS,
}


@dataclass(frozen=True, slots=True)
class DataCoding:
    """A data coding scheme octet, and what it means.

    >>> DataCoding.general(Alphabet.UCS2).octet, DataCoding(0xF6).alphabet.name, DataCoding(0xF6).message_class.name
    (8, 'OCTETS', 'SIM')
    """

    octet: int = 0

    @classmethod
    def general(
        cls,
        alphabet: Alphabet = Alphabet.GSM7,
        *,
        message_class: MessageClass | None = None,
        compressed: bool = False,
        delete_after_reading: bool = False,
    ) -> DataCoding:
        """Return a coding of the general group (bits 7-6 = 00), or of the automatic deletion group (01)."""
        octet = 0x40 * delete_after_reading | 0x20 * compressed | alphabet << 2
        return cls(octet if message_class is None else octet | 0x10 | message_class)

    @classmethod
    def for_class(cls, message_class: MessageClass, *, octets: bool = False) -> DataCoding:
        """Return a coding of the data coding / message class group (bits 7-4 = 1111)."""
        return cls(0xF0 | 0x04 * octets | message_class)

    @classmethod
    def waiting(
        cls, indication: Indication, *, active: bool, store: bool = True, ucs2: bool = False
    ) -> DataCoding:
        """Return a message waiting indication; UCS2 exists only for messages to be stored.

        Raises:
            PduError: UCS2 was asked for a message that is to be discarded.
        """
        if ucs2 and not store:
            raise PduError("no message waiting group is both discarded and UCS2 (3GPP TS 23.038 clause 4)")
        group = 0xE0 if ucs2 else 0xD0 if store else 0xC0
        return cls(group | 0x08 * active | indication)

    @property
    def group(self) -> CodingGroup:
        """The coding group."""
        if self.octet < 0x40:
            return CodingGroup.GENERAL
        if self.octet < 0x80:
            return CodingGroup.AUTOMATIC_DELETION
        return _UPPER_GROUPS.get(self.octet >> 4, CodingGroup.RESERVED)

    @property
    def is_reserved(self) -> bool:
        """Whether the standard reserves this value; a receiver reads it as 0 (clause 4, first paragraphs)."""
        if self.octet < 0x80:
            return self.octet & 0x0C == 0x0C
        if self.octet >= 0xF0:
            return self.octet & 0x08 != 0
        return self.octet < 0xC0

    @property
    def alphabet(self) -> Alphabet:
        """The alphabet of the user data; GSM7 where the value is reserved."""
        octet = self.octet
        if octet < 0x80:
            return Alphabet(octet >> 2 & 3) if octet & 0x0C != 0x0C else Alphabet.GSM7
        if octet >= 0xF0:
            return Alphabet.OCTETS if octet & 0x0C == 0x04 else Alphabet.GSM7
        return Alphabet.UCS2 if octet >= 0xE0 else Alphabet.GSM7

    @property
    def compressed(self) -> bool:
        """Whether the text is compressed (3GPP TS 23.042); the user data is left as octets then."""
        return self.octet < 0x80 and self.octet & 0x20 != 0

    @property
    def message_class(self) -> MessageClass | None:
        """The message class, or None where the coding has no class meaning."""
        if self.octet >= 0xF0 or (self.octet < 0x80 and self.octet & 0x10):
            return MessageClass(self.octet & 3)
        return None

    @property
    def delete_after_reading(self) -> bool:
        """Whether the message is marked for automatic deletion."""
        return self.group is CodingGroup.AUTOMATIC_DELETION

    @property
    def indication(self) -> Indication | None:
        """What waits for the user, or None if this is no message waiting indication."""
        return Indication(self.octet & 3) if 0xC0 <= self.octet < 0xF0 else None

    @property
    def indication_active(self) -> bool:
        """Whether the indication is to be switched on; False also where there is none."""
        return 0xC0 <= self.octet < 0xF0 and self.octet & 0x08 != 0

    @property
    def discard(self) -> bool:
        """Whether the text may be thrown away once the indication is shown."""
        return 0xC0 <= self.octet < 0xD0

    def encode(self) -> int:
        """Return the octet.

        Raises:
            PduError: it is not 0 to 255, or reserved.
        """
        if not 0 <= self.octet <= 255:
            raise PduError(f"TP-DCS is one octet, not {self.octet} (3GPP TS 23.040 clause 9.2.3.10)")
        if self.is_reserved:
            raise PduError(f"TP-DCS 0x{self.octet:02x} is reserved (3GPP TS 23.038 clause 4)")
        return self.octet

    def __repr__(self) -> str:
        parts = [f"0x{self.octet:02x}", self.group.value, self.alphabet.name]
        if self.message_class is not None:
            parts.append(f"class {self.message_class.value}")
        return f"DataCoding({', '.join(parts)})"


GSM7: Final = DataCoding(0)
"""The usual coding: GSM 7-bit text without a class."""
