"""The SIM card behind +CSIM: command APDUs as a GSM SIM (class A0) and a USIM (class 00) answer them.

SELECT, READ and UPDATE of BINARY and RECORD, GET RESPONSE, STATUS and VERIFY CHV/PIN (3GPP TS 51.011 clause 9, ETSI TS
102 221 clause 11). Folders can be selected but hold nothing of their own: files are found by their identifier alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.virtual.modem.sim_files import Answer, ElementaryFile

if TYPE_CHECKING:
    from harness.virtual.modem.sim_card import SimCard

_GSM, _USIM = 0xA0, 0x00
_SELECT, _STATUS, _GET_RESPONSE, _VERIFY = 0xA4, 0xF2, 0xC0, 0x20
_CHANGE, _DISABLE, _ENABLE, _UNBLOCK = 0x24, 0x26, 0x28, 0x2C
_SECOND = (0x02, 0x81)  # PIN2 as GSM 11.11 and ETSI TS 102 221 clause 9.5.1 number it
_SECRETS: Final = frozenset({_VERIFY, _CHANGE, _DISABLE, _ENABLE, _UNBLOCK})
_FOLDERS: Final = frozenset({0x3F00, 0x7F10, 0x7F20, 0x7FFF})
_FOLDER_TAIL: Final = bytes.fromhex("010000000000091301030400838A838A")  # kind, characteristics, PIN states
_OK: Final = Answer(0x90, 0x00)
_WRONG_CLASS: Final = Answer(0x6E, 0x00)
_WRONG_LENGTH: Final = Answer(0x67, 0x00)
_UNKNOWN: Final = Answer(0x6D, 0x00)
_NO_FILE: Final = {_GSM: Answer(0x94, 0x04), _USIM: Answer(0x6A, 0x82)}
_NONE_SELECTED: Final = {_GSM: Answer(0x94, 0x00), _USIM: Answer(0x69, 0x86)}


class ApduChannel:
    """One card's basic channel, from its power-on on."""

    def __init__(self, card: SimCard) -> None:
        self._card = card
        self._selected = 0x3F00
        self._waiting = b""

    def __repr__(self) -> str:
        return f"ApduChannel({self._selected:04X} selected)"

    def command(self, apdu: bytes) -> Answer:
        """Carry out a command of class, instruction, P1, P2, and length with data behind it."""
        if len(apdu) < 4:
            return _WRONG_LENGTH
        kind, instruction, p1, p2 = apdu[:4]
        length = apdu[4] if len(apdu) > 4 else 0
        data = apdu[5:]
        if kind not in (_GSM, _USIM):
            return _WRONG_CLASS
        if instruction == _GET_RESPONSE:
            waiting, self._waiting = self._waiting, b""
            return Answer(0x90, 0x00, waiting[:length or None]) if waiting else _NONE_SELECTED[kind]
        self._waiting = b""
        if instruction == _SELECT:
            return self._select(kind, data[:length])
        if instruction == _STATUS:
            return Answer(0x90, 0x00, self._describe(kind)[:length or None])
        if instruction in _SECRETS:
            if p2 in _SECOND:
                return self._second(kind, instruction, data)
            return self._secret(kind, instruction, data)
        if data and len(data) < length:
            return _WRONG_LENGTH
        if self._selected in _FOLDERS:
            return _NONE_SELECTED[kind]
        return self._card.files.command(instruction, self._selected, p1, p2, length, data[:length],
                                        verified=self._card.is_ready, verified2=self._card.pin2.verified)

    def _select(self, kind: int, name: bytes) -> Answer:
        identifier = int.from_bytes(name[-2:], "big")
        if len(name) < 2 or (identifier not in _FOLDERS and identifier not in self._card.files.files):
            return _NO_FILE[kind]
        self._selected = identifier
        self._waiting = self._describe(kind)
        return Answer(0x9F if kind == _GSM else 0x61, len(self._waiting))

    def _describe(self, kind: int) -> bytes:
        file = self._card.files.files.get(self._selected)
        if kind == _USIM:
            return _template(self._selected, file)
        if file is not None:
            return file.response(self._selected)
        return bytes(4) + self._selected.to_bytes(2, "big") + _FOLDER_TAIL

    def _secret(self, kind: int, instruction: int, data: bytes) -> Answer:
        """VERIFY, CHANGE, DISABLE, ENABLE or UNBLOCK PIN (ETSI TS 102 221 clauses 11.1.9 to 11.1.13).

        Without data VERIFY and UNBLOCK tell how many tries are left.
        """
        card = self._card
        if not data and instruction == _UNBLOCK:
            return self._tries_left(kind, card.puk_tries)
        if not data and instruction == _VERIFY:
            return _OK if card.is_ready else self._tries_left(kind, card.pin_tries)
        first, second = (data[start:start + 8].rstrip(b"\xff").decode("ascii", "replace") for start in (0, 8))
        if not first.isdigit() or (instruction in (_CHANGE, _UNBLOCK) and not 4 <= len(second) <= 8):
            return _WRONG_LENGTH
        if instruction == _UNBLOCK:
            return _OK if card.unblock(first, second) else self._tries_left(kind, card.puk_tries)
        if instruction == _VERIFY:
            done = card.is_ready or card.verify_pin(first)
        elif instruction == _CHANGE:
            done = card.change_pin(first, second)
        else:
            done = card.enable_pin(instruction == _ENABLE, first)
        return _OK if done else self._tries_left(kind, card.pin_tries)

    def _second(self, kind: int, instruction: int, data: bytes) -> Answer:
        """VERIFY, CHANGE or UNBLOCK PIN2; it can't be switched off."""
        card, secret = self._card, self._card.pin2
        if instruction not in (_VERIFY, _CHANGE, _UNBLOCK):
            return Answer(0x6D, 0x00)
        if not data and instruction != _CHANGE:
            done = instruction == _VERIFY and secret.verified
        else:
            first, second = (data[start:start + 8].rstrip(b"\xff").decode("ascii", "replace") for start in (0, 8))
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


def _template(identifier: int, file: ElementaryFile | None) -> bytes:
    """Return the file control parameters of a USIM (ETSI TS 102 221 clause 11.1.1.3)."""
    if file is None:
        body = _tag(0x82, b"\x78\x21")
    elif file.linear:
        length = len(file.records[0])
        body = _tag(0x82, b"\x42\x21" + length.to_bytes(2, "big") + bytes((len(file.records),)))
    else:
        body = _tag(0x82, b"\x41\x21")
    body += _tag(0x83, identifier.to_bytes(2, "big")) + _tag(0x8A, b"\x05")
    if file is not None:
        body += _tag(0x80, file.size.to_bytes(2, "big"))
    return _tag(0x62, body)


def _tag(number: int, value: bytes) -> bytes:
    return bytes((number, len(value))) + value
