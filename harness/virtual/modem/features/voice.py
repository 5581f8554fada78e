"""Calls by ATD on a network without voice: out of the phone book, fixed numbers, and codes for the card's PINs.

A call ends at once, as nobody carries it. Until then it is what it is in a module (3GPP TS 27.007 clause 6.3, TS 22.030
clauses 6.4 to 6.6): looked up, refused where only fixed numbers may be called, and noted in the lists of calls.
"""

from __future__ import annotations

import re
from typing import Final

from harness.errors import CardFileError
from harness.formats.sim import DiallingNumber
from harness.virtual.modem import fixed_dialling
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import OK, Call, CommandError, Needs, Reply, Result, cme, info
from harness.virtual.modem.features.phone_book import chosen, index_of
from harness.virtual.modem.features.sim import wrong, wrong_second
from harness.virtual.modem.phone_book import entries
from harness.virtual.modem.sim_card import Lock

NO_CARRIER: Final = Reply(final="NO CARRIER")
_FROM_BOOK = re.compile(r'>\s*(?:"([^"]*)"|([A-Za-z]{2})\s*(\d+)|(\d+))\s*[IiGg]*\s*;?')
_CHANGE_PIN = re.compile(r"\*\*(04|042|05|052)\*(\d{4,8})\*(\d{4,8})\*(\d{4,8})#")
_LONGEST: Final = 40
_MODIFIERS = re.compile(r"[TPWtpw,!@-]")


def dial(call: Call, text: str) -> Result:
    """Carry out what stands behind ATD, other than packet service."""
    number = _from_book(call, text) if text.startswith(">") else text.rstrip("; ").rstrip("IiGg ")
    if number == "*#06#":
        return info(call.modem.imei)
    if (code := _CHANGE_PIN.fullmatch(number)) is not None:
        return _change_pin(call, *code.groups())
    number = call.modem.books.last_dialled if number.upper() == "L" else _MODIFIERS.sub("", number)
    card = call.modem.slot.card
    if not fixed_dialling.allows(card, number, emergency=True):
        return cme(Cme.FIXED_NUMBERS_ONLY)
    try:
        entry = DiallingNumber.parse(number)
    except CardFileError:
        return NO_CARRIER
    if entry.digits and len(entry.digits) <= _LONGEST:
        call.modem.books.dialled(entry)
    return NO_CARRIER



def _from_book(call: Call, text: str) -> str:
    """Return the number of an entry: by name in the book that is selected, by place in that or another one."""
    match = _FROM_BOOK.fullmatch(text)
    if match is None:
        raise CommandError(cme(Cme.INVALID_DIAL))
    name, other, place, own_place = match.groups()
    if name is not None:
        try:
            wanted = call.modem.decode_text(name)
        except ValueError:
            raise CommandError(cme(Cme.INVALID_TEXT)) from None
        found = next((entry for _, entry in entries(chosen(call)) if entry.name == wanted), None)
    else:
        if other is not None and other.upper() not in call.modem.books.names:
            raise CommandError(cme(Cme.NOT_FOUND))
        book = chosen(call, other.upper() if other is not None else None)
        found = book.get(index_of(int(place or own_place), book))
    if found is None or not found.digits:
        raise CommandError(cme(Cme.NOT_FOUND))
    return found.number


def _change_pin(call: Call, code: str, old: str, new: str, again: str) -> Result:
    """Change PIN (04) or PIN2 (042), or unblock them by their PUKs (05, 052): TS 22.030 clause 6.6."""
    unmet = call.modem.unmet(Needs.SIM, call.command.family)
    card = call.modem.slot.card
    if unmet is not None or card is None:
        return unmet or cme(Cme.SIM_NOT_INSERTED)
    if new != again:
        return cme(Cme.INCORRECT_PASSWORD)
    if code == "04":
        if not card.pin_enabled:
            return cme(Cme.NOT_ALLOWED)
        return OK if card.change_pin(old, new) else wrong(card)
    if code == "05":
        was_open = card.lock is Lock.READY
        if not card.unblock(old, new):
            return cme(Cme.SIM_FAILURE if card.lock is Lock.BLOCKED else Cme.INCORRECT_PASSWORD)
        if not was_open:
            call.modem.sim_unlocked()
        return OK
    done = card.pin2.change(old, new) if code == "042" else card.pin2.unblock(old, new)
    if not done:
        return wrong_second(card)
    card.pin2_given()
    return OK
