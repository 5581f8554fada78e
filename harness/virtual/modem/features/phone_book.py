"""The phone book: choosing, reading, searching and writing it, and own numbers (3GPP TS 27.007 clauses 7.1, 8.11-14).

Names are written in the character set of +CSCS, numbers always as plain digits: the clauses name the character set for
texts only, unlike that of short messages. While it is UCS2 a number is understood in that form as well.
"""

from __future__ import annotations

from contextlib import suppress

from harness.errors import CardFileError
from harness.formats.sim import DiallingNumber
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    OK,
    Call,
    Command,
    CommandError,
    Needs,
    Reply,
    Result,
    cme,
    info,
)
from harness.virtual.modem.phone_book import ON_CARD, Book, CardBook, entries
from harness.virtual.modem.settings import Value
from harness.virtual.modem.sim_files import EF_MSISDN

_TYPES = "(128-255)"
_ESCAPES = {'"': "\\22", "\r": "\\0D", "\n": "\\0A"}  # V.250 clause 5.4.2.2: what would end the string, or the line


def chosen(call: Call, name: str | None = None) -> Book:
    """Return a book that can be used now.

    Raises:
        CommandError: it is on a card that is not there, or that asks for something, or the module has none.
    """
    if not call.modem.books.names:
        raise CommandError(cme(Cme.NOT_SUPPORTED))
    name = name if name is not None else call.modem.settings.text("+CPBS")
    if name in ON_CARD and (unmet := call.modem.unmet(Needs.UNLOCKED, call.command.family)) is not None:
        raise CommandError(unmet)
    book = call.modem.books.book(name)
    if book is None:
        raise CommandError(cme(Cme.NOT_SUPPORTED))
    return book


def _said(call: Call, text: str) -> str:
    line = call.modem.encode_text(text)
    return "".join(_ESCAPES.get(character, character) for character in line)


def _line(call: Call, index: int, entry: DiallingNumber) -> str:
    return f'{index},"{entry.number}",{entry.type_octet},"{_said(call, entry.name)}"'


# -- +CPBS ------------------------------------------------------------------------------------------------------------


def _test_storages(call: Call) -> Result:
    return info("+CPBS: (" + ",".join(f'"{name}"' for name in call.modem.books.names) + ")")


def _read_storage(call: Call) -> Result:
    book = chosen(call)
    return info(f'+CPBS: "{call.modem.settings.text("+CPBS")}",{sum(1 for _ in entries(book))},{book.size}')


def _choose_storage(call: Call) -> Result:
    """Choose a book; a password, which is PIN2, opens the fixed dialling numbers for writing."""
    call.at_most(2)
    name = call.text(0)
    if name not in call.modem.books.names:
        try:
            name = call.modem.decode_text(name)
        except ValueError:
            raise call.bad() from None
    if name not in call.modem.books.names:
        raise call.bad()
    chosen(call, name)
    if call.given(1):
        card = call.modem.slot.card
        if name != "FD" or card is None:
            return cme(Cme.NOT_ALLOWED)
        if not card.pin2.verify(call.text(1, limit=8)):
            return cme(Cme.SIM_PUK2 if card.pin2.blocked else Cme.INCORRECT_PASSWORD)
        card.pin2_given()
    call.modem.settings["+CPBS"] = (name,)
    return OK


# -- reading ----------------------------------------------------------------------------------------------------------


def index_of(index: int, book: Book) -> int:
    """Return a place of a book.

    Raises:
        CommandError: the book has no such place.
    """
    if not 1 <= index <= book.size:
        raise CommandError(cme(Cme.INVALID_INDEX))
    return index


def _test_read(call: Call) -> Result:
    book = chosen(call)
    return info(f"+CPBR: (1-{book.size}),{book.number_length},{book.text_length}")


def _read(call: Call) -> Result:
    """Places that are free say nothing (clause 8.12)."""
    call.at_most(2)
    book = chosen(call)
    first = index_of(call.number(0), book)
    last = index_of(call.number(1, first), book)
    if last < first:
        return cme(Cme.INVALID_INDEX)
    return Reply(tuple(f"+CPBR: {_line(call, index, entry)}" for index in range(first, last + 1)
                       if (entry := book.get(index)) is not None))


def _test_find(call: Call) -> Result:
    book = chosen(call)
    return info(f"+CPBF: {book.number_length},{book.text_length}")


def _find(call: Call) -> Result:
    """Entries whose name begins so, whatever the case of its letters; no text finds all."""
    call.at_most(1)
    book = chosen(call)
    beginning = _text(call, 0).casefold()
    found = tuple(f"+CPBF: {_line(call, index, entry)}" for index, entry in entries(book)
                  if entry.name.casefold().startswith(beginning))
    return Reply(found) if found else cme(Cme.NOT_FOUND)


# -- writing ----------------------------------------------------------------------------------------------------------


def _test_write(call: Call) -> Result:
    book = chosen(call)
    return info(f"+CPBW: (1-{book.size}),{book.number_length},{_TYPES},{book.text_length}")


def _text(call: Call, position: int) -> str:
    """Return a text in the character set in force.

    A backslash before two hexadecimal digits is an escape, but it is also how Ö looks in the GSM alphabet: what gives
    no text with the escape resolved is taken as it was typed.
    """
    if not call.given(position):
        return ""
    argument = call.arguments[position]
    for line in (call.text(position), argument.raw if argument is not None else ""):
        try:
            return call.modem.decode_text(line)
        except ValueError:
            continue
    raise CommandError(cme(Cme.INVALID_TEXT))


def _number(call: Call, position: int, type_position: int, name: str) -> DiallingNumber:
    kind = call.number(type_position, low=128, high=255) if call.given(type_position) else None
    typed = call.text(position, "")
    spellings = [typed]
    if call.modem.settings.text("+CSCS") == "UCS2":
        with suppress(ValueError):
            spellings.insert(0, call.modem.decode_text(typed))
    for spelling in spellings:
        try:
            return DiallingNumber.parse(spelling, name=name, type_octet=kind)
        except CardFileError:
            continue
    raise CommandError(cme(Cme.INVALID_DIAL))


def _write(call: Call) -> Result:
    call.at_most(4)
    book = chosen(call)
    if not any(call.given(position) for position in range(4)):
        raise call.bad()
    name = _text(call, 3)
    entry: DiallingNumber | None = _number(call, 1, 2, name)
    if entry is not None and not entry.digits and not name:
        entry = None
    if not call.given(0):
        if entry is None:
            raise call.bad()
        free = next((place for place in range(1, book.size + 1) if book.get(place) is None), None)
        if free is None:
            return cme(Cme.MEMORY_FULL)
        index = free
    else:
        index = index_of(call.number(0), book)
    error = book.put(index, entry)
    if error is not None:
        return cme(error)
    if entry is not None:
        call.modem.settings["+CPBW"] = (index,)
    return OK


def _last_written(call: Call) -> Result:
    return info(f"+CPBW: {call.modem.settings.number('+CPBW')}")


# -- own numbers ------------------------------------------------------------------------------------------------------


def own_numbers(call: Call) -> Result:
    """Tell the numbers in the card's EF_MSISDN."""
    card = call.modem.slot.card
    if card is None:
        return cme(Cme.SIM_NOT_INSERTED)
    return Reply(tuple(f'+CNUM: "{_said(call, entry.name)}","{entry.number}",{entry.type_octet}'
                       for _, entry in entries(CardBook(card, EF_MSISDN))))


DEFAULTS: dict[str, Value] = {"+CPBS": ("SM",), "+CPBW": (0,)}

COMMANDS = (
    Command(name="+CPBS", clause="27.007 8.11", test=_test_storages, read=_read_storage, set=_choose_storage),
    Command(name="+CPBR", clause="27.007 8.12", test=_test_read, set=_read),
    Command(name="+CPBF", clause="27.007 8.13", test=_test_find, set=_find),
    Command(name="+CPBW", clause="27.007 8.14", test=_test_write, read=_last_written, set=_write),
)
