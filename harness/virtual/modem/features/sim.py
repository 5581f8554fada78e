"""The SIM card: PINs, locks and counters (3GPP TS 27.007 clauses 7.4, 7.5, 8.3, 8.65)."""

from __future__ import annotations

import re

from harness.virtual.modem import fixed_dialling
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    NO_PARAMETERS,
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
from harness.virtual.modem.sim_card import Lock, SimCard
from harness.virtual.modem.sim_secret import PIN_TRIES, PUK_TRIES

_FACILITIES = ("SC", "FD", "PS")
_PASSWORDS = ("SC", "P2", "PS")
_COUNTED = ("SC", "P2")


def card_in(call: Call) -> SimCard:
    """Return the card in the slot.

    Raises:
        CommandError: there is none.
    """
    card = call.modem.slot.card
    if card is None:
        raise CommandError(cme(Cme.SIM_NOT_INSERTED))
    return card


def _password(call: Call, position: int, shortest: int = 4) -> str:
    """Return a PIN or PUK; a leading zero makes it a string even where a client leaves out the quotes."""
    text = call.text(position)
    if not (text.isascii() and text.isdigit() and shortest <= len(text) <= 8):
        raise CommandError(cme(Cme.INCORRECT_PASSWORD))
    return text


def wrong(card: SimCard) -> Result:
    """Return what a wrong PIN or PUK is answered with."""
    if card.lock is Lock.PUK:
        return cme(Cme.SIM_PUK)
    return cme(Cme.SIM_FAILURE if card.lock is Lock.BLOCKED else Cme.INCORRECT_PASSWORD)


def wrong_second(card: SimCard) -> Result:
    """Return what a wrong PIN2 or PUK2 is answered with."""
    if card.pin2.dead:
        return cme(Cme.SIM_FAILURE)
    if card.pin2.blocked:
        card.pin2_missed()
        return cme(Cme.SIM_PUK2)
    return cme(Cme.INCORRECT_PASSWORD)


def _ask_pin(call: Call) -> Result:
    card = card_in(call)
    asked = card.asks if card.pin2_untold else call.modem.slot.lock or card.lock
    card.pin2_untold = False  # told once: who never needs PIN2 must not take the card for locked (27.007 clause 8.3)
    return info(f"+CPIN: {asked.value}")


def _enter_pin(call: Call) -> Result:
    call.at_most(2)
    card = card_in(call)
    if call.modem.slot.lock is Lock.PH_SIM:
        if not call.modem.slot.open(_password(call, 0)):
            return cme(Cme.INCORRECT_PASSWORD)
        call.modem.sim_unlocked()
        return OK
    if card.lock is Lock.READY:
        return _enter_second(call, card)
    if card.lock is Lock.PUK:
        if not call.given(1):
            return cme(Cme.SIM_PUK)
        puk, pin = _password(call, 0, 8), _password(call, 1)
        if not card.unblock(puk, pin):
            return wrong(card)
    elif not card.verify_pin(_password(call, 0)):
        return wrong(card)
    call.modem.sim_unlocked()
    return OK


def _enter_second(call: Call, card: SimCard) -> Result:
    if not card.pin2_wanted:
        return cme(Cme.NOT_ALLOWED)
    if card.pin2.blocked:
        if not call.given(1):
            return cme(Cme.SIM_PUK2)
        given = card.pin2.unblock(_password(call, 0, 8), _password(call, 1))
    else:
        given = card.pin2.verify(_password(call, 0))
    if not given:
        return wrong_second(card)
    card.pin2_given()
    return OK


def _lock(call: Call) -> Result:
    call.at_most(4)
    if call.text(0) not in _FACILITIES:
        return cme(Cme.NOT_SUPPORTED)
    card = card_in(call)
    mode = call.number(1, high=2)
    if call.text(0) == "PS":
        return _serve_one(call, mode)
    if call.text(0) == "FD":
        return _fixed_dialling(call, card, mode)
    if mode == 2:
        return info(f"+CLCK: {int(card.pin_enabled)}")
    if not card.enable_pin(bool(mode), _password(call, 2)):
        return wrong(card)
    return OK


def _fixed_dialling(call: Call, card: SimCard, mode: int) -> Result:
    """Facility FD: the password is PIN2, which need not be given again."""
    if (unmet := call.modem.unmet(Needs.UNLOCKED, call.command.family)) is not None:
        return unmet
    if mode == 2:
        return info(f"+CLCK: {int(fixed_dialling.is_on(card))}")
    if call.given(2):
        if not card.pin2.verify(_password(call, 2)):
            return wrong_second(card)
        card.pin2_given()
    elif not card.pin2.verified:
        card.pin2_missed()
        return cme(Cme.SIM_PUK2 if card.pin2.blocked else Cme.SIM_PIN2)
    fixed_dialling.switch(card, bool(mode))
    return OK


def _serve_one(call: Call, mode: int) -> Result:
    slot = call.modem.slot
    if mode == 2:
        return info(f"+CLCK: {int(slot.serves_one)}")
    code = _password(call, 2)
    return OK if (slot.serve_one(code) if mode else slot.serve_all(code)) else cme(Cme.INCORRECT_PASSWORD)


def _change_password(call: Call) -> Result:
    call.at_most(3)
    if call.text(0) not in _PASSWORDS:
        return cme(Cme.NOT_SUPPORTED)
    card = card_in(call)
    if call.text(0) == "PS":
        slot, old = call.modem.slot, _password(call, 1)
        if not slot.serves_one:
            return cme(Cme.NOT_ALLOWED)
        return OK if slot.change_code(old, _password(call, 2)) else cme(Cme.INCORRECT_PASSWORD)
    if call.text(0) == "P2":
        if not card.pin2.change(_password(call, 1), _password(call, 2)):
            return wrong_second(card)
        card.pin2_given()
        return OK
    if not card.pin_enabled:
        return cme(Cme.NOT_ALLOWED)
    new = _password(call, 2)
    return OK if card.change_pin(_password(call, 1), new) else wrong(card)


def _retries(call: Call) -> Result:
    """Tell how many tries are left: of all codes, or of those whose name matches, where * stands for any text."""
    call.at_most(1)
    card = card_in(call)
    left = {"SIM PIN": (card.pin_tries, PIN_TRIES), "SIM PUK": (card.puk_tries, PUK_TRIES),
            "SIM PIN2": (card.pin2.tries, PIN_TRIES), "SIM PUK2": (card.pin2.puk_tries, PUK_TRIES)}
    pattern = "".join(".*" if letter == "*" else re.escape(letter) for letter in call.text(0, "*", limit=20))
    told = tuple(f"+CPINR: {code},{tries},{most}" for code, (tries, most) in left.items()
                 if re.fullmatch(pattern, code, re.IGNORECASE))
    return Reply(told) if told else cme(Cme.INCORRECT_PARAMETERS)


def _retries_quectel(call: Call) -> Result:
    card = card_in(call)
    if call.text(0, "SC") not in _COUNTED:
        raise call.bad()
    lines = (f'+QPINC: "SC",{card.pin_tries},{card.puk_tries}',
             f'+QPINC: "P2",{card.pin2.tries},{card.pin2.puk_tries}')
    return info(*lines) if not call.given(0) else info(lines[_COUNTED.index(call.text(0))])


COMMANDS = (
    Command(name="+CPIN", clause="27.007 8.3", test=NO_PARAMETERS, read=_ask_pin, set=_enter_pin, needs=Needs.SIM),
    Command(name="+CLCK", clause="27.007 7.4", test='("SC","FD","PS")', set=_lock, needs=Needs.SIM),
    Command(name="+CPWD", clause="27.007 7.5", test='("SC",8),("P2",8),("PS",8)', set=_change_password,
            needs=Needs.SIM),
    Command(name="+CPINR", clause="27.007 8.65", test=NO_PARAMETERS, exec=_retries, set=_retries, needs=Needs.SIM),
)

QUECTEL_COMMANDS = (
    Command(name="+QPINC", clause="Quectel general AT manual", test='("SC","P2")', read=_retries_quectel,
            set=_retries_quectel, needs=Needs.SIM),
)
