"""The SIM card behind +CSIM and +CGLA: command APDUs as a GSM SIM (class A0) and a USIM (class 00) answer them.

SELECT, READ and UPDATE of BINARY and RECORD, SEARCH RECORD, GET RESPONSE, STATUS, and the five commands for PINs (3GPP
TS 51.011 clause 9, ETSI TS 102 221 clause 11). Errors are in the words of the class: a file that is not there is 9404
to the one and 6A82 to the other. Keys that a network would answer to are not on the card, so AUTHENTICATE is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.virtual.modem.sim_files import Answer, ElementaryFile
from harness.virtual.modem.sim_personalisation import USIM_AID
from harness.virtual.modem.sim_tree import (
    ADF_USIM,
    MF,
    PARENTS,
    SHORT_IDENTIFIERS,
    describe,
    describe_for_gsm,
    resolve,
)

if TYPE_CHECKING:
    from harness.virtual.modem.sim_card import SimCard

_GSM, _USIM, _UICC = 0xA0, 0x00, 0x80
_SELECT, _STATUS, _GET_RESPONSE, _VERIFY = 0xA4, 0xF2, 0xC0, 0x20
_CHANGE, _DISABLE, _ENABLE, _UNBLOCK = 0x24, 0x26, 0x28, 0x2C
_READ_BINARY, _READ_RECORD, _UPDATE_RECORD, _SEARCH_RECORD, _AUTHENTICATE = 0xB0, 0xB2, 0xDC, 0xA2, 0x88
_TERMINAL_PROFILE = 0x10
_SECOND = (0x02, 0x81)  # PIN2 as GSM 11.11 and ETSI TS 102 221 clause 9.5.1 number it
_SECRETS: Final = frozenset({_VERIFY, _CHANGE, _DISABLE, _ENABLE, _UNBLOCK})
_OK: Final = Answer(0x90, 0x00)
_WRONG_CLASS: Final = Answer(0x6E, 0x00)
_WRONG_LENGTH: Final = Answer(0x67, 0x00)
_WRONG_P1_P2: Final = Answer(0x6B, 0x00)
_UNKNOWN: Final = Answer(0x6D, 0x00)
_NO_RECORD: Final = Answer(0x94, 0x02)
_NO_FILE: Final = Answer(0x94, 0x04)
_NONE_SELECTED: Final = Answer(0x94, 0x00)
_CONTRADICTION: Final = Answer(0x98, 0x08)
_NOT_AUTHENTIC: Final = Answer(0x98, 0x62)
_IN_UICC_WORDS: Final = {(0x94, 0x00): (0x69, 0x86), (0x94, 0x02): (0x6A, 0x83), (0x94, 0x04): (0x6A, 0x82),
                         (0x94, 0x08): (0x69, 0x81), (0x98, 0x04): (0x69, 0x82), (0x98, 0x08): (0x69, 0x84)}
_NEXT, _PREVIOUS, _ABSOLUTE = 2, 3, 4  # ways to choose a record


class ApduChannel:
    """One channel of a card: what is selected on it, and what waits to be fetched.

    Args:
        folder: the folder that is selected when it opens.
    """

    def __init__(self, card: SimCard, folder: int = MF) -> None:
        self._card = card
        self._folder = folder
        self._selected = folder
        self._record = 0  # the one read last, 0 for none
        self._waiting = b""

    def __repr__(self) -> str:
        return f"ApduChannel({self._selected:04X} selected)"

    def command(self, apdu: bytes) -> Answer:
        """Carry out a command of class, instruction, P1, P2, and length with data behind it."""
        if len(apdu) < 4:
            return _WRONG_LENGTH
        kind = apdu[0]
        if kind not in (_GSM, _USIM) and not (kind == _UICC and apdu[1] in (_STATUS, _TERMINAL_PROFILE)):
            return _WRONG_CLASS
        instruction, p1, p2 = apdu[1:4]
        answer = self._command(kind, instruction, p1, p2, apdu[4] if len(apdu) > 4 else 0, apdu[5:])
        if kind == _GSM:
            return answer
        sw1, sw2 = _IN_UICC_WORDS.get((answer.sw1, answer.sw2), (answer.sw1, answer.sw2))
        return replace(answer, sw1=sw1, sw2=sw2)

    def _command(self, kind: int, instruction: int, p1: int, p2: int, length: int, data: bytes) -> Answer:
        if instruction == _GET_RESPONSE:
            return self._fetch(kind, length)
        self._waiting = b""
        if instruction == _SELECT:
            return self._selection(kind, data[:length], p1, p2) if len(data) >= length else _WRONG_LENGTH
        if instruction == _STATUS:
            return _measured(kind, self._describe(kind, self._folder), length)
        if instruction == _TERMINAL_PROFILE:
            return _OK
        if instruction in _SECRETS:
            if p2 in _SECOND:
                return self._second(kind, instruction, data)
            return self._secret(kind, instruction, data) if p2 == 1 else self._no_reference(kind)
        if instruction == _AUTHENTICATE:
            return _NOT_AUTHENTIC
        if data and len(data) < length:
            return _WRONG_LENGTH
        return self._file_command(kind, instruction, p1, p2, length, data[:length])

    def _fetch(self, kind: int, length: int) -> Answer:
        if not self._waiting:
            return _NONE_SELECTED
        answer = _measured(kind, self._waiting, length)
        if answer.data:
            self._waiting = b""
        return answer

    # -- selecting ----------------------------------------------------------------------------------------------------

    def _selection(self, kind: int, name: bytes, p1: int, p2: int) -> Answer:
        """SELECT by identifier, as parent, by application, or by a path from the master file or from here."""
        found: tuple[int, int | None] | None
        if kind == _GSM or p1 == 0:
            found = self._by_identifier(name)
        elif p1 in (1, 9):
            found = resolve(name, self._folder)
            if p1 == 1 and found is not None and (len(name) != 2 or found[1] is not None):  # a folder in this one only
                found = None
        elif p1 == 3:
            found = (PARENTS[self._folder][0], None) if PARENTS[self._folder] else None
        elif p1 == 4:
            found = (ADF_USIM, None) if is_application(name) else None
        elif p1 == 8:
            found = resolve(name)
        else:
            return _WRONG_P1_P2
        if found is None or (found[1] is not None and found[1] not in self._card.files.files):
            return _NO_FILE
        self._folder = found[0]
        self._selected = found[1] if found[1] is not None else found[0]
        self._record = 0
        if kind != _GSM and p2 & 0x0C == 0x0C:  # no data wanted
            return _OK
        self._waiting = self._describe(kind, self._selected)
        return Answer(0x9F if kind == _GSM else 0x61, len(self._waiting))

    def _by_identifier(self, name: bytes) -> tuple[int, int | None] | None:
        identifier = int.from_bytes(name or b"\x3f\x00", "big")
        if len(name) not in (0, 2):
            return None
        if identifier in PARENTS:
            return identifier, None
        return (self._folder, identifier) if identifier in self._card.files.files else None

    def _describe(self, kind: int, identifier: int) -> bytes:
        file = self._card.files.files.get(identifier)
        return (describe_for_gsm if kind == _GSM else describe)(identifier, file, self._card)

    # -- files --------------------------------------------------------------------------------------------------------

    def _file_command(self, kind: int, instruction: int, p1: int, p2: int, length: int, data: bytes) -> Answer:
        short = 0
        if kind == _USIM and instruction in (_READ_BINARY, 0xD6) and p1 & 0x80:
            short, p1 = p1 & 0x1F, 0
        elif kind == _USIM and instruction in (_READ_RECORD, _UPDATE_RECORD, _SEARCH_RECORD) and p2 >> 3:
            short, p2 = p2 >> 3, p2 & 7
        if short:
            identifier = SHORT_IDENTIFIERS.get(self._folder, {}).get(short)
            if identifier is None:
                return _NO_FILE
            self._selected, self._record = identifier, 0
        file = self._card.files.files.get(self._selected)
        if file is None:
            return _NONE_SELECTED
        if instruction == _SEARCH_RECORD:
            return self._search(kind, file, p1, data)
        if instruction in (_READ_RECORD, _UPDATE_RECORD) and file.linear:
            number = self._number(file, p1, p2)
            if number is None:
                return _WRONG_P1_P2 if p2 & 7 not in (_NEXT, _PREVIOUS, _ABSOLUTE) else _NO_RECORD
            self._record = p1 = number
        answer = self._card.files.command(instruction, self._selected, p1, p2, length, data,
                                          verified=self._card.is_ready, verified2=self._card.pin2.verified)
        if kind != _GSM and instruction in (_READ_BINARY, _READ_RECORD) and answer.sw1 == 0x67:
            start = p1 << 8 | p2 if instruction == _READ_BINARY else 0
            return Answer(0x6C, len(file.records[0]) - start & 0xFF)
        return answer

    def _number(self, file: ElementaryFile, p1: int, p2: int) -> int | None:
        """Return which record is meant: by number, the current one, or the one behind or before that."""
        mode, last = p2 & 7, len(file.records)
        if mode == _ABSOLUTE:
            return p1 or self._record or None
        if mode == _NEXT:
            return self._record + 1 if self._record < last else None
        if mode == _PREVIOUS:
            return (self._record or last + 1) - 1 or None
        return None

    def _search(self, kind: int, file: ElementaryFile, start: int, pattern: bytes) -> Answer:
        """SEARCH RECORD: the numbers of records that hold these octets (TS 102 221 clause 11.1.7)."""
        if not file.linear:
            return Answer(0x94, 0x08)
        if file.secret and not self._card.is_ready:
            return Answer(0x98, 0x04)
        found = bytes(number for number, record in enumerate(file.records, 1)
                      if number >= max(1, start) and pattern and pattern in record)
        if not found:
            return Answer(0x94, 0x04) if kind == _GSM else _NO_RECORD
        self._record, self._waiting = found[0], found
        return Answer(0x9F if kind == _GSM else 0x61, len(found))

    # -- PINs ---------------------------------------------------------------------------------------------------------

    def _secret(self, kind: int, instruction: int, data: bytes) -> Answer:
        """VERIFY, CHANGE, DISABLE, ENABLE or UNBLOCK PIN (ETSI TS 102 221 clauses 11.1.9 to 11.1.13).

        Without data VERIFY and UNBLOCK tell how many tries are left.
        """
        card = self._card
        if not data and instruction in (_UNBLOCK, _VERIFY):
            return self._tries_left(kind, card.puk_tries if instruction == _UNBLOCK else card.pin_tries)
        first, second = _codes(data)
        if not first.isdigit() or (instruction in (_CHANGE, _UNBLOCK) and not 4 <= len(second) <= 8):
            return _WRONG_LENGTH
        if instruction == _UNBLOCK:
            return _OK if card.unblock(first, second) else self._tries_left(kind, card.puk_tries)
        if not card.pin1.blocked and card.pin_enabled == (instruction == _ENABLE):
            return _CONTRADICTION
        if instruction == _VERIFY:
            done = card.verify_pin(first)
        elif instruction == _CHANGE:
            done = card.change_pin(first, second)
        else:
            done = card.enable_pin(instruction == _ENABLE, first)
        return _OK if done else self._tries_left(kind, card.pin_tries)

    def _second(self, kind: int, instruction: int, data: bytes) -> Answer:
        """VERIFY, CHANGE or UNBLOCK PIN2; it can't be switched off."""
        card, secret = self._card, self._card.pin2
        if instruction not in (_VERIFY, _CHANGE, _UNBLOCK):
            return _UNKNOWN
        if not data and instruction != _CHANGE:
            return self._tries_left(kind, secret.puk_tries if instruction == _UNBLOCK else secret.tries)
        first, second = _codes(data)
        if not first.isdigit() or (instruction != _VERIFY and not 4 <= len(second) <= 8):
            return _WRONG_LENGTH
        done = (secret.verify(first) if instruction == _VERIFY else secret.change(first, second)
                if instruction == _CHANGE else secret.unblock(first, second))
        if done:
            card.pin2_given()
        return _OK if done else self._tries_left(kind, secret.puk_tries if instruction == _UNBLOCK else secret.tries)

    @staticmethod
    def _tries_left(kind: int, tries: int) -> Answer:
        if kind == _GSM:
            return Answer(0x98, 0x04 if tries else 0x40)
        return Answer(0x63, 0xC0 | tries) if tries else Answer(0x69, 0x83)

    @staticmethod
    def _no_reference(kind: int) -> Answer:
        return _WRONG_P1_P2 if kind == _GSM else Answer(0x6A, 0x88)


def is_application(name: bytes) -> bool:
    """Tell whether this is the card's application: its identifier, or the beginning of it (TS 102 221 clause 8.5)."""
    return 5 <= len(name) <= 16 and USIM_AID.startswith(name)


def _measured(kind: int, data: bytes, length: int) -> Answer:
    """Return data of the length that was asked for: all for 0, and the right length for more than there is."""
    if length > len(data):
        return Answer(0x67 if kind == _GSM else 0x6C, len(data))
    return replace(_OK, data=data[:length or None])


def _codes(data: bytes) -> tuple[str, str]:
    """Return the one or two codes of eight octets each, padded with FF."""
    first, second = (data[start:start + 8].rstrip(b"\xff").decode("ascii", "replace") for start in (0, 8))
    return first, second
