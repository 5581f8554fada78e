"""The phone books of one modem: those on its SIM card, and those in its own memory (3GPP TS 27.007 clause 8.11).

A book on the card is nothing but records of the card's files, so that what +CRSM reads and what +CPBR lists are the
same octets. The module's own books outlive power-off, and stay when the card goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from harness.errors import CardFileError
from harness.formats.sim import (
    EXTENSION_OCTETS,
    FIXED_OCTETS,
    RECORD_DIGITS,
    DiallingNumber,
    alpha_octets,
    decode_record,
    encode_extension,
    encode_record,
    extension_of,
)
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.sim_files import EF_ADN, EF_ECC, EF_EXT1, EF_EXT2, EF_FDN, EF_MSISDN

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.modem.sim_card import SimCard

ON_CARD: Final = {"SM": (EF_ADN, EF_EXT1), "FD": (EF_FDN, EF_EXT2), "ON": (EF_MSISDN, None)}
"""Books that are files of the card, with the file where long numbers go on."""

EMERGENCY: Final = ("112", "911")
"""Numbers that every module takes for an emergency (3GPP TS 22.101 clause 10.1)."""
EMERGENCY_WITHOUT_CARD: Final = ("000", "08", "110", "118", "119", "999")
"""And those that it takes for one without a card."""

_FREE_EXTENSION = b"\xff" * EXTENSION_OCTETS
_MODULE_DIGITS, _MODULE_TEXT = 40, 24


class Book(Protocol):
    """Numbered places, from 1 on, each free or with an entry."""

    @property
    def size(self) -> int:
        """How many places there are."""

    @property
    def text_length(self) -> int:
        """Characters of the longest name, in the GSM alphabet."""

    @property
    def number_length(self) -> int:
        """Digits of the longest number."""

    def get(self, index: int) -> DiallingNumber | None:
        """Return what a place holds, None if it is free."""

    def put(self, index: int, entry: DiallingNumber | None) -> Cme | None:
        """Write to a place, or free it; return what stands against it, and then nothing has changed."""


def entries(book: Book) -> Iterator[tuple[int, DiallingNumber]]:
    """Give places that are in use, with what they hold."""
    for index in range(1, book.size + 1):
        if (entry := book.get(index)) is not None:
            yield index, entry


class CardBook:
    """A file of a card whose records hold names and numbers."""

    def __init__(self, card: SimCard, file: int, extension: int | None = None) -> None:
        self._card = card
        self._file = card.files.files[file]
        self._extension = card.files.files[extension] if extension is not None else None

    def __repr__(self) -> str:
        return f"CardBook({self.size} records)"

    @property
    def size(self) -> int:
        """How many records the file has."""
        return len(self._file.records)

    @property
    def text_length(self) -> int:
        """Characters of the longest name, in the GSM alphabet."""
        return len(self._file.records[0]) - FIXED_OCTETS

    @property
    def number_length(self) -> int:
        """Digits of the longest number."""
        return RECORD_DIGITS * (2 if self._extension is not None else 1)

    def get(self, index: int) -> DiallingNumber | None:
        """Return what a record holds, None if it is free."""
        return decode_record(self._file.records[index - 1], self._read_extension)

    def _read_extension(self, number: int) -> bytes | None:
        records = self._extension.records if self._extension is not None else []
        return records[number - 1] if 1 <= number <= len(records) else None

    def put(self, index: int, entry: DiallingNumber | None) -> Cme | None:
        """Write a record; PIN2 must have been given where it guards the file."""
        if self._file.guarded and not self._card.pin2.verified:
            self._card.pin2_missed()
            return Cme.SIM_PUK2 if self._card.pin2.blocked else Cme.SIM_PIN2
        if not self._file.writable:
            return Cme.NOT_ALLOWED
        held = extension_of(self._file.records[index - 1])
        place = 0xFF
        if entry is not None:
            if (error := _too_long(self, entry)) is not None:
                return error
            if len(entry.digits) > RECORD_DIGITS:
                found = self._place_for_extension(held)
                if found is None:
                    return Cme.MEMORY_FULL
                place = found
        record = encode_record(entry, len(self._file.records[0]), extension=place)
        if self._extension is not None:
            if self._read_extension(held) is not None:
                self._extension.records[held - 1] = _FREE_EXTENSION
            if entry is not None and place != 0xFF:
                self._extension.records[place - 1] = encode_extension(entry.digits[RECORD_DIGITS:])
        self._file.records[index - 1] = record
        return None

    def _place_for_extension(self, held: int) -> int | None:
        """Return the record for the rest of a long number: the one that this entry has already, or a free one."""
        if self._read_extension(held) is not None:
            return held
        records = self._extension.records if self._extension is not None else []
        return next((number for number, body in enumerate(records, 1) if body == _FREE_EXTENSION), None)


class ModuleBook:
    """A book in the module's own memory."""

    def __init__(self, size: int, *, writable: bool = True) -> None:
        self.size = size
        self.text_length = _MODULE_TEXT
        self.number_length = _MODULE_DIGITS
        self._writable = writable
        self._entries: dict[int, DiallingNumber] = {}

    def __repr__(self) -> str:
        return f"ModuleBook({len(self._entries)} of {self.size})"

    def get(self, index: int) -> DiallingNumber | None:
        """Return what a place holds, None if it is free."""
        return self._entries.get(index)

    def put(self, index: int, entry: DiallingNumber | None) -> Cme | None:
        """Write to a place, or free it; lists of calls write themselves."""
        if not self._writable:
            return Cme.NOT_ALLOWED
        if entry is None:
            self._entries.pop(index, None)
        elif (error := _too_long(self, entry)) is not None:
            return error
        else:
            self._entries[index] = entry
        return None

    def note(self, entry: DiallingNumber) -> None:
        """Put a call in front of the others; the oldest makes room, and an earlier one to the same number goes."""
        kept = [held for _, held in sorted(self._entries.items()) if held.number != entry.number]
        self._entries = dict(enumerate([entry, *kept][:self.size], 1))


class EmergencyBook:
    """The numbers that are always answered: the module's, and those of the card's EF_ECC."""

    text_length = _MODULE_TEXT
    number_length = 6

    def __init__(self, card: SimCard | None) -> None:
        self._numbers = emergency_numbers(card)

    def __repr__(self) -> str:
        return f"EmergencyBook({', '.join(self._numbers)})"

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def get(self, index: int) -> DiallingNumber | None:
        """Return one of them."""
        return DiallingNumber(digits=self._numbers[index - 1])

    def put(self, index: int, entry: DiallingNumber | None) -> Cme | None:
        """Refuse: nobody writes these."""
        return Cme.NOT_ALLOWED


def emergency_numbers(card: SimCard | None) -> tuple[str, ...]:
    """Return what counts as an emergency call with this card in, or with none."""
    if card is None:
        return (*EMERGENCY, *EMERGENCY_WITHOUT_CARD)
    fields = (record[:3].hex() for record in card.files.files[EF_ECC].records)
    own = ("".join(octet[::-1] for octet in (field[:2], field[2:4], field[4:])).partition("f")[0] for field in fields)
    return (*EMERGENCY, *(number for number in own if number and number not in EMERGENCY))


def _too_long(book: Book, entry: DiallingNumber) -> Cme | None:
    if len(entry.digits) > book.number_length:
        return Cme.DIAL_TOO_LONG
    try:
        return Cme.TEXT_TOO_LONG if len(alpha_octets(entry.name)) > book.text_length else None
    except CardFileError:
        return Cme.INVALID_TEXT


class PhoneBooks:
    """All books of one modem, by the names that +CPBS has for them: a choice of its profile."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.last_dialled = ""  # what ATDL dials again
        self.names = tuple(modem.profile.phone_book)
        self._own = {name: ModuleBook(size, writable=name == "ME") for name, size in modem.profile.phone_book.items()
                     if name not in ON_CARD and name != "EN"}

    def __repr__(self) -> str:
        return f"PhoneBooks({', '.join(self.names)})"

    def book(self, name: str) -> Book | None:
        """Return a book, None if there is none of that name, or no card that has it."""
        card = self._modem.slot.card
        if name not in self.names:
            return None
        if name == "EN":
            return EmergencyBook(card)
        if name in ON_CARD:
            return CardBook(card, *ON_CARD[name]) if card is not None else None
        return self._own[name]

    def dialled(self, entry: DiallingNumber) -> None:
        """Note a number that was called."""
        self.last_dialled = entry.number
        for name in ("LD", "DC"):
            if (own := self._own.get(name)) is not None:
                own.note(entry)
